"""The quadratic assignment of sites to places, relaxed: similar sites where distances are short. S sites, P places.

Among doubly stochastic matrices instead of permutations, by Frank-Wolfe steps, each a linear assignment (Vogelstein et
al. 2015, "Fast approximate quadratic programming for graph matching").
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from siftnet.analysis.neighbours.groups import nearest

STEPS = 60
"""At most."""
PROGRESS = 2e-5
"""Share of the cost that a step has to save for another."""


def strongest(similarity_SS: np.ndarray, others: int) -> csr_array:
    """The positive similarities of each site to so many others, symmetric, float64 (S, S)."""
    flow_SS = np.zeros_like(similarity_SS)
    order_SK = nearest(similarity_SS, min(others, len(similarity_SS) - 1))
    np.put_along_axis(flow_SS, order_SK, np.maximum(np.take_along_axis(similarity_SS, order_SK, 1), 0), axis=1)
    return csr_array((flow_SS + flow_SS.T) / 2)


def assigned(flow_SS: csr_array, distance_PP: np.ndarray, start_S: np.ndarray) -> np.ndarray:
    """Places of sites, int64 (S,), from these places on, with a small sum of flow times distance."""
    rows = np.arange(len(start_S))
    mixed_SP = np.zeros(distance_PP.shape)
    mixed_SP[rows, start_S] = 1
    # What the matrix of places makes of distances; a permutation's is a choice of rows, so no product is needed.
    reached_SP = distance_PP[start_S]
    slope_SP = flow_SS @ reached_SP
    cost = float(slope_SP[rows, start_S].sum())
    for _ in range(STEPS):
        towards_S = linear_sum_assignment(slope_SP)[1]
        slope_there_SP = flow_SS @ distance_PP[towards_S]
        now, cross = cost, float(slope_SP[rows, towards_S].sum())
        there = float(slope_there_SP[rows, towards_S].sum())
        # Along the way the cost is a parabola: now + 2 t (cross - now) + t^2 (there - 2 cross + now).
        square = there - 2 * cross + now
        length = min(1.0, (now - cross) / square) if square > 0 else float(there < now)
        cost = now + 2 * length * (cross - now) + length**2 * square
        if now - cost <= PROGRESS * abs(now):
            break
        mixed_SP *= 1 - length
        mixed_SP[rows, towards_S] += length
        slope_SP = (1 - length) * slope_SP + length * slope_there_SP
    return np.asarray(linear_sum_assignment(-mixed_SP)[1], np.int64)
