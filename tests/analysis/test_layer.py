"""The record of a layer: what is in it, and that its numbers are fit for JSON."""

import json

import numpy as np
import pytest

from siftnet.analysis.layer import arrays, degree_edges, measure_layer, numbers
from siftnet.analysis.pairs import pair_counts
from siftnet.architecture.ruler import convolution_mask
from siftnet.geometry import Grid, Points, Unknown

GRIDS = [Grid((8, 8), 3), Grid((8, 8), 1, True), Grid((20,), 2), Grid((20,), 1, True), Grid((4, 5, 4))]


def measured(mask_JI, geometry, samples=3, **more):
    weights_JI = np.random.default_rng(0).normal(size=mask_JI.shape).astype(np.float32)
    return measure_layer(mask_JI, weights_JI, geometry, samples=samples, bootstrap=20, seed=0, **more)


@pytest.mark.parametrize("grid", GRIDS, ids=Grid.describe)
@pytest.mark.parametrize("samples", [0, 3])
def test_numbers_are_json_and_arrays_are_arrays(grid, samples):
    mask_JI = convolution_mask(grid, 3)
    mask_JI[0] = False
    measures = measured(mask_JI, grid, samples, input_variance=np.arange(grid.size))
    found = json.loads(json.dumps(numbers(measures), allow_nan=False))
    assert (found["nodes"], found["inputs"]) == mask_JI.shape
    assert found["connections"] == mask_JI.sum()
    assert found["locality"]["index_uniform"]["value"] > 1.5
    assert (found["locality"]["index_degree"] is None) == (samples == 0)
    assert len(found["locality"]["g_r"]["uniform"]) == len(found["locality"]["g_r"]["radii"])
    assert found["degrees"]["variance_spearman"] is not None
    assert found["receptive"]["nodes"] == len(mask_JI) - 1
    maps = arrays(measures)
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in maps.values())
    assert maps["same_channel"].shape == maps["g_uniform"].shape == maps["by_degree_g"].shape[1:]
    assert np.array_equal(maps["by_degree_same_channel"].sum(axis=0), pair_counts(mask_JI, grid).same_channel)
    assert ("g_degree" in maps) == ("curve_degree_low" in maps) == (samples > 0)


@pytest.mark.parametrize("mask_JI", [np.zeros((3, 16), bool), np.ones((3, 16), bool), np.zeros((0, 16), bool)])
@pytest.mark.parametrize("geometry", [Grid((4, 4)), Grid((4, 2), 2, True), Unknown(16)])
def test_nothing_to_measure_is_still_json(mask_JI, geometry):
    measures = measured(mask_JI, geometry, input_variance=np.ones(16))
    json.dumps(numbers(measures), allow_nan=False)
    arrays(measures)


def test_one_node_and_one_input():
    for mask_JI, grid in ((np.eye(1, 16, dtype=bool), Grid((4, 4))), (np.ones((3, 1), bool), Grid((1,)))):
        json.dumps(numbers(measured(mask_JI, grid)), allow_nan=False)


@pytest.mark.parametrize("geometry", [Unknown(16), Points(np.zeros((16, 2)))])
def test_without_a_grid_only_counts_are_measured(geometry):
    measures = measured(np.random.default_rng(1).random((5, 16)) < 0.5, geometry)
    assert measures.locality is measures.pairs is measures.receptive is measures.pairs_by_degree is None
    found = numbers(measures)
    assert found["locality"] is found["by_degree"] is found["receptive"] is None
    assert found["participation_median"] > 0
    assert set(arrays(measures)) == {
        "in_degree",
        "input_degree",
        "histogram_degree",
        "histogram_nodes",
        "participation",
    }


def test_pruned_weights_do_not_count():
    mask_JI = np.zeros((1, 16), bool)
    mask_JI[0, 5] = True
    measures = measured(mask_JI, Grid((4, 4)))
    assert measures.participation.tolist() == [1.0]
    assert measures.receptive.centre.tolist() == [[1.0, 1.0]]


def test_bins_of_connections_are_judged_one_by_one():
    grid = Grid((10, 10))
    local_JI = convolution_mask(grid, 3)
    scattered_JI = np.random.default_rng(2).random((200, 100)) < 0.45
    found = numbers(measured(np.concatenate([local_JI, scattered_JI]), grid))
    rows = {row["low"]: row for row in found["by_degree"]}
    assert rows[8]["nodes"] == 64
    assert rows[8]["index_uniform"] > 4
    assert rows[32]["index_uniform"] == pytest.approx(1, abs=0.05)
    assert sum(row["nodes"] for row in found["by_degree"]) == found["nodes"] == 264


def test_edges_double_up_to_the_number_of_inputs():
    assert degree_edges(3072) == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]
    assert degree_edges(1) == []
    assert degree_edges(2) == [2]


def test_weights_must_fit_the_mask():
    with pytest.raises(ValueError, match="do not fit a mask"):
        measure_layer(np.ones((2, 4), bool), np.ones((2, 3)), Unknown(4), 0, 10, 0)
