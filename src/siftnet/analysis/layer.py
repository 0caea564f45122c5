"""Everything measured of one layer's mask, in one record."""

# J nodes, I inputs

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Num

from siftnet.analysis.degrees import Degrees, degrees
from siftnet.analysis.locality import Locality, Resampling, measure_locality
from siftnet.analysis.near import near_total
from siftnet.analysis.nulls import expected_from_pairs
from siftnet.analysis.pairs import PairCounts, PairsByDegree, node_and_pair_counts, pair_counts_by_degree
from siftnet.analysis.receptive import ReceptiveFields, participation, receptive_fields
from siftnet.geometry import Geometry, Grid


@dataclass(frozen=True)
class DegreeBin:
    """The nodes with low <= connections < high.

    nodes: how many those are; index_uniform: their near pairs over uniform placement's, None where that has none.
    """

    low: int
    high: int
    nodes: int
    index_uniform: float | None


@dataclass(frozen=True, eq=False)
class LayerMeasures:
    """What was measured of one layer; what needs a grid is None off it.

    degrees: connections by node and by input. participation: float64 (J,), inverse participation ratio of the weights.
    pairs_by_degree: pair counts in bins of connection counts. locality: pair counts, and the excess of near pairs over
    both nulls. receptive: centre, extent, orientation.
    """

    geometry: Geometry
    degrees: Degrees
    participation: np.ndarray
    pairs_by_degree: PairsByDegree | None
    locality: Locality | None
    receptive: ReceptiveFields | None

    @property
    def bins(self) -> tuple[DegreeBin, ...] | None:
        """Near-pair excess of each bin of connection counts that holds nodes; None off a grid."""
        bins, grid = self.pairs_by_degree, self.geometry
        if bins is None or not isinstance(grid, Grid):
            return None
        every = zip(bins.low, bins.high, bins.nodes, bins.counts, strict=True)
        return tuple(
            DegreeBin(int(low), int(high), int(nodes), _index_uniform(counts, grid))
            for low, high, nodes, counts in every
            if nodes
        )


def measure_layer(
    mask_JI: Bool[np.ndarray, "J I"],
    weights_JI: Num[np.ndarray, "..."],
    geometry: Geometry,
    resampling: Resampling,
    input_variance: np.ndarray | None = None,
) -> LayerMeasures:
    """Measure one layer seen from the inputs.

    mask_JI: bool, for a deeper layer the support of its path counts; weights_JI: float, masked (or path products);
    input_variance: float (I,), of the training examples. Raises ValueError where shapes do not fit.
    """
    if weights_JI.shape != mask_JI.shape:
        raise ValueError(f"weights of shape {weights_JI.shape} do not fit a mask of shape {mask_JI.shape}")
    masked_JI = np.where(mask_JI, weights_JI, 0)
    by_count = degrees(mask_JI, geometry, input_variance)
    participation_J = participation(masked_JI)
    if not isinstance(geometry, Grid):
        return LayerMeasures(geometry, by_count, participation_J, None, None, None)
    counts = node_and_pair_counts(mask_JI, geometry)
    return LayerMeasures(
        geometry=geometry,
        degrees=by_count,
        participation=participation_J,
        pairs_by_degree=pair_counts_by_degree(mask_JI, geometry, degree_edges(geometry.size)),
        locality=measure_locality(mask_JI, geometry, counts, resampling),
        receptive=receptive_fields(masked_JI, geometry),
    )


def degree_edges(inputs: int) -> list[int]:
    """Bins of connection counts that double, 2, 4, 8, ..., the same for every mask so that rounds compare."""
    return [2**k for k in range(1, max(inputs, 1).bit_length())]


def _index_uniform(counts: PairCounts, grid: Grid) -> float | None:
    expected = near_total(expected_from_pairs(counts, grid), grid)
    return near_total(counts, grid) / expected if expected > 0 else None
