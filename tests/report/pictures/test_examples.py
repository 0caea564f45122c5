"""Examples become the pictures that Pillow would draw of them, and curves that keep their spikes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from siftnet.geometry import Grid, Unknown, volume
from siftnet.report.pictures.examples import describe_pictures, example_curves, example_pictures


def test_bytes_of_colours_are_the_image_itself() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    inputs_EI = np.moveaxis(images, -1, 1).reshape(3, -1)
    found = example_pictures(inputs_EI, Grid((5, 7), 3))
    for pixels, image in zip(found, images, strict=True):
        assert np.array_equal(pixels, np.asarray(Image.fromarray(image)))


def test_bytes_of_grey_keep_their_levels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, 4, 6), dtype=np.uint8)
    found = example_pictures(image.reshape(2, -1), Grid((4, 6)))
    assert np.array_equal(found[1], np.asarray(Image.fromarray(image[1]).convert("RGB")))


def test_images_of_zeros_and_ones_are_black_and_white() -> None:
    image = np.array([[0, 1, 1, 0], [1, 1, 1, 1]], np.uint8)
    assert example_pictures(image, Grid((2, 2)))[..., 0].ravel().tolist() == [0, 255, 255, 0, 255, 255, 255, 255]


def test_numbers_run_from_the_smallest_to_the_largest_of_all_examples() -> None:
    found = example_pictures(np.array([[-3.0, 0.0], [1.0, 7.0]]), Grid((1, 2)))
    assert found[..., 0].ravel().tolist() == [0, round(255 * 0.3), round(255 * 0.4), 255]
    assert (found == found[..., :1]).all()


def test_what_never_changes_is_grey() -> None:
    assert (example_pictures(np.full((3, 4), 2.5), Grid((2, 2))) == 128).all()


def test_of_a_volume_the_middle_slice_is_shown() -> None:
    values = np.random.default_rng(0).random((2, 5, 3, 4))
    found = example_pictures(values.reshape(2, -1), volume(5, 3, 4))
    slices = values[:, 2]
    expected = np.rint(255 * (slices - slices.min()) / np.ptp(slices))
    assert np.array_equal(found[..., 1], expected)
    assert "middle slice" in describe_pictures(volume(5, 3, 4), shuffled=False)


def test_other_numbers_of_channels_are_averaged() -> None:
    values = np.random.default_rng(0).random((2, 5, 3, 4))
    found = example_pictures(values.reshape(2, -1), Grid((3, 4), 5))
    mean = values.mean(1)
    assert np.array_equal(found[..., 2], np.rint(255 * (mean - mean.min()) / np.ptp(mean)))
    assert describe_pictures(Grid((3, 4), 5), shuffled=False) == "The mean of 5 channels is shown."


def test_short_curves_are_the_values() -> None:
    values = np.random.default_rng(0).random((2, 3, 20))
    assert np.array_equal(example_curves(values.reshape(2, -1), Grid((20,), 3), 20), values)


@pytest.mark.parametrize("spike", [5.0, -5.0, 100.0])
@pytest.mark.parametrize("level", [0.0, 40.0, -1e6])
def test_a_long_curve_keeps_its_spike(spike: float, level: float) -> None:
    values = np.full(1001, level) + 0.01 * np.sin(np.arange(1001))
    values[617] = level + spike
    [[found]] = example_curves(values[None], Grid((1001,)), 64)
    assert len(found) == 64
    assert np.abs(found - level).max() == pytest.approx(abs(spike))
    assert np.abs(found - level).argmax() == 617 * 64 // 1001


def test_shuffled_examples_are_said_to_be() -> None:
    assert describe_pictures(Unknown(4), shuffled=True) == "Shown as the network sees them, shuffled."
    assert describe_pictures(Grid((4, 4), 3), shuffled=False) == ""
