"""How nodes are drawn where their inputs live: pixels on a grid, dots at points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from siftnet.geometry import Geometry, Grid, Points
from siftnet.report.pictures.dots import dots_of
from siftnet.report.pictures.nodes import describe_projection, is_coloured, mask_pictures, weight_pictures

# A picture's width on the page in CSS pixels, as nearly as whole multiples of its pixels allow.
WIDTH = 96
# A line of inputs is drawn at least this high.
LINE = 24
SCALED = "Every picture is scaled by its own largest weight; below it stand the node's number and its inputs kept."


@dataclass(frozen=True, eq=False)
class Canvas:
    """Pictures of nodes in one geometry.

    masks, weights: from values (J, I) to pixels, uint8 (J, H, W, 4). picture, size: width and height of a picture in
    its own pixels, and in those of the page. coloured: whether its colours are those of the inputs; line: whether
    they lie on one; dots: whether its pixels are finer than the page's. caption: how to read it.
    """

    masks: Callable[[np.ndarray], np.ndarray]
    weights: Callable[[np.ndarray], np.ndarray]
    picture: tuple[int, int]
    size: tuple[int, int]
    coloured: bool
    line: bool
    dots: bool
    caption: str


def canvas_of(geometry: Geometry) -> Canvas | None:
    """Where nodes can be drawn; None where nobody knows where the inputs live."""
    if isinstance(geometry, Grid):
        return _on_grid(geometry)
    return _at_points(geometry) if isinstance(geometry, Points) else None


def _on_grid(grid: Grid) -> Canvas:
    high, wide = (grid.channels, grid.shape[0]) if grid.ndim == 1 else grid.shape[-2:]
    scale = max(1, round(WIDTH / wide))
    if is_coloured(grid):
        reading = "Masks show the red, green and blue inputs that were kept, on black; weights are grey at 0."
    else:
        reading = "Masks show which inputs were kept; weights are red where positive and blue where negative."
    return Canvas(
        masks=partial(mask_pictures, grid=grid),
        weights=partial(weight_pictures, grid=grid),
        picture=(wide, high),
        size=(wide * scale, max(high * scale, LINE) if grid.ndim == 1 else high * scale),
        coloured=is_coloured(grid),
        line=grid.ndim == 1,
        dots=False,
        caption=f"{reading} {describe_projection(grid)}{SCALED}",
    )


def _at_points(points: Points) -> Canvas:
    dots, plane = dots_of(points)
    high, wide = dots.shown_HW.shape
    what = "Every dot is an input" if high > 1 else "Every bar is an input"
    reading = (
        f"{what} in its place, faint where the node has not kept it; weights are red where positive and blue where "
        "negative."
    )
    return Canvas(
        masks=dots.masks,
        weights=dots.weights,
        picture=(wide, high),
        size=(WIDTH, round(WIDTH * high / wide) if high > 1 else LINE),
        coloured=False,
        line=high == 1,
        dots=high > 1,
        caption=" ".join(filter(None, [reading, plane.said, SCALED])),
    )
