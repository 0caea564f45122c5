"""The data set every part of siftnet works on: inputs, labels, where the inputs live, and the splits."""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from siftnet.config.fields import require
from siftnet.data.exact import (
    exact_inputs,
    exact_labels,
    exact_number,
    exact_rows,
    exact_scale,
    exact_splits,
    exact_texts,
    exact_truth,
)
from siftnet.data.reading import Reading
from siftnet.foreign import is_whole, refuse_other_rows, shown
from siftnet.geometry import Geometry, Grid, Points
from siftnet.wording import named

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """All examples in one array, with the rows of each split. N examples, I inputs.

    The network sees (inputs_NI - center_I) * scale_I as float32; integer data stays uint8 until a batch is made. Other
    types, lists, tensors and tables are taken where no value changes; `siftnet.from_arrays` centres, scales and splits.
    Raises ValueError, naming array and remedy, for arrays of another type or shape and for splits that overlap.
    """

    name: str
    inputs_NI: np.ndarray
    """uint8 or float32 (N, I); on a grid, input = channel * sites + site."""
    labels_N: np.ndarray
    """int64 (N,) class numbers from 0, or float32 (N,) numeric targets."""
    classes: int | None
    """Number of classes; None with numeric targets."""
    geometry: Geometry
    """Where the inputs live; under a permutation, where they lived before it."""
    splits: dict[str, np.ndarray]
    """train, validation, test: int64 row numbers, disjoint."""
    center_I: np.ndarray
    """float32 (I,)"""
    scale_I: np.ndarray
    """float32 (I,)"""
    permutation_I: np.ndarray | None = None
    """int64 (I,): the network's input i is the original input permutation_I[i]; None where nothing was permuted."""
    scrambled: bool = False
    """Whether every example was permuted by a permutation of its own, so that no input has a place."""
    target_mean: float = 0.0
    """Mean of numeric targets before they were scaled: a target is labels_N * target_deviation + target_mean."""
    target_deviation: float = 1.0
    class_names: tuple[str, ...] = ()
    """One for each class; empty where nobody named them."""
    input_names: tuple[str, ...] = ()
    """One for each input before a permutation; empty where nobody named them."""
    label_geometry: Grid | None = None
    """Where inputs are neighbours for the labels, which were made from them; None where nobody knows."""
    label_order_I: np.ndarray | None = None
    """int64 (I,): the original input i, before a permutation, lies at index label_order_I[i] of label_geometry."""
    notes: tuple[str, ...] = field(default=())
    """What a reader of the results should know: imputed values, a smaller validation set than asked for, ..."""
    settled: tuple[str, ...] = ()
    """Of the notes, those on what a setting asked for; --strict refuses the others."""
    reading: Reading | None = None
    """How it came from files, or was made here; None for one that was made in Python."""

    def __repr__(self) -> str:
        kind = "numeric target" if self.classes is None else f"{self.classes} classes"
        return f"Dataset({self.name}, {len(self.labels_N):,} examples, {self.geometry.describe()}, {kind})"

    def __post_init__(self) -> None:
        self._take_what_users_have()
        x, y = self.inputs_NI, self.labels_N
        _check_inputs(x, {"center_I": self.center_I, "scale_I": self.scale_I}, self.geometry)
        _check_labels(y, self.classes, len(x))
        require(bool((self.scale_I != 0).all()), "scale_I has zeros, which would wipe out inputs: give 1 instead")
        for name, array in (
            ("inputs_NI", x),
            ("labels_N", y),
            ("center_I", self.center_I),
            ("scale_I", self.scale_I),
        ):
            _check_finite(name, array)
        _check_splits(self.splits, len(x))
        _check_permutation(self.permutation_I, x.shape[1], "permutation_I")
        _check_label_geometry(self.label_geometry, self.label_order_I, x.shape[1])
        require(self.target_deviation > 0, f"target_deviation must be positive, got {self.target_deviation}")
        y_T = y[self.splits["train"]]
        given_T = y_T if self.classes else y_T * self.target_deviation + self.target_mean
        _check_learnable(given_T, self.classes, self.class_names)
        _check_names("class_names", self.class_names, self.classes or 0)
        _check_names("input_names", self.input_names, x.shape[1])

    def _take_what_users_have(self) -> None:
        """Take lists, tensors, tables and other widths where no value changes; see `siftnet.data.exact`."""
        require(isinstance(self.name, str), f"name must be text, got {shown(self.name)}")
        classes = self.classes
        require(
            classes is None or (is_whole(classes) and classes >= 1),
            f"classes must be a whole number, or None with numeric targets, got {shown(classes)}",
        )
        require(
            isinstance(self.geometry, Geometry),
            f"geometry must be a siftnet.Grid, Points or Unknown, got {shown(self.geometry)}: "
            "say siftnet.Grid((32, 32), channels=3), for one, or siftnet.Unknown(inputs)",
        )
        refuse_other_rows(self.inputs_NI, self.labels_N, ("inputs_NI", "labels_N"))
        orders = {name: getattr(self, name) for name in ("permutation_I", "label_order_I")}
        plain = {
            "classes": None if classes is None else operator.index(classes),
            "inputs_NI": exact_inputs(self.inputs_NI),
            "labels_N": exact_labels(self.labels_N, numeric=classes is None),
            "splits": exact_splits(self.splits),
            "center_I": exact_scale(self.center_I, "center_I"),
            "scale_I": exact_scale(self.scale_I, "scale_I"),
            **{name: None if order_I is None else exact_rows(order_I, name) for name, order_I in orders.items()},
            "scrambled": exact_truth(self.scrambled, "scrambled"),
            "target_mean": exact_number(self.target_mean, "target_mean"),
            "target_deviation": exact_number(self.target_deviation, "target_deviation"),
            "class_names": exact_texts(self.class_names, "class_names"),
            "input_names": exact_texts(self.input_names, "input_names"),
            "notes": exact_texts(self.notes, "notes"),
            "settled": exact_texts(self.settled, "settled"),
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @property
    def outputs(self) -> int:
        """Units of the output layer: one per class, or one for a numeric target."""
        return self.classes or 1

    @property
    def has_places(self) -> bool:
        """Whether an input's number says where it lives, which a permutation hides."""
        return self.permutation_I is None and not self.scrambled

    def content_hash(self) -> str:
        """sha256 over inputs, labels, normalisation and splits: two data sets with the same hash train the same.

        Computed once: arrays that are changed afterwards are not noticed.
        """
        return self._content_hash

    @cached_property
    def _content_hash(self) -> str:
        sha = hashlib.sha256()
        arrays = [self.inputs_NI, self.labels_N, self.center_I, self.scale_I, *(self.splits[s] for s in SPLITS)]
        for array in arrays:
            sha.update(f"{array.dtype.str}{array.shape}".encode())
            sha.update(np.ascontiguousarray(array).data)
        if isinstance(self.geometry, Points):
            # An array's repr leaves out digits, and most of the rows.
            coordinates_IA = np.ascontiguousarray(self.geometry.coordinates)
            sha.update(f"Points{coordinates_IA.shape}".encode())
            sha.update(coordinates_IA.data)
            sha.update(repr(self.classes).encode())
        else:
            sha.update(repr((self.geometry, self.classes)).encode())
        return sha.hexdigest()


def _check_learnable(labels_T: np.ndarray, classes: int | None, names: tuple[str, ...]) -> None:
    """Raise ValueError where all training examples have the same label, so that any network gets all of them right."""
    first = labels_T[0]
    if (labels_T != first).any():
        return
    if classes is None:
        raise ValueError(f"the target is {first:g} in every training example: there is nothing to learn, check it")
    called = f"{first} ({named(names[first])})" if names else str(first)
    raise ValueError(
        f"all {len(labels_T):,} training examples are of class {called}: there is nothing to tell apart, so add "
        "examples of another class"
    )


def _check_inputs(x: np.ndarray, per_input: dict[str, np.ndarray], geometry: Geometry) -> None:
    """Raise ValueError unless inputs, what normalises them and the geometry fit each other."""
    require(
        x.ndim == 2 and x.dtype in (np.uint8, np.float32),
        f"inputs_NI must be uint8 or float32 (N, I), got {x.dtype} {x.shape}",
    )
    for name, array in per_input.items():
        require(
            array.dtype == np.float32 and array.shape == (x.shape[1],),
            f"{name} must be float32 ({x.shape[1]},) as inputs_NI has it, got {array.dtype} {array.shape}",
        )
    require(
        x.shape[1] == geometry.size,
        f"inputs_NI has {x.shape[1]} inputs and the geometry is a {geometry.describe()}: correct one of them",
    )


def _check_labels(y: np.ndarray, classes: int | None, count: int) -> None:
    """Raise ValueError unless there is a class number, or a numeric target, for each example."""
    kind = np.dtype(np.float32 if classes is None else np.int64)
    require(
        y.dtype == kind and y.shape == (count,),
        f"labels_N must be {kind} ({count},), one for each example, got {y.dtype} {y.shape}",
    )
    if classes is not None and len(y):
        require(
            y.min() >= 0 and y.max() < classes,
            f"labels_N must lie in 0..{classes - 1} with classes = {classes}, got {y.min()} to {y.max()}",
        )


def _check_names(field: str, names: tuple[str, ...], count: int) -> None:
    """Raise ValueError unless there are none, or one each."""
    require(len(names) in (0, count), f"{field} must have {count} names, one each, or none, got {len(names)}")
    if len(set(names)) < len(names):
        [(twice, _)] = Counter(names).most_common(1)
        raise ValueError(f"{field} has {twice!r} more than once: tell them apart")


def _check_finite(name: str, array: np.ndarray) -> None:
    """Raise ValueError for NaN and infinity, which would only show as a training that diverges."""
    # The extremes are finite only if everything is, and take no copy of the whole.
    if array.dtype.kind == "f" and array.size and not np.isfinite([array.min(), array.max()]).all():
        row = next(i for i, value in enumerate(array) if not np.isfinite(value).all())
        raise ValueError(f"{name} has NaN or infinite values, first in [{row}]: fill them in or leave those rows out")


def _check_splits(splits: dict[str, np.ndarray], count: int) -> None:
    """Raise ValueError unless every split has rows, of examples that are there, and no example is in two."""
    got = ", ".join(map(str, splits)) or "none"
    require(
        set(splits) == set(SPLITS), f"splits must be named {', '.join(SPLITS)}, got {got}: name them so, and all three"
    )
    for name, rows in splits.items():
        require(
            rows.dtype == np.int64 and rows.ndim == 1 and len(rows) > 0,
            f"splits[{name!r}] must be int64 row numbers, one at least, got {rows.dtype} {rows.shape}",
        )
        require(
            rows.min() >= 0 and rows.max() < count,
            f"splits[{name!r}] must lie in 0..{count - 1}, got {rows.min()} to {rows.max()}",
        )
    twice = np.flatnonzero(np.bincount(np.concatenate(list(splits.values()))) > 1)
    require(len(twice) == 0, f"row {twice[:1]} is in the splits more than once: leave it in one of them, once")


def _check_permutation(permutation_I: np.ndarray | None, inputs: int, name: str) -> None:
    """Raise ValueError unless each input stands in a permutation once."""
    require(
        permutation_I is None
        or (permutation_I.ndim == 1 and np.array_equal(np.sort(permutation_I), np.arange(inputs))),
        f"{name} must hold each number from 0 to {inputs - 1} once, as numpy.random.permutation makes it",
    )


def _check_label_geometry(geometry: Grid | None, order_I: np.ndarray | None, inputs: int) -> None:
    """Raise ValueError unless there are both, a place for each input on a grid, or neither."""
    require(
        (geometry is None) == (order_I is None),
        "label_geometry and label_order_I say together where labels have their neighbours: give both, or neither",
    )
    if geometry is None:
        return
    require(
        isinstance(geometry, Grid),
        f"label_geometry must be a siftnet.Grid, got {shown(geometry)}: say siftnet.ring({inputs}), for one",
    )
    require(
        geometry.size == inputs,
        f"inputs_NI has {inputs} inputs and label_geometry is a {geometry.describe()}: correct one of them",
    )
    _check_permutation(order_I, inputs, "label_order_I")
