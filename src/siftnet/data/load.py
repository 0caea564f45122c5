"""From a configuration to the data set: read or make, relabel, split, normalise, permute. N examples, I inputs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from siftnet.config.fields import DataConfig, ProductsConfig, RefusedError, TableConfig, require
from siftnet.data.dataset import Dataset
from siftnet.data.duplicates import note_duplicates, without_duplicates
from siftnet.data.formats import table
from siftnet.data.formats.registry import READERS
from siftnet.data.leaks import note_copies
from siftnet.data.normalise import Normalised, normalise
from siftnet.data.overlap import note_windows, part_in_time
from siftnet.data.products import CLASS_NAMES, product_labels
from siftnet.data.raw import Notes, Raw
from siftnet.data.reading import describe_reading
from siftnet.data.shared_scale import note_shared_scale
from siftnet.data.splits import Split, split
from siftnet.data.targets import standardise
from siftnet.data.tasks import permute, relabel
from siftnet.data.units import compare_sets
from siftnet.geometry import Geometry, Grid
from siftnet.wording import printable

# A class is told of that has fewer training examples than this, and so many times fewer than classes have on average.
RARE, RARITY = 5, 100
# A split is told of that has one class alone, where by chance less than one in so many would.
ODD = 1000


def load_dataset(config: DataConfig) -> Dataset:
    """The data set that a configuration asks for, split, transformed and normalised.

    Images become (x - mean training image) / 255; arrays of whole numbers 0..255 on a grid (x - mean) / largest
    training value, other arrays on one (x - mean) / standard deviation of the channel; arrays without a geometry are
    scaled input by input, a table as config.table says; synthetic data are left alone. Raises ValueError, one sentence
    that names file or setting and the remedy, for bad files, for settings that do not fit the data, and for
    augmentation of data whose geometry is not a grid.
    """
    raw = _read(config)
    try:
        return prepare(raw, config)
    except ValueError as error:
        message = str(error)
        if config.root is None or str(config.root) in message or "data." in message:
            raise
        # What checks examples does not know where they come from.
        raise RefusedError(f"{config.root}: {message}") from None


def prepare(raw: Raw, config: DataConfig) -> Dataset:
    """The data set of examples that are read already; see `load_dataset`."""
    check_augmentation(raw.geometry, config)
    raw, settled = _without_missing(raw, config)
    _refuse_unseen(raw)
    splits, notes = split(raw, config)
    if config.split == "time":
        splits, more = part_in_time(raw, splits)
        settled += more
    if config.duplicates == "drop":
        splits, more = without_duplicates(raw.inputs_NI, splits)
        settled += more
    notes += _what_is_odd(raw, splits, config)
    if config.format == "table":
        settled += table.impute(raw.inputs_NI, splits["train"], config.table, raw.input_names)
    labels = _labels(raw, splits, config)
    inputs, permutation_I, scrambled = _transform(raw, splits["train"], config)
    try:
        return Dataset(
            name=raw.name,
            inputs_NI=inputs.inputs_NI,
            labels_N=labels.labels_N,
            classes=labels.classes,
            geometry=raw.geometry,
            splits=splits,
            center_I=inputs.center_I,
            scale_I=inputs.scale_I,
            permutation_I=permutation_I,
            scrambled=scrambled,
            target_mean=labels.mean,
            target_deviation=labels.deviation,
            class_names=labels.class_names,
            label_geometry=labels.geometry,
            label_order_I=labels.order_I,
            input_names=raw.input_names,
            notes=(*raw.notes, *notes, *labels.notes, *inputs.notes, *settled),
            settled=settled,
            reading=describe_reading(raw, inputs, config),
        )
    except ValueError as error:
        raise ValueError(f"{config.root or raw.name}: {error}") from None


@dataclass(frozen=True, eq=False, kw_only=True)
class _Labels:
    """What is learnt, as a Dataset holds it."""

    labels_N: np.ndarray
    classes: int | None
    class_names: tuple[str, ...]
    mean: float = 0.0
    deviation: float = 1.0
    geometry: Grid | None = None
    order_I: np.ndarray | None = None
    notes: Notes = ()


def _labels(raw: Raw, splits: Split, config: DataConfig) -> _Labels:
    """The labels that are asked for, made or given, numeric ones scaled by the training examples."""
    if config.labels == "products":
        made = product_labels(raw, splits["train"], config)
        found = _Labels(
            labels_N=made.labels_N,
            classes=len(CLASS_NAMES),
            class_names=CLASS_NAMES,
            geometry=made.geometry,
            order_I=made.order_I,
        )
    else:
        labels_N, classes, names = relabel(raw.labels_N, raw.classes, config, raw.class_names)
        found = _Labels(labels_N=labels_N, classes=classes, class_names=names)
    if found.classes is not None:
        return replace(found, notes=_classes_to_look_at(found.labels_N, splits, found.classes, found.class_names))
    scaled = standardise(found.labels_N, splits["train"])
    return replace(found, labels_N=scaled.labels_N, mean=scaled.mean, deviation=scaled.deviation, notes=scaled.notes)


def _what_is_odd(raw: Raw, splits: Split, config: DataConfig) -> Notes:
    """Sentences on examples as they were read, of data that were not made here."""
    if config.is_synthetic:
        return ()
    leave_out = "leave them out" + (" with data.table.drop" if config.format == "table" else "")
    return (
        *compare_sets(raw),
        # Where they were left out none are left.
        *(() if config.duplicates == "drop" else note_duplicates(raw.inputs_NI, splits)),
        *note_windows(raw, config),
        *note_copies(raw, config.table.target.strip(), leave_out),
        *note_shared_scale(raw, splits["train"], as_arrays=config.format == "npz"),
    )


def _read(config: DataConfig) -> Raw:
    if config.geometry != "auto" and config.format not in ("npz", "table"):
        raise ValueError(
            f"data.geometry = {config.geometry} is for npz and table data, and data.format = {config.format} "
            "knows its own: set data.geometry auto"
        )
    _refuse_unread(config)
    try:
        raw = READERS[config.format](config)
    except OSError as error:
        place, reason = error.filename or config.root, error.strerror or error
        raise ValueError(f"{place} cannot be read ({reason}): check that it is there and its permissions") from None
    except MemoryError:
        raise ValueError(
            f"the data at {config.root} do not fit into memory: use fewer, e.g. fewer batches or a smaller data.share"
        ) from None
    except ValueError as error:
        # What files call their parts is repeated in sentences, and may hold anything.
        if printable(str(error)) == str(error):
            raise
        raise ValueError(printable(str(error))) from None
    return replace(raw, notes=tuple(map(printable, raw.notes)))


def _refuse_unread(config: DataConfig) -> None:
    """Raise ValueError for settings of other formats, which the reader of this one would pass over."""
    require(
        not config.group or config.format in ("npz", "table", "folder"),
        f"data.group = {config.group} is for npz, table and folder data, and data.format is {config.format}: leave it "
        "out",
    )
    require(
        not config.time or config.format in ("npz", "table"),
        f"data.time = {config.time} names an array of npz or a column of table data, and data.format is "
        f"{config.format}: leave it out",
    )
    for name, value in _changed(config.table, TableConfig()):
        require(
            config.format == "table",
            f"data.table.{name} = {value} is for tables, and data.format is {config.format}: set data.format table, "
            "or leave it out",
        )
    for name, value in _changed(config.products, ProductsConfig()):
        require(
            config.labels == "products",
            f"data.products.{name} = {value} is for data.labels = products, and data.labels is {config.labels}: set "
            "data.labels products, or leave it out",
        )


def _changed(group: TableConfig | ProductsConfig, default: TableConfig | ProductsConfig) -> list[tuple[str, Any]]:
    """Settings of a group, by name, that are not the default's."""
    found = [(field.name, getattr(group, field.name)) for field in fields(group)]
    return [(name, value) for name, value in found if value != getattr(default, name)]


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


