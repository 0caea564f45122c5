"""How far apart the inputs of one node lie at points without a grid: exact counts of pairs by distance."""

# J nodes, I inputs, A axes, R rings of distance, B bins (one place, the rings, farther), N points of one node

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Int64
from scipy.spatial import cKDTree

from siftnet.analysis.near import REACH
from siftnet.analysis.pairs import node_weights
from siftnet.geometry import Points
from siftnet.host.compiling import njit

FARTHEST = 256
"""Rings at most: pairs farther apart are counted together."""
SAME = 1e-12
"""Points this near to each other, as a share of their extent, are at one place: rounding makes as much."""
# Distances that are equal but for rounding, also that of 32-bit coordinates, fall on the same side of a bound.
TIE = 1e-5
NEAR = (REACH * (1 + TIE)) ** 2
EDGE = 0.5 + TIE


@dataclass(frozen=True, eq=False)
class DistanceCounts:
    """Ordered pairs of a node's inputs by distance in units of the points' spacing, summed over nodes.

    apart: (R,), inputs at different places, ring r holds r - 1/2 <= d < r + 1/2. together: inputs at one place.
    beyond: inputs farther apart than the last ring. Whole numbers where every pair counts 1, else floats.
    """

    apart: np.ndarray
    together: int | float
    beyond: int | float

    @property
    def total(self) -> float:
        """All ordered pairs of distinct inputs."""
        return float(self.apart.sum() + self.together + self.beyond)


@dataclass(frozen=True, eq=False)
class Spacing:
    """Points measured by their own spacing.

    unit: median, over places, of the distance to the nearest other place, in the coordinates' unit; None where all
    points lie at one place. place_AI: float64, coordinates in that unit; points at one place have the same ones.
    bins_IB: int32, how many other points each point has at its own place, in ring 0, 1, ... and farther away.
    near_I: int32, how many have 0 < d <= 2.
    """

    unit: float | None
    place_AI: np.ndarray
    bins_IB: np.ndarray
    near_I: np.ndarray

    @property
    def near_share(self) -> float:
        """Probability that two distinct inputs drawn uniformly are a near pair."""
        points = len(self.near_I)
        return float(self.near_I.sum(dtype=np.int64)) / max(points * (points - 1.0), 1.0)


def spacing(points: Points) -> Spacing:
    """Measure how points lie to each other, so that 0 < d <= 2 units means what two sites mean on a grid.

    Points at one place share a site, as channels do, and are no near pair. In two dimensions it takes less than a
    second for 10,000 points and ten for 50,000 (two minutes in twenty), and memory for FARTHEST counts a point.
    """
    share_IA, _, extent = framed(points)
    _, first, which_I = np.unique(np.round(share_IA / SAME), axis=0, return_index=True, return_inverse=True)
    place_SA = share_IA[first]
    nearest = np.ones(1)
    if len(place_SA) > 1:
        nearest = cKDTree(place_SA).query(place_SA, k=2)[0][:, 1]
    unit = float(np.median(nearest))
    place_AI = np.ascontiguousarray((place_SA / unit)[which_I.ravel()].T)
    bins_IB, near_I = _profile(place_AI, FARTHEST)
    rings = max(1, int(np.flatnonzero(np.append(True, bins_IB[:, 1:-1].any(axis=0)))[-1]))
    kept = [*range(1 + rings), FARTHEST + 1]
    return Spacing(unit * extent if len(place_SA) > 1 else None, place_AI, bins_IB[:, kept], near_I)


