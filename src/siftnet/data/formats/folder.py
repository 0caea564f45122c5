"""A folder of images by class: ROOT/CLASS/*.png, or ROOT/train/CLASS/* with ROOT/test/CLASS/* or ROOT/val/CLASS/*."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from siftnet.config.fields import DataConfig
from siftnet.data.formats.root import folder_of
from siftnet.data.raw import Raw
from siftnet.geometry import Grid

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}
CHANNELS = {"L": 1, "RGB": 3}


def read(config: DataConfig) -> Raw:
    """Images by class, uint8 (channel, row, column), one channel where they are grey and three where they are RGB.

    Folders named train and test (or val) divide training from the held-out set; classes are the training folders in
    sorted order, images any number of folders below. Raises ValueError for images of several sizes or modes, naming
    the first odd one, for files that are no images, and for classes without any.
    """
    root = folder_of(config, "a folder with one folder of images per class")
    training = root / "train" if _subfolders(root / "train") else root
    held_out = next((root / n for n in ("test", "val") if training != root and _subfolders(root / n)), None)
    class_names = _subfolders(training)
    if len(class_names) < 2:
        raise ValueError(
            f"{training} has {len(class_names)} folders: put the images of each class into a folder of its own"
        )
    files = _files(training, class_names)
    count = len(files)
    if held_out is not None:
        for name in sorted(set(_subfolders(held_out)) - set(class_names)):
            raise ValueError(f"{held_out / name} is a class that {training} does not have: remove it, or add it there")
        files += _files(held_out, _subfolders(held_out))
    inputs_NI, geometry = _read_images([path for path, _ in files])
    numbers = {name: number for number, name in enumerate(class_names)}
    unused = held_out == root / "test" and _subfolders(root / "val")
    return Raw(
        name=root.name,
        inputs_NI=inputs_NI,
        labels_N=np.array([numbers[name] for _, name in files], np.int64),
        classes=len(class_names),
        geometry=geometry,
        held_out_N=np.arange(count, len(files)) if held_out is not None else None,
        class_names=class_names,
        notes=("The images in val are not used: validation is drawn from train.",) if unused else (),
    )


def _subfolders(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def _files(folder: Path, class_names: tuple[str, ...]) -> list[tuple[Path, str]]:
    """Every image with the name of its class, in sorted order."""
    files: list[tuple[Path, str]] = []
    for name in class_names:
        paths = sorted(path for path in (folder / name).rglob("*") if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise ValueError(f"{folder / name} holds no images ({', '.join(sorted(SUFFIXES))}): add some, or remove it")
        files += [(path, name) for path in paths]
    return files


def _read_images(paths: list[Path]) -> tuple[np.ndarray, Grid]:
    first = _read_image(paths[0])
    geometry = Grid(first.shape[:2], first.shape[2])
    inputs_NI = np.empty((len(paths), geometry.size), np.uint8)
    for row, path in enumerate(paths):
        image_HWC = _read_image(path)
        if image_HWC.shape != first.shape:
            raise ValueError(
                f"{path} has (height, width, channels) {image_HWC.shape} and {paths[0]} has {first.shape}: "
                "bring all images to one size and mode"
            )
        inputs_NI[row] = image_HWC.transpose(2, 0, 1).ravel()
    return inputs_NI, geometry


def _read_image(path: Path) -> np.ndarray:
    """uint8 (height, width, channels)."""
    try:
        with Image.open(path) as image:
            mode, pixels = image.mode, np.array(image)
    except PermissionError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as an image ({error}): replace or remove it") from None
    if mode not in CHANNELS:
        raise ValueError(f"{path} is an image of mode {mode}: convert all images to grey (L) or RGB")
    return pixels.reshape(*pixels.shape[:2], CHANNELS[mode])
