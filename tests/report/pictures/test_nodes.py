"""Pictures of nodes against pixels worked out by hand."""

from __future__ import annotations

import numpy as np

from siftnet.geometry import Grid, ring, volume
from siftnet.report.pictures.nodes import (
    NEGATIVE,
    POSITIVE,
    describe_projection,
    mask_pictures,
    project,
    weight_pictures,
)


def test_one_channel_mask_is_opacity() -> None:
    mask_JI = np.array([[True, False, False, True, False, False]])
    pixels = mask_pictures(mask_JI, Grid((2, 3)))
    assert pixels.shape == (1, 2, 3, 4)
    assert pixels[0, ..., 3].tolist() == [[255, 0, 0], [255, 0, 0]]
    assert not pixels[..., :3].any()


def test_three_channel_mask_is_colour_on_black() -> None:
    mask_JI = np.zeros((1, 3, 2, 2), dtype=bool)
    mask_JI[0, 0, 0, 1] = mask_JI[0, 2, 0, 1] = mask_JI[0, 1, 1, 0] = True
    pixels = mask_pictures(mask_JI.reshape(1, -1), Grid((2, 2), 3))
    assert pixels[0, ..., :3].tolist() == [[[0, 0, 0], [255, 0, 255]], [[0, 255, 0], [0, 0, 0]]]
    assert (pixels[..., 3] == 255).all()


def test_signed_weights_scale_by_the_largest() -> None:
    pixels = weight_pictures(np.array([[2.0, -1.0, 0.0], [0.0, 0.0, 0.0]]), ring(3))
    assert pixels[0, 0, :, 3].tolist() == [255, 128, 0]
    assert tuple(pixels[0, 0, 0, :3]) == POSITIVE
    assert tuple(pixels[0, 0, 1, :3]) == NEGATIVE
    assert not pixels[1, ..., 3].any()


def test_coloured_weights_are_grey_at_zero() -> None:
    weights_JI = np.array([[-0.5, 0.0, 0.0, 0.25, 0.0, 0.0]])
    pixels = weight_pictures(weights_JI, Grid((1, 2), 3))
    assert pixels[0, 0].tolist() == [[1, 128, 128, 255], [128, 192, 128, 255]]


def test_volumes_are_summed_and_lines_show_channels_as_rows() -> None:
    assert project(np.arange(24.0)[None], volume(2, 3, 4))[0, 0, 1, 2] == 6 + 18
    assert project(np.arange(6.0)[None], ring(3, 2))[0, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert "summed over their leading axes" in describe_projection(volume(2, 3, 4))
    assert describe_projection(Grid((4, 4), 3)) == ""


def test_weights_that_are_not_numbers_are_left_out() -> None:
    pixels = weight_pictures(np.array([[np.nan, np.inf, 1.0]]), ring(3))
    assert pixels[0, 0, :, 3].tolist() == [0, 0, 255]