def _without_missing(raw: Raw, config: DataConfig) -> tuple[Raw, Notes]:
    """The examples that have a label, and a sentence where others were left out.

    Raises ValueError where some lack it and nobody asked to leave them out.
    """
    absent_N = raw.unlabelled_N
    absent, count = int(absent_N.sum()), len(absent_N)
    if not absent:
        return raw, ()
    if config.missing_labels != "drop" or absent == count:
        kept = ", or keep, where NA or None is the name of a class" if config.missing_labels == "refuse" else ""
        raise ValueError(
            f"{absent:,} of {count:,} labels of {raw.name} are missing (NaN, or the whole number that it "
            f"becomes, None, empty, NA), the first of example {int(np.argmax(absent_N))}: fill them in, or set "
            f"data.missing_labels to drop{kept}"
        )
    if raw.share_taken:
        raise ValueError(f"{raw.name} lacks {absent:,} labels: download it again")
    kept_N = ~absent_N
    new_row_N = np.cumsum(kept_N) - 1

    def rows(old: np.ndarray | None) -> np.ndarray | None:
        return None if old is None else new_row_N[old[kept_N[old]]]

    left = replace(
        raw,
        inputs_NI=raw.inputs_NI[kept_N],
        labels_N=raw.labels_N[kept_N],
        held_out_N=rows(raw.held_out_N),
        validation_N=rows(raw.validation_N),
        group_N=None if raw.group_N is None else raw.group_N[kept_N],
        time_N=None if raw.time_N is None else raw.time_N[kept_N],
    )
    return left, (f"{absent:,} of {count:,} examples were left out, as their labels are missing",)


