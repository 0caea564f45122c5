"""Stretches of a line or ring turned round where that brings similar sites nearer. S sites, P places, R distances."""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from siftnet.host.compiling import njit

SWEEPS = 20
"""At most."""


def turned_stretches(
    similarity_SS: np.ndarray, weight_R: np.ndarray, place_S: np.ndarray, periodic: bool
) -> np.ndarray:
    """Places of sites along one axis, int64 (S,), with every stretch turned round that lies better so.

    The 2-opt moves of travelling salesmen (Croes 1958), for more than the next neighbour: weight_R is what a pair's
    similarity counts at distance 1, 2, ..., R.
    """
    site_P = np.argsort(place_S).astype(np.int64)
    _turn(similarity_SS, np.ascontiguousarray(weight_R, np.float64), site_P, periodic)
    return np.argsort(site_P).astype(np.int64)


@njit(cache=True)
@no_type_check
def _turn(similarity_SS, weight_R, site_P, periodic):
    """Turn stretches in place, until none gains."""
    places, reach = len(site_P), len(weight_R)
    for _ in range(SWEEPS):
        changed = False
        for first in range(places):
            for length in range(2, places - 1 if periodic else places - first + 1):
                gain = 0.0
                # Only pairs across the ends of the stretch come to lie at another distance.
                for out in range(1, min(reach, places - length) + 1):
                    before, after = first - out, first + length - 1 + out
                    for into in range(min(reach - out + 1, length)):
                        left, right = site_P[(first + into) % places], site_P[(first + length - 1 - into) % places]
                        weight = weight_R[out + into - 1]
                        if periodic or before >= 0:
                            site = site_P[before % places]
                            gain += weight * (similarity_SS[site, right] - similarity_SS[site, left])
                        if periodic or after < places:
                            site = site_P[after % places]
                            gain += weight * (similarity_SS[site, left] - similarity_SS[site, right])
                if gain > 1e-9:
                    for k in range(length // 2):
                        left, right = (first + k) % places, (first + length - 1 - k) % places
                        site_P[left], site_P[right] = site_P[right], site_P[left]
                    changed = True
        if not changed:
            return
