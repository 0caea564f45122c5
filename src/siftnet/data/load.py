"""From a configuration to the data set: read or make, relabel, split, permute, normalise. N examples, I inputs."""

from __future__ import annotations

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.dataset import Dataset
from siftnet.data.formats import table
from siftnet.data.formats.raw import Raw
from siftnet.data.formats.registry import READERS
from siftnet.data.splits import split
from siftnet.data.tasks import permute, relabel
from siftnet.geometry import Geometry, Grid

BLOCK = 4096
"""Rows that a statistic looks at together, so that it needs little memory beside the data."""
# A class is told of that has fewer training examples than this, and so many times fewer than classes have on average.
RARE, RARITY = 5, 100


def load_dataset(config: DataConfig) -> Dataset:
    """The data set that a configuration asks for, split, transformed and normalised.

    Images become (x - mean training image) / 255; whole numbers of an .npz file (x - mean) / largest training value,
    its floats (x - mean) / standard deviation over all inputs; a table is scaled by column as config.table says;
    synthetic data are left alone. Raises ValueError, one sentence that names file or setting and the remedy, for bad
    files, for settings that do not fit the data, and for augmentation of data whose geometry is not a grid.
    """
    if config.geometry != "auto" and config.format not in ("npz", "table"):
        raise ValueError(
            f"data.geometry = {config.geometry} is for npz and table data, and data.format = {config.format} "
            "knows its own: set data.geometry auto"
        )
    raw = _read(config)
    check_augmentation(raw.geometry, config)
    splits, notes = split(len(raw.labels_N), raw.held_out_N, config, share_taken=raw.share_taken)
    labels_N, classes, class_names = relabel(raw.labels_N, raw.classes, config, raw.class_names)
    if classes is None:
        labels_N, note = _standard_targets(labels_N, splits["train"])
        notes += (note,)
    else:
        notes += _rare_classes(labels_N[splits["train"]], classes, class_names)
    if config.format == "table":
        notes += table.impute(raw.inputs_NI, splits["train"], config.table, raw.input_names)
    inputs_NI, permutation_I, scrambled = permute(raw.inputs_NI, config, raw.geometry)
    center_I, scale_I = _normalisation(inputs_NI, splits["train"], config)
    return Dataset(
        name=raw.name,
        inputs_NI=inputs_NI,
        labels_N=labels_N,
        classes=classes,
        geometry=raw.geometry,
        splits=splits,
        center_I=center_I.astype(np.float32),
        scale_I=scale_I.astype(np.float32),
        permutation_I=permutation_I,
        scrambled=scrambled,
        class_names=class_names,
        input_names=raw.input_names,
        notes=raw.notes + notes,
    )


def _read(config: DataConfig) -> Raw:
    try:
        return READERS[config.format](config)
    except OSError as error:
        place, reason = error.filename or config.root, error.strerror or error
        raise ValueError(f"{place} cannot be read ({reason}): check that it is there and its permissions") from None
    except MemoryError:
        raise ValueError(
            f"the data at {config.root} do not fit into memory: use fewer, e.g. fewer batches or a smaller data.share"
        ) from None


def check_augmentation(geometry: Geometry, config: DataConfig, *, has_places: bool = True) -> None:
    """Raise ValueError where flips or shifts are asked for on inputs that are not on a grid, or too small a one.

    has_places: whether the inputs still lie where the geometry says.
    """
    if not (config.flip or config.shift):
        return
    if not has_places:
        raise ValueError(
            "data.flip and data.shift need to know the neighbours, which the permutation of these data hides: "
            "set data.flip false and data.shift 0"
        )
    if not isinstance(geometry, Grid):
        raise ValueError(
            f"data.flip and data.shift need to know the neighbours, and these data are {geometry.describe()}: "
            "set data.flip false and data.shift 0, or say with data.geometry what grid they live on"
        )
    if config.shift >= min(geometry.shape):
        raise ValueError(
            f"data.shift = {config.shift} moves images of {geometry.describe()} out of sight: "
            f"set it below {min(geometry.shape)}"
        )


def _rare_classes(labels_T: np.ndarray, classes: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence on classes with hardly an example beside the others, which may be a code or a slip and no class."""
    counts = np.bincount(labels_T, minlength=classes)
    rare = np.flatnonzero((counts < RARE) & (RARITY * counts < counts.mean()))
    if not len(rare):
        return ()
    told = ", ".join(f"{names[c] if names else c} ({counts[c]})" for c in rare[:3]) + (", ..." if len(rare) > 3 else "")
    return (f"classes with fewer than {RARE} training examples: {told}; leave them out if they are no classes",)


def _standard_targets(targets_N: np.ndarray, train_T: np.ndarray) -> tuple[np.ndarray, str]:
    """Numeric targets with mean 0 and deviation 1 over the training rows, so that one learning rate fits any unit."""
    mean, deviation = float(targets_N[train_T].mean(dtype=np.float64)), float(targets_N[train_T].std(dtype=np.float64))
    if deviation == 0:
        raise ValueError(
            f"the target is {mean:g} in every training example: there is nothing to learn, check the column"
        )
    note = f"the target was scaled to mean 0 and deviation 1 (it had mean {mean:.6g} and deviation {deviation:.6g})"
    return ((targets_N - mean) / deviation).astype(np.float32), note


def _normalisation(inputs_NI: np.ndarray, train_T: np.ndarray, config: DataConfig) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale, float64 (I,), by the training rows alone."""
    ones_I = np.ones(inputs_NI.shape[1])
    if config.is_synthetic:
        return 0 * ones_I, ones_I
    if config.format == "table":
        return table.scaling(inputs_NI, train_T, config.table)
    blocks = [train_T[start : start + BLOCK] for start in range(0, len(train_T), BLOCK)]
    if inputs_NI.dtype == np.uint8:
        center_I = sum(
            (inputs_NI[rows].sum(axis=0, dtype=np.uint32) for rows in blocks), np.zeros(len(ones_I), np.int64)
        )
        # Zeros and ones divided by 255 would vanish beside batch norm's epsilon.
        largest = max(1, *(int(inputs_NI[rows].max()) for rows in blocks)) if config.format == "npz" else 255
        return center_I / len(train_T), ones_I / largest
    total_I = sum((inputs_NI[rows].sum(axis=0, dtype=np.float64) for rows in blocks), np.zeros(len(ones_I)))
    center_I = total_I / len(train_T)
    variance = sum(float(((inputs_NI[rows] - center_I) ** 2).sum()) for rows in blocks) / (len(train_T) * len(ones_I))
    return center_I, ones_I / (np.sqrt(variance) if variance > 0 else 1)
