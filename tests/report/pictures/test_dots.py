"""Dots stand where the points lie and have the colours of what the node kept."""

from __future__ import annotations

import numpy as np
import pytest

from builders import points_of
from siftnet.geometry import Grid, Points, Unknown
from siftnet.report.pictures.canvas import canvas_of
from siftnet.report.pictures.dots import DOT, FAINT, LOWEST, WEAKEST, WIDE, dots_of
from siftnet.report.pictures.nodes import NEGATIVE, POSITIVE


def at(points: Points, pictures_JHW4: np.ndarray) -> np.ndarray:
    """The pixels under points of a plane, (J, I, 4), worked out without what draws them."""
    low, extent = points.coordinates.min(axis=0), float(np.ptp(points.coordinates, axis=0).max())
    pixel = (points.coordinates - low) / extent * (WIDE - 1 - 2 * DOT[1])
    high = pictures_JHW4.shape[1]
    middle = pixel[:, 1].max() / 2
    row, column = np.rint((high - 1) / 2 + middle - pixel[:, 1]), np.rint(DOT[1] + pixel[:, 0])
    return pictures_JHW4[:, row.astype(int), column.astype(int)]


def test_every_point_has_the_colour_of_its_input() -> None:
    points = points_of(Grid((6, 9)))
    rng = np.random.default_rng(0)
    mask_JI = rng.random((5, 54)) < 0.3
    weights_JI = np.where(mask_JI, rng.normal(size=(5, 54)), 0)
    dots, _ = dots_of(points)
    pixel_JI4 = at(points, dots.masks(mask_JI))
    assert (pixel_JI4[..., :3] == 0).all()
    np.testing.assert_array_equal(pixel_JI4[..., 3], np.where(mask_JI, 255, FAINT))
    pixel_JI4 = at(points, dots.weights(weights_JI))
    assert (pixel_JI4[weights_JI > 0, :3] == POSITIVE).all()
    assert (pixel_JI4[weights_JI < 0, :3] == NEGATIVE).all()
    assert (pixel_JI4[~mask_JI, 3] == FAINT).all()
    assert (pixel_JI4[mask_JI, 3] >= WEAKEST).all()
    for j, weight_I in enumerate(weights_JI):
        assert pixel_JI4[j, np.abs(weight_I).argmax(), 3] == 255


def test_what_falls_on_one_pixel_is_summed() -> None:
    twice = Points(np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]))
    dots, _ = dots_of(twice)
    pixel_JI4 = at(twice, dots.weights(np.array([[1.0, -3.0, 1.0]])))
    assert (pixel_JI4[0, :2, :3] == NEGATIVE).all()
    assert pixel_JI4[0, 0, 3] == 255


@pytest.mark.parametrize("points", [1, 2, 30_000])
@pytest.mark.parametrize("axes", [1, 2, 3, 5])
@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_any_number_of_points_has_a_picture(points: int, axes: int, apart: float) -> None:
    places = Points(apart * np.random.default_rng(0).random((points, axes)))
    canvas = canvas_of(places)
    assert canvas is not None
    pixels = canvas.weights(np.eye(2, points))
    wide, high = canvas.picture
    assert pixels.shape == (2, high, wide, 4)
    assert (high == 1) == (axes == 1)
    assert axes == 1 or high >= LOWEST
    assert (pixels[0, ..., 3] == 255).any()
    assert not pixels[..., 3].all() or points > 2


def test_without_places_there_is_no_canvas() -> None:
    assert canvas_of(Unknown(3)) is None
