"""What says that two inputs belong together, against NumPy, scikit-learn and cases by hand."""

from __future__ import annotations

import numpy as np
import pytest

from siftnet.analysis.neighbours.evidence import (
    co_connection,
    correlations,
    movement,
    partial_correlations,
    weight_likeness,
)


def chain(examples: int, inputs: int, rng: np.random.Generator) -> np.ndarray:
    """Each input the last one and noise: all are correlated, and given the others the next ones alone."""
    x_NI = rng.normal(size=(examples, inputs))
    for i in range(1, inputs):
        x_NI[:, i] += 0.9 * x_NI[:, i - 1]
    return x_NI


def test_correlations_are_numpys() -> None:
    x_NI = chain(200, 5, np.random.default_rng(0)) * [1, 2, -3, 4, 5] + 7
    expected_II = np.abs(np.corrcoef(x_NI.T)) - np.eye(5)
    assert correlations(x_NI) == pytest.approx(expected_II, abs=1e-5)


def test_partial_correlations_are_those_of_the_inverse() -> None:
    x_NI = chain(2000, 6, np.random.default_rng(1))
    precision_II = np.linalg.inv(np.corrcoef(x_NI.T) + 0.02 * np.eye(6))
    scale_I = np.sqrt(np.diag(precision_II))
    expected_II = -precision_II / np.outer(scale_I, scale_I)
    np.fill_diagonal(expected_II, 0)
    assert partial_correlations(x_NI, ridges=(0.02,)).similarity == pytest.approx(expected_II, abs=1e-4)


def test_partial_correlations_see_the_next_ones_alone_where_correlations_see_all() -> None:
    x_NI = chain(5000, 8, np.random.default_rng(2))
    next_II = np.abs(np.subtract.outer(np.arange(8), np.arange(8))) == 1
    far_II = ~next_II & ~np.eye(8, dtype=bool)
    partial_II = partial_correlations(x_NI).similarity
    assert partial_II[next_II].min() > 0.3
    assert np.abs(partial_II[far_II]).max() < 0.1
    assert correlations(x_NI)[far_II].max() > 0.5


def test_the_ridge_is_larger_where_examples_are_few() -> None:
    rng = np.random.default_rng(3)
    few, many = (partial_correlations(chain(n, 40, rng)).ridge for n in (60, 20_000))
    assert few > many


@pytest.mark.parametrize("examples", [3, 10])
def test_fewer_examples_than_inputs_have_an_answer(examples: int) -> None:
    found = partial_correlations(chain(examples, 20, np.random.default_rng(4)))
    assert np.isfinite(found.similarity).all()


def test_a_constant_input_and_one_without_connections_are_similar_to_none() -> None:
    x_NI = chain(500, 6, np.random.default_rng(5))
    x_NI[:, 2] = 3.0
    mask_JI = np.random.default_rng(6).random((50, 6)) < 0.5
    mask_JI[:, 2] = False
    for similarity_II in (
        correlations(x_NI),
        partial_correlations(x_NI).similarity,
        co_connection(mask_JI),
        weight_likeness(mask_JI * 1.5),
    ):
        assert np.isfinite(similarity_II).all()
        assert not similarity_II[2].any()
        assert not similarity_II[:, 2].any()


def test_duplicates_are_finite_and_each_others_nearest() -> None:
    x_NI = chain(500, 6, np.random.default_rng(7))
    x_NI[:, 5] = x_NI[:, 0]
    similarity_II = partial_correlations(x_NI).similarity
    assert np.isfinite(similarity_II).all()
    assert similarity_II[0].argmax() == 5
    assert similarity_II[5].argmax() == 0


def test_co_connection_is_what_degree_preserving_shuffles_leave_over() -> None:
    from siftnet.analysis.nulls import DegreeShuffler

    rng = np.random.default_rng(8)
    mask_JI = rng.random((300, 12)) < np.linspace(0.05, 0.3, 12)
    mask_JI[:, 1] |= mask_JI[:, 0]
    similarity_II = co_connection(mask_JI)
    shuffler = DegreeShuffler(mask_JI, rng)
    by_chance = np.array([shuffler.sample().astype(float) for _ in range(300)])
    shared = np.einsum("sji,sjk->sik", by_chance, by_chance)
    mask = mask_JI.astype(float)
    z_II = (mask.T @ mask - shared.mean(axis=0)) / np.sqrt(shared.mean(axis=0))
    upper = np.triu_indices(12, 1)
    assert similarity_II[upper] == pytest.approx(z_II[upper], abs=1.0)
    assert similarity_II.argmax() in (1, 12)


@pytest.mark.parametrize("mask_JI", [np.zeros((4, 5), bool), np.ones((4, 5), bool), np.eye(4, 5, dtype=bool)])
def test_masks_that_say_nothing_give_no_similarity(mask_JI: np.ndarray) -> None:
    assert co_connection(mask_JI) == pytest.approx(np.zeros((5, 5)), abs=1e-6)


def test_weights_and_movement_find_inputs_that_go_together() -> None:
    rng = np.random.default_rng(9)
    weights_JI = rng.normal(size=(200, 30))
    weights_JI[:, 1::2] = weights_JI[:, ::2] + 0.3 * rng.normal(size=(200, 15))
    partner_I = np.arange(30) ^ 1
    assert (weight_likeness(weights_JI).argmax(axis=1) == partner_I).mean() > 0.9
    assert (movement(weights_JI).argmax(axis=1) == partner_I).mean() > 0.9