def _refuse_unseen(raw: Raw) -> None:
    """Raise ValueError for a class that only the sets have that the data come with, which nobody could learn."""
    if raw.classes is None or not raw.given or raw.share_taken:
        return
    for unseen in np.setdiff1d(raw.labels_N, raw.labels_N[raw.training_T])[:1]:
        raise ValueError(
            f"{raw.name} has the class {raw.class_names[unseen] if raw.class_names else unseen} in its test or "
            "validation set and not in training: leave its examples out, or add some to training"
        )


def _transform(raw: Raw, train_T: np.ndarray, config: DataConfig) -> tuple[Normalised, np.ndarray | None, bool]:
    """The inputs normalised and permuted, the permutation int64 (I,) or None, and whether they were scrambled."""
    if raw.inputs_NI.dtype == np.uint8:
        # Bytes stay bytes, so that each place is centred by what lies there after the permutation.
        permuted_NI, permutation_I, scrambled = permute(raw.inputs_NI, config, raw.geometry)
        return normalise(permuted_NI, train_T, raw.scaling, raw.geometry, raw.input_names), permutation_I, scrambled
    # Scrambled as they are, inputs of different units would drown each other.
    inputs = normalise(raw.inputs_NI, train_T, raw.scaling, raw.geometry, raw.input_names)
    permuted_NI, permutation_I, scrambled = permute(inputs.inputs_NI, config, raw.geometry)
    return replace(inputs, inputs_NI=permuted_NI), permutation_I, scrambled


def _classes_to_look_at(labels_N: np.ndarray, splits: Split, classes: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences on classes that may be codes or slips: with hardly a training example beside the others, or none."""
    counts = np.bincount(labels_N[splits["train"]], minlength=classes)
    others = np.bincount(
        labels_N[np.concatenate([rows for name, rows in splits.items() if name != "train"])], minlength=classes
    )

    def told(numbers: np.ndarray, count: np.ndarray) -> str:
        shown = ", ".join(f"{names[c] if names else c} ({count[c]})" for c in numbers[:3])
        return shown + (", ..." if len(numbers) > 3 else "")

    notes = []
    unseen = np.flatnonzero((counts == 0) & (others > 0))
    if len(unseen):
        notes.append(f"classes without a training example that are tested all the same: {told(unseen, others)}; add "
                     "examples of them, or leave them out")  # fmt: skip
    notes += [note for name in ("validation", "test") for note in _one_class(labels_N, splits, name, names)]
    rare = np.flatnonzero((counts > 0) & (counts < RARE) & (RARITY * counts < counts.mean()))
    if len(rare):
        notes.append(
            f"classes with fewer than {RARE} training examples: {told(rare, counts)}; leave them out if they are no "
            "classes"
        )
    return tuple(notes)


def _one_class(labels_N: np.ndarray, splits: Split, name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence on a split of one class, where that is not by chance: of what is sorted by class, or filtered."""
    labels = labels_N[splits[name]]
    common = float((labels_N[splits["train"]] == labels[0]).mean())
    if (labels != labels[0]).any() or common ** len(labels) >= 1 / ODD:
        return ()
    called = names[labels[0]] if names else labels[0]
    return (f"all {len(labels):,} {name} examples are of class {called}: see that they were not chosen by class",)
