"""How many inputs each node has kept, and how many nodes each input."""

# J nodes, I inputs, C channels, K distinct in-degrees

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Num

from siftnet.geometry import Geometry, Grid


@dataclass(frozen=True, eq=False)
class Degrees:
    """Connections of a layer counted by node and by input.

    in_degree: int64 (J,); input_degree: int64 (I,); input_map: input_degree as (C, *grid.shape), None off a grid.
    histogram_degree, histogram_nodes: int64 (K,), the in-degrees that occur and how many nodes have each.
    connected: share of nodes with an input; unused: share of inputs with no node.
    variance_spearman: rank correlation of input_degree with the inputs' variance, None where not given or constant.
    """

    in_degree: np.ndarray
    input_degree: np.ndarray
    input_map: np.ndarray | None
    histogram_degree: np.ndarray
    histogram_nodes: np.ndarray
    connected: float
    unused: float
    variance_spearman: float | None

    @property
    def connections(self) -> int:
        """How many there are."""
        return int(self.in_degree.sum())

    @property
    def density(self) -> float:
        """Connections over those that a dense layer has, 0 for a layer without any."""
        dense = len(self.in_degree) * len(self.input_degree)
        return self.connections / dense if dense else 0.0

    @property
    def mean(self) -> float:
        """Of the inputs that a node kept."""
        return float(self.in_degree.mean()) if len(self.in_degree) else 0.0

    @property
    def median(self) -> float | None:
        """The same for half of the nodes; None without nodes."""
        return median(self.in_degree)

    @property
    def largest(self) -> int:
        """Inputs of the best-connected node."""
        return int(self.in_degree.max(initial=0))


def degrees(
    mask_JI: Bool[np.ndarray, "..."], geometry: Geometry, input_variance: Num[np.ndarray, "..."] | None = None
) -> Degrees:
    """Count a mask's connections by node and by input.

    mask_JI: bool; input_variance: float (I,), each input's variance over the training examples, the cheap
    explanation of why some inputs are popular. Raises ValueError where a size does not fit.
    """
    if mask_JI.ndim != 2 or mask_JI.shape[1] != geometry.size:
        raise ValueError(f"a mask of shape {mask_JI.shape} does not fit {geometry.describe()}")
    in_degree_J = mask_JI.sum(axis=1, dtype=np.int64)
    input_degree_I = mask_JI.sum(axis=0, dtype=np.int64)
    degree_K, nodes_K = np.unique(in_degree_J, return_counts=True)
    as_map = (geometry.channels, *geometry.shape) if isinstance(geometry, Grid) else None
    return Degrees(
        in_degree=in_degree_J,
        input_degree=input_degree_I,
        input_map=None if as_map is None else input_degree_I.reshape(as_map),
        histogram_degree=degree_K,
        histogram_nodes=nodes_K.astype(np.int64),
        connected=float((in_degree_J > 0).mean()) if len(in_degree_J) else 0.0,
        unused=float((input_degree_I == 0).mean()) if len(input_degree_I) else 0.0,
        variance_spearman=None if input_variance is None else spearman(input_degree_I, input_variance),
    )


def median(values: np.ndarray) -> float | None:
    """The median, None of nothing."""
    return float(np.median(values)) if len(values) else None


def spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    """Spearman's rank correlation, ties sharing their mean rank; None where either is constant.

    Raises ValueError for arrays of different sizes or with values that are not finite.
    """
    x, y = np.ravel(x), np.ravel(y)
    if x.size != y.size:
        raise ValueError(f"a rank correlation needs arrays of equal size, got {x.size} and {y.size}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a rank correlation needs finite values; leave out inputs whose value is unknown")
    a, b = _mean_ranks(x), _mean_ranks(y)
    a -= a.mean() if a.size else 0.0
    b -= b.mean() if b.size else 0.0
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip(a @ b / norm, -1.0, 1.0)) if norm > 0 else None


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each value from 1, tied values sharing the mean of theirs, float64."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[which.ravel()]
