"""Near pairs of each node: distinct inputs of one channel at most two sites apart."""

# J nodes, I inputs, S sites, M neighbours of a site, D displacements

from __future__ import annotations

from itertools import product
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Int64

from siftnet.analysis.nulls import placements
from siftnet.analysis.pairs import PairCounts, check_fits, displacements
from siftnet.geometry import Grid
from siftnet.host.compiling import njit

# Near means 0 < |d| <= REACH, Euclidean, in sites.
REACH = 2.0


def near_pairs(mask_JI: Bool[np.ndarray, "J I"], grid: Grid) -> Int64[np.ndarray, "J"]:
    """Ordered pairs of each node's inputs with 0 < |d| <= 2 in one channel; int64 (J,).

    mask_JI: bool. Summed over nodes this is the sum of `pair_counts(...).same_channel` over near displacements. Raises
    ValueError where the mask does not fit the grid.

    >>> near_pairs(np.array([[True, True, True, False, False, False]]), Grid((6,)))
    array([6])
    """
    check_fits(mask_JI, grid)
    return np.asarray(_count_near(np.ascontiguousarray(mask_JI).view(np.uint8), neighbours(grid)))


def near_share(grid: Grid) -> float:
    """Probability that two distinct inputs drawn uniformly are a near pair."""
    same_D, _ = placements(grid)
    return float(same_D[is_near(grid)].sum()) / max(grid.size * (grid.size - 1.0), 1.0)


def near_total(counts: PairCounts, grid: Grid) -> float:
    """Sum of a same-channel map over near displacements."""
    return float(counts.same_channel[is_near(grid)].sum())


def is_near(grid: Grid) -> Bool[np.ndarray, "*D"]:
    """Which entries of a pair-count map are near displacements, bool D."""
    squared_D = (displacements(grid) ** 2).sum(axis=0)
    return np.asarray((squared_D > 0) & (squared_D <= REACH**2))


def neighbours(grid: Grid) -> Int64[np.ndarray, "S M"]:
    """Sites near each site, int64 (S, M), filled up with -1 at free edges.

    On a short periodic axis steps that lead to the same site count once, and by the short way round.
    """
    where = displacements(grid)[:, is_near(grid)]
    site_SA = np.array(list(product(*map(range, grid.shape))), dtype=np.int64)
    target_SMA = site_SA[:, None, :] + where.T[None, :, :]
    shape_A = np.array(grid.shape)
    inside_SM = ((target_SMA >= 0) & (target_SMA < shape_A)).all(axis=2) | grid.periodic
    index_SM = np.ravel_multi_index(tuple(np.moveaxis(target_SMA % shape_A, 2, 0)), grid.shape)
    return np.where(inside_SM, index_SM, -1).astype(np.int64)


@njit(cache=True)
@no_type_check
def _count_near(mask_JI, neighbour_SM):
    """Count each row's ordered pairs of ones whose sites are neighbours in one channel."""
    nodes, inputs = mask_JI.shape
    sites, reach = neighbour_SM.shape
    count_J = np.zeros(nodes, np.int64)
    for j in range(nodes):
        count = 0
        for i in range(inputs):
            if mask_JI[j, i]:
                site = i % sites
                for m in range(reach):
                    neighbour = neighbour_SM[site, m]
                    if neighbour >= 0:
                        count += mask_JI[j, i - site + neighbour]
        count_J[j] = count
    return count_J
