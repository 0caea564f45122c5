"""How well places that were found are those that are known. I inputs, P places, A axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from scipy.spatial import procrustes

from siftnet.analysis.neighbours.groups import nearest
from siftnet.analysis.neighbours.lattice import distances
from siftnet.geometry import Grid


@dataclass(frozen=True)
class PlaceScore:
    """Found places held against the true ones, of which turned and mirrored arrangements are as good."""

    exact: float
    """Share of the inputs at exactly their place, in the best of the lattice's symmetries."""
    recall: float
    """Share of the pairs of true neighbours that are neighbours on the found lattice."""
    r_squared: float
    """Procrustes R^2: what of the true coordinates is left after the best turn, scale and shift; on a torus, of the
    points on its circles."""


def neighbour_recall(similarity_II: np.ndarray, true: Grid, place_I: np.ndarray) -> float:
    """Share of each input's true neighbours among as many of the most similar others (of its channel), chance aside.

    place_I: int64, the number of each input's place on the true lattice.
    """
    near_II = are_neighbours(true, place_I)
    degree_I = near_II.sum(axis=1)
    order_IK = nearest(similarity_II, int(degree_I.max()))
    counted_IK = np.arange(order_IK.shape[1]) < degree_I[:, None]
    return float((np.take_along_axis(near_II, order_IK, 1) & counted_IK).sum() / degree_I.sum())


def are_neighbours(lattice: Grid, place_I: np.ndarray) -> np.ndarray:
    """Whether two inputs lie one step along an axis from each other, bool (I, I)."""
    one_step_PP = np.isclose(distances(Grid(lattice.shape, periodic=lattice.periodic)), 1)
    return np.asarray(one_step_PP[np.ix_(place_I, place_I)])


def score_places(found: Grid, found_I: np.ndarray, true: Grid, true_I: np.ndarray) -> PlaceScore:
    """Hold found places against true ones; found_I, true_I: int64 (I,), numbers of places, axes in C order.

    Exactness is 0 where the lattices differ in shape.
    """
    near_II = are_neighbours(true, true_I)
    recall = float((near_II & are_neighbours(found, found_I)).sum() / max(near_II.sum(), 1))
    exact = max((float((turned_P[found_I] == true_I).mean()) for turned_P in _symmetries(found, true)), default=0.0)
    return PlaceScore(exact, recall, _r_squared(_coordinates(found)[found_I], _coordinates(true)[true_I]))


def _r_squared(found_IK: np.ndarray, true_IK: np.ndarray) -> float:
    wide = max(found_IK.shape[1], true_IK.shape[1])
    padded = [np.pad(at_IK, ((0, 0), (0, wide - at_IK.shape[1]))) for at_IK in (true_IK, found_IK)]
    return float(1 - procrustes(*padded)[2])


def _coordinates(lattice: Grid) -> np.ndarray:
    """Where places lie, float64 (P, A); round each axis of a torus, (P, 2 A)."""
    at_PA = lattice.places().astype(np.float64)
    if not lattice.periodic:
        return at_PA
    angle_PA = 2 * np.pi * at_PA / np.array(lattice.shape)
    radius_A = np.array(lattice.shape) / (2 * np.pi)
    return np.concatenate([np.cos(angle_PA) * radius_A, np.sin(angle_PA) * radius_A], axis=1)


def _symmetries(found: Grid, true: Grid) -> Iterator[np.ndarray]:
    """The true place of every found one, int64 (P,), under each turn, mirror and shift of the lattice."""
    if found.periodic != true.periodic or sorted(found.shape) != sorted(true.shape):
        return
    numbers = np.arange(true.sites).reshape(true.shape)
    for axes in permutations(range(true.ndim)):
        turned = numbers.transpose(axes)
        if turned.shape != found.shape:
            continue
        for mirrored in product((False, True), repeat=true.ndim):
            placed = np.flip(turned, tuple(axis for axis, is_mirrored in enumerate(mirrored) if is_mirrored))
            for shift in product(*(range(n) if true.periodic else (0,) for n in found.shape)):
                yield np.roll(placed, shift, axis=tuple(range(true.ndim))).ravel()
