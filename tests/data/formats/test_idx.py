from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data.formats import idx
from siftnet.data.load import load_dataset
from siftnet.geometry import Grid

FILES = {"train-images": 3, "train-labels": 1, "t10k-images": 3, "t10k-labels": 1}


def encode(array: Any, code: Any = 0x08) -> Any:
    return struct.pack(">HBB", 0, code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_all(root: Path, dot: Any = "-", suffix: Any = "") -> Any:
    rng = np.random.default_rng(0)
    arrays = {
        "train-images": rng.integers(0, 256, (6, 5, 4), dtype=np.uint8),
        "train-labels": np.array([0, 1, 2, 3, 4, 3], np.uint8),
        "t10k-images": rng.integers(0, 256, (2, 5, 4), dtype=np.uint8),
        "t10k-labels": np.array([1, 4], np.uint8),
    }
    for stem, axes in FILES.items():
        content = encode(arrays[stem])
        path = root / f"{stem}{dot}idx{axes}-ubyte{suffix}"
        path.write_bytes(gzip.compress(content) if suffix else content)
    return arrays


def read(root: Path) -> Any:
    return idx.read(DataConfig(format="idx", root=root))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-", "."])
def test_four_files(tmp_path: Path, dot: Any, suffix: Any) -> None:
    arrays = write_all(tmp_path, dot, suffix)
    raw = read(tmp_path)
    images = np.concatenate([arrays["train-images"], arrays["t10k-images"]])
    np.testing.assert_array_equal(raw.inputs_NI, images.reshape(8, 20))
    assert raw.labels_N.tolist() == [0, 1, 2, 3, 4, 3, 1, 4]
    assert raw.held_out_N.tolist() == [6, 7]
    assert (raw.classes, raw.geometry) == (5, Grid((5, 4)))
    assert raw.inputs_NI.flags.writeable


IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, None, "has no t10k-images-idx3-ubyte"),
        (IMAGES, b"", "is no IDX file .it begins with nothing"),
        (IMAGES, b"\x89PNG\r\n", "is no IDX file"),
        (IMAGES, encode(np.zeros((2, 5, 4), ">f4"), 0x0D), "of type >f4 with 3 axes, not of bytes with 3"),
        (IMAGES, encode(np.zeros((2, 20), np.uint8)), "with 2 axes"),
        (
            IMAGES,
            encode(np.zeros((2, 5, 4), np.uint8))[:-1],
            r"has fewer bytes than its header \(2, 5, 4\) asks for, 56",
        ),
        (IMAGES, encode(np.zeros((2, 5, 4), np.uint8))[:10], "download it again"),
        (IMAGES, encode(np.zeros((2, 5, 4), np.uint8)) + b"x", "has more bytes than its header"),
        (IMAGES, encode(np.zeros((3, 5, 4), np.uint8)), r"has 3 images and .* 2 labels"),
        (IMAGES, encode(np.zeros((2, 4, 5), np.uint8)), r"\(5, 4\) training and \(4, 5\) test images"),
        (LABELS, encode(np.array([1, 5], np.uint8)), "has the test label 5, which no training label is"),
    ],
)
def test_bad_files(tmp_path: Path, name: Any, content: Any, message: Any) -> None:
    write_all(tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gzip.compress(encode(np.zeros((2, 5, 4), np.uint8)), mtime=0)[:-9], "is not a complete gzip file"),
        (gzip.compress(encode(np.zeros((2, 5, 4), np.uint8)), mtime=0)[:12] + b"zz", "is not a complete gzip file"),
        (
            gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12, mtime=0),
            r"would be 79,228,162[\d,]+ bytes by its header",
        ),
        (gzip.compress(encode(np.zeros((2, 5, 4), np.uint8)) + b"x", mtime=0), "has more bytes than its header"),
        (b"no gzip", "is no IDX file .it begins with 6e 6f 20 67"),
        (b"PK\x03\x04 and more", "is a zip archive: unpack it"),
    ],
)
def test_bad_compressed_files(tmp_path: Path, content: Any, says: str) -> None:
    write_all(tmp_path, suffix=".gz")
    (tmp_path / f"{IMAGES}.gz").write_bytes(content)
    with pytest.raises(ValueError, match=f"t10k-images-idx3-ubyte.gz {says}"):
        read(tmp_path)


