"""The MNIST family: four IDX files, plain or compressed with gzip (format: http://yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.formats.root import folder_of
from siftnet.data.raw import Raw
from siftnet.geometry import Grid

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read(config: DataConfig) -> Raw:
    """MNIST or its like, uint8 images (row, column), training first; the t10k files are held out.

    There are as many classes as the largest training label says, counted from 0. Raises ValueError for a missing file,
    a wrong magic number, shape or length, and for test labels that training does not have.
    """
    root = folder_of(config, "the folder with train-images-idx3-ubyte and the three other IDX files")
    train_x, train_y = _read_pair(root, "train")
    test_x, test_y = _read_pair(root, "t10k")
    if train_x.shape[1:] != test_x.shape[1:]:
        raise ValueError(
            f"{root} has {train_x.shape[1:]} training and {test_x.shape[1:]} test images: use files of one set"
        )
    classes = int(train_y.max(initial=0)) + 1
    if test_y.max(initial=0) >= classes:
        raise ValueError(
            f"{root} has the test label {test_y.max()}, and training labels end at {classes - 1}: use files of one set"
        )
    inputs = np.concatenate([train_x, test_x])
    return Raw(
        name=root.name,
        inputs_NI=inputs.reshape(len(inputs), -1),
        labels_N=np.concatenate([train_y, test_y]).astype(np.int64),
        classes=classes,
        geometry=Grid(inputs.shape[1:]),
        held_out_N=np.arange(len(train_x), len(inputs)),
    )


def _read_pair(root: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images_path, labels_path = _find(root, f"{part}-images", 3), _find(root, f"{part}-labels", 1)
    images, labels = _read_idx(images_path, 3), _read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise ValueError(
            f"{images_path} has {len(images)} images and {labels_path} {len(labels)} labels: use files of one set"
        )
    return images, labels


def _find(root: Path, stem: str, axes: int) -> Path:
    for name in (f"{stem}-idx{axes}-ubyte", f"{stem}.idx{axes}-ubyte"):
        for path in (root / name, root / f"{name}.gz"):
            if path.is_file():
                return path
    raise ValueError(f"{root} has no {stem}-idx{axes}-ubyte(.gz): set data.root to the folder with the four IDX files")


def _read_idx(path: Path, axes: int) -> np.ndarray:
    """The array of an IDX file, which must be of unsigned bytes with this many axes."""
    content = _read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in DTYPES:
        raise ValueError(
            f"{path} is no IDX file (it begins with {content[:4].hex(' ') or 'nothing'}): download it again"
        )
    if DTYPES[content[2]] != "u1" or content[3] != axes:
        raise ValueError(
            f"{path} is an IDX file of type {DTYPES[content[2]]} with {content[3]} axes, not of bytes with {axes}: "
            "use the official files"
        )
    start = 4 + 4 * axes
    shape = tuple(int(n) for n in np.frombuffer(content[4:start].ljust(4 * axes, b"\0"), ">u4"))
    if len(content) != start + prod(shape):
        raise ValueError(
            f"{path} has {len(content)} bytes and its header {shape} asks for {start + prod(shape)}: download it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a complete gzip file ({error}): download it again") from None
