"""The data set every part of siftnet works on: inputs, labels, where the inputs live, and the splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from siftnet.geometry import Geometry

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """All examples in one array, with the rows of each split. N examples, I inputs.

    The network sees (inputs_NI - center_I) * scale_I as float32; integer data stays uint8 until a batch is made.
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
    class_names: tuple[str, ...] = ()
    input_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What a reader of the results should know: imputed values, a smaller validation set than asked for, ..."""

    def __post_init__(self) -> None:
        count, inputs = self.inputs_NI.shape
        assert self.inputs_NI.dtype in (np.uint8, np.float32), self.inputs_NI.dtype
        assert self.labels_N.shape == (count,), (self.labels_N.shape, count)
        assert self.labels_N.dtype == (np.float32 if self.classes is None else np.int64), self.labels_N.dtype
        assert inputs == self.geometry.size == len(self.center_I) == len(self.scale_I)
        assert set(self.splits) == set(SPLITS), self.splits.keys()

    @property
    def outputs(self) -> int:
        """Units of the output layer: one per class, or one for a numeric target."""
        return self.classes or 1

    def content_hash(self) -> str:
        """sha256 over inputs, labels, normalisation and splits: two data sets with the same hash train the same."""
        sha = hashlib.sha256()
        arrays = [self.inputs_NI, self.labels_N, self.center_I, self.scale_I, *(self.splits[s] for s in SPLITS)]
        for array in arrays:
            sha.update(f"{array.dtype.str}{array.shape}".encode())
            sha.update(np.ascontiguousarray(array).data)
        sha.update(repr((self.geometry, self.classes)).encode())
        return sha.hexdigest()
