from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data.formats import idx
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
        (IMAGES, encode(np.zeros((2, 5, 4), np.uint8))[:-1], r"has 55 bytes and its header \(2, 5, 4\) asks for 56"),
        (IMAGES, encode(np.zeros((2, 5, 4), np.uint8))[:10], "download it again"),
        (IMAGES, encode(np.zeros((2, 5, 4), np.uint8)) + b"x", "has 57 bytes"),
        (IMAGES, encode(np.zeros((3, 5, 4), np.uint8)), r"has 3 images and .* 2 labels"),
        (IMAGES, encode(np.zeros((2, 4, 5), np.uint8)), r"\(5, 4\) training and \(4, 5\) test images"),
        (LABELS, encode(np.array([1, 5], np.uint8)), "test label 5, and training labels end at 4"),
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
    "content", [gzip.compress(bytes(500), mtime=0)[:-9], b"no gzip", gzip.compress(bytes(9), mtime=0)[:12] + b"zz"]
)
def test_bad_gzip(tmp_path: Path, content: Any) -> None:
    write_all(tmp_path, suffix=".gz")
    (tmp_path / f"{IMAGES}.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte.gz is not a complete gzip file"):
        read(tmp_path)
