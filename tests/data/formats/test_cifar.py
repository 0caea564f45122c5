from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data.formats import cifar
from siftnet.data.load import load_dataset
from siftnet.geometry import Grid

NAMES = {"cifar10": [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"], "cifar100": ["train", "test"]}


def python2_bytes(value: Any) -> Any:
    """The opcodes of Python 2 for text, numbers, lists and dictionaries of them, and uint8 arrays (n, I)."""
    if isinstance(value, str):
        return b"T" + len(value).to_bytes(4, "little") + value.encode("latin1")
    if isinstance(value, int):
        return b"J" + value.to_bytes(4, "little", signed=True)
    if isinstance(value, list):
        return b"](" + b"".join(python2_bytes(v) for v in value) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(python2_bytes(k) + python2_bytes(v) for k, v in value.items()) + b"u"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    raw = b"T" + value.nbytes.to_bytes(4, "little") + value.tobytes()
    shape = b"".join(python2_bytes(int(n)) for n in value.shape) + b"\x86"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
    return array + shape + dtype + b"\x89" + raw + b"tb"


def write(path: Path, content: Any, python: Any) -> None:
    path.write_bytes(b"\x80\x02" + python2_bytes(content) + b"." if python == 2 else pickle.dumps(content, 2))


def write_all(root: Path, format_: Any = "cifar10", python: Any = 3, **changes: Any) -> Any:
    key, classes = ("labels", 10) if format_ == "cifar10" else ("fine_labels", 100)
    images = {}
    for name in NAMES[format_]:
        rng = np.random.default_rng([*name.encode()])
        images[name] = rng.integers(0, 256, (4, 3072), dtype=np.uint8)
        content = {"batch_label": name, "data": images[name], key: [0, 1, classes - 1, 3]} | changes
        write(root / name, content, python)
    meta, key = ("batches.meta", "label_names") if format_ == "cifar10" else ("meta", "fine_label_names")
    write(root / meta, {key: [f"class {k}" for k in range(classes)]}, python)
    return images


@pytest.mark.parametrize("python", [2, 3])
@pytest.mark.parametrize(("format_", "classes"), [("cifar10", 10), ("cifar100", 100)])
def test_batches_of_either_python(tmp_path: Path, format_: Any, classes: Any, python: Any) -> None:
    images = write_all(tmp_path, format_, python, coarse_labels=[0, 0, 0, 0])
    raw = cifar.read(DataConfig(format=format_, root=tmp_path))
    np.testing.assert_array_equal(raw.inputs_NI, np.concatenate(list(images.values())))
    assert raw.labels_N.tolist() == [0, 1, classes - 1, 3] * len(images)
    assert raw.held_out_N is not None
    assert raw.held_out_N.tolist() == list(range(4 * len(images) - 4, 4 * len(images)))
    assert raw.geometry == Grid((32, 32), 3)
    assert raw.classes == classes
    assert raw.class_names[-1] == f"class {classes - 1}"
    assert raw.inputs_NI.flags.writeable


def test_keys_and_names_of_bytes(tmp_path: Path) -> None:
    write_all(tmp_path)
    path = tmp_path / "data_batch_1"
    content = pickle.loads(path.read_bytes())
    path.write_bytes(pickle.dumps({key.encode(): value for key, value in content.items()}))
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"cat"] * 10}))
    assert cifar.read(DataConfig(format="cifar10", root=tmp_path)).class_names == ("cat",) * 10


def test_names_are_not_needed(tmp_path: Path) -> None:
    write_all(tmp_path)
    (tmp_path / "batches.meta").unlink()
    assert cifar.read(DataConfig(format="cifar10", root=tmp_path)).class_names == ()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data_batch_3", None, "there is no .*data_batch_3"),
        ("test_batch", None, "there is no .*test_batch"),
        ("test_batch", [1], "holds no dictionary but a list"),
        ("test_batch", {"data": [1]}, "holds data but not labels"),
        ("test_batch", {"data": np.zeros((2, 3072)), "labels": [1, 2]}, "type float64, not uint8"),
        ("test_batch", {"data": np.zeros((2, 1024), np.uint8), "labels": [1, 2]}, r"shape \(2, 1024\)"),
        ("test_batch", {"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, "1 labels of type int64 for 2 images"),
        (
            "test_batch",
            {"data": np.zeros((2, 3072), np.uint8), "labels": ["a", "b"]},
            "holds labels that are not all numbers",
        ),
        ("test_batch", {"data": np.zeros((2, 3072), np.uint8), "labels": [1, 10]}, "label 10.*from 0 to 9"),
        ("test_batch", {"data": np.zeros((2, 3072), np.uint8), "labels": [-1, 1]}, "label -1"),
        ("batches.meta", {"label_names": ["a"]}, "does not name 10 classes"),
        ("batches.meta", {}, "does not name 10 classes"),
        ("test_batch", {"data": np.zeros((2, 3072), np.uint8), "labels": [1, None]}, "labels that are not all numbers"),
        ("test_batch", {"data": np.zeros((2, 3072), np.uint8), "labels": [1.0, np.nan]}, "type float64 for 2 images"),
    ],
)
def test_bad_files(tmp_path: Path, name: Any, content: Any, message: Any) -> None:
    write_all(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        write(tmp_path / name, content, 3)
    with pytest.raises(ValueError, match=message) as error:
        cifar.read(DataConfig(format="cifar10", root=tmp_path))
    assert str(tmp_path / name) in str(error.value)


def test_the_remedy_says_where_the_batches_are(tmp_path: Path) -> None:
    inside = tmp_path / "cifar-10-batches-py"
    inside.mkdir()
    write_all(inside)
    with pytest.raises(ValueError, match=r"there is no .*data_batch_1: set data.root to .*cifar-10-batches-py$"):
        cifar.read(DataConfig(format="cifar10", root=tmp_path))
    with pytest.raises(ValueError, match=r"is not the folder with train and test: set data.format cifar10$"):
        cifar.read(DataConfig(format="cifar100", root=inside))
    (tmp_path / "binary").mkdir()
    (tmp_path / "binary" / "data_batch_1.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"this is the binary version, get the python version"):
        cifar.read(DataConfig(format="cifar10", root=tmp_path / "binary"))
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "cifar-10-python.tar.gz").write_bytes(b"")
    with pytest.raises(ValueError, match=r"unpack .*cifar-10-python.tar.gz and set data.root to its folder"):
        cifar.read(DataConfig(format="cifar10", root=tmp_path / "packed"))


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    write_all(tmp_path)
    for path in tmp_path.glob("*_batch*"):
        write(
            path, {"data": np.random.default_rng(0).integers(0, 256, (4, 3072), dtype=np.uint8), "labels": [3] * 4}, 3
        )
    with pytest.raises(
        ValueError, match=r"all 18 training examples are of class 3 \(class 3\): there is nothing to tell"
    ):
        load_dataset(DataConfig(format="cifar10", root=tmp_path))


def test_cifar10_read_as_cifar100(tmp_path: Path) -> None:
    write_all(tmp_path)
    (tmp_path / "test_batch").rename(tmp_path / "train")
    (tmp_path / "test").touch()
    with pytest.raises(ValueError, match="but not fine_labels"):
        cifar.read(DataConfig(format="cifar100", root=tmp_path))
