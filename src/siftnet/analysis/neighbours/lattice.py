"""Which site of a lattice is whose: places that put the similar next to each other. S sites, P places, A axes.

A quadratic assignment. Several starts are relaxed, each towards several neighbourhoods, the best of them refined; the
one whose distances explain most of the similarities wins, so nothing has to be tuned to a kind of similarity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from siftnet.analysis.neighbours.assignment import assigned, strongest
from siftnet.analysis.neighbours.graph import neighbour_graph
from siftnet.analysis.neighbours.groups import nearest
from siftnet.analysis.neighbours.profile import profile
from siftnet.analysis.neighbours.refine import refined
from siftnet.analysis.neighbours.spectrum import likeness
from siftnet.analysis.neighbours.starts import starts, unrolled_starts
from siftnet.analysis.neighbours.stretches import turned_stretches
from siftnet.geometry import Grid

OTHERS = 26
"""Of each site that are pulled towards it, as many as lie next to it in a volume; on a sheet farther ones help too."""
STARTS, REFINED = 2, 3
"""Places to begin from, of vibrations; and of what comes of all starts, how many are refined."""
REFINEMENTS = 2
"""Times: expected similarities are those of the places before."""
CANDIDATES = 6
"""Sites that each may move next to, by similarity and as many by likeness."""
STRETCH = 4
"""Places along a line that count where stretches are turned."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where each site lies on a lattice."""

    lattice: Grid
    place_S: np.ndarray
    """int64 (S,): the number of its place, axes in C order."""
    explained: float
    """Share of the variance of similarities that distance on the lattice explains."""


def place(
    similarity_SS: np.ndarray, lattice: Grid, vectors_SK: np.ndarray, begun: Sequence[np.ndarray] = ()
) -> Placement:
    """Put sites on a lattice of as many places, so that the similar are near.

    vectors_SK: of `Spectrum`, to begin from; begun: further places to begin from, int64 (S,). Of turned and mirrored
    arrangements, which are as good, any may come.
    """
    distance_PP = distances(lattice)
    like_SS = likeness(np.maximum(similarity_SS, 0))
    count = min(CANDIDATES, len(similarity_SS) - 1)
    near_SK = np.concatenate([nearest(similarity_SS, count), nearest(like_SS, count)], axis=1)
    begun = [*begun, *starts(vectors_SK, lattice, STARTS)]
    if not lattice.periodic and lattice.ndim > 1:
        begun += unrolled_starts(neighbour_graph(similarity_SS).unrolled(lattice.ndim), lattice, 1)
    found = [
        Placement(lattice, place_S, profile(similarity_SS, distance_PP, place_S).explained)
        for place_S in _relaxed((similarity_SS, like_SS), distance_PP, begun)
    ]
    best = sorted(found, key=lambda placement: -placement.explained)[:REFINED]
    better = [_refine(placement, similarity_SS, distance_PP, near_SK) for placement in best]
    return max([*best, *better], key=lambda placement: placement.explained)


def cut(similarity_SS: np.ndarray, ring: Placement) -> np.ndarray:
    """The places along a line of sites on a ring, int64 (S,): cut where least similarity goes across."""
    site_P = np.argsort(ring.place_S)
    across_P = np.zeros(len(site_P))
    for before in range(STRETCH):
        for after in range(STRETCH - before):
            across_P += similarity_SS[np.roll(site_P, before + 1), np.roll(site_P, -after)]
    return np.asarray((ring.place_S - int(across_P.argmin())) % len(site_P), np.int64)


def distances(lattice: Grid) -> np.ndarray:
    """Euclidean distance of the places of a lattice, float64 (P, P), round its ends where it has none."""
    at_PA = lattice.places()
    squared_PP = np.zeros((lattice.sites, lattice.sites))
    for axis, length in enumerate(lattice.shape):
        apart_PP = np.abs(at_PA[:, None, axis] - at_PA[None, :, axis])
        squared_PP += (np.minimum(apart_PP, length - apart_PP) if lattice.periodic else apart_PP) ** 2
    return np.asarray(np.sqrt(squared_PP))


def _relaxed(
    similarities: tuple[np.ndarray, ...], distance_PP: np.ndarray, begun: Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    yield from begun
    for similarity_SS in similarities:
        flow_SS = strongest(similarity_SS, OTHERS)
        for start_S in begun:
            yield assigned(flow_SS, distance_PP, start_S)


def _refine(placement: Placement, similarity_SS: np.ndarray, distance_PP: np.ndarray, near_SK: np.ndarray) -> Placement:
    lattice, place_S = placement.lattice, placement.place_S
    for _ in range(REFINEMENTS):
        expected = profile(similarity_SS, distance_PP, place_S)
        if lattice.ndim == 1:
            counted_R = np.arange(1, min(STRETCH, lattice.sites - 1) + 1)
            weight_R = expected.at(counted_R) - expected.at(counted_R[-1:] + 1)
            place_S = turned_stretches(similarity_SS, weight_R, place_S, lattice.periodic)
        place_S = refined(similarity_SS, distance_PP, place_S, expected, near_SK)
    return Placement(lattice, place_S, profile(similarity_SS, distance_PP, place_S).explained)
