"""A folder of images by class: ROOT/CLASS/*.png, or ROOT/train/CLASS/* beside ROOT/valid/CLASS/*, ROOT/test/CLASS/*."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.formats.image import decode_strictly, strict_pillow
from siftnet.data.formats.image_splits import LIKE_THIS, Parts, class_folders, divide
from siftnet.data.formats.image_tree import EMPTY, SUFFIXES, Folder, LeftOut, decoded, scan, shown
from siftnet.data.formats.root import folder_of
from siftnet.data.formats.split_names import is_general
from siftnet.data.raw import Raw
from siftnet.data.targets import MISSING_TEXT, classes_of, refuse_control_characters
from siftnet.geometry import Grid
from siftnet.wording import folded, printable

Rows = list[tuple[Path, Folder]]
"""Images, each with the folder of its class."""
BESIDE_IMAGES = frozenset(
    ("mask", "masks", "label", "labels", "annotation", "annotations", "gt", "ground_truth", "groundtruth", "target",
     "targets", "segmentation", "segmentations", "seg", "depth", "edges")
)  # fmt: skip
"""Names of folders that hold a picture of each image."""


def read(config: DataConfig) -> Raw:
    """Images by class, uint8 (channel, row, column), one channel where they are grey and three where they are RGB.

    Folders named after splits divide training, validation and test set; classes are the training folders in sorted
    order, images any number of folders below, through links too. What is left out is counted in a note. Raises
    ValueError for images of several sizes or modes, naming the first odd one, for files that are no images, for classes
    without any, and where it is in doubt what is a split and what a class.
    """
    _check_settings(config)
    root, left_out = folder_of(config, "a folder with one folder of images per class"), LeftOut()
    parts = divide(scan(root, left_out), left_out)
    train, test, validation = _rows(parts, left_out)
    rows = [*train, *test, *validation]
    names = {folder: _class_name(folder) for folder in dict.fromkeys(folder for _, folder in rows)}
    targets = classes_of([np.array([names[folder] for _, folder in rows])], f"the folder {shown(root)}", "keep")
    group_N = _groups(rows) if config.group else None
    with strict_pillow():
        inputs_NI, geometry = _read_images([path for path, _ in rows])
    looked_at = (_told_of_folders(train, config), _told_of_names(names.values()))
    first, tested = len(train), len(train) + len(test)
    return Raw(
        name=shown(root.name),
        inputs_NI=inputs_NI,
        labels_N=targets.labels_N,
        classes=len(targets.class_names),
        geometry=geometry,
        held_out_N=np.arange(first, tested) if parts.test else None,
        validation_N=np.arange(tested, len(rows)) if parts.validation else None,
        group_N=group_N,
        class_names=targets.class_names,
        notes=tuple(filter(None, (*parts.notes, *targets.notes, *looked_at, left_out.sentence()))),
    )


def _check_settings(config: DataConfig) -> None:
    require(
        config.group in ("", "folder"),
        f"data.group = {config.group} names a column or an array, and images have none: use data.group folder, which "
        "keeps the images of one folder below the class together",
    )
    require(
        config.split != "time",
        "data.split = time needs an order in time, which a folder of images does not tell: use data.split draw, or put "
        "the latest images into a folder test and those before them into a folder valid",
    )


def _rows(parts: Parts, left_out: LeftOut) -> tuple[Rows, Rows, Rows]:
    """Training, test and validation images; raises ValueError for classes without training images."""
    classes = class_folders(parts.train, left_out)
    _refuse_no_classes(parts, classes)
    for folder in classes:
        require(
            folder.count > 0,
            f"{shown(folder.path)} holds no images ({', '.join(sorted(SUFFIXES))}): add some, or remove it",
        )
    known = {_class_name(folder): folder for folder in classes}
    for folder in classes:
        twin = known[_class_name(folder)]
        require(twin is folder, f"{shown(folder.path)} and {shown(twin.path)} read alike: rename one of them")
    return (
        _images(classes),
        _images(_of_known_classes(parts.test, known, parts.train, left_out)),
        _images(_of_known_classes(parts.validation, known, parts.train, left_out)),
    )


def _images(classes: Iterable[Folder]) -> Rows:
    return [(path, folder) for folder in classes for path in folder.below()]


def _refuse_no_classes(parts: Parts, classes: tuple[Folder, ...]) -> None:
    part, alone = parts.train, classes[0] if len(classes) == 1 else None
    path, inner = shown(part.path), shown(alone.path) if alone else ""
    others = [shown(other.path) for other in (parts.test, parts.validation) if other]
    # Read by itself it would lose the test set.
    remedy = f"move them into {path}, and likewise in {others[0]}" if others else f"set data.root to {inner}"
    require(
        alone is None or len(alone.filled) < 2 or bool(alone.images),
        f"{path} has 1 folder, {shown(alone.name) if alone else ''}: if the folders in it are the classes, {remedy}, "
        "else put the images of each class into a folder beside it",
    )
    loose = f" and {len(part.images):,} images that lie in none" if part.images else ""
    require(
        len(classes) >= 2,
        f"{path} has {len(classes)} folders{loose}: put the images of each class into a folder of its own, as "
        f"{LIKE_THIS}",
    )


def _told_of_folders(train: Rows, config: DataConfig) -> str:
    """A sentence where all classes hold folders of the same names, which may be the classes really; or empty."""
    classes = list(dict.fromkeys(folder for _, folder in train))
    levels = [_without_single_folders(folder) for folder in classes]
    inside = [{inner.name for inner in folder.filled} for folder in levels]
    names = sorted(set.intersection(*inside))
    if config.group or any(folder.images for folder in levels) or len(names) < 2:
        return ""
    told = ", ".join(map(shown, names[:3])) + (", ..." if len(names) > 3 else "")
    return (
        f"each class ({shown(classes[0].name)}, {shown(classes[1].name)}, ...) holds folders of "
        f"the same names ({told}): if those are the classes, name the folders around them train and test, or set "
        "data.root to one of them"
    )


def _without_single_folders(folder: Folder) -> Folder:
    while len(folder.filled) == 1 and not folder.images:
        folder = folder.filled[0]
    return folder


def _told_of_names(names: Iterable[str]) -> str:
    """A sentence on classes called as what has no label is, or as kinds of files are; or empty."""
    names = sorted(set(names))
    absent = [name for name in names if name in MISSING_TEXT]
    if absent:
        return (
            f"folders named as missing values are ({', '.join(absent)}) are classes: remove them if their images have "
            "no label"
        )
    if all(is_general(name) or name.casefold() in BESIDE_IMAGES for name in names) and any(
        name.casefold() in BESIDE_IMAGES for name in names
    ):
        return (
            f"the classes ({', '.join(names)}) are called as kinds of files are: if each image has a mask, put the "
            "images alone into a folder for each class"
        )
    return ""


def _of_known_classes(
    part: Folder | None, known: dict[str, Folder], train: Folder, left_out: LeftOut
) -> tuple[Folder, ...]:
    """The class folders of a test or validation set that hold images; raises ValueError for one without training."""
    if part is None:
        return ()
    folders = class_folders(part, left_out)
    left_out.add(EMPTY, part.path, sum(not folder.count for folder in folders))
    alike = {folded(name): folder for name, folder in known.items()}
    for folder in folders:
        name, twin = _class_name(folder), alike.get(folded(_class_name(folder)))
        remedy = f"spell it as {shown(twin.path)}" if twin else "remove it, or add it there"
        if not twin and any(folded(inner.name) in alike for inner in folder.filled):
            remedy = f"move the folders in it into {shown(part.path)}"
        require(
            name in known or not folder.count,
            f"{shown(folder.path)} is a class that {shown(train.path)} does not have: {remedy}",
        )
    return tuple(folder for folder in folders if folder.count)


def _class_name(folder: Folder) -> str:
    name = decoded(folder.name)
    refuse_control_characters([name], f"the folder {shown(folder.path.parent)}")
    return printable(name)


def _groups(rows: Rows) -> np.ndarray:
    """int64 (N,): a number for each folder right below a class, the same for one name under two classes."""
    names = []
    for path, folder in rows:
        inner = path.relative_to(folder.path).parts[:-1]
        require(
            bool(inner),
            f"data.group = folder keeps the images of one folder below the class together, and {shown(path)} lies in "
            f"none: put it into one, as {shown(folder.path / 'patient7' / path.name)}, or leave data.group out",
        )
        names.append(folded(inner[0]))
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _read_images(paths: list[Path]) -> tuple[np.ndarray, Grid]:
    """uint8 (N, I) and where the inputs live, within `strict_pillow`. Each file is opened once."""
    first_HWC = decode_strictly(paths[0], shown(paths[0]))
    height, width, channels = first_HWC.shape
    inputs_NCHW = np.empty((len(paths), channels, height, width), np.uint8)
    for row, path in enumerate(paths):
        image_HWC = decode_strictly(path, shown(path)) if row else first_HWC
        if image_HWC.shape != first_HWC.shape:
            raise ValueError(
                f"{shown(path)} has (height, width, channels) {image_HWC.shape} and {shown(paths[0])} has "
                f"{first_HWC.shape}: bring all images to one size and mode"
            )
        inputs_NCHW[row] = image_HWC.transpose(2, 0, 1)
    return inputs_NCHW.reshape(len(paths), -1), Grid((height, width), channels)
