"""Pairs at points, against SciPy's distances, grids of the same sites and all masks there are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from builders import points_of
from siftnet.analysis.distances import (
    FARTHEST,
    count_distances,
    evenly_at,
    spacing,
    summed,
    summed_by_node,
)
from siftnet.analysis.near import near_pairs, near_share
from siftnet.analysis.pairs import pair_counts, rings
from siftnet.geometry import Grid, Points

GRIDS = [Grid((7, 6)), Grid((23,)), Grid((4, 3, 5)), Grid((1, 2)), Grid((1,))]
DENSITIES = np.linspace(0, 1, 15)[:, None]


def scattered(points: int, axes: int, seed: int = 0) -> Points:
    """Uniform in a cube, a tenth of them at places that are taken."""
    rng = np.random.default_rng(seed)
    coordinates = rng.random((points, axes))
    coordinates[: points // 10] = coordinates[-(points // 10) :]
    return Points(coordinates)


def brute_force(mask_I: np.ndarray, distance_II: np.ndarray, bins: int) -> tuple[np.ndarray, int]:
    """Ordered pairs of a node's inputs by bin, and near ones, from a matrix of distances in units."""
    among = distance_II[np.ix_(mask_I, mask_I)]
    apart = among[among > 0]
    ring = np.minimum(np.floor(apart + 0.5).astype(int), bins - 2)
    together = (among == 0).sum() - mask_I.sum()
    return np.concatenate([[together], np.bincount(ring, minlength=bins - 1)]), int((apart <= 2).sum())


@pytest.mark.parametrize("axes", [1, 2, 3, 10])
def test_counts_are_those_of_scipys_distances(axes: int) -> None:
    points = scattered(90, axes)
    found, distance_II = spacing(points), squareform(pdist(points.coordinates))
    assert found.unit is not None
    distance_II /= found.unit
    mask_JI = np.random.default_rng(1).random((15, 90)) < DENSITIES
    count_JB, near_J = count_distances(mask_JI, found)
    assert count_JB.dtype == near_J.dtype == np.int64
    for j, mask_I in enumerate(mask_JI):
        expected_B, near = brute_force(mask_I, distance_II, count_JB.shape[1])
        np.testing.assert_array_equal(count_JB[j], expected_B)
        assert near_J[j] == near
    assert near_J[7] > 0
    assert count_JB[-1, 0] == 2 * 9


def test_the_unit_is_the_median_distance_to_the_nearest_other_place() -> None:
    coordinates = np.random.default_rng(0).random((40, 2))
    distance_II = squareform(pdist(coordinates))
    np.fill_diagonal(distance_II, np.inf)
    expected = np.median(distance_II.min(axis=1))
    assert spacing(Points(coordinates)).unit == pytest.approx(expected)
    thrice = Points(np.concatenate([coordinates] * 3))
    assert spacing(thrice).unit == pytest.approx(expected)
    assert spacing(Points(1e-200 * coordinates + 3)).unit is None
    assert spacing(Points(1e-200 * coordinates)).unit == pytest.approx(1e-200 * expected)
    assert spacing(Points(1e149 * coordinates)).unit == pytest.approx(1e149 * expected)


@pytest.mark.parametrize("grid", GRIDS, ids=Grid.describe)
@pytest.mark.parametrize(("step", "origin"), [(1.0, 0.0), (0.1, 0.3), (1 / 3, -1e6), (1e-7, 12.0)])
def test_sites_of_a_grid_have_its_near_pairs_and_rings(grid: Grid, step: float, origin: float) -> None:
    found = spacing(points_of(grid, step, origin))
    mask_JI = np.random.default_rng(2).random((15, grid.size)) < DENSITIES
    count_JB, near_J = count_distances(mask_JI, found)
    np.testing.assert_array_equal(near_J, near_pairs(mask_JI, grid))
    assert found.near_share == near_share(grid)
    on_grid = pair_counts(mask_JI, grid)
    by_ring_R = np.bincount(rings(on_grid).ravel(), weights=on_grid.same_channel.ravel())
    np.testing.assert_array_equal(summed(count_JB).apart, by_ring_R)
    assert summed(count_JB).together == summed(count_JB).beyond == 0


def test_inputs_of_one_place_are_no_near_pair() -> None:
    grid = Grid((5, 5), 3)
    mask_JI = np.random.default_rng(3).random((8, 75)) < 0.4
    count_JB, near_J = count_distances(mask_JI, spacing(points_of(grid)))
    on_grid = pair_counts(mask_JI, grid)
    both_D = on_grid.same_channel + on_grid.different_channel
    assert summed(count_JB).together == both_D[4, 4]
    both_D[4, 4] = 0
    squared_D = (on_grid.displacements**2).sum(axis=0)
    assert near_J.sum() == both_D[squared_D <= 4].sum()
    alone = summed_by_node(count_JB[:1], mask_JI[:1].sum(axis=1))
    assert alone.total == pytest.approx(1.0)
    assert alone.together == pytest.approx(count_JB[0, 0] / count_JB[0].sum())


def test_the_closed_form_is_the_mean_over_all_masks() -> None:
    found = spacing(scattered(11, 2))
    chosen = np.array(list(combinations(range(11), 4)))
    mask_JI = np.zeros((len(chosen), 11), bool)
    np.put_along_axis(mask_JI, chosen, values=True, axis=1)
    count_JB, near_J = count_distances(mask_JI, found)
    mean = evenly_at(12.0, found)
    np.testing.assert_allclose(count_JB.mean(axis=0), [mean.together, *mean.apart, mean.beyond])
    assert near_J.mean() == pytest.approx(4 * 3 * found.near_share)


def test_pairs_beyond_the_last_ring_are_counted_together() -> None:
    # Two clusters, farther from each other than rings are kept.
    along = np.concatenate([np.arange(10.0), 1e6 + np.arange(10.0)])
    count_JB, near_J = count_distances(np.ones((1, 20), bool), spacing(Points(along[:, None])))
    counts = summed(count_JB)
    assert len(counts.apart) == 10
    assert counts.beyond == 2 * 10 * 10
    assert counts.total == 20 * 19
    assert near_J.tolist() == [2 * 2 * (9 + 8)]
    long = spacing(Points(np.arange(FARTHEST + 10.0)[:, None]))
    assert long.bins_IB.shape == (FARTHEST + 10, FARTHEST + 2)
    assert long.bins_IB[:, -1].sum() == 2 * (10 * 11 // 2)


@pytest.mark.parametrize("points", [1, 2, 7])
def test_points_at_one_place_have_no_unit_and_no_near_pair(points: int) -> None:
    found = spacing(Points(np.full((points, 2), 0.1)))
    assert found.unit is None
    assert found.near_share == 0
    count_JB, near_J = count_distances(np.ones((2, points), bool), found)
    assert near_J.tolist() == [0, 0]
    assert count_JB[0].tolist() == [points * (points - 1), 0, 0]


def test_two_points_are_one_unit_apart() -> None:
    found = spacing(Points([[0.0, 0.0], [3.0, 4.0]]))
    assert found.unit == pytest.approx(5.0)
    assert found.near_share == 1
    assert count_distances(np.ones((1, 2), bool), found)[0].tolist() == [[0, 0, 2, 0]]
