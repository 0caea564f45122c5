"""The nulls against enumeration: closed forms exactly, the chain's stationary law by chi-square."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from siftnet.analysis.near import near_pairs
from siftnet.analysis.nulls import (
    DegreeShuffler,
    expected_from_pairs,
    expected_uniform,
    mixing_trades,
    placements,
    shuffle_degree,
    shuffle_uniform,
)
from siftnet.analysis.pairs import pair_counts
from siftnet.geometry import Grid


def all_rows(degree: Any, inputs: Any) -> Any:
    rows = []
    for chosen in combinations(range(inputs), degree):
        row = np.zeros(inputs, dtype=bool)
        row[list(chosen)] = True
        rows.append(row)
    return rows


def all_masks(in_degrees: Any, input_degrees: Any) -> Any:
    """Every mask with these margins."""
    choices = [all_rows(degree, len(input_degrees)) for degree in in_degrees]
    masks = (np.array(rows) for rows in product(*choices))
    return [mask for mask in masks if np.array_equal(mask.sum(axis=0), input_degrees)]


def uniformity(samples: list[np.ndarray], states: Any) -> Any:
    """p-value of chi-square against equal frequency of all states."""
    number = {state.tobytes(): k for k, state in enumerate(states)}
    counts = np.bincount([number[sample.tobytes()] for sample in samples], minlength=len(states))
    return stats.chisquare(counts).pvalue


@pytest.mark.parametrize("weight", ["pair", "node"])
@pytest.mark.parametrize(
    "grid", [Grid((2, 3)), Grid((2, 3), periodic=True), Grid((3,), 2), Grid((4,), 1, True), Grid((2, 1, 2), 2)]
)
def test_uniform_expectation_equals_the_mean_over_all_masks(grid: Grid, weight: Any) -> None:
    degrees = [0, 1, 2, 3]
    mask_JI = np.array([all_rows(degree, grid.size)[0] for degree in degrees])
    expected = expected_uniform(mask_JI, grid, weight)
    same = different = 0.0
    for degree in degrees:
        rows = all_rows(degree, grid.size)
        counts = [pair_counts(row[None], grid, weight) for row in rows]
        same = same + np.mean([c.same_channel for c in counts], axis=0)
        different = different + np.mean([c.different_channel for c in counts], axis=0)
    np.testing.assert_allclose(expected.same_channel, same, rtol=0, atol=1e-12)
    np.testing.assert_allclose(expected.different_channel, different, rtol=0, atol=1e-12)


@pytest.mark.parametrize("grid", [Grid((4, 5), 3), Grid((4, 5), 3, True), Grid((6,)), Grid((1,))])
def test_a_full_mask_is_its_own_expectation(grid: Grid) -> None:
    full_JI = np.ones((2, grid.size), dtype=bool)
    counts, expected = pair_counts(full_JI, grid), expected_uniform(full_JI, grid)
    np.testing.assert_allclose(counts.same_channel, expected.same_channel, rtol=1e-12)
    np.testing.assert_allclose(counts.different_channel, expected.different_channel, rtol=1e-12)
    assert placements(grid)[0].sum() + placements(grid)[1].sum() == grid.size * (grid.size - 1)


def test_expectation_from_pairs_equals_that_from_the_mask() -> None:
    grid = Grid((4, 5), 2)
    mask_JI = np.random.default_rng(0).random((7, grid.size)) < 0.3
    direct, derived = expected_uniform(mask_JI, grid), expected_from_pairs(pair_counts(mask_JI, grid), grid)
    np.testing.assert_allclose(direct.same_channel, derived.same_channel, rtol=1e-12)
    np.testing.assert_allclose(direct.different_channel, derived.different_channel, rtol=1e-12)


def test_uniform_shuffle_is_uniform_and_keeps_every_in_degree() -> None:
    mask_JI = np.array(all_rows(2, 5)[:1] + all_rows(3, 5)[:1] + all_rows(0, 5) + all_rows(5, 5))
    rng = np.random.default_rng(0)
    samples = [shuffle_uniform(mask_JI, rng) for _ in range(2000)]
    assert all(np.array_equal(sample.sum(axis=1), [2, 3, 0, 5]) for sample in samples)
    assert samples[0].dtype == np.bool_
    assert uniformity([sample[0] for sample in samples], all_rows(2, 5)) > 0.01
    assert uniformity([sample[1] for sample in samples], all_rows(3, 5)) > 0.01


@pytest.mark.parametrize(
    ("in_degrees", "input_degrees"),
    [([2, 2, 2, 2], [2, 2, 2, 2]), ([3, 1, 2], [2, 2, 1, 1]), ([1, 1, 3, 2, 0], [2, 2, 1, 2])],
)
def test_degree_chain_is_uniform_over_all_masks_with_its_margins(in_degrees: Any, input_degrees: Any) -> None:
    states = all_masks(in_degrees, input_degrees)
    assert len(states) >= 8
    shuffler = DegreeShuffler(states[0], np.random.default_rng(1))
    # Among three nodes five trades leave neighbouring samples alike, and chi-square wants independent ones.
    samples = [shuffler.sample(trades=30) for _ in range(400 * len(states))]
    assert uniformity(samples, states) > 0.01


def test_uniformity_check_sees_a_biased_chain() -> None:
    states = all_masks([2, 2, 2, 2], [2, 2, 2, 2])
    rng = np.random.default_rng(1)
    # Keeps both margins, but swapping whole nodes and inputs never leaves the class of the first state.
    biased = [states[0][rng.permutation(4)][:, rng.permutation(4)] for _ in range(3000)]
    assert uniformity(biased, states) < 1e-6


@pytest.mark.parametrize("nodes", [64, 65])
def test_degree_shuffle_keeps_both_margins_and_moves_the_rest(nodes: Any) -> None:
    rng = np.random.default_rng(2)
    popularity_I = rng.random(300) ** 3
    mask_JI = rng.random((nodes, 300)) < popularity_I * rng.random((nodes, 1))
    mask_JI[3], mask_JI[4] = False, True
    shuffler = DegreeShuffler(mask_JI, rng)
    before = mask_JI
    for _ in range(5):
        after = shuffler.sample()
        assert after.dtype == np.bool_
        assert np.array_equal(after.sum(axis=1), mask_JI.sum(axis=1))
        assert np.array_equal(after.sum(axis=0), mask_JI.sum(axis=0))
        changed_J = (after != before).any(axis=1)
        free_J = (mask_JI.sum(axis=1) > 10) & (mask_JI.sum(axis=1) < 290)
        assert changed_J[free_J].all()
        before = after


@pytest.mark.parametrize("nodes", [2, 7, 8])
def test_every_node_takes_part_in_every_sweep(nodes: Any) -> None:
    mask_JI = np.random.default_rng(8).random((nodes, 400)) < 0.3
    shuffler = DegreeShuffler(mask_JI, np.random.default_rng(9))
    before = shuffler.sample(trades=1)
    for _ in range(20):
        after = shuffler.sample(trades=1)
        assert (after != before).any(axis=1).all()
        before = after


def test_shuffles_are_decided_by_the_generator() -> None:
    mask_JI = np.random.default_rng(3).random((20, 60)) < 0.3
    original = mask_JI.copy()
    for shuffle in (shuffle_degree, shuffle_uniform):
        first, again = (shuffle(mask_JI, np.random.default_rng(4)) for _ in range(2))
        other = shuffle(mask_JI, np.random.default_rng(5))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
    assert np.array_equal(mask_JI, original)


def test_samples_hold_no_view_of_the_chain() -> None:
    shuffler = DegreeShuffler(np.random.default_rng(6).random((10, 30)) < 0.4, np.random.default_rng(7))
    first = shuffler.sample()
    kept = first.copy()
    shuffler.sample()
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("mask_JI", [np.zeros((4, 6), bool), np.ones((4, 6), bool), np.eye(1, 6, dtype=bool)])
def test_masks_without_freedom_stay_as_they_are(mask_JI: np.ndarray) -> None:
    assert np.array_equal(shuffle_degree(mask_JI, np.random.default_rng(0)), mask_JI)


def mask_with_hubs() -> Any:
    """Half of all pairs near one another in five local hubs, among nodes with few inputs."""
    grid = Grid((16, 16))
    y, x = np.indices(grid.shape) - 7.5
    mask_JI = np.random.default_rng(0).random((100, grid.size)) < 0.03
    mask_JI[:5] = (x**2 + y**2 < 30).ravel()
    return mask_JI, grid


def deviation(samples: list[np.ndarray], reference: Any, grid: Grid) -> Any:
    """How far the mean of some samples' near pairs lies from that of reference samples, in standard errors."""
    near, far = ([near_pairs(mask, grid).sum() for mask in masks] for masks in (samples, reference))
    return abs(np.mean(near) - np.mean(far)) / (np.std(far) * np.sqrt(1 / len(near) + 1 / len(far)))


