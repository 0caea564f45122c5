"""Arrays x (n, ...) and y (n,), with those of a test and a validation set: of an .npz file, or from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.dates import dates_of
from siftnet.data.formats import npz_members
from siftnet.data.formats.array_names import ArrayNames, find_arrays
from siftnet.data.formats.axes import lay_out
from siftnet.data.formats.halves import refuse_other_kind
from siftnet.data.formats.root import file_of
from siftnet.data.formats.stack import check_numbers, stack
from siftnet.data.groups import groups_of, missing_of
from siftnet.data.raw import MISSING, Notes, Raw
from siftnet.data.targets import FEW_CLASSES, Targets, classes_of, decoded, numbers_of, refuse_identifiers
from siftnet.geometry import Geometry, Unknown

KINDS = {
    "b": "truth values",
    "i": "whole numbers",
    "u": "whole numbers",
    "f": "floats",
    "U": "text",
    "S": "text",
    "T": "text",
    "O": "",
}
"""Kinds of dtype that y may have, in words; objects are looked at one by one."""


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Named arrays, each of which is loaded when it is asked for."""

    name: str
    """Of the data set."""
    place: str
    """What holds them, for messages: a file, or siftnet.from_arrays."""
    names: frozenset[str]
    load: Callable[[str], np.ndarray]


def read(config: DataConfig) -> Raw:
    """Arrays x and y of an .npz file, with those of test and validation where they are there; see `raw_of`."""
    path = file_of(config, "an .npz file with arrays x and y")
    names = frozenset(npz_members.names(path))
    return raw_of(ArraySource(path.stem, str(path), names, partial(npz_members.read, path)), config, config.geometry)


def raw_of(source: ArraySource, config: DataConfig, geometry: str | Geometry) -> Raw:
    """Examples and labels of arrays, found by name as `find_arrays` does.

    Whole numbers within 0..255 and booleans become uint8, other numbers float64, or stay float32; see `stack`. y of
    whole numbers, booleans or text is classes, in sorted order; y of floats is a numeric target. geometry: as `lay_out`
    takes it. Raises ValueError for missing arrays, lengths that differ, NaN or infinity, parts of two kinds (see
    `refuse_other_kind`), classes that no training example has, and labels that are no classes.
    """
    names = find_arrays(source.names, config, source.place)
    x = {name: source.load(name) for name in names.x.values()}
    for name, array in x.items():
        check_numbers(array, name, source.place)
        x[name] = np.ma.getdata(array)
    count = {part: len(x[name]) for part, name in names.x.items()}
    _compare_inputs(x, source.place)
    targets = _targets(source, names, count, config)
    inputs_NI, found = lay_out(stack(x, source.place), geometry)
    rows = dict(zip(count, np.split(np.arange(len(inputs_NI)), np.cumsum(list(count.values()))[:-1]), strict=True))
    held_out_N, validation_N = map(rows.get, ("test", "validation"))
    notes: Notes = ()
    if names.unread:
        notes = (f"arrays that are no examples and no labels were left out: {', '.join(names.unread)}",)
    return Raw(
        name=source.name,
        inputs_NI=inputs_NI,
        labels_N=targets.labels_N,
        classes=targets.classes,
        geometry=found,
        scaling="each" if isinstance(found, Unknown) else "largest" if inputs_NI.dtype == np.uint8 else "one",
        held_out_N=held_out_N,
        validation_N=validation_N,
        group_N=groups_of(*_beside(names.group, source, names, count)) if names.group else None,
        time_N=_times(*_beside(names.time, source, names, count)) if names.time else None,
        class_names=targets.class_names,
        read_arrays=(tuple(names.x.values()), tuple(names.y.values())),
        notes=(*notes, *targets.notes),
    )


def _compare_inputs(x: Mapping[str, np.ndarray], place: str) -> None:
    """Raise ValueError unless all have examples of one shape and kind; for their units, see units.py."""
    first, *others = x.items()
    name, training = first
    for other, examples in others:
        require(
            examples.shape[1:] == training.shape[1:],
            f"{place} has {name} of shape {training.shape} and {other} of shape {examples.shape}: give examples of one "
            "shape",
        )
        refuse_other_kind(first, (other, examples), place)


