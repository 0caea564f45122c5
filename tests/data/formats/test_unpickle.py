from __future__ import annotations

import collections
import os
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siftnet.data.formats import unpickle

# What cPickle of Python 2.7 writes at protocol 2 for {'data': uint8 (2, 3), 'labels': [3, 7], ...}, text and array
# bytes as strings of bytes; made once by that Python with numpy's own reduce tuples.
PYTHON2 = (
    b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(K\x03K\x07eU\x04dataq"
    b"\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85q\tU\x01b\x87Rq\n(K\x01K\x02K\x03\x86"
    b"q\x0bcnumpy\ndtype\nq\x0cU\x02u1q\rK\x00K\x01\x87q\x0eRq\x0f(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"
    b"tq\x10b\x89U\x06\x00\x01\xff\x80\x7f\nq\x11tbU\tfilenamesq\x12]q\x13(U\x05a.pngq\x14U\x05b.pngq\x15eu."
)


def load(tmp_path: Path, content: Any) -> Any:
    path = tmp_path / "batch"
    path.write_bytes(content)
    return unpickle.load(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_plain_containers_survive_every_protocol(tmp_path: Path, protocol: Any) -> None:
    shared = np.arange(12, dtype=np.uint8).reshape(3, 4)
    content: dict[str, Any] = {
        "data": shared,
        "again": [shared, (shared,)],
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">i4"),
        "empty": np.zeros((0, 4), np.float32),
        "boolean": np.array(True),
        "scalar": np.float32(3),
        "labels": [1, 2, None, 2.5],
        "bytes": b"\xff\x00",
        "no bytes": b"",
        "set": {1, 2},
        "ordered": collections.OrderedDict(a=1),
        "type": np.dtype("<f8"),
    }
    loaded = load(tmp_path, pickle.dumps(content, protocol))
    for key in ("data", "fortran", "big endian", "empty", "boolean", "scalar"):
        np.testing.assert_array_equal(loaded[key], content[key])
        assert loaded[key].dtype == content[key].dtype
    np.testing.assert_array_equal(loaded["again"][1][0], shared)
    for key in ("labels", "bytes", "no bytes", "set", "ordered", "type"):
        assert loaded[key] == content[key]


def test_both_module_names_of_numpy(tmp_path: Path) -> None:
    content = pickle.dumps({"x": np.arange(4), "s": np.int64(3)}, protocol=2)
    new, old = content.replace(b"numpy.core.", b"numpy._core."), content.replace(b"numpy._core.", b"numpy.core.")
    assert new != old
    for version in (new, old):
        assert load(tmp_path, version)["x"].tolist() == [0, 1, 2, 3]


def test_python_2(tmp_path: Path) -> None:
    loaded = load(tmp_path, PYTHON2)
    assert loaded["data"].tolist() == [[0, 1, 255], [128, 127, 10]]
    assert loaded["data"].dtype == np.uint8
    assert loaded["labels"] == [3, 7]
    assert loaded["filenames"] == ["a.png", "b.png"]


class Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> Any:
        return self.reduced


def object_array_opcodes() -> Any:
    return pickle.dumps(np.array([1, "a", None], dtype=object), protocol=2)


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        (pickle.dumps(Calls(os.system, "true")), f"{os.system.__module__}.system"),
        (pickle.dumps(Calls(eval, "1")), "builtins.eval"),
        (pickle.dumps(Calls(getattr, "a", "b")), "builtins.getattr"),
        (pickle.dumps(Calls(np.load, "x")), "numpy.load"),
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (pickle.dumps(np.array([None]), protocol=2), "an array of Python objects"),
        (pickle.dumps(np.array([None]), protocol=5), "an array of Python objects"),
        (pickle.dumps(np.dtype("O")), "an array of Python objects"),
        (pickle.dumps(np.dtype([("a", "O")])), "an array of"),
        (pickle.dumps(np.zeros(2, [("a", "u1")])), "an array of dtype"),
        (pickle.dumps(np.array(["a"])), "an array of dtype"),
        (pickle.dumps(collections.Counter("a")), "collections.Counter"),
        (b"cnumpy\nndarray\n.", "a function as a value"),
        (b"cnumpy\nndarray\n(tR.", "numpy.ndarray called directly"),
        (b"c_codecs\nencode\n(Va\nVrot13\ntR.", "the codec 'rot13'"),
        (b"c_codecs\nencode\n(Va\n)" + 60 * b"2\x86" + b"tR.", "the codec tuple"),
        # BUILD on an admitted function or on numpy's shared dtype would change it for the whole process.
        (b"c_codecs\nencode\n}b.", "changing a function"),
        (PYTHON2.replace(b"U\x01|", b"U\x01?"), "byte order '?'"),
        # The dtype says uint8 but the bytes are a list of objects.
        (PYTHON2.replace(b"U\x06\x00\x01\xff\x80\x7f\n", b"]"), "an array of Python objects"),
    ],
)
def test_hostile_pickles_are_refused(tmp_path: Path, content: Any, asked: Any) -> None:
    with pytest.raises(ValueError, match="and siftnet loads only numeric arrays") as refusal:
        load(tmp_path, content)
    assert f"batch asks for {asked}" in str(refusal.value)


def test_refused_before_it_runs(tmp_path: Path) -> None:
    load_me = pickle.dumps(Calls(os.mkdir, str(tmp_path / "made")))
    with pytest.raises(ValueError, match="mkdir"):
        load(tmp_path, load_me)
    assert not (tmp_path / "made").exists()
    pickle.loads(load_me)
    assert (tmp_path / "made").exists(), "the pickle would have run"


@pytest.mark.parametrize("length", range(len(PYTHON2)))
def test_cut_off_anywhere(tmp_path: Path, length: Any) -> None:
    with pytest.raises(ValueError, match="is not a complete pickle"):
        load(tmp_path, PYTHON2[:length])


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 no pickle",
        b"hello",
        b"\x1f\x8b\x08",
        PYTHON2.replace(b"K\x02K\x03\x86", b"K\x02K\x04\x86"),
        PYTHON2.replace(b"K\x02K\x03\x86", b"NN\x86"),
        b"]\x94h\x00a." * 2,
        b"(" * 5000 + b"t" * 5000 + b".",
        b"]q\x00h\x00a.",
        b"}q\x00(h\x00K\x01u.",
        b"\x80\x02\x82\x01.",
        b"Pid\n.",
    ],
)
def test_no_complete_pickle(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ValueError, match="is not a complete pickle"):
        load(tmp_path, content)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        unpickle.load(tmp_path / "absent")


def test_python_2_fixture_is_what_it_claims() -> None:
    opcodes = {opcode.name for opcode, _, _ in pickletools.genops(PYTHON2)}
    assert "SHORT_BINSTRING" in opcodes
    assert "BINUNICODE" not in opcodes
