"""A layer's measures as they are stored: fit for JSON, and read back to what they were."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from siftnet.analysis.layer import LayerMeasures, measure_layer
from siftnet.analysis.locality import Resampling
from siftnet.analysis.pairs import pair_counts
from siftnet.architecture.ruler import convolution_mask
from siftnet.geometry import Geometry, Grid, Points, Unknown
from siftnet.studies.measured_layer import layer_arrays, layer_numbers, read_layer

GRIDS = [Grid((8, 8), 3), Grid((8, 8), 1, True), Grid((20,), 2), Grid((20,), 1, True), Grid((4, 5, 4))]
POINTS = [Points(np.random.default_rng(0).random((16, axes))) for axes in (1, 2, 3)] + [Points(np.zeros((16, 2)))]


def measured(mask_JI: np.ndarray, geometry: Geometry, samples: int = 3, **more: Any) -> Any:
    weights_JI = np.random.default_rng(0).normal(size=mask_JI.shape).astype(np.float32)
    return measure_layer(mask_JI, weights_JI, geometry, Resampling(samples, 20, 0), **more)


def through_json(measures: LayerMeasures) -> Any:
    return json.loads(json.dumps(layer_numbers(measures), allow_nan=False))


def check_equal(found: Any, expected: Any) -> None:
    """Whether two values of analysis types agree in every bit."""
    if dataclasses.is_dataclass(expected):
        assert type(found) is type(expected)
        for field in dataclasses.fields(expected):
            check_equal(getattr(found, field.name), getattr(expected, field.name))
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()
    else:
        assert found == expected


@pytest.mark.parametrize("grid", GRIDS, ids=Grid.describe)
@pytest.mark.parametrize("samples", [0, 3])
def test_numbers_are_json_and_arrays_are_arrays(grid: Grid, samples: int) -> None:
    mask_JI = convolution_mask(grid, 3)
    mask_JI[0] = False
    measures = measured(mask_JI, grid, samples, input_variance=np.arange(grid.size))
    found = through_json(measures)
    assert (found["nodes"], found["inputs"]) == mask_JI.shape
    assert found["connections"] == mask_JI.sum()
    assert found["locality"]["index_uniform"]["value"] > 1.5
    assert (found["locality"]["index_degree"] is None) == (samples == 0)
    assert len(found["locality"]["g_r"]["uniform"]) == len(found["locality"]["g_r"]["radii"])
    assert found["degrees"]["variance_spearman"] is not None
    assert found["receptive"]["nodes"] == len(mask_JI) - 1
    maps = layer_arrays(measures)
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in maps.values())
    assert maps["same_channel"].shape == maps["g_uniform"].shape == maps["by_degree_g"].shape[1:]
    assert np.array_equal(maps["by_degree_same_channel"].sum(axis=0), pair_counts(mask_JI, grid).same_channel)
    assert ("g_degree" in maps) == ("curve_degree_low" in maps) == (samples > 0)


@pytest.mark.parametrize("mask_JI", [np.zeros((3, 16), bool), np.ones((3, 16), bool), np.zeros((0, 16), bool)])
@pytest.mark.parametrize("geometry", [Grid((4, 4)), Grid((4, 2), 2, True), *POINTS, Unknown(16)])
def test_nothing_to_measure_is_still_json(mask_JI: np.ndarray, geometry: Geometry) -> None:
    measures = measured(mask_JI, geometry, input_variance=np.ones(16))
    through_json(measures)
    layer_arrays(measures)


def test_one_node_and_one_input() -> None:
    for mask_JI, grid in ((np.eye(1, 16, dtype=bool), Grid((4, 4))), (np.ones((3, 1), bool), Grid((1,)))):
        through_json(measured(mask_JI, grid))


def test_without_places_only_counts_are_stored() -> None:
    measures = measured(np.random.default_rng(1).random((5, 16)) < 0.5, Unknown(16))
    found = through_json(measures)
    assert found["locality"] is found["by_degree"] is found["receptive"] is None
    assert found["participation_median"] > 0
    assert set(layer_arrays(measures)) == {
        "in_degree",
        "input_degree",
        "histogram_degree",
        "histogram_nodes",
        "participation",
    }


@pytest.mark.parametrize("geometry", [*GRIDS, *POINTS, Unknown(16)], ids=lambda g: g.describe())
@pytest.mark.parametrize("samples", [0, 3])
def test_what_is_stored_is_read_back_to_the_bit(geometry: Geometry, samples: int) -> None:
    mask_JI = np.random.default_rng(2).random((6, geometry.size)) < 0.4
    mask_JI[0] = False
    measures = measured(mask_JI, geometry, samples, input_variance=np.arange(geometry.size))
    found = read_layer({"layer": "layers.0"} | through_json(measures), layer_arrays(measures))
    assert found.name == "layers.0"
    for name in ("degrees", "participation", "locality", "receptive"):
        check_equal(getattr(found, name), getattr(measures, name))
    assert found.bins == measures.bins


def test_the_comparison_can_fail() -> None:
    mask_JI = convolution_mask(Grid((4, 4)), 3)
    one, other = (measured(mask, Grid((4, 4))) for mask in (mask_JI, ~mask_JI))
    with pytest.raises(AssertionError):
        check_equal(one.locality, other.locality)
