"""What a reader hands over: examples as they are in the files, before splits, transforms and normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siftnet.geometry import Geometry


@dataclass(frozen=True, eq=False, kw_only=True)
class Raw:
    """Examples of one data set in one array. N examples, I inputs."""

    name: str
    inputs_NI: np.ndarray
    """uint8 or float32 (N, I); on a grid, input = channel * sites + site. Of a table, NaN where a value is missing."""
    labels_N: np.ndarray
    """int64 (N,) class numbers from 0, or float32 (N,) numeric targets."""
    classes: int | None
    """Number of classes; None with numeric targets."""
    geometry: Geometry
    held_out_N: np.ndarray | None = None
    """int64 row numbers of the test set that the data's authors hold out; None where they hold out none."""
    share_taken: bool = False
    """Whether the reader has already left out what data.share does not ask for, to save memory."""
    class_names: tuple[str, ...] = ()
    """One per class, e.g. WordNet ids; empty where nobody named them."""
    input_names: tuple[str, ...] = ()
    """One per input, e.g. column names; empty where nobody named them."""
    notes: tuple[str, ...] = ()
    """What a reader of the results should know about these data."""

    def __post_init__(self) -> None:
        count, inputs = self.inputs_NI.shape
        assert self.inputs_NI.dtype in (np.uint8, np.float32), self.inputs_NI.dtype
        assert self.labels_N.shape == (count,), (self.labels_N.shape, count)
        assert self.labels_N.dtype == (np.float32 if self.classes is None else np.int64), self.labels_N.dtype
        assert inputs == self.geometry.size, (inputs, self.geometry)
        assert len(self.class_names) in (0, self.classes), (len(self.class_names), self.classes)
        assert len(self.input_names) in (0, inputs), (len(self.input_names), inputs)
