"""Geometries of any size come back from plain values and know how many inputs they have."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siftnet.geometry import Geometry, Grid, Points, Unknown, geometry_from_dict, geometry_to_dict

pytestmark = pytest.mark.property

GRIDS = st.builds(
    Grid, st.lists(st.integers(1, 50), min_size=1, max_size=4).map(tuple), st.integers(1, 5), st.booleans()
)
COORDINATES = st.tuples(st.integers(1, 20), st.integers(1, 3), st.integers(0, 2**32)).map(
    lambda made: np.random.default_rng(made[2]).standard_normal(made[:2])
)
GEOMETRIES = GRIDS | st.builds(Unknown, st.integers(1, 10**6)) | st.builds(Points, COORDINATES)


@given(GEOMETRIES)
def test_a_geometry_comes_back_from_json(geometry: Geometry) -> None:
    back = geometry_from_dict(json.loads(json.dumps(geometry_to_dict(geometry))))
    assert type(back) is type(geometry)
    assert back.size == geometry.size
    assert back.describe() == geometry.describe()
    if isinstance(geometry, Points):
        assert isinstance(back, Points)
        np.testing.assert_array_equal(back.coordinates, geometry.coordinates)
    else:
        assert back == geometry


@given(GRIDS)
def test_a_grid_has_as_many_inputs_as_an_array_of_its_shape(grid: Grid) -> None:
    array = np.empty((grid.channels, *grid.shape), dtype=np.bool_)
    assert (array.size, array[0].size, array.ndim - 1) == (grid.size, grid.sites, grid.ndim)


def test_coordinates_whose_squares_are_no_numbers_are_refused() -> None:
    assert Points(np.array([[-1e150], [1e150]])).size == 2
    with pytest.raises(ValueError, match=r"within 1e\+150 of 0, got 2e\+150: give them in another unit"):
        Points(np.array([[0.0], [-2e150]]))


def test_points_are_described_in_the_singular_too() -> None:
    assert Points(np.zeros((1, 1))).describe() == "1 point in 1 dimension"
    assert Points(np.zeros((2, 3))).describe() == "2 points in 3 dimensions"


@pytest.mark.parametrize("shape", [(), (0,), (3, -1)])
def test_a_grid_without_sites_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"at least one axis, each of length 1 or more, got shape"):
        Grid(shape)
