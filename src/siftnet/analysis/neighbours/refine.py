"""Small moves that bring sites nearer to where their similarities say: swaps, and turned stretches of a line.

S sites, P places, M places within reach, K candidates.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from siftnet.analysis.neighbours.profile import Profile
from siftnet.host.compiling import njit
from siftnet.seeds import generator

PROPOSALS = 2000
"""Of each site."""
HOTTEST, COLDEST, COOLING = 4.0, 0.2, 20
"""Temperatures, and how many: at 1 places are as frequent as they are likely."""
FADED, FARTHEST = 0.05, 3.0
"""Beyond the distance where so little of the similarity is left, or at most so far, places do not count."""


def refined(
    similarity_SS: np.ndarray, distance_PP: np.ndarray, place_S: np.ndarray, expected: Profile, near_SK: np.ndarray
) -> np.ndarray:
    """Places of sites, int64 (S,), at which similarities are more as expected at their distance.

    Simulated annealing (Kirkpatrick et al. 1983) of the sum over pairs of similarity times expected similarity, which
    is the likelihood of the places under equal noise in all similarities. near_SK: int64, sites that each may move next
    to. On a line or ring stretches are turned round as well, which swaps could only do at a great loss in between.
    """
    reach = max(1.5, min(FARTHEST, expected.reach(FADED)))
    within_PM, count_P = _within(distance_PP, reach)
    weight_PM = expected.at(np.take_along_axis(distance_PP, within_PM, 1)) - float(expected.at(np.array(reach + 1)))
    weight_PM = np.maximum(weight_PM, 0)
    if not weight_PM.any() or expected.noise == 0:
        return place_S
    temperatures = np.geomspace(HOTTEST, COLDEST, COOLING) * expected.noise
    found_S = place_S.astype(np.int64)
    proposals = PROPOSALS * len(place_S) // COOLING
    draws = generator(0, "neighbours", "refine")
    _anneal(similarity_SS, within_PM, weight_PM, count_P, near_SK, found_S, temperatures, proposals, draws)
    return found_S


def _within(distance_PP: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The places within reach of each, int64 (P, M), filled up with itself, and how many they are."""
    near_PP = (distance_PP <= reach) & (distance_PP > 0)
    count_P = near_PP.sum(axis=1)
    order_PP = np.argsort(~near_PP, axis=1, kind="stable")[:, : int(count_P.max(initial=1))]
    own_P = np.arange(len(distance_PP))[:, None]
    return np.where(np.arange(order_PP.shape[1]) < count_P[:, None], order_PP, own_P), count_P


@njit(cache=True)
@no_type_check
def _anneal(similarity_SS, within_PM, weight_PM, count_P, near_SK, place_S, temperatures, proposals, draws):
    """Move sites, in place, next to sites that they are like; what stood there takes their place."""
    sites, candidates = near_SK.shape
    site_P = np.empty(sites, np.int64)
    for s in range(sites):
        site_P[place_S[s]] = s
    for temperature in temperatures:
        for _ in range(proposals):
            one = draws.integers(0, sites)
            beside = place_S[near_SK[one, draws.integers(0, candidates)]]
            if count_P[beside] == 0:
                continue
            here, there = place_S[one], within_PM[beside, draws.integers(0, count_P[beside])]
            if here == there:
                continue
            other = site_P[there]
            gain = 0.0
            for m in range(count_P[here]):
                site = site_P[within_PM[here, m]]
                if site != other:
                    gain += weight_PM[here, m] * (similarity_SS[other, site] - similarity_SS[one, site])
            for m in range(count_P[there]):
                site = site_P[within_PM[there, m]]
                if site != one:
                    gain += weight_PM[there, m] * (similarity_SS[one, site] - similarity_SS[other, site])
            if gain >= 0 or draws.random() < np.exp(gain / temperature):
                place_S[one], place_S[other] = there, here
                site_P[here], site_P[there] = other, one
