"""The record of a layer: what is in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builders import points_of
from siftnet.analysis.layer import degree_edges, measure_layer
from siftnet.analysis.locality import Resampling
from siftnet.architecture.ruler import convolution_mask
from siftnet.geometry import Geometry, Grid, Unknown


def measured(mask_JI: np.ndarray, geometry: Geometry, samples: int = 3, **more: Any) -> Any:
    weights_JI = np.random.default_rng(0).normal(size=mask_JI.shape).astype(np.float32)
    return measure_layer(mask_JI, weights_JI, geometry, Resampling(samples, 20, 0), **more)


def test_without_places_only_counts_are_measured() -> None:
    measures = measured(np.random.default_rng(1).random((5, 16)) < 0.5, Unknown(16))
    assert measures.locality is measures.receptive is measures.pairs_by_degree is None
    assert measures.bins is None
    assert (measures.participation > 0).all()


def test_points_are_measured_by_distance() -> None:
    grid = Grid((4, 4))
    mask_JI = np.random.default_rng(1).random((9, 16)) < np.linspace(0, 1, 9)[:, None]
    on_grid, at_points = measured(mask_JI, grid), measured(mask_JI, points_of(grid))
    assert at_points.pairs_by_degree is None
    assert at_points.bins == on_grid.bins
    assert at_points.locality.index_degree == on_grid.locality.index_degree
    np.testing.assert_allclose(at_points.receptive.radius, on_grid.receptive.radius, rtol=1e-12, atol=1e-12)


def test_pruned_weights_do_not_count() -> None:
    mask_JI = np.zeros((1, 16), bool)
    mask_JI[0, 5] = True
    measures = measured(mask_JI, Grid((4, 4)))
    assert measures.participation.tolist() == [1.0]
    assert measures.receptive.centre.tolist() == [[1.0, 1.0]]


def test_bins_of_connections_are_judged_one_by_one() -> None:
    grid = Grid((10, 10))
    local_JI = convolution_mask(grid, 3)
    scattered_JI = np.random.default_rng(2).random((200, 100)) < 0.45
    bins = {found.low: found for found in measured(np.concatenate([local_JI, scattered_JI]), grid).bins}
    assert bins[8].nodes == 64
    assert bins[8].index_uniform > 4
    assert bins[32].index_uniform == pytest.approx(1, abs=0.05)
    assert sum(found.nodes for found in bins.values()) == 264


def test_edges_double_up_to_the_number_of_inputs() -> None:
    assert degree_edges(3072) == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]
    assert degree_edges(1) == []
    assert degree_edges(2) == [2]


def test_weights_must_fit_the_mask() -> None:
    with pytest.raises(ValueError, match="do not fit a mask"):
        measure_layer(np.ones((2, 4), bool), np.ones((2, 3)), Unknown(4), Resampling(0, 10, 0))
