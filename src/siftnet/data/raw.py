"""What a reader hands over: examples as they are in the files, before splits, transforms and normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from siftnet.geometry import Geometry

Scaling = Literal["none", "pixels", "largest", "one", "each", "range"]
"""How inputs are brought to one size, always by the training examples: not at all; (x - mean) / 255; (x - mean) /
largest value; (x - mean) / deviation, one for each channel of a grid; the same, one for each input; (x - low) / (high -
low), for each input."""

Notes = tuple[str, ...]
"""Sentences on data, for whoever reads the results."""

MISSING = -1
"""Class number of an example whose label is missing; a missing numeric target is NaN."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Raw:
    """Examples of one data set in one array. N examples, I inputs."""

    name: str
    inputs_NI: np.ndarray
    """uint8, float32 or float64 (N, I); on a grid, input = channel * sites + site. Of a table, NaN where a value is
    missing."""
    labels_N: np.ndarray
    """int64 (N,) class numbers from 0, MISSING where there is none; or float64 (N,) numeric targets, NaN likewise."""
    classes: int | None
    """Number of classes; None with numeric targets."""
    geometry: Geometry
    scaling: Scaling = "pixels"
    held_out_N: np.ndarray | None = None
    """int64 row numbers of the test set that the data's authors hold out; None where they hold out none."""
    validation_N: np.ndarray | None = None
    """int64 row numbers of the validation set that the data come with; None where they come with none."""
    group_N: np.ndarray | None = None
    """int64 (N,): examples of one number must not lie in two splits; None where nobody says so."""
    time_N: np.ndarray | None = None
    """(N,), anything that sorts: when each example was taken; None for the order of the rows."""
    share_taken: bool = False
    """Whether the reader has already left out what data.share does not ask for, to save memory."""
    class_names: tuple[str, ...] = ()
    """One per class, e.g. WordNet ids; empty where nobody named them."""
    input_names: tuple[str, ...] = ()
    """One per input, e.g. column names; empty where nobody named them."""
    read_arrays: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """Names of the arrays that became examples and labels, where arrays have names."""
    notes: Notes = ()
    """What a reader of the results should know about these data: left out, changed, or easily misread."""

    def __post_init__(self) -> None:
        count, inputs = self.inputs_NI.shape
        assert self.inputs_NI.dtype in (np.uint8, np.float32, np.float64), self.inputs_NI.dtype
        assert self.labels_N.shape == (count,), (self.labels_N.shape, count)
        assert self.labels_N.dtype == (np.float64 if self.classes is None else np.int64), self.labels_N.dtype
        assert inputs == self.geometry.size, (inputs, self.geometry)
        assert len(self.class_names) in (0, self.classes), (len(self.class_names), self.classes)
        assert len(self.input_names) in (0, inputs), (len(self.input_names), inputs)
        for name, array in (("group_N", self.group_N), ("time_N", self.time_N)):
            assert array is None or array.shape == (count,), (name, count)

    @property
    def given(self) -> dict[str, np.ndarray]:
        """int64 rows of the test and the validation set that the data come with, those that are there."""
        sets = {"test": self.held_out_N, "validation": self.validation_N}
        return {name: rows for name, rows in sets.items() if rows is not None}

    @property
    def training_T(self) -> np.ndarray:
        """int64 rows, ascending, of all other examples."""
        own_N = np.ones(len(self.labels_N), np.bool_)
        for rows in self.given.values():
            own_N[rows] = False
        return np.flatnonzero(own_N)

    @property
    def unlabelled_N(self) -> np.ndarray:
        """Where the label is missing, bool (N,)."""
        return np.asarray(np.isnan(self.labels_N) if self.classes is None else self.labels_N == MISSING)


def spread(rows: np.ndarray, count: int) -> np.ndarray:
    """So many of these rows, or all if they are fewer, evenly spaced: files are often sorted."""
    return np.asarray(rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64))])
