"""Receptive fields of hand-made Gaussians and bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builders import points_of
from siftnet.analysis.receptive import participation, receptive_fields
from siftnet.geometry import Grid, Points


def gaussian(grid: Grid, centre: Any, long: Any, short: Any, angle: Any) -> Any:
    """Weights whose squares are a Gaussian with these standard deviations, its long axis at `angle` from x."""
    y, x = (np.arange(n) - c for n, c in zip(grid.shape, centre, strict=True))
    if grid.periodic:
        y, x = ((offset + n / 2) % n - n / 2 for offset, n in zip((y, x), grid.shape, strict=True))
    along = np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None]
    across = -np.sin(angle) * x[None, :] + np.cos(angle) * y[:, None]
    return np.exp(-(along**2) / (4 * long**2) - across**2 / (4 * short**2))


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 4, 1.2, np.pi / 2, -0.7])
@pytest.mark.parametrize("periodic", [False, True])
def test_gaussians_give_back_their_shape(angle: Any, periodic: bool) -> None:
    grid = Grid((40, 44), 1, periodic)
    centre = (1.5, 42.0) if periodic else (18.5, 21.0)
    fields = receptive_fields(gaussian(grid, centre, 3.0, 1.5, angle).reshape(1, -1), grid)
    np.testing.assert_allclose(fields.centre[0], centre, atol=1e-6)
    assert fields.radius[0] == pytest.approx(np.hypot(3.0, 1.5), rel=1e-3)
    assert fields.elongation[0] == pytest.approx(0.5, abs=1e-3)
    difference = (fields.orientation[0] - angle + np.pi / 2) % np.pi - np.pi / 2
    assert difference == pytest.approx(0, abs=1e-3)


def test_sign_and_scale_of_weights_do_not_matter_but_channels_add_up() -> None:
    rng = np.random.default_rng(0)
    grid = Grid((6, 7), 2)
    weights_JI = rng.normal(size=(5, grid.size)) * (rng.random((5, grid.size)) < 0.3)
    plain, scaled = receptive_fields(weights_JI, grid), receptive_fields(-1e-30 * weights_JI, grid)
    for name in ("centre", "radius", "orientation", "elongation"):
        np.testing.assert_allclose(getattr(plain, name), getattr(scaled, name), atol=1e-9)
    swapped = weights_JI.reshape(5, 2, 42)[:, ::-1].reshape(5, -1)
    np.testing.assert_allclose(receptive_fields(swapped, grid).centre, plain.centre)


def test_square_weights_decide_the_centre() -> None:
    weights_JI = np.zeros((1, 10), dtype=np.float32)
    weights_JI[0, [0, 5]] = [1, 2]
    fields = receptive_fields(weights_JI, Grid((10,)))
    assert fields.centre[0, 0] == pytest.approx(4.0)
    assert fields.radius[0] == pytest.approx(2.0)
    assert fields.orientation is fields.elongation is None


def test_bars_are_lines() -> None:
    grid = Grid((9, 9))
    weights = np.zeros((4, 9, 9))
    weights[0, 4, 2:7] = 1
    weights[1, 2:7, 4] = -1
    weights[2, range(2, 7), range(2, 7)] = 1
    weights[3, range(2, 7), range(6, 1, -1)] = 1
    fields = receptive_fields(weights.reshape(4, -1), grid)
    np.testing.assert_allclose(fields.orientation, [0, np.pi / 2, np.pi / 4, -np.pi / 4], atol=1e-9)
    np.testing.assert_allclose(fields.elongation, 1, atol=1e-6)
    np.testing.assert_allclose(fields.centre, 4)
    np.testing.assert_allclose(fields.radius[:2], np.sqrt(2))


def test_centres_wrap_around_a_ring() -> None:
    weights_JI = np.zeros((3, 12))
    weights_JI[0, [11, 0, 1]] = weights_JI[1, [10, 11]] = weights_JI[2, :] = 1
    fields = receptive_fields(weights_JI, Grid((12,), periodic=True))
    assert fields.centre[0, 0] % 12 == pytest.approx(0, abs=1e-9)
    assert fields.centre[1, 0] == pytest.approx(10.5)
    assert ((fields.centre >= 0) & (fields.centre < 12)).all()
    assert fields.radius[:2] == pytest.approx([np.sqrt(2 / 3), 0.5])
    assert fields.radius[2] == pytest.approx(12 / np.sqrt(12), rel=0.01)


def test_volumes_have_elongation_but_no_orientation() -> None:
    weights = np.zeros((2, 5, 5, 5))
    weights[0, 2, 2, 1:4] = 1
    weights[1, 1:4, 1:4, 1:4] = 1
    fields = receptive_fields(weights.reshape(2, -1), Grid((5, 5, 5)))
    assert fields.orientation is None
    np.testing.assert_allclose(fields.elongation, [1, 0], atol=1e-9)
    np.testing.assert_allclose(fields.radius, [np.sqrt(2 / 3), np.sqrt(2)])


@pytest.mark.parametrize("periodic", [False, True])
def test_nodes_without_or_with_one_input(periodic: bool) -> None:
    weights_JI = np.zeros((2, 20))
    weights_JI[1, 13] = 0.3
    fields = receptive_fields(weights_JI, Grid((4, 5), 1, periodic))
    assert fields.valid.tolist() == [False, True]
    np.testing.assert_allclose(fields.centre, [[0, 0], [2, 3]], atol=1e-9)
    for values in (fields.radius, fields.elongation):
        np.testing.assert_allclose(values, 0, atol=1e-9)
    assert fields.orientation[0] == 0


def test_participation_is_one_over_the_number_of_equal_weights() -> None:
    weights_JI = np.zeros((4, 8), dtype=np.float32)
    weights_JI[0, 3], weights_JI[1, :4], weights_JI[2, :] = -5.0, 0.1, 1e-25
    np.testing.assert_allclose(participation(weights_JI), [1, 0.25, 0.125, 0])
    assert participation(np.array([[1.0, 2.0]]))[0] == pytest.approx(17 / 25)


def test_sizes_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit a 2 x 2 grid"):
        receptive_fields(np.ones((3, 5)), Grid((2, 2)))


def test_fields_at_the_sites_of_a_grid_are_those_of_the_grid() -> None:
    grid = Grid((9, 12))
    weights_JI = np.random.default_rng(0).normal(size=(30, 108)) * (np.random.default_rng(1).random((30, 108)) < 0.1)
    weights_JI[0] = 0
    weights_JI[1] = np.eye(1, 108, 17)
    on_grid, at_points = receptive_fields(weights_JI, grid), receptive_fields(weights_JI, points_of(grid, 0.5, 1000.0))
    np.testing.assert_array_equal(at_points.valid, on_grid.valid)
    np.testing.assert_allclose(at_points.centre[1:], 0.5 * on_grid.centre[1:] + 1000, rtol=1e-12)
    np.testing.assert_allclose(at_points.radius, 0.5 * on_grid.radius, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(at_points.elongation, on_grid.elongation, atol=1e-9)
    # The first coordinate of these points is the grid's y.
    turned = np.pi / 2 - on_grid.orientation[2:] - at_points.orientation[2:]
    np.testing.assert_allclose(np.sin(turned), 0, atol=1e-9)
    assert at_points.radius[1] == at_points.elongation[1] == 0
    assert at_points.centre[0].tolist() == [0, 0]


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, -0.7])
def test_a_bar_of_scattered_points_is_long_and_turned(angle: Any) -> None:
    along = np.random.default_rng(0).normal(size=500)
    long = np.outer(along, [np.cos(angle), np.sin(angle)])
    across = 0.1 * np.outer(np.random.default_rng(1).normal(size=500), [-np.sin(angle), np.cos(angle)])
    fields = receptive_fields(np.ones((1, 500)), Points(long + across))
    assert fields.elongation[0] == pytest.approx(0.9, abs=0.02)
    difference = (fields.orientation[0] - angle + np.pi / 2) % np.pi - np.pi / 2
    assert difference == pytest.approx(0, abs=0.02)


def test_one_dimension_has_no_elongation_and_three_no_orientation() -> None:
    rng = np.random.default_rng(2)
    one, three = (receptive_fields(rng.random((4, 20)), Points(rng.random((20, axes)))) for axes in (1, 3))
    assert one.elongation is one.orientation is three.orientation is None
    assert three.elongation.shape == (4,)
    flat = receptive_fields(rng.random((4, 20)), Points(rng.random((20, 1)) * [1.0, 1.0, 0.0]))
    np.testing.assert_allclose(flat.elongation, 1)


@pytest.mark.parametrize("scale", [1e-200, 1e149])
def test_fields_of_any_unit_are_finite(scale: float) -> None:
    coordinates = np.random.default_rng(3).random((20, 2))
    weights_JI = np.random.default_rng(4).random((4, 20))
    plain, scaled = (receptive_fields(weights_JI, Points(s * coordinates)) for s in (1.0, scale))
    np.testing.assert_allclose(scaled.radius, scale * plain.radius)
    np.testing.assert_allclose(scaled.centre, scale * plain.centre)
    np.testing.assert_allclose(scaled.elongation, plain.elongation)
