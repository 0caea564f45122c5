"""Examples of a data set as pictures and curves, as the network sees them."""

# E examples, C channels, H W pixels, S sites of a line, I inputs

from __future__ import annotations

import numpy as np

from siftnet.geometry import Geometry, Grid

DARK = 128
"""Bytes that stay below it are brightened, as those of images of 0 and 1."""


def example_pictures(inputs_EI: np.ndarray, grid: Grid) -> np.ndarray:
    """Examples on a grid of two or more axes as colours, uint8 (E, H, W, 3).

    Three channels are red, green and blue, any other number their mean as grey. Of more than two axes the middle of the
    leading ones is shown. Images of bytes keep their levels; all else runs from the smallest value of these examples,
    black, to the largest, white.
    """
    assert grid.ndim >= 2, grid
    pixels = inputs_EI.reshape(len(inputs_EI), grid.channels, *grid.shape)
    while pixels.ndim > 4:
        pixels = pixels[:, :, pixels.shape[2] // 2]
    if grid.channels != 3:
        pixels = np.repeat(pixels.mean(axis=1, keepdims=True), 3, axis=1)
    low, high = float(pixels.min()), float(pixels.max())
    if inputs_EI.dtype == np.uint8 and inputs_EI.max() >= DARK:
        low, high = 0.0, 255.0
    spread = high - low
    levels = (pixels - low) / spread if spread > 0 else np.full(pixels.shape, 0.5)
    return np.moveaxis(np.rint(255 * levels).astype(np.uint8), 1, -1)


def example_curves(inputs_EI: np.ndarray, grid: Grid, points: int) -> np.ndarray:
    """Examples on a line as curves, float64 (E, C, at most `points`).

    Of sites that share a point the value is taken that lies furthest from the curve's mean, which would hide a spike.
    """
    assert grid.ndim == 1, grid
    values = inputs_EI.astype(np.float64).reshape(len(inputs_EI), grid.channels, grid.shape[0])
    sites = values.shape[-1]
    if sites <= points:
        return values
    starts = np.arange(points) * sites // points
    middle = values.mean(axis=-1, keepdims=True)
    low, high = (reduce.reduceat(values, starts, axis=-1) for reduce in (np.minimum, np.maximum))
    return np.where(middle - low > high - middle, low, high)


def describe_pictures(geometry: Geometry, *, shuffled: bool) -> str:
    """How to read pictures, curves or values of examples; shuffled: whether a permutation hides the inputs' places."""
    said = ["Shown as the network sees them, shuffled."] if shuffled else []
    if isinstance(geometry, Grid) and geometry.ndim > 2:
        said.append("Of volumes the middle slice is shown.")
    if isinstance(geometry, Grid) and geometry.ndim >= 2 and geometry.channels not in (1, 3):
        said.append(f"The mean of {geometry.channels} channels is shown.")
    return " ".join(said)
