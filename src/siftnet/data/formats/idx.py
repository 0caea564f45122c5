"""The MNIST family: four IDX files, plain or compressed with gzip (format: http://yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.formats.likely import IDX_NAME
from siftnet.data.formats.root import folder_of
from siftnet.data.raw import Raw
from siftnet.data.targets import Targets, classes_of
from siftnet.geometry import Grid

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
AXES = {"images": 3, "labels": 1}
TESTS = ("t10k", "test")
GZIP, ZIP = b"\x1f\x8b", b"PK"
DENSEST, ALWAYS = 200, 1 << 26
"""Bytes that are made of one of a gzip file at most, and how many of any: no images shrink more, and a small file of
zeros would fill the memory."""


@dataclass(frozen=True)
class _Found:
    """A file by its name."""

    path: Path
    set: str
    """What stands before train or t10k, e.g. emnist-letters-."""
    part: str
    kind: str


def read(config: DataConfig) -> Raw:
    """MNIST or its like, uint8 images (row, column), training first; the t10k, or test, files are held out.

    Whether a file is compressed is told by its first bytes. Classes are the different training labels, named where they
    do not count from 0 without a gap. Raises ValueError for a missing file, files of several sets, a wrong magic
    number, shape or length, and for test labels that training does not have.
    """
    root = folder_of(config, "the folder with train-images-idx3-ubyte and the three other IDX files")
    found = _find_all(root)
    train_x, train_y = _read_pair(root, found, ("train",))
    test_x, test_y = _read_pair(root, found, TESTS)
    if train_x.shape[1:] != test_x.shape[1:]:
        raise ValueError(
            f"{root} has {train_x.shape[1:]} training and {test_x.shape[1:]} test images: use files of one set"
        )
    targets = _classes(train_y, test_y, root)
    inputs = np.concatenate([train_x, test_x])
    return Raw(
        name=root.name,
        inputs_NI=inputs.reshape(len(inputs), -1),
        labels_N=targets.labels_N,
        classes=targets.classes,
        geometry=Grid(inputs.shape[1:]),
        held_out_N=np.arange(len(train_x), len(inputs)),
        class_names=() if targets.class_names == tuple(map(str, range(targets.classes or 0))) else targets.class_names,
        notes=targets.notes,
    )


def _classes(train_y: np.ndarray, test_y: np.ndarray, root: Path) -> Targets:
    for wrong in np.setdiff1d(test_y, train_y)[:1]:
        raise ValueError(f"{root} has the test label {wrong}, which no training label is: use files of one set")
    return classes_of([train_y, test_y], f"{root}, labels,")


def _find_all(root: Path) -> list[_Found]:
    """The IDX files of a folder; one may lie in a folder of its own name, as some archives unpack."""
    found = []
    for path in _files(root):
        match = IDX_NAME.fullmatch(path.name)
        if match:
            found.append(_Found(path, match["set"] or "", match["part"], match["kind"]))
    sets = sorted({file.set for file in found})
    require(
        len(sets) < 2,
        f"{root} has IDX files of several sets ({', '.join(name or 'train-...' for name in sets)}): set data.root to a "
        "folder with the four files of one",
    )
    return found


def _named(path: Path) -> bool:
    return IDX_NAME.fullmatch(path.name) is not None


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=lambda path: (path.name.endswith(".gz"), path.name)):
        if path.is_file():
            yield path
        elif _named(path):
            yield from (inner for inner in sorted(path.iterdir()) if inner.is_file())


def _read_pair(root: Path, found: list[_Found], parts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    images_path, labels_path = (_path_of(root, found, parts, kind) for kind in AXES)
    images, labels = _read_idx(images_path, AXES["images"]), _read_idx(labels_path, AXES["labels"])
    if len(images) != len(labels):
        raise ValueError(
            f"{images_path} has {len(images)} images and {labels_path} {len(labels)} labels: use files of one set"
        )
    return images, labels


def _path_of(root: Path, found: list[_Found], parts: tuple[str, ...], kind: str) -> Path:
    """The first file of its name, an uncompressed one where both are there, as some programs leave them."""
    own = [file.path for file in found if file.part in parts and file.kind == kind]
    for other in own[1:]:
        require(
            _same_content(own[0], other), f"{own[0]} and {other} hold different data: remove the one that is not meant"
        )
    if own:
        return own[0]
    inside = [
        path for path in (*root.glob("*"), *root.glob("*/raw")) if path.is_dir() and any(map(_named, _files(path)))
    ]
    where = f"set data.root to {inside[0]}" if inside else "set data.root to the folder with the four IDX files"
    raise ValueError(f"{root} has no {parts[0]}-{kind}-idx{AXES[kind]}-ubyte(.gz): {where}")


def _same_content(one: Path, other: Path) -> bool:
    """Whether two files, perhaps compressed with gzip, hold the same, by the checksum that gzip files end with."""
    return _checksum(one) == _checksum(other)


def _checksum(path: Path) -> int:
    data = path.read_bytes()
    return int.from_bytes(data[-8:-4], "little") if data.startswith(GZIP) else zlib.crc32(data)


def _read_idx(path: Path, axes: int) -> np.ndarray:
    """The array of an IDX file, which must be of unsigned bytes with this many axes."""
    with path.open("rb") as file:
        start = file.read(2)
        require(start != ZIP, f"{path} is a zip archive: unpack it")
        file.seek(0)
        if start != GZIP:
            return _read_plain(file, path, axes, path.stat().st_size)
        try:
            with gzip.open(file) as unpacked:
                return _read_plain(unpacked, path, axes, max(ALWAYS, DENSEST * path.stat().st_size))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is not a complete gzip file ({error}): download it again") from None


def _read_plain(file: IO[bytes] | gzip.GzipFile, path: Path, axes: int, most: int) -> np.ndarray:
    """most: bytes that there can be at most, so that nothing is reserved for a header that asks for more."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES:
        raise ValueError(f"{path} is no IDX file (it begins with {magic.hex(' ') or 'nothing'}): download it again")
    if DTYPES[magic[2]] != "u1" or magic[3] != axes:
        of_qmnist = DTYPES[magic[2]] == ">i4" and magic[3] == 2
        remedy = (
            "these are QMNIST's labels, whose first column is the class: read them in Python and give images and "
            "classes to siftnet.from_arrays"
        )
        raise ValueError(
            f"{path} is an IDX file of type {DTYPES[magic[2]]} with {magic[3]} axes, not of bytes with {axes}: "
            f"{remedy if of_qmnist else 'use the official files'}"
        )
    header = file.read(4 * axes)
    shape = tuple(int(n) for n in np.frombuffer(header.ljust(4 * axes, b"\0"), ">u4"))
    size, start = prod(shape), 4 + 4 * axes
    if isinstance(file, gzip.GzipFile) and start + size > most:
        raise ValueError(
            f"{path} would be {start + size:,} bytes by its header, more than {DENSEST} times what the file has, which "
            "no images are: download it again, or unpack it yourself"
        )
    content = file.read(size + 1) if start + size <= most else b""
    if len(header) < 4 * axes or len(content) != size:
        rest = "more" if len(content) > size else "fewer"
        raise ValueError(f"{path} has {rest} bytes than its header {shape} asks for, {start + size}: download it again")
    if size == 0:
        raise ValueError(f"{path} holds nothing, its header says {shape}: download it again")
    return np.frombuffer(content, np.uint8).reshape(shape)