def test_first_samples_have_forgotten_the_hubs_they_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    mask_JI, grid = mask_with_hubs()
    shuffler = DegreeShuffler(mask_JI, np.random.default_rng(1))
    reference = [shuffler.sample() for _ in range(300)][100:]
    first = [shuffle_degree(mask_JI, np.random.default_rng(seed)) for seed in range(40)]
    assert deviation(first, reference, grid) < 3.5
    monkeypatch.setattr("siftnet.analysis.nulls.BURN_IN", 0)
    hasty = [shuffle_degree(mask_JI, np.random.default_rng(seed), trades=5) for seed in range(40)]
    assert deviation(hasty, reference, grid) > 10


def test_neighbouring_samples_are_nearly_independent() -> None:
    mask_JI, grid = mask_with_hubs()
    shuffler = DegreeShuffler(mask_JI, np.random.default_rng(2))
    correlation = []
    for trades in (None, 5):
        near = np.array([near_pairs(shuffler.sample(trades), grid).sum() for _ in range(600)])
        correlation.append(np.corrcoef(near[:-1], near[1:])[0, 1])
    assert correlation[0] < 0.25
    assert correlation[1] > 0.4


def test_hubs_ask_for_more_trades() -> None:
    assert mixing_trades(np.full(100, 20), 3072) == 5
    assert mixing_trades(np.full(100, 3052), 3072) == 5
    hubs = np.concatenate([np.full(20, 1000), np.full(980, 7)])
    assert 50 < mixing_trades(hubs, 3072) < 200
    assert mixing_trades(3072 - hubs, 3072) == mixing_trades(hubs, 3072)
    assert mixing_trades(np.array([3000, *[1] * 999]), 3072) == 200
    for degrees in ([0, 0], [1, 1], [8, 8], []):
        assert mixing_trades(np.array(degrees, dtype=int), 8) == 5


def test_at_least_one_trade() -> None:
    with pytest.raises(ValueError, match="trades must be at least 1, got 0"):
        shuffle_degree(np.ones((2, 2), bool), np.random.default_rng(0), trades=0)
