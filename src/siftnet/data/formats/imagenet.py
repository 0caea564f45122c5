"""Downsampled ImageNet in its official layout: train_data_batch_1..10 and val_data, as .npz or pickled dictionaries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.formats import npz_members, unpickle
from siftnet.data.formats.root import folder_of
from siftnet.data.raw import Raw
from siftnet.data.splits import take_share
from siftnet.geometry import Grid
from siftnet.wording import named

CLASSES = 1000
"""Of ImageNet, whose batches may hold few examples of each, or none."""
SIDES = {3 * side * side: side for side in (8, 16, 32, 64)}


@dataclass(frozen=True, eq=False)
class Batch:
    """One file: its labels, counted from 1 as stored, and the width of its rows; images are read later."""

    path: Path
    is_npz: bool
    labels_N: np.ndarray
    width: int


def read(config: DataConfig) -> Raw:
    """Downsampled ImageNet of 8 to 64 pixels, of which config.share of the training images are read, into one array.

    Returns uint8 images (channel, row, column), training first, classes as in wnids.txt where that lies beside the
    batches, else as many as the training labels name. Raises ValueError for a gap in the numbering of the batches, a
    missing val_data, and files of the wrong shape, with labels out of range, or damaged.
    """
    root = folder_of(config, "the folder with train_data_batch_1 ... and val_data")
    training = [_describe(path) for path in _training_files(root)]
    held_out = _describe(_held_out_file(root))
    width = training[0].width
    for batch in [*training, held_out]:
        if batch.width != width:
            raise ValueError(
                f"{batch.path} has rows of {batch.width} bytes and {training[0].path} of {width}: use one size"
            )
    names = _wordnet_ids(root)
    classes = len(names) or _largest_label(training)
    for batch in [*training, held_out]:
        _check_labels(batch, classes, "wnids.txt lists" if names else "the training batches name")
    count = sum(len(batch.labels_N) for batch in training)
    used = take_share(np.arange(count), config)
    inputs_NI, labels_N = _fill(training, used, held_out, width)
    side = SIDES[width]
    return Raw(
        name=f"ImageNet {side}x{side}, {classes} classes",
        inputs_NI=inputs_NI,
        labels_N=labels_N - 1,
        classes=classes,
        geometry=Grid((side, side), channels=3),
        held_out_N=np.arange(len(used), len(labels_N)),
        share_taken=True,
        class_names=names,
    )


def _training_files(root: Path) -> list[Path]:
    found: dict[int, Path] = {}
    for path in sorted(root.iterdir()):
        match = re.fullmatch(r"train_data_batch_([1-9]\d*)(\.npz)?", path.name)
        if match and path.is_file():  # where a batch lies there in both forms, .npz sorts last and is taken
            found[int(match[1])] = path
    if not found:
        raise ValueError(f"{root} has no train_data_batch_1(.npz): {_remedy(root)}")
    missing = sorted(set(range(1, max(found) + 1)) - set(found))
    if missing:
        raise ValueError(
            f"{root} has train_data_batch_{max(found)} but not train_data_batch_{missing[0]}: complete the "
            "download, or keep only batches numbered without a gap"
        )
    return [found[number] for number in sorted(found)]


def _remedy(root: Path) -> str:
    """Where the batches are, or what lies there in their place."""
    for folder in sorted(path for path in root.glob("*") if any(path.glob("train_data_batch_*"))):
        return f"set data.root to {folder}"
    if (root / "wnids.txt").is_file() and (root / "val" / "val_annotations.txt").is_file():
        return "this is Tiny ImageNet as single images: get it in batches with 'siftnet fetch tiny-imagenet'"
    if next(root.glob("train/n[0-9]*"), None) or next(root.glob("n[0-9]*"), None):
        return "these are single images in folders of their classes: set data.format folder"
    for archive in root.glob("*[Tt]rain*.zip"):
        return f"unpack {archive}"
    return "set data.root to the folder with downsampled ImageNet"


def _held_out_file(root: Path) -> Path:
    for path in (root / "val_data.npz", root / "val_data"):
        if path.is_file():
            return path
    raise ValueError(f"{root} has no val_data(.npz), which the test set is read from: download it beside the batches")


def _describe(path: Path) -> Batch:
    stored = _is_npz(path)
    if stored:
        found = npz_members.header(path, "data")
        shape, dtype, labels = found.shape, found.dtype, npz_members.read(path, "labels")
    else:
        data, labels = unpickle.load_arrays(path, "data", "labels")
        shape, dtype = data.shape, data.dtype
    if dtype != np.uint8 or len(shape) != 2 or shape[1] not in SIDES:
        raise ValueError(
            f"{path} holds data of shape {named(str(shape))} and type {dtype}, not uint8 (n, 3072) or (n, 12288): "
            "use the official 32x32 or 64x64 download"
        )
    if labels.shape != shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{path} holds labels of shape {named(str(labels.shape))} and type {labels.dtype} for {shape[0]} images: "
            "download it again"
        )
    return Batch(path, stored, labels.astype(np.int64), shape[1])


def _is_npz(path: Path) -> bool:
    """By its first bytes, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _wordnet_ids(root: Path) -> tuple[str, ...]:
    path = root / "wnids.txt"
    if not path.is_file():
        return ()
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").strip().split("\n"))
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no UTF-8 text: save it so, one WordNet id a line") from None
    for odd in [name for name in names if not name.isprintable()][:1]:
        raise ValueError(f"{path} has the line {named(repr(odd))}: it needs one WordNet id a line, line c is class c")
    if not all(names) or len(set(names)) != len(names):
        raise ValueError(
            f"{path} is empty, or has an empty line or one twice: it needs one WordNet id a line, line c is class c"
        )
    return names


def _largest_label(training: list[Batch]) -> int:
    """The number of classes that the batches name; raises ValueError where they cannot have so many."""
    classes, count = 0, sum(len(batch.labels_N) for batch in training)
    for batch in training:
        classes = max(classes, int(batch.labels_N.max(initial=0)))
        if classes > max(CLASSES, count):
            raise ValueError(
                f"{batch.path} has the label {classes}, and there are {count} training images and {CLASSES} classes "
                "in ImageNet: download it again"
            )
    return classes


def _check_labels(batch: Batch, classes: int, source: str) -> None:
    for wrong in batch.labels_N[(batch.labels_N < 1) | (batch.labels_N > classes)][:1]:
        raise ValueError(
            f"{batch.path} has the label {wrong}, and labels run from 1 to the {classes} classes that {source}: "
            "use files of one download"
        )


def _fill(training: list[Batch], used: np.ndarray, held_out: Batch, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the used training rows, then of the held-out batch, in arrays allocated once."""
    count = len(used) + len(held_out.labels_N)
    inputs_NI = np.empty((count, width), np.uint8)
    labels_N = np.empty(count, np.int64)
    at, offset = 0, 0
    for batch in [*training, held_out]:
        number = len(batch.labels_N)
        rows = np.arange(number) if batch is held_out else used[(used >= offset) & (used < offset + number)] - offset
        into = inputs_NI[at : at + len(rows)]
        if batch.is_npz:
            npz_members.read_rows(batch.path, "data", rows, into)
        else:
            into[:] = unpickle.load_arrays(batch.path, "data")[0][rows]
        labels_N[at : at + len(rows)] = batch.labels_N[rows]
        at, offset = at + len(rows), offset + number
    return inputs_NI, labels_N
