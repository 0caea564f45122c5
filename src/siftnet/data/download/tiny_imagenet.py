"""Tiny ImageNet as its authors pack it, written out in the official layout of downsampled ImageNet.

N images of a batch, I = 3 * H * W values of an image in channel, row, column order.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from siftnet import seeds

# Called with what is being done, how much of it is done and how much there is (0 where nobody knows).
Progress = Callable[[str, int, int], None]

TOP = "tiny-imagenet-200/"
SIDE = 64
BATCH = 10_000
FOLDERS = {64: "tiny-imagenet-64", 32: "tiny-imagenet-32"}


def write_layouts(archive: Path, into: Path, progress: Progress | None = None, batch: int = BATCH) -> None:
    """Write tiny-imagenet-200.zip out as `into`/tiny-imagenet-64 and, halved by 2x2 averages, `into`/tiny-imagenet-32.

    Each folder gets train_data_batch_1.npz ... (data uint8 (batch, I); labels int64 from 1; mean float64 (I,), of all
    training images), val_data.npz and wnids.txt, line c naming label c. Training images are shuffled, always alike, so
    that no batch holds one class. No more than one batch is in memory. Raises ValueError for an archive that lacks
    something or holds a damaged image. Source: Chrabaszcz et al. 2017 (arXiv 1707.08819) for the layout.
    """
    try:
        with zipfile.ZipFile(archive) as files:
            ids = files.read(f"{TOP}wnids.txt").decode().split()
            training = _training_images(files, ids)
            held_out = _held_out_images(files, ids)
            for folder in FOLDERS.values():
                (into / folder).mkdir(parents=True)
                (into / folder / "wnids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
            _write(files, training, held_out, into, batch, progress)
    except (KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise ValueError(f"{archive.name} is not Tiny ImageNet as its authors pack it: {error.args[0]}") from None


def halve(image: np.ndarray) -> np.ndarray:
    """Average 2x2 blocks, rounded to nearest and halves up: uint8 (C, H, W), H and W even, to uint8 (C, H/2, W/2)."""
    wide = image.astype(np.uint16)
    total = wide[:, ::2, ::2] + wide[:, 1::2, ::2] + wide[:, ::2, 1::2] + wide[:, 1::2, 1::2]
    return ((total + 2) // 4).astype(np.uint8)


def _training_images(files: zipfile.ZipFile, ids: list[str]) -> list[tuple[str, int]]:
    """Name in the archive and label from 1 of each training image, shuffled."""
    found = []
    for name in sorted(files.namelist()):
        parts = name.removeprefix(TOP).split("/")
        if len(parts) == 4 and parts[0] == "train" and parts[2] == "images" and name.endswith(".JPEG"):
            found.append((name, _label(ids, parts[1])))
    absent = set(ids) - {ids[label - 1] for _, label in found}
    if absent:
        raise KeyError(f"it has no training images of {min(absent)}")
    order = seeds.generator(0, "tiny-imagenet order").permutation(len(found))
    return [found[i] for i in order]


def _held_out_images(files: zipfile.ZipFile, ids: list[str]) -> list[tuple[str, int]]:
    """Name in the archive and label from 1 of each validation image, in the order of the authors' list."""
    lines = files.read(f"{TOP}val/val_annotations.txt").decode().splitlines()
    listed = [line.split()[:2] for line in lines if line.strip()]
    return [(f"{TOP}val/images/{name}", _label(ids, wordnet_id)) for name, wordnet_id in listed]


def _label(ids: list[str], wordnet_id: str) -> int:
    if wordnet_id not in ids:
        raise KeyError(f"wnids.txt does not list {wordnet_id}")
    return ids.index(wordnet_id) + 1


def _write(
    files: zipfile.ZipFile,
    training: list[tuple[str, int]],
    held_out: list[tuple[str, int]],
    into: Path,
    batch: int,
    progress: Progress | None,
) -> None:
    total = {side: np.zeros(3 * side * side, np.int64) for side in FOLDERS}
    parts = {f"train_data_batch_{1 + k // batch}": training[k : k + batch] for k in range(0, len(training), batch)}
    done = 0
    for name, part in (parts | {"val_data": held_out}).items():
        data = _decode_all(files, part, done, len(training) + len(held_out), progress)
        done += len(part)
        labels_N = np.array([label for _, label in part], np.int64)
        for side, folder in FOLDERS.items():
            np.savez(into / folder / f"{name}.npz", data=data[side], labels=labels_N)
            if part is not held_out:
                total[side] += data[side].sum(0, dtype=np.int64)
    for side, folder in FOLDERS.items():
        for name in parts:
            _add_mean(into / folder / f"{name}.npz", total[side] / len(training))


def _add_mean(path: Path, mean_I: np.ndarray) -> None:
    """Add the mean to a batch that was written before all images had been seen: an .npz is a zip of .npy files."""
    with zipfile.ZipFile(path, "a") as arrays, arrays.open("mean.npy", "w") as member:
        np.lib.format.write_array(member, mean_I, allow_pickle=False)


def _decode_all(
    files: zipfile.ZipFile, part: list[tuple[str, int]], before: int, total: int, progress: Progress | None
) -> dict[int, np.ndarray]:
    """The images of a batch by side, uint8 (N, I)."""
    data = {side: np.empty((len(part), 3, side, side), np.uint8) for side in FOLDERS}
    for row, (name, _) in enumerate(part):
        image = _decode(files, name)
        data[64][row] = image
        data[32][row] = halve(image)
        if progress and (row % 500 == 499 or row == len(part) - 1):
            progress("images written out", before + row + 1, total)
    return {side: images.reshape(len(part), -1) for side, images in data.items()}


def _decode(files: zipfile.ZipFile, name: str) -> np.ndarray:
    """One image, uint8 (3, 64, 64); grey ones have three equal channels."""
    packed = BytesIO(files.read(name))
    try:
        with Image.open(packed) as picture:
            image = np.asarray(picture.convert("RGB"))
    except OSError:
        raise ValueError(
            f"{name} in the archive is not an image that can be read: download the archive again"
        ) from None
    if image.shape != (SIDE, SIDE, 3):
        raise ValueError(f"{name} in the archive is {image.shape[1]} x {image.shape[0]} and not {SIDE} x {SIDE} pixels")
    return image.transpose(2, 0, 1)
