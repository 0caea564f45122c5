"""Nodes as small pictures: what they kept, and with which weights."""

# J nodes, C channels, H W pixels of a picture, 4 red green blue opacity

from __future__ import annotations

import numpy as np

from siftnet.geometry import Grid

POSITIVE, NEGATIVE = (220, 80, 56), (48, 124, 206)
GREY = 128


def is_coloured(grid: Grid) -> bool:
    """Whether channels are shown as red, green and blue; otherwise they are summed, or drawn as rows on a line."""
    return grid.channels == 3 and grid.ndim >= 2


def project(values_JI: np.ndarray, grid: Grid) -> np.ndarray:
    """Values of each node's inputs as pictures, float64 (J, C, H, W).

    On a line the channels become rows of one picture; in more than two dimensions the leading axes are summed over.
    """
    values = np.nan_to_num(values_JI.astype(np.float64), posinf=0.0, neginf=0.0)
    values = values.reshape(len(values_JI), grid.channels, *grid.shape)
    if grid.ndim == 1:
        return values[:, None]
    return np.asarray(values.sum(axis=tuple(range(2, grid.ndim))))


def describe_projection(grid: Grid) -> str:
    """What a picture leaves out of the grid, as a sentence; empty where nothing."""
    said = ""
    if grid.ndim > 2:
        said = "Volumes are summed over their leading axes. "
    if grid.ndim == 1 and grid.channels > 1:
        said += "Rows are channels. "
    if grid.ndim > 1 and grid.channels not in (1, 3):
        said += f"The {grid.channels} channels are summed. "
    return said


def mask_pictures(mask_JI: np.ndarray, grid: Grid) -> np.ndarray:
    """Masks as pixels, uint8 (J, H, W, 4): channels as colours on black, a single one as black of varying opacity."""
    kept = project(mask_JI, grid)
    if not is_coloured(grid):
        kept = kept.sum(axis=1, keepdims=True)
    kept /= np.maximum(kept.max(axis=(1, 2, 3), keepdims=True), 1.0)
    level = np.rint(255 * kept).astype(np.uint8)
    if is_coloured(grid):
        return _opaque(level)
    pixels = np.zeros((*level.shape[:1], *level.shape[2:], 4), dtype=np.uint8)
    pixels[..., 3] = level[:, 0]
    return pixels


def weight_pictures(weights_JI: np.ndarray, grid: Grid) -> np.ndarray:
    """Masked weights as pixels, uint8 (J, H, W, 4), each node scaled by its largest weight.

    Three channels: 0 is mid-grey. Otherwise red is positive and blue negative, 0 transparent.
    """
    weights = project(weights_JI, grid)
    if not is_coloured(grid):
        weights = weights.sum(axis=1, keepdims=True)
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    scaled = weights / np.where(largest > 0, largest, 1.0)
    if is_coloured(grid):
        return _opaque(np.rint(GREY + 127 * scaled).astype(np.uint8))
    pixels = np.zeros((len(scaled), *scaled.shape[2:], 4), dtype=np.uint8)
    pixels[..., :3] = np.where(scaled[:, 0, ..., None] >= 0, POSITIVE, NEGATIVE)
    pixels[..., 3] = np.rint(255 * np.abs(scaled[:, 0]))
    return pixels


def _opaque(level_JCHW: np.ndarray) -> np.ndarray:
    rgb = np.moveaxis(level_JCHW, 1, -1)
    return np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], axis=-1)
