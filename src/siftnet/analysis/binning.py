"""How pairs of a node's inputs are told apart: on a grid by displacement and channel, at points by distance."""

# J nodes, I inputs, D bins (displacements of a grid, one array axis for each of its axes; rings of distance at points)

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int64

from siftnet.analysis.distances import (
    DistanceCounts,
    Spacing,
    count_distances,
    evenly_at,
    spacing,
    summed,
    summed_by_node,
)
from siftnet.analysis.near import near_pairs, near_share
from siftnet.analysis.nulls import evenly
from siftnet.analysis.pairs import PairCounts, node_and_pair_counts, rings
from siftnet.foreign import shown
from siftnet.geometry import Geometry, Grid, Points, Unknown

ALIKE = "every shuffle has as many near pairs"


@dataclass(frozen=True, eq=False)
class Counted:
    """Pairs of a mask's inputs.

    pairs, pairs_node: ordered pairs by bin, each counting 1, and each node counting 1. near_J: int64, ordered pairs of
    each node with 0 < d <= 2. ring_D: int64, ring of each bin, the r with r - 1/2 <= d < r + 1/2.
    """

    pairs: PairCounts | DistanceCounts
    pairs_node: PairCounts | DistanceCounts
    near_J: np.ndarray
    ring_D: np.ndarray


@dataclass(frozen=True)
class GridBinning:
    """Pairs by displacement and channel.

    within, across: names of the counts in one channel, which the index is of, and across channels, where there are
    several. unit: of distances, in sites. alike: why all shuffles of a mask may have as many near pairs.
    """

    grid: Grid
    within: str = "same_channel"
    unit: float = 1.0
    alike: str = ALIKE

    @property
    def across(self) -> str | None:
        return "different_channel" if self.grid.channels > 1 else None

    @property
    def near_share(self) -> float:
        """Probability that two distinct inputs drawn uniformly are a near pair."""
        return near_share(self.grid)

    def near(self, mask_JI: Bool[np.ndarray, "J I"]) -> Int64[np.ndarray, "J"]:
        """Ordered near pairs of each node."""
        return near_pairs(mask_JI, self.grid)

    def count(self, mask_JI: Bool[np.ndarray, "J I"]) -> Counted:
        """All pairs of a mask's inputs."""
        pairs, pairs_node = node_and_pair_counts(mask_JI, self.grid)
        return Counted(pairs, pairs_node, near_pairs(mask_JI, self.grid), rings(pairs))

    def evenly(self, total: float) -> PairCounts:
        """So many ordered pairs spread evenly over all pairs of inputs."""
        return evenly(total, self.grid)


@dataclass(frozen=True, eq=False)
class PointBinning:
    """Pairs by distance, as `GridBinning` has them by displacement.

    unit: of distances, in the coordinates' own unit; None where all points lie at one place.
    """

    points: Points
    within: str = "apart"
    across: None = None

    @cached_property
    def spacing(self) -> Spacing:
        """How the points lie to each other."""
        return spacing(self.points)

    @property
    def unit(self) -> float | None:
        return self.spacing.unit

    @property
    def alike(self) -> str:
        return ALIKE if self.unit is not None else "all inputs lie at one place"

    @property
    def near_share(self) -> float:
        """Probability that two distinct inputs drawn uniformly are a near pair."""
        return self.spacing.near_share

    def near(self, mask_JI: Bool[np.ndarray, "J I"]) -> Int64[np.ndarray, "J"]:
        """Ordered near pairs of each node."""
        return count_distances(mask_JI, self.spacing)[1]

    def count(self, mask_JI: Bool[np.ndarray, "J I"]) -> Counted:
        """All pairs of a mask's inputs."""
        count_JB, near_J = count_distances(mask_JI, self.spacing)
        pairs = summed(count_JB)
        return Counted(pairs, summed_by_node(count_JB, mask_JI.sum(axis=1)), near_J, np.arange(len(pairs.apart)))

    def evenly(self, total: float) -> DistanceCounts:
        """So many ordered pairs spread evenly over all pairs of inputs."""
        return evenly_at(total, self.spacing)


Binning = GridBinning | PointBinning


def binning_of(geometry: Geometry) -> Binning:
    """How pairs are told apart where the inputs live. Raises ValueError, with the remedy, where nobody knows that."""
    if isinstance(geometry, Grid):
        return GridBinning(geometry)
    if isinstance(geometry, Points):
        return PointBinning(geometry)
    if isinstance(geometry, Unknown):
        raise ValueError(
            f"locality needs to know where the {geometry.size} inputs live, and their geometry is unknown: "
            "pass a Grid, e.g. siftnet.Grid((32, 32), channels=3), or siftnet.Points with their coordinates"
        )
    raise ValueError(
        f"locality of {shown(geometry)} is not supported: pass a Grid on which the inputs lie, e.g. siftnet.ring(8)"
    )