def test_a_small_file_reserves_no_memory_for_what_its_header_asks(tmp_path: Path) -> None:
    write_all(tmp_path, suffix=".gz")
    bomb = b"\0\0\x08\x03" + struct.pack(">3I", 60_000, 2000, 2000) + bytes(10**6)
    (tmp_path / f"{IMAGES}.gz").write_bytes(gzip.compress(bomb))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"would be 240,000,000,016 bytes by its header, more than 200 times"):
        read(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def same_as_plain(root: Path, rename: Any) -> None:
    """Move the four files by a function of their path, and read them as before."""
    (root / "plain").mkdir(parents=True)
    write_all(root / "plain")
    before = read(root / "plain")
    (root / "moved").mkdir()
    for path in sorted((root / "plain").iterdir()):
        rename(path, root / "moved")
    found = read(root / "moved")
    np.testing.assert_array_equal(found.inputs_NI, before.inputs_NI)
    np.testing.assert_array_equal(found.labels_N, before.labels_N)


def test_names_that_do_not_fit_the_bytes(tmp_path: Path) -> None:
    def raw_named_gz(path: Path, into: Path) -> None:
        path.rename(into / f"{path.name}.gz")

    def gzip_named_raw(path: Path, into: Path) -> None:
        (into / path.name).write_bytes(gzip.compress(path.read_bytes()))

    def one_of_each(path: Path, into: Path) -> None:
        (raw_named_gz if "images" in path.name else gzip_named_raw)(path, into)

    for at, rename in enumerate((raw_named_gz, gzip_named_raw, one_of_each)):
        same_as_plain(tmp_path / str(at), rename)


def test_names_as_other_sets_and_archives_have_them(tmp_path: Path) -> None:
    def emnist(path: Path, into: Path) -> None:
        path.rename(into / f"emnist-letters-{path.name.replace('t10k', 'test')}")

    def own_folder(path: Path, into: Path) -> None:
        (into / path.name).mkdir()
        path.rename(into / path.name / path.name)

    def dotted_in_folder(path: Path, into: Path) -> None:
        (into / path.name).mkdir()
        path.rename(into / path.name / path.name.replace("-idx", ".idx"))

    for at, rename in enumerate((emnist, own_folder, dotted_in_folder)):
        same_as_plain(tmp_path / str(at), rename)


def test_a_plain_file_comes_before_a_compressed_one(tmp_path: Path) -> None:
    arrays = write_all(tmp_path)
    packed, plain = tmp_path / f"{LABELS}.gz", (tmp_path / LABELS).read_bytes()
    for other in (b"cut off", gzip.compress(plain[:-1] + b"\1"), gzip.compress(plain)[:-9]):
        packed.write_bytes(other)
        with pytest.raises(ValueError, match=r"ubyte and .*ubyte.gz hold different data: remove the one that is not"):
            read(tmp_path)
    packed.write_bytes(gzip.compress(plain))
    assert read(tmp_path).labels_N[-2:].tolist() == arrays["t10k-labels"].tolist()


def test_where_the_files_are_is_said(tmp_path: Path) -> None:
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    write_all(tmp_path / "MNIST" / "raw")
    for root in (tmp_path, tmp_path / "MNIST"):
        with pytest.raises(
            ValueError, match=r"has no train-images-idx3-ubyte.* set data\.root to .*/MNIST/raw$"
        ) as said:
            read(root)
        assert read(Path(str(said.value).rpartition(" ")[2])).classes == 5


def test_two_sets_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_all(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        (tmp_path / f"emnist-digits-{path.name}").write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=r"IDX files of several sets \(train-..., emnist-digits-\): set data.root"):
        read(tmp_path)


def test_classes_are_the_labels_that_are_there(tmp_path: Path) -> None:
    write_all(tmp_path)
    assert read(tmp_path).class_names == ()
    for part, labels in (("train", [1, 26, 3, 1, 3, 26]), ("t10k", [26, 1])):
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(encode(np.array(labels, np.uint8)))
    raw = read(tmp_path)
    assert (raw.classes, raw.class_names) == (3, ("1", "3", "26"))
    assert raw.labels_N.tolist() == [0, 2, 1, 0, 1, 2, 2, 0]


def test_labels_of_qmnist_are_refused_in_a_sentence(tmp_path: Path) -> None:
    write_all(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        path.rename(tmp_path / f"qmnist-{path.name.replace('t10k', 'test')}")
    (tmp_path / "qmnist-train-labels-idx1-ubyte").unlink()
    table = np.zeros((6, 8), ">i4")
    (tmp_path / "qmnist-train-labels-idx2-int").write_bytes(encode(table, 0x0C))
    with pytest.raises(ValueError, match=r"these are QMNIST's labels, whose first column .* siftnet.from_arrays"):
        read(tmp_path)


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("t10k", 5)):
        images = rng.integers(0, 256, (count, 5, 4), dtype=np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(encode(images))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(encode(np.full(count, 7, np.uint8)))
    with pytest.raises(ValueError, match=r"all 36 training examples are of class 0 \(7\): there is nothing to tell"):
        load_dataset(DataConfig(format="idx", root=tmp_path))
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(encode(np.zeros((0, 5, 4), np.uint8)))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(encode(np.zeros(0, np.uint8)))
    with pytest.raises(
        ValueError, match=r"train-images-idx3-ubyte holds nothing, its header says \(0, 5, 4\): download it again"
    ):
        read(tmp_path)
