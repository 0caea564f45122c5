"""The picture shows the masks that the run has, and says which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageColor

from builders import dataset
from siftnet.geometry import Grid, Points, ring
from siftnet.report.pictures.mosaic import INK, LABELS, MARGIN, ROUND_GAP, TILE, WIDTH, mask_mosaic, round_series
from siftnet.store.run import Run
from siftnet.studies.measured_run import read_measured


def test_masks_stand_where_they_should(torus_run: Run) -> None:
    picture = np.asarray(mask_mosaic(torus_run, rounds=[2], nodes=5))
    assert picture.shape[1] == WIDTH
    first = read_measured(torus_run).top.first
    assert first is not None
    degree_J = first.degrees.in_degree
    best = np.argsort(-degree_J, kind="stable")[:5]
    mask_JHW = torus_run.masks(2)["layers.0.weight"].numpy()[best].reshape(5, 8, 8)
    # The widest whole multiple of 8 pixels of which five fit.
    size = 8 * (((WIDTH - LABELS - 2 * MARGIN + 10) // 5 - 10) // 8)
    step = (WIDTH - LABELS - 2 * MARGIN - size) // 4
    colours = np.array([ImageColor.getrgb(TILE), ImageColor.getrgb(INK)])
    for place, mask_HW in enumerate(mask_JHW):
        left = MARGIN + LABELS + place * step
        tile = picture[MARGIN : MARGIN + size, left : left + size]
        middles = tile[size // 16 :: size // 8, size // 16 :: size // 8]
        assert np.array_equal(middles, colours[mask_HW.astype(int)])


def test_dense_round_shows_weights_alone(torus_run: Run) -> None:
    heights = [mask_mosaic(torus_run, rounds=[number]).height for number in (0, 2)]
    assert heights[1] > 1.5 * heights[0]
    assert mask_mosaic(torus_run, rounds=[0, 2]).height == sum(heights) - 2 * MARGIN + ROUND_GAP


def test_rounds_spread_from_the_first_to_the_headline(torus_run: Run) -> None:
    measured = read_measured(torus_run)
    assert round_series(replace(measured, headline_at=2)) == [0, 1, 2]
    assert round_series(replace(measured, headline_at=1)) == [0, 1]
    assert round_series(replace(measured, headline_at=0)) == [0]


def test_colours_and_lines_have_a_picture(colour_run: Run, measure: Callable[..., Run]) -> None:
    assert mask_mosaic(colour_run).size[0] == WIDTH
    assert mask_mosaic(measure(dataset(ring(40, 2)))).mode == "RGB"


def test_points_have_a_picture(measure: Callable[..., Run]) -> None:
    picture = mask_mosaic(measure(dataset(Points(np.random.default_rng(0).random((20, 2))))), rounds=[2])
    assert picture.size[0] == WIDTH
    assert (np.asarray(picture) == ImageColor.getrgb(INK)).all(axis=2).sum() > 1000


def test_wide_lines_are_shrunk_to_the_picture(measure: Callable[..., Run]) -> None:
    found = measure(dataset(Grid((2000,))), prune__rounds=1, network__layers="f6:x")
    assert mask_mosaic(found).size[0] == WIDTH


def test_refusals(torus_run: Run, hostile_run: Run) -> None:
    with pytest.raises(ValueError, match="no round 9; its rounds are 0 to 2"):
        mask_mosaic(torus_run, rounds=[9])
    with pytest.raises(ValueError, match="nodes must be at least 1, a whole number, got 0"):
        mask_mosaic(torus_run, nodes=0)
    with pytest.raises(ValueError, match="unknown geometry: a picture of masks needs"):
        mask_mosaic(hostile_run)
