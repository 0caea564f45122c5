"""Locality of planted convolutions, of their shuffles, and of masks with nothing to measure."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from builders import points_of
from siftnet.analysis.index import Index
from siftnet.analysis.locality import Locality, correlation_length, locality
from siftnet.analysis.near import near_share
from siftnet.analysis.nulls import shuffle_degree, shuffle_uniform
from siftnet.analysis.pairs import pair_counts, rings
from siftnet.architecture.ruler import convolution_mask
from siftnet.geometry import Grid, Points, Unknown

GRID = Grid((12, 12), 2)
INDICES = ("index_uniform", "index_degree", "index_uniform_node", "index_degree_node")


def indices(found: Locality) -> list[Index]:
    return [getattr(found, name) for name in INDICES]


def assert_finite(found: Locality) -> None:
    """No index holds NaN or infinity, and maps hold no infinity."""
    for index in indices(found):
        for value in dataclasses.astuple(index) if index is not None else ():
            assert value is None or isinstance(value, str) or np.isfinite(value)
    for field in dataclasses.fields(found):
        value = getattr(found, field.name)
        if isinstance(value, np.ndarray):
            assert not np.isinf(value).any()


@pytest.mark.parametrize(
    "grid", [GRID, Grid((12, 12), 1, True), Grid((40,), 1, True), Grid((60,)), Grid((6, 5, 6), 1)], ids=Grid.describe
)
def test_a_planted_convolution_is_local_and_its_shuffles_are_not(grid: Grid) -> None:
    mask_JI = convolution_mask(grid, 3, filters=2)
    planted = locality(mask_JI, grid, samples=39, bootstrap=100)
    for index in indices(planted):
        assert index.value > 2.4
        assert index.low > 2.2
        assert index.p == pytest.approx(1 / 40)
        assert index.z > 5
    rng = np.random.default_rng(0)
    # Fewer kernels reach a free edge, so popularity alone keeps the degree shuffle local against uniform placement.
    for shuffle, names in ((shuffle_uniform, INDICES), (shuffle_degree, ("index_degree", "index_degree_node"))):
        shuffled = locality(shuffle(mask_JI, rng), grid, samples=39, bootstrap=100)
        for index in (getattr(shuffled, name) for name in names):
            assert abs(index.z) < 3.5
            assert index.low - 0.1 < 1 < index.high + 0.1
            assert index.p > 0.03
    assert_finite(planted)


def test_the_result_holds_the_pair_counts_of_the_bare_mask() -> None:
    mask_JI = np.random.default_rng(3).random((5, GRID.size)) < 0.1
    found = locality(mask_JI, GRID, samples=0)
    for weight, counts in (("pair", found.pairs), ("node", found.pairs_node)):
        expected = pair_counts(mask_JI, GRID, weight)
        np.testing.assert_array_equal(counts.same_channel, expected.same_channel)
        np.testing.assert_array_equal(counts.different_channel, expected.different_channel)
    assert found.same_channel.shape == found.different_channel.shape == (23, 23)
    assert found.same_channel[11, 11] == 0 < found.different_channel[11, 11]


def test_index_of_a_kernel_equals_its_hand_count() -> None:
    # A 3 x 3 kernel holds 72 ordered pairs: 4 from corner to opposite corner and 16 a knight's move apart are not near.
    grid = Grid((10, 10), 1, periodic=True)
    found = locality(convolution_mask(grid, 3), grid, samples=0)
    near = 72 - 4 - 16
    assert found.index_uniform.value == pytest.approx(near / (72 * 12 / 99))
    assert found.index_uniform.low == pytest.approx(found.index_uniform.value)
    assert found.index_uniform.high == pytest.approx(found.index_uniform.value)
    assert found.index_uniform_node.value == pytest.approx(found.index_uniform.value)


def test_popularity_alone_is_local_against_uniform_and_not_against_degrees() -> None:
    rng = np.random.default_rng(1)
    grid = Grid((16, 16))
    y, x = np.indices(grid.shape) - 7.5
    popularity_I = np.exp(-(x**2 + y**2) / 20).ravel()
    mask_JI = rng.random((200, grid.size)) < 0.5 * popularity_I
    found = locality(mask_JI, grid, samples=99, bootstrap=200)
    assert found.index_uniform.value > 2
    assert found.index_uniform.p == pytest.approx(0.01)
    assert found.index_degree.value == pytest.approx(1, abs=0.05)
    assert found.index_degree.p > 0.03
    # The band of the uniform curve shows what popularity explains: the curve lies inside it, far from 1.
    assert found.curve_uniform.low[1] < found.curve_uniform.value[1] < found.curve_uniform.high[1]
    assert found.curve_uniform.low[1] > 2


def test_p_of_a_random_mask_is_uniform() -> None:
    grid = Grid((8, 8))
    p = []
    for seed in range(60):
        mask_JI = np.random.default_rng(seed).random((20, 64)) < 0.2
        p.append(locality(mask_JI, grid, samples=19, bootstrap=1, seed=seed).index_degree.p)
    # 60 draws from 20 levels: mean 0.525, standard error 0.037.
    assert np.mean(p) == pytest.approx(0.525, abs=0.13)
    assert min(p) < 0.2 < 0.8 < max(p)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    grid = Grid((8, 8))
    covered = 0
    for seed in range(100):
        mask_JI = np.random.default_rng(1000 + seed).random((60, 64)) < 0.2
        index = locality(mask_JI, grid, samples=0, bootstrap=200, seed=seed).index_uniform
        covered += index.low <= 1 <= index.high
    assert 85 <= covered <= 100


def test_maps_and_rings_are_ratios_of_sums() -> None:
    mask_JI = np.random.default_rng(2).random((30, GRID.size)) < 0.2
    found, pairs = locality(mask_JI, GRID, samples=5, bootstrap=10), pair_counts(mask_JI, GRID)
    assert found.g_uniform.shape == found.g_degree.shape == found.g_uniform_different.shape == (23, 23)
    assert np.argwhere(np.isnan(found.g_uniform)).tolist() == [[11, 11]]
    assert np.isnan(found.curve_uniform.value[0])
    assert np.isfinite(found.curve_uniform_different.value).all()
    expected = pairs.same_channel[np.isfinite(found.g_uniform)] / found.g_uniform[np.isfinite(found.g_uniform)]
    assert np.nansum(expected) > 0
    degree_J = mask_JI.sum(axis=1)
    at_one = degree_J @ (degree_J - 1) * 2 * 4 * 12 * 11 / (GRID.size * (GRID.size - 1))
    right_one_D = rings(pairs) == 1
    corners = degree_J @ (degree_J - 1) * 2 * 4 * 11 * 11 / (GRID.size * (GRID.size - 1))
    assert right_one_D.sum() == 8
    assert found.curve_uniform.value[1] == pytest.approx(pairs.same_channel[right_one_D].sum() / (at_one + corners))
    assert (found.curve_degree.low[1:15] <= found.curve_degree.high[1:15]).all()
    assert found.radii.tolist() == list(range(len(found.curve_uniform.value)))


@pytest.mark.parametrize("grid", [Grid((40, 40)), Grid((31, 31), 1, True), Grid((9, 9, 9))], ids=Grid.describe)
def test_rings_are_half_open(grid: Grid) -> None:
    pairs = pair_counts(np.zeros((0, grid.size), bool), grid)
    r, four_squares = rings(pairs), 4 * (pairs.displacements**2).sum(axis=0)
    assert ((2 * r - 1) ** 2 <= four_squares)[r > 0].all()
    assert (four_squares < (2 * r + 1) ** 2).all()


def test_correlation_length_of_an_exponential_is_its_scale() -> None:
    r = np.arange(30)
    g_R = 1 + 5 * np.exp(-(r - 1) / 4.0)
    g_R[0] = np.nan
    assert correlation_length(g_R) == pytest.approx(5.0, abs=1e-9)
    g_R[4] = np.nan
    assert correlation_length(g_R) == pytest.approx(5.0, abs=1e-9)
    assert correlation_length(1 - 0.1 * np.ones(9)) is None
    assert correlation_length(2 * np.ones(9)) is None
    assert correlation_length(np.array([np.nan, 2.0])) is None
    assert correlation_length(np.array([np.nan, np.nan, 2.0, 1.0])) is None


def test_correlation_length_grows_with_the_kernel() -> None:
    grid = Grid((20, 20))
    small, large = (locality(convolution_mask(grid, k, 2), grid, samples=0).correlation_length for k in (3, 7))
    assert 1 < small < large < 7


def test_locality_is_decided_by_its_seed() -> None:
    mask_JI = np.random.default_rng(3).random((20, GRID.size)) < 0.1
    first, again, other = (locality(mask_JI, GRID, samples=9, bootstrap=20, seed=seed) for seed in (0, 0, 1))
    assert indices(first) == indices(again)
    assert first.index_degree != other.index_degree


def test_mask_may_be_zeros_and_ones_in_any_shape() -> None:
    mask_JI = np.random.default_rng(4).random((10, GRID.size)) < 0.2
    forms = (mask_JI, mask_JI.astype(np.float32), mask_JI.reshape(10, 2, 12, 12), mask_JI.astype(int).tolist())
    values = {locality(form, GRID, samples=0).index_uniform for form in forms}
    assert len(values) == 1


@pytest.mark.parametrize("shape", [(3, 287), (3, 12, 12, 2), (288,), (3, 2, 144)])
def test_masks_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"does not fit a 12 x 12 grid, 2 channels: it must be \(nodes, 288\) or"):
        locality(np.zeros(shape, bool), GRID)


@pytest.mark.parametrize("value", [0.5, 2, np.nan, "x", 1j])
def test_masks_of_other_values_are_refused(value: Any) -> None:
    mask = np.zeros((2, GRID.size), dtype=np.array(value).dtype)
    mask[1, 1] = value
    with pytest.raises(ValueError, match="must be boolean or of zeros and ones"):
        locality(mask, GRID)


def test_geometry_must_be_known() -> None:
    with pytest.raises(ValueError, match="is unknown: pass a Grid"):
        locality(np.zeros((2, 3), bool), Unknown(3))
    with pytest.raises(ValueError, match=r"does not fit 3 points in 2 dimensions: it must be \(nodes, 3\)$"):
        locality(np.zeros((2, 4), bool), Points(np.zeros((3, 2))))
    with pytest.raises(ValueError, match="samples must be 0 or more"):
        locality(np.zeros((2, GRID.size), bool), GRID, samples=-1)


def test_without_samples_only_the_closed_form_is_given() -> None:
    found = locality(convolution_mask(GRID, 3), GRID, samples=0, bootstrap=10)
    assert found.index_uniform.value > 3
    assert (found.index_uniform.z, found.index_uniform.p, found.index_uniform.samples) == (None, None, 0)
    assert found.index_degree is found.index_degree_node is found.g_degree is found.curve_degree is None
    assert found.curve_uniform.low is None
    assert_finite(found)


def degenerate_masks() -> Any:
    one_node, one_input = np.zeros((1, 16), bool), np.zeros((5, 16), bool)
    one_node[0, :5], one_input[:, 3] = True, True
    half_full = np.zeros((4, 16), bool)
    half_full[:2] = True
    return {
        "empty": (np.zeros((5, 16), bool), "the mask is empty"),
        "no nodes": (np.zeros((0, 16), bool), "the mask is empty"),
        "full": (np.ones((5, 16), bool), "every connection is present"),
        "one node": (one_node, "a single node keeps its inputs"),
        "one input each": (one_input, "no node has two inputs"),
        "full or empty nodes": (half_full, "every shuffle has as many near pairs"),
    }


@pytest.mark.parametrize("name", degenerate_masks())
def test_masks_without_freedom_are_not_testable(name: Any) -> None:
    mask_JI, reason = degenerate_masks()[name]
    found = locality(mask_JI, Grid((4, 4)), samples=9, bootstrap=10)
    assert found.index_degree.note == f"not testable: {reason}"
    assert (found.index_degree.z, found.index_degree.p) == (None, None)
    assert_finite(found)


def test_a_single_input_and_a_single_site_measure_nothing() -> None:
    for grid in (Grid((1,)), Grid((1, 1), 3), Grid((1,), 1, True)):
        found = locality(np.ones((3, grid.size), bool), grid, samples=3, bootstrap=10)
        assert found.index_uniform.value is found.index_degree.value is None
        assert near_share(grid) == 0
        assert_finite(found)


def test_finiteness_check_sees_a_nan() -> None:
    found = locality(convolution_mask(GRID, 3), GRID, samples=0, bootstrap=10)
    broken = dataclasses.replace(found, index_uniform=dataclasses.replace(found.index_uniform, value=float("nan")))
    with pytest.raises(AssertionError):
        assert_finite(broken)


@pytest.mark.parametrize("grid", [Grid((10, 10)), Grid((40,)), Grid((5, 5, 5))], ids=Grid.describe)
def test_points_of_a_grid_are_as_local_as_the_grid(grid: Grid) -> None:
    mask_JI = convolution_mask(grid, 3)
    mask_JI = np.concatenate([mask_JI, np.random.default_rng(0).random((20, grid.size)) < 0.6])
    on_grid, at_points = (locality(mask_JI, g, samples=9, bootstrap=50) for g in (grid, points_of(grid)))
    assert indices(at_points) == indices(on_grid)
    assert at_points.trades == on_grid.trades
    assert at_points.unit == pytest.approx(1)
    for name in ("curve_uniform", "curve_degree"):
        for part in ("value", "low", "high"):
            found, expected = (getattr(getattr(place, name), part) for place in (at_points, on_grid))
            np.testing.assert_allclose(found, expected, rtol=1e-9)
    for name in ("correlation_length", "correlation_length_degree"):
        assert getattr(at_points, name) == pytest.approx(getattr(on_grid, name))
    maps = ("g_uniform", "g_degree", "g_uniform_different", "g_degree_different", "same_channel", "different_channel")
    assert all(getattr(at_points, name) is None for name in maps)
    assert repr(at_points) == repr(on_grid)


@pytest.mark.parametrize("axes", [2, 3])
def test_a_mask_planted_on_scattered_points_is_local_and_its_shuffle_is_not(axes: int) -> None:
    rng = np.random.default_rng(axes)
    points = Points(rng.random((300, axes)))
    centre_JA = rng.random((120, axes))
    distance_JI = np.linalg.norm(centre_JA[:, None] - points.coordinates, axis=2)
    mask_JI = np.argsort(np.argsort(distance_JI, axis=1), axis=1) < 12
    planted = locality(mask_JI, points, samples=39, bootstrap=100)
    for index in indices(planted):
        assert index.value > 8
        assert index.low > 6
        assert index.p == pytest.approx(1 / 40)
    assert planted.correlation_length > 1
    shuffled = locality(shuffle_degree(mask_JI, rng), points, samples=39, bootstrap=100)
    assert shuffled.index_degree.value == pytest.approx(1, abs=0.1)
    assert abs(shuffled.index_degree.z) < 3.5
    assert_finite(planted)


@pytest.mark.parametrize("points", [1, 2, 9])
@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_points_with_nothing_to_compare_are_not_testable(points: int, apart: float) -> None:
    places = Points(apart * np.arange(min(points, 2)).repeat(points)[:points, None])
    found = locality(np.eye(4, points, dtype=bool) | (np.arange(4)[:, None] == 3), places, samples=5, bootstrap=10)
    assert found.index_degree.p is None
    assert found.index_degree.note.startswith("not testable")
    if not apart and points > 1:
        assert found.index_degree.note == "not testable: all inputs lie at one place"
        assert found.unit is found.index_degree.value is None
    assert_finite(found)


def test_points_on_a_line_in_space_are_a_line() -> None:
    mask_JI = np.random.default_rng(5).random((20, 40)) < 0.3
    line = Points(np.arange(40)[:, None] * [1.0, 2.0, -2.0])
    assert locality(mask_JI, line, samples=5).index_degree == locality(mask_JI, Grid((40,)), samples=5).index_degree
