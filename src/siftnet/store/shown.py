"""A few training examples that a run keeps, so that its page can show what it learnt from without the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from siftnet.store.atomic import read_arrays


@dataclass(frozen=True, eq=False, kw_only=True)
class ShownExamples:
    """Examples drawn from the training set. E examples, I inputs."""

    rows_E: np.ndarray
    """int64 (E,): their numbers in the data set."""
    labels_E: np.ndarray
    """int64 (E,) class numbers, or float64 (E,) numeric targets in the data's own unit."""
    inputs_EI: np.ndarray
    """uint8 or float64 (E, I), in the order in which the network sees them. In the data's own unit, unless each example
    was shuffled by a permutation of its own, after which a place's unit is unknown."""

    def to_arrays(self) -> dict[str, np.ndarray]:
        """By the names that they have in a run's data.npz."""
        return {f"shown_{name}": values for name, values in vars(self).items()}


def read_shown(path: Path, inputs: int) -> ShownExamples | None:
    """The examples that a run's data.npz holds, of so many inputs; None in a file that holds none.

    Raises ValueError for a damaged file, and for arrays that are not of as many examples each.
    """
    stored = read_arrays(path)
    found = {name: stored[f"shown_{name}"] for name in ("rows_E", "labels_E", "inputs_EI") if f"shown_{name}" in stored}
    if not found:
        return None
    count = next(iter(found.values())).size
    shapes = {name: values.shape for name, values in found.items()}
    if shapes != {"rows_E": (count,), "labels_E": (count,), "inputs_EI": (count, inputs)}:
        raise ValueError(f"{path} holds examples to show of shapes that do not fit ({shapes}): restore it from a copy")
    if any(values.dtype.kind not in "uif" or not np.isfinite(values).all() for values in found.values()):
        raise ValueError(f"{path} holds examples to show that are no finite numbers: restore it from a copy")
    return ShownExamples(**found)
