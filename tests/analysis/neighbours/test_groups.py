"""Inputs that share a site are told apart from neighbours; chance makes no groups."""

from __future__ import annotations

import numpy as np
import pytest

from siftnet.analysis.neighbours.groups import between_sites, nearest, site_groups


def similar(groups: int, size: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Similarity of inputs that lie on a ring of sites, shuffled, with each one's site."""
    rng = np.random.default_rng(seed)
    site_I = rng.permutation(np.repeat(np.arange(groups), size))
    apart_II = np.abs(np.subtract.outer(site_I, site_I))
    apart_II = np.minimum(apart_II, groups - apart_II)
    noise_II = rng.normal(size=apart_II.shape) * noise
    similarity_II = np.exp(-apart_II.astype(float)) + noise_II + noise_II.T
    np.fill_diagonal(similarity_II, 0)
    return similarity_II, site_I


@pytest.mark.parametrize("size", [2, 3, 4])
def test_groups_are_found_whatever_the_order(size: int) -> None:
    similarity_II, site_I = similar(20, size, 0.02)
    found_I = site_groups(similarity_II)
    assert ((found_I[:, None] == found_I) == (site_I[:, None] == site_I)).all()
    assert sorted(set(found_I)) == list(range(20))


def test_without_groups_each_input_is_its_own() -> None:
    similarity_II, _ = similar(40, 1, 0.02)
    assert (site_groups(similarity_II) == np.arange(40)).all()
    chance_II = np.random.default_rng(1).normal(size=(60, 60))
    assert (site_groups(chance_II + chance_II.T) == np.arange(60)).all()


def test_what_noise_keeps_apart_is_grouped_with_the_rest() -> None:
    similarity_II, site_I = similar(100, 3, 0.09, seed=2)
    found_I = site_groups(similarity_II)
    assert (np.bincount(found_I) == 3).all()
    together_II = site_I[:, None] == site_I
    assert (found_I[:, None] == found_I)[together_II].mean() > 0.9


@pytest.mark.parametrize("inputs", [0, 1, 2, 3])
def test_few_inputs_have_an_answer(inputs: int) -> None:
    assert len(site_groups(np.zeros((inputs, inputs)))) == inputs


def test_similarity_of_sites_is_the_sum_over_their_pairs() -> None:
    similarity_II = np.array([[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]], float)
    expected_SS = [[0, 2 + 3 + 4 + 5], [14, 0]]
    assert between_sites(similarity_II, np.array([0, 0, 1, 1])).tolist() == expected_SS


def test_the_nearest_are_those_of_a_full_sort() -> None:
    similarity_II = np.random.default_rng(3).normal(size=(30, 30))
    without_self_II = similarity_II - 100 * np.eye(30)
    assert (nearest(similarity_II, 5) == np.argsort(-without_self_II, axis=1)[:, :5]).all()
