"""Everything measured of one layer's mask, in one record."""

# J nodes, I inputs

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Num

from siftnet.analysis.binning import GridBinning, PointBinning
from siftnet.analysis.degrees import Degrees, degrees
from siftnet.analysis.locality import Locality, Resampling, measure_locality
from siftnet.analysis.near import near_total
from siftnet.analysis.nulls import expected_from_pairs
from siftnet.analysis.pairs import PairCounts, PairsByDegree, pair_counts_by_degree
from siftnet.analysis.receptive import ReceptiveFields, participation, receptive_fields
from siftnet.geometry import Geometry, Grid, Unknown


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
    """What was measured of one layer; what needs places is None where nobody knows them.

    degrees: connections by node and by input. participation: float64 (J,), inverse participation ratio of the weights.
    pairs_by_degree: pair counts in bins of connection counts, on a grid. bins: near-pair excess of each of those bins
    that holds nodes. locality: pair counts, and the excess of near pairs over both nulls. receptive: centre, extent,
    orientation.
    """

    geometry: Geometry
    degrees: Degrees
    participation: np.ndarray
    pairs_by_degree: PairsByDegree | None = None
    bins: tuple[DegreeBin, ...] | None = None
    locality: Locality | None = None
    receptive: ReceptiveFields | None = None


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
    if isinstance(geometry, Unknown):
        return LayerMeasures(geometry, by_count, participation_J)
    edges, by_degree = degree_edges(geometry.size), None
    if isinstance(geometry, Grid):
        by_degree = pair_counts_by_degree(mask_JI, geometry, edges)
        bins = _bins_on_grid(by_degree, geometry)
        found = measure_locality(mask_JI, GridBinning(geometry), resampling)
    else:
        binning = PointBinning(geometry)
        bins = _bins_at_points(mask_JI, binning, edges)
        found = measure_locality(mask_JI, binning, resampling)
    return LayerMeasures(
        geometry=geometry,
        degrees=by_count,
        participation=participation_J,
        pairs_by_degree=by_degree,
        bins=bins,
        locality=found,
        receptive=receptive_fields(masked_JI, geometry),
    )


def degree_edges(inputs: int) -> list[int]:
    """Bins of connection counts that double, 2, 4, 8, ..., the same for every mask so that rounds compare."""
    return [2**k for k in range(1, max(inputs, 1).bit_length())]


def _bins_on_grid(bins: PairsByDegree, grid: Grid) -> tuple[DegreeBin, ...]:
    every = zip(bins.low, bins.high, bins.nodes, bins.counts, strict=True)
    return tuple(
        DegreeBin(int(low), int(high), int(nodes), _index_uniform(counts, grid))
        for low, high, nodes, counts in every
        if nodes
    )


def _index_uniform(counts: PairCounts, grid: Grid) -> float | None:
    expected = near_total(expected_from_pairs(counts, grid), grid)
    return near_total(counts, grid) / expected if expected > 0 else None


def _bins_at_points(mask_JI: np.ndarray, binning: PointBinning, edges: list[int]) -> tuple[DegreeBin, ...]:
    near_J, degree_J = binning.near(mask_JI), mask_JI.sum(axis=1)
    expected_J = degree_J * (degree_J - 1.0) * binning.near_share
    bin_J = np.searchsorted(edges, degree_J, side="right")
    found = []
    for k, (low, high) in enumerate(pairwise([0, *edges, mask_JI.shape[1] + 1])):
        within_J = bin_J == k
        near, expected = float(near_J[within_J].sum()), float(expected_J[within_J].sum())
        if within_J.any():
            found.append(DegreeBin(low, high, int(within_J.sum()), near / expected if expected > 0 else None))
    return tuple(found)
