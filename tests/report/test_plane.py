"""Points as they are drawn, against the coordinates themselves and NumPy's singular values."""

from __future__ import annotations

import numpy as np
import pytest

from siftnet.geometry import Points
from siftnet.report.plane import plane_of


@pytest.mark.parametrize("axes", [1, 2])
def test_lines_and_planes_are_drawn_as_they_are(axes: int) -> None:
    points = Points(np.random.default_rng(0).random((9, axes)))
    plane = plane_of(points)
    np.testing.assert_array_equal(plane.place_IP, points.coordinates)
    np.testing.assert_array_equal(plane.place(points.coordinates[:2]), points.coordinates[:2])
    assert (len(plane.names), plane.said) == (axes, "")


@pytest.mark.parametrize("axes", [3, 7])
@pytest.mark.parametrize("scale", [1.0, 1e-120, 1e120])
def test_of_more_axes_the_two_longest_are_drawn(axes: int, scale: float) -> None:
    coordinates = np.random.default_rng(1).normal(size=(50, axes)) * np.arange(1, axes + 1)
    plane = plane_of(Points(scale * (coordinates + 5)))
    assert plane.place_IP.shape == (50, 2)
    expected = np.linalg.svd(coordinates - coordinates.mean(axis=0), compute_uv=False)[:2]
    np.testing.assert_allclose(np.linalg.norm(plane.place_IP / scale, axis=0), expected)
    np.testing.assert_allclose(
        plane.place(scale * (coordinates[:3] + 5)) / scale, plane.place_IP[:3] / scale, atol=1e-9
    )
    assert f"Of {axes} dimensions" in plane.said


def test_points_at_one_place_are_drawn_at_one_place() -> None:
    assert np.ptp(plane_of(Points(np.full((4, 3), 2.5))).place_IP) == 0
