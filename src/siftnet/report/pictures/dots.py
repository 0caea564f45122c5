"""Nodes at points as small pictures: a dot for each point, in the colours of what a node kept and how it weighs."""

# J nodes, I points, C cells (points that fall on one pixel), H W pixels of a picture, 4 red green blue opacity

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from siftnet.geometry import Points
from siftnet.report.pictures.nodes import GREY, NEGATIVE, POSITIVE
from siftnet.report.plane import Plane, plane_of

WIDE = 192
"""Pixels of a picture's width; a picture of a line is one pixel high."""
LOWEST = 48
"""Pixels of the height of other pictures at least, however flat the points lie."""
DOT = (3.0, 10.0)
"""Radius of a dot in pixels, at least and at most."""
FAINT, WEAKEST = 36, 80
"""Opacity of a point that a node has not kept, and at least of one that it has."""


@dataclass(frozen=True, eq=False)
class Dots:
    """Which point is drawn where: the cell of each point, and the cell that each pixel shows, -1 for none."""

    cell_I: np.ndarray
    shown_HW: np.ndarray

    def masks(self, mask_JI: np.ndarray) -> np.ndarray:
        """Masks as pixels, uint8 (J, H, W, 4): black dots on faint ones."""
        kept_JC = self._by_cell(mask_JI.astype(np.float64)) > 0
        return self._pixels(np.where(kept_JC, 255, FAINT), np.zeros((*kept_JC.shape, 3), np.uint8))

    def weights(self, weights_JI: np.ndarray) -> np.ndarray:
        """Masked weights as pixels, uint8 (J, H, W, 4), each node scaled by its largest: red above 0, blue below."""
        weight_JC = self._by_cell(np.nan_to_num(weights_JI.astype(np.float64), posinf=0.0, neginf=0.0))
        colour_JC3 = np.where(weight_JC[..., None] > 0, POSITIVE, NEGATIVE)
        colour_JC3[weight_JC == 0] = GREY
        size_JC = np.abs(weight_JC)
        largest_J1 = size_JC.max(axis=1, keepdims=True)
        scaled_JC = size_JC / np.where(largest_J1 > 0, largest_J1, 1.0)
        opacity_JC = np.where(size_JC > 0, np.rint(WEAKEST + (255 - WEAKEST) * scaled_JC), FAINT)
        return self._pixels(opacity_JC, colour_JC3)

    def _by_cell(self, values_JI: np.ndarray) -> np.ndarray:
        """Sums over the points of each cell, (J, C)."""
        cells = int(self.cell_I.max()) + 1
        return np.stack([np.bincount(self.cell_I, values_I, cells) for values_I in values_JI])

    def _pixels(self, opacity_JC: np.ndarray, colour_JC3: np.ndarray) -> np.ndarray:
        dot_JC4 = np.concatenate([colour_JC3, opacity_JC[..., None]], axis=2).astype(np.uint8)
        # Nothing is drawn where no point is near.
        dot_JC4 = np.concatenate([dot_JC4, np.zeros_like(dot_JC4[:, :1])], axis=1)
        return dot_JC4[:, self.shown_HW]


def dots_of(points: Points) -> tuple[Dots, Plane]:
    """How points are drawn, in their own proportions, the second coordinate upwards; and what that leaves out."""
    plane = plane_of(points)
    place_IP = plane.place_IP - plane.place_IP.min(axis=0)
    extent_P = place_IP.max(axis=0)
    longest = float(extent_P.max()) or 1.0
    margin = DOT[1]
    place_IP = place_IP / longest * (WIDE - 1 - 2 * margin) + margin
    high = 1
    if place_IP.shape[1] == 2:
        high = max(LOWEST, round(float(place_IP[:, 1].max() + margin)) + 1)
        # Rows are counted downwards, and a flat picture has its points in the middle.
        low, top = place_IP[:, 1].min(), place_IP[:, 1].max()
        place_IP = np.stack([(high - 1 + low + top) / 2 - place_IP[:, 1], place_IP[:, 0]], axis=1)
    else:
        place_IP = np.stack([np.zeros(len(place_IP)), place_IP[:, 0]], axis=1)
    pixel_C2, cell_I = np.unique(np.rint(place_IP).astype(np.int64), axis=0, return_inverse=True)
    tree = cKDTree(pixel_C2)
    grid_HW2 = np.stack(np.meshgrid(np.arange(high), np.arange(WIDE), indexing="ij"), axis=-1)
    _, shown_HW = tree.query(grid_HW2, distance_upper_bound=_radius(tree, pixel_C2))
    return Dots(cell_I.ravel(), np.where(shown_HW == len(pixel_C2), -1, shown_HW)), plane


def _radius(tree: cKDTree, pixel_C2: np.ndarray) -> float:
    """So that dots nearly touch; where they would overlap, each pixel is its nearest point's."""
    if len(pixel_C2) < 2:
        return DOT[1]
    nearest_C = tree.query(pixel_C2, k=2)[0][:, 1]
    return float(np.clip(0.7 * np.median(nearest_C), *DOT))
