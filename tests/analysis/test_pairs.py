"""Pair counts against a loop over all pairs, on every kind of grid."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siftnet.analysis.pairs import PairCounts, displacements, pair_counts, pair_counts_by_degree
from siftnet.geometry import Grid


def brute_force(mask_JI: np.ndarray, grid: Grid, weight: Any = "pair") -> Any:
    """Both maps by a loop over ordered pairs of distinct inputs."""
    where = displacements(grid)
    maps = np.zeros((2, *where.shape[1:]))
    places = list(product(range(grid.channels), *map(range, grid.shape)))
    for row in mask_JI:
        held = [places[i] for i in np.flatnonzero(row)]
        weigh = 1.0 if weight == "pair" else 1.0 / max(len(held) * (len(held) - 1), 1)
        for a, b in product(held, held):
            if a == b:
                continue
            index = []
            for n, x, y in zip(grid.shape, a[1:], b[1:], strict=True):
                index.append((y - x + n // 2) % n if grid.periodic else y - x + n - 1)
            maps[(int(a[0] != b[0]), *index)] += weigh
    return maps


def assert_equal(counts: PairCounts, maps: Any) -> None:
    assert np.array_equal(counts.same_channel, maps[0])
    assert np.array_equal(counts.different_channel, maps[1])


@st.composite
def masks_on_grids(draw: Any) -> Any:
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    grid = Grid(shape, draw(st.integers(1, 3)), draw(st.booleans()))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    mask_JI = rng.random((draw(st.integers(0, 3)), grid.size)) < draw(st.sampled_from([0.0, 0.1, 0.4, 1.0]))
    return mask_JI, grid


@settings(max_examples=60, deadline=None, derandomize=True)
@given(masks_on_grids())
def test_counts_equal_brute_force(case: Any) -> None:
    mask_JI, grid = case
    counts = pair_counts(mask_JI, grid)
    assert counts.same_channel.dtype == counts.different_channel.dtype == np.int64
    assert_equal(counts, brute_force(mask_JI, grid))


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", [(9,), (8,), (4, 7), (3, 4, 2)])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_counts_equal_brute_force_on_every_kind_of_grid(shape: tuple[int, ...], channels: int, periodic: bool) -> None:
    grid = Grid(shape, channels, periodic)
    mask_JI = np.random.default_rng(1).random((4, grid.size)) < 0.3
    counts = pair_counts(mask_JI, grid)
    assert counts.same_channel.shape == tuple(n if periodic else 2 * n - 1 for n in shape)
    assert_equal(counts, brute_force(mask_JI, grid))


def test_comparison_sees_one_pair_too_many_and_one_shifted() -> None:
    grid = Grid((4, 5), 2)
    mask_JI = np.random.default_rng(2).random((3, grid.size)) < 0.4
    counts, maps = pair_counts(mask_JI, grid), brute_force(mask_JI, grid)
    for which in (0, 1):
        wrong = maps.copy()
        wrong[which, 0, 0] += 1
        with pytest.raises(AssertionError):
            assert_equal(counts, wrong)
        with pytest.raises(AssertionError):
            assert_equal(counts, np.roll(maps, 1, axis=2))


def test_counts_of_one_hand_written_pair() -> None:
    # Two inputs of one channel, one row up and two columns apart; a third in the other channel above the first.
    grid = Grid((3, 4), 2)
    mask = np.zeros((1, 2, 3, 4), dtype=bool)
    mask[0, 0, 1, 0] = mask[0, 0, 2, 2] = mask[0, 1, 1, 0] = True
    counts = pair_counts(mask.reshape(1, -1), grid)
    same = {
        tuple(counts.displacements[:, y, x]): int(counts.same_channel[y, x]) for y, x in product(range(5), range(7))
    }
    assert {d: n for d, n in same.items() if n} == {(1, 2): 1, (-1, -2): 1}
    assert counts.different_channel[2, 3] == 2
    assert counts.different_channel.sum() == 4


@pytest.mark.parametrize("periodic", [False, True])
def test_node_weighting_gives_every_node_the_same_say(periodic: bool) -> None:
    grid = Grid((4, 5), 2, periodic)
    mask_JI = np.random.default_rng(3).random((5, grid.size)) < 0.3
    mask_JI[0], mask_JI[1, 1:] = False, False
    counts = pair_counts(mask_JI, grid, weight="node")
    maps = brute_force(mask_JI, grid, weight="node")
    np.testing.assert_allclose(counts.same_channel, maps[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(counts.different_channel, maps[1], rtol=0, atol=1e-13)
    assert np.array_equal(counts.same_channel > 0, maps[0] > 0)
    nodes_with_pairs = (mask_JI.sum(axis=1) > 1).sum()
    assert counts.same_channel.sum() + counts.different_channel.sum() == pytest.approx(nodes_with_pairs)


def test_chunks_of_nodes_do_not_change_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid((5, 6), 3)
    mask_JI = np.random.default_rng(4).random((50, grid.size)) < 0.3
    whole = pair_counts(mask_JI, grid)
    monkeypatch.setattr("siftnet.analysis.pairs.CHUNK", 1)
    one_by_one = pair_counts(mask_JI, grid)
    assert np.array_equal(whole.same_channel, one_by_one.same_channel)
    assert np.array_equal(whole.different_channel, one_by_one.different_channel)


def test_a_large_full_mask_stays_exact() -> None:
    grid = Grid((32, 32), 3)
    counts = pair_counts(np.ones((300, grid.size), dtype=bool), grid)
    height, width = np.abs(counts.displacements)
    expected = 300 * 3 * (32 - height) * (32 - width)
    expected[31, 31] = 0
    assert np.array_equal(counts.same_channel, expected)
    assert counts.different_channel[31, 31] == 300 * 6 * 1024


def test_bins_cover_every_node_once() -> None:
    grid = Grid((4, 4))
    mask_JI = np.zeros((6, 16), dtype=bool)
    for j, degree in enumerate([0, 1, 2, 3, 4, 16]):
        mask_JI[j, :degree] = True
    bins = pair_counts_by_degree(mask_JI, grid, [2, 4])
    assert bins.low.tolist() == [0, 2, 4]
    assert bins.high.tolist() == [2, 4, 17]
    assert bins.nodes.tolist() == [2, 2, 2]
    for k, rows in enumerate(([0, 1], [2, 3], [4, 5])):
        assert_equal(bins.counts[k], brute_force(mask_JI[rows], grid))
    assert (
        sum(int(counts.same_channel.sum()) for counts in bins.counts) == pair_counts(mask_JI, grid).same_channel.sum()
    )
    assert pair_counts_by_degree(mask_JI, grid, []).nodes.tolist() == [6]


@pytest.mark.parametrize("edges", [[2, 2], [3, 1], [0, 2]])
def test_edges_must_increase(edges: Any) -> None:
    with pytest.raises(ValueError, match="strictly increasing"):
        pair_counts_by_degree(np.ones((1, 4), dtype=bool), Grid((2, 2)), edges)


def test_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit a 2 x 2 grid"):
        pair_counts(np.ones((1, 5), dtype=bool), Grid((2, 2)))
    with pytest.raises(ValueError, match="must be boolean"):
        pair_counts(np.ones((1, 4)), Grid((2, 2)))
