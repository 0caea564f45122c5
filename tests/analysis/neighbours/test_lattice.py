"""Places on lattices: distances, profiles, assignments and refinements against brute force and known answers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import quadratic_assignment
from scipy.spatial.distance import cdist
from sklearn.isotonic import IsotonicRegression

from siftnet.analysis.neighbours.assignment import assigned, strongest
from siftnet.analysis.neighbours.lattice import cut, distances, place
from siftnet.analysis.neighbours.profile import profile
from siftnet.analysis.neighbours.refine import refined
from siftnet.analysis.neighbours.score import score_places
from siftnet.analysis.neighbours.spectrum import spectrum
from siftnet.analysis.neighbours.stretches import turned_stretches
from siftnet.geometry import Grid, ring, torus, volume

SHAPES = [ring(30), Grid((30,)), torus(8, 8), Grid((8, 9)), volume(5, 5, 5)]


def shuffled(lattice: Grid, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Similarity that falls with distance, with noise, of sites in a drawn order; and each site's place."""
    rng = np.random.default_rng(seed)
    place_S = rng.permutation(lattice.sites)
    distance_SS = distances(lattice)[np.ix_(place_S, place_S)]
    noise_SS = rng.normal(size=distance_SS.shape) * noise / np.sqrt(2)
    similarity_SS = np.exp(-((distance_SS / 1.5) ** 2)) + noise_SS + noise_SS.T
    np.fill_diagonal(similarity_SS, 0)
    return similarity_SS, place_S


def test_distances_are_scipys_and_go_round_a_torus() -> None:
    at_PA = np.indices((4, 5)).reshape(2, -1).T
    assert distances(Grid((4, 5))) == pytest.approx(cdist(at_PA, at_PA))
    wrapped = np.min([cdist(at_PA, at_PA + np.array([4 * a, 5 * b])) for a in (-1, 0, 1) for b in (-1, 0, 1)], axis=0)
    assert distances(torus(4, 5)) == pytest.approx(wrapped)


def test_a_profile_is_an_isotonic_regression() -> None:
    lattice = ring(12)
    similarity_SS, place_S = shuffled(lattice, 0.2)
    found = profile(similarity_SS, distances(lattice), place_S)
    upper = np.triu_indices(12, 1)
    at_N, value_N = distances(lattice)[np.ix_(place_S, place_S)][upper], similarity_SS[upper]
    expected_N = IsotonicRegression(increasing=False).fit_transform(at_N, value_N)
    residual = ((value_N - expected_N) ** 2).sum()
    assert found.explained == pytest.approx(1 - residual / ((value_N - value_N.mean()) ** 2).sum())
    assert found.noise == pytest.approx(residual / len(value_N))
    assert found.at(at_N) == pytest.approx(expected_N - expected_N.min())
    assert found.at(np.zeros(1)) == 0


def test_the_true_places_explain_all_of_what_has_no_noise() -> None:
    similarity_SS, place_S = shuffled(torus(5, 5), 0)
    assert profile(similarity_SS, distances(torus(5, 5)), place_S).explained == pytest.approx(1)
    other_S = np.random.default_rng(1).permutation(25)
    assert profile(similarity_SS, distances(torus(5, 5)), other_S).explained < 0.3


@pytest.mark.parametrize("seed", range(4))
def test_relaxed_assignment_is_as_good_as_scipys(seed: int) -> None:
    """SciPy's begins at the flat matrix and has no sparse flow; both from the same places here."""
    rng = np.random.default_rng(seed)
    flow_SS, distance_SS = rng.random((2, 12, 12))
    flow_SS, distance_SS = flow_SS + flow_SS.T, distance_SS + distance_SS.T
    np.fill_diagonal(flow_SS, 0)
    np.fill_diagonal(distance_SS, 0)
    start_S = rng.permutation(12)
    start_SP = np.eye(12)[start_S]
    theirs = quadratic_assignment(flow_SS, distance_SS, options={"P0": start_SP, "tol": 1e-6, "maxiter": 60})
    ours_S = assigned(strongest(flow_SS, 11), distance_SS, start_S)
    cost = (flow_SS * distance_SS[np.ix_(ours_S, ours_S)]).sum()
    assert sorted(ours_S) == list(range(12))
    assert cost <= theirs.fun * 1.05


def test_refining_finds_the_likeliest_of_all_places() -> None:
    lattice = ring(8)
    similarity_SS, place_S = shuffled(lattice, 0.3)
    distance_PP = distances(lattice)
    expected = profile(similarity_SS, distance_PP, place_S)
    near_SK = np.argsort(-similarity_SS, axis=1)[:, :7]
    found_S = refined(similarity_SS, distance_PP, np.arange(8), expected, near_SK)

    def likelihood(places_S: np.ndarray) -> float:
        return float((similarity_SS * expected.at(distance_PP[np.ix_(places_S, places_S)])).sum())

    best = max(likelihood(np.array((0, *order))) for order in permutations(range(1, 8)))
    assert likelihood(found_S) == pytest.approx(best, rel=0.02)


@pytest.mark.parametrize("periodic", [False, True])
def test_a_turned_stretch_is_turned_back(periodic: bool) -> None:
    lattice = Grid((20,), periodic=periodic)
    similarity_SS, place_S = shuffled(lattice, 0)
    site_P = np.argsort(place_S)
    site_P[4:11] = site_P[4:11][::-1]
    wrong_S = np.argsort(site_P)
    weight_R = np.exp(-((np.arange(1, 5) / 1.5) ** 2))
    found_S = turned_stretches(similarity_SS, weight_R, wrong_S, periodic)
    assert score_places(lattice, wrong_S, lattice, place_S).exact < 1
    assert score_places(lattice, found_S, lattice, place_S).exact == 1


@pytest.mark.parametrize("lattice", SHAPES, ids=Grid.describe)
def test_sites_are_put_back_in_order(lattice: Grid) -> None:
    similarity_SS, place_S = shuffled(lattice, 0.1)
    found = place(similarity_SS, lattice, spectrum(similarity_SS).vectors_SK)
    assert score_places(lattice, found.place_S, lattice, place_S).recall > 0.95
    assert sorted(found.place_S) == list(range(lattice.sites))
    again = place(similarity_SS, lattice, spectrum(similarity_SS).vectors_SK)
    assert (again.place_S == found.place_S).all()


def test_a_line_is_cut_out_of_a_ring_at_its_ends() -> None:
    line = Grid((25,))
    similarity_SS, place_S = shuffled(line, 0.02)
    found = place(similarity_SS, ring(25), spectrum(similarity_SS).vectors_SK)
    assert score_places(line, cut(similarity_SS, found), line, place_S).exact == 1
