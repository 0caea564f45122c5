"""Found places against true ones: what is only turned is right, and what is not is not."""

from __future__ import annotations

import numpy as np
import pytest

from siftnet.analysis.neighbours.score import are_neighbours, neighbour_recall, score_places
from siftnet.geometry import Grid, ring, torus, volume


@pytest.mark.parametrize("lattice", [ring(12), Grid((12,)), torus(4, 6), Grid((5, 5)), volume(3, 3, 4)])
def test_turned_mirrored_and_shifted_places_are_exact(lattice: Grid) -> None:
    numbers = np.arange(lattice.sites).reshape(lattice.shape)
    turned = np.flip(numbers, 0)
    if lattice.periodic:
        turned = np.roll(turned, 2, axis=-1)
    if lattice.shape == (5, 5):
        turned = turned.T
    true_I = np.random.default_rng(0).permutation(lattice.sites)
    score = score_places(lattice, turned.ravel()[true_I], lattice, true_I)
    assert score.exact == 1
    assert score.recall == 1
    assert score.r_squared == pytest.approx(1)


def test_chance_scores_low() -> None:
    rng = np.random.default_rng(1)
    score = score_places(torus(10, 10), rng.permutation(100), torus(10, 10), rng.permutation(100))
    assert score.exact < 0.1
    assert score.recall < 0.15
    assert score.r_squared < 0.2


def test_two_sites_exchanged_on_a_ring_cost_what_they_should() -> None:
    place_I = np.arange(20)
    place_I[[3, 4]] = [4, 3]
    score = score_places(ring(20), place_I, ring(20), np.arange(20))
    assert score.exact == 18 / 20
    # 3-4 are neighbours as before; 2-3 and 4-5 are not any more.
    assert score.recall == 18 / 20


def test_another_shape_is_never_exact_and_has_its_neighbours_counted() -> None:
    score = score_places(Grid((12,)), np.arange(12), ring(12), np.arange(12))
    assert score.exact == 0
    assert score.recall == pytest.approx(11 / 12)


def test_recall_of_a_similarity_counts_as_many_as_there_are_neighbours() -> None:
    line = Grid((5,))
    near_II = are_neighbours(line, np.arange(5))
    assert near_II.sum() == 8
    assert neighbour_recall(near_II.astype(float), line, np.arange(5)) == 1
    similarity_II = near_II.astype(float)
    similarity_II[0, 1], similarity_II[0, 3] = 0, 2
    assert neighbour_recall(similarity_II, line, np.arange(5)) == 7 / 8