def count_distances(mask_JI: Bool[np.ndarray, "J I"], found: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Ordered pairs of each node's inputs by bin, int64 (J, B), and those that are near, int64 (J,).

    Exact. Costs 1 to 3 ns for each pair among a node's inputs, or among those that it lacks where these are fewer.
    """
    _, inputs = mask_JI.shape
    assert inputs == len(found.near_I), (inputs, len(found.near_I))
    count_JB = np.zeros((len(mask_JI), found.bins_IB.shape[1]), np.int64)
    near_J = np.zeros(len(mask_JI), np.int64)
    mask_JI = np.ascontiguousarray(mask_JI).view(np.uint8)
    _count_pairs(mask_JI, found.place_AI, found.bins_IB, found.near_I, count_JB, near_J)
    return count_JB, near_J


def summed(count_JB: Int64[np.ndarray, "J B"]) -> DistanceCounts:
    """The counts of all nodes, every pair counting 1."""
    count_B = count_JB.sum(axis=0)
    return DistanceCounts(count_B[1:-1], int(count_B[0]), int(count_B[-1]))


def summed_by_node(count_JB: Int64[np.ndarray, "J B"], degree_J: Int64[np.ndarray, "J"]) -> DistanceCounts:
    """The same with each node's counts divided by C_j (C_j - 1), C_j its connections."""
    count_B = node_weights(degree_J) @ count_JB
    return DistanceCounts(count_B[1:-1], float(count_B[0]), float(count_B[-1]))


def evenly_at(total: float, found: Spacing) -> DistanceCounts:
    """A total weight of ordered pairs, spread evenly over all ordered pairs of distinct points.

    With the sum of C_j (C_j - 1) over nodes, the mean counts when every node keeps its number of inputs C_j and draws
    them uniformly, in closed form.
    """
    points = len(found.near_I)
    pairs_B = found.bins_IB.sum(axis=0, dtype=np.int64)
    mean_B = total * pairs_B / max(points * (points - 1.0), 1.0)
    return DistanceCounts(mean_B[1:-1], float(mean_B[0]), float(mean_B[-1]))


def framed(points: Points) -> tuple[np.ndarray, np.ndarray, float]:
    """Coordinates (I, A) as shares of their extent, from -1/2 to 1/2; their middle (A,), and the extent.

    The extent is that along the longest axis, 1 where it is none.
    """
    low_A, high_A = points.coordinates.min(axis=0), points.coordinates.max(axis=0)
    middle_A, extent = (low_A + high_A) / 2, float((high_A - low_A).max()) or 1.0
    return (points.coordinates - middle_A) / extent, middle_A, extent


@njit(cache=True)
@no_type_check
def _from_one(place_AN, one, size, rings, squared_N, bin_N):
    """Squared distance and bin of the pairs that one point makes with each of the first so many."""
    for n in range(size):
        squared_N[n] = 0.0
    for axis in range(place_AN.shape[0]):
        here = place_AN[axis, one]
        for n in range(size):
            step = place_AN[axis, n] - here
            squared_N[n] += step * step
    for n in range(size):
        bin_N[n] = np.int32(min(np.sqrt(squared_N[n]) + EDGE, rings)) + 1
        if squared_N[n] == 0.0:
            bin_N[n] = 0


@njit(cache=True)
@no_type_check
def _profile(place_AI, rings):
    """How many others each point has in each bin, int32 (I, B), and near it, int32 (I,)."""
    points = place_AI.shape[1]
    bins_IB = np.zeros((points, rings + 2), np.int32)
    near_I = np.zeros(points, np.int32)
    squared_I = np.empty(points)
    bin_I = np.empty(points, np.int32)
    for i in range(points):
        # Each pair from both of its ends: twice the distances take less time than counting in rows far apart.
        _from_one(place_AI, i, points, float(rings), squared_I, bin_I)
        near = 0
        for other in range(points):
            bins_IB[i, bin_I[other]] += 1
            near += 0.0 < squared_I[other] <= NEAR
        near_I[i] = near
        bins_IB[i, 0] -= 1
    return bins_IB, near_I


@njit(cache=True)
@no_type_check
def _count_pairs(mask_JI, place_AI, bins_IB, near_I, count_JB, near_J):
    """Count each row's ordered pairs of ones by bin, by way of its zeros where those are fewer."""
    axes, inputs = place_AI.shape
    bins = bins_IB.shape[1]
    total_B = np.zeros(bins, np.int64)
    for i in range(inputs):
        for b in range(bins):
            total_B[b] += bins_IB[i, b]
    place_AN = np.empty((axes, inputs))
    squared_N = np.empty(inputs)
    bin_N = np.empty(inputs, np.int32)
    for j in range(mask_JI.shape[0]):
        zeros = np.int64(2 * mask_JI[j].sum() > inputs)
        size = 0
        # All pairs, less those that have an input which is not there; those of two such were taken off twice.
        if zeros:
            count_JB[j] += total_B
            near_J[j] += near_I.sum()
        for i in range(inputs):
            if mask_JI[j, i] != zeros:
                place_AN[:, size] = place_AI[:, i]
                size += 1
                if zeros:
                    near_J[j] -= 2 * near_I[i]
                    for b in range(bins):
                        count_JB[j, b] -= 2 * bins_IB[i, b]
        for one in range(size):
            _from_one(place_AN, one, one, float(bins - 2), squared_N, bin_N)
            near = 0
            for n in range(one):
                count_JB[j, bin_N[n]] += 2
                near += 0.0 < squared_N[n] <= NEAR
            near_J[j] += 2 * near