def _targets(source: ArraySource, names: ArrayNames, count: Mapping[str, int], config: DataConfig) -> Targets:
    y = {name: _one_each(source, name, count[part], names.x[part]) for part, name in names.y.items()}
    parts, name = list(y.values()), names.y["train"]
    said = f"{name} of {source.place}"
    kinds = {other: _kind_of(array, other, source.place) for other, array in y.items()}
    for other, kind in kinds.items():
        require(
            "" in (kind, kinds[name]) or kind == kinds[name],
            f"{source.place} has {name} of {kinds[name]} ({parts[0].dtype}) and {other} of {kind} ({y[other].dtype}): "
            "give targets of one kind",
        )
    if all(array.dtype.kind == "f" for array in parts):
        return _numbers(y, source.place)
    targets = classes_of(parts, said, config.missing_labels)
    _refuse_unseen(targets, list(y), count, source.place)
    as_numbers = f"give numeric targets as floats, e.g. {name}.astype(float)"
    return refuse_identifiers(targets, said, as_numbers if parts[0].dtype.kind in "iu" else "give fewer classes")


def _one_each(source: ArraySource, name: str, count: int, of: str) -> np.ndarray:
    """An array of one value for each example."""
    values = source.load(name)
    if values.shape in ((count,), (count, 1)):
        return values.reshape(count)
    told = f"{source.place} has {name} of shape {values.shape} for the {count} examples of {of}"
    if values.ndim == 2 and len(values) == count and values.dtype.kind in "biuf":
        one_hot = bool(((values == 0) | (values == 1)).all()) and bool((values.sum(axis=1) == 1).all())
        remedy = f"give the class, {name}.argmax(axis=1)" if one_hot else "give one class or one number each"
        raise ValueError(f"{told}, {values.shape[1]} values each: {remedy}")
    raise ValueError(f"{told}: give {f'{name}.reshape(-1)' if values.size == count else 'one value each'}")


def _kind_of(y: np.ndarray, name: str, place: str) -> str:
    require(
        y.dtype.kind in KINDS,
        f"{place} has {name} of type {y.dtype}: give classes as whole numbers or text, or numeric targets as floats",
    )
    return KINDS[y.dtype.kind]


def _numbers(y: Mapping[str, np.ndarray], place: str) -> Targets:
    """Numeric targets, looked at for those that are of another unit, or whole."""
    name, *_ = y
    targets = numbers_of(list(y.values()), f"{name} of {place}")
    notes = targets.notes
    values = np.unique(targets.labels_N[~np.isnan(targets.labels_N)])
    if len(values) <= FEW_CLASSES and (values == np.floor(values)).all():
        notes += (
            f"{name} is of floats and so a numeric target, though all its values are whole ({len(values)} different): "
            f"if they are classes, give them as whole numbers, {name}.astype(int)",
        )
    return replace(targets, notes=notes)


def _refuse_unseen(targets: Targets, names: list[str], count: Mapping[str, int], place: str) -> None:
    """Raise ValueError for a class of the test or validation labels that no training label has."""
    first, *others = np.split(targets.labels_N, np.cumsum(list(count.values()))[:-1])
    for name, labels in zip(names[1:], others, strict=True):
        for unseen in np.setdiff1d(labels, [*first, MISSING])[:1]:
            raise ValueError(
                f"{place} has the class {targets.class_names[unseen]} only in {name}: leave its examples out, or add "
                f"some to {names[0]}"
            )


def _beside(
    own: Mapping[str, str], source: ArraySource, names: ArrayNames, count: Mapping[str, int]
) -> tuple[list[np.ndarray], str]:
    """Arrays of groups or times, one value for each example, in the order of the examples; and what they are called."""
    arrays = [_one_each(source, own[part], count[part], names.x[part]) for part in count]
    return arrays, f"{own['train']} of {source.place}"


def _times(parts: Sequence[np.ndarray], said: str) -> np.ndarray:
    """The rank of each example's time, int64 (N,), equal times alike."""
    arrays = list(parts)
    absent = sum(int(missing_of(array).sum()) for array in arrays)
    require(absent == 0, f"{said} is missing, or infinite, for {absent:,} examples: give the time of each")
    if all(array.dtype.kind in "UST" for array in arrays):
        texts = [decoded(text, said) for array in arrays for text in array.astype(object).tolist()]
        arrays = [dates_of(texts, said, lambda row: f"example {row}")]
    kinds = {"numbers" if array.dtype.kind in "iuf" else array.dtype.kind for array in arrays}
    require(
        len(kinds) == 1 and kinds <= {"numbers", "M"},
        f"{said} is of {' and '.join(str(array.dtype) for array in arrays)}: give times as numbers or as dates, e.g. "
        "numpy.array(times, 'datetime64[s]')",
    )
    # As Python's numbers where NumPy would join two widths by way of float64.
    mixed = len({array.dtype for array in arrays}) > 1 and kinds == {"numbers"}
    values = [np.ma.getdata(array) for array in arrays]
    joined = np.concatenate([array.astype(object) for array in values] if mixed else values)
    return np.unique(joined, return_inverse=True)[1].astype(np.int64)
