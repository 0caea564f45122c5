"""The head of a page about its data: what was read as what, counts or ranges by split, notes, three examples."""

# E examples, C channels, H W pixels, S sites of a line

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from siftnet.geometry import Grid
from siftnet.report.data_words import Rows, by_split, facts, plain_number, titles, values
from siftnet.report.pictures.examples import describe_pictures, example_curves, example_pictures
from siftnet.report.pictures.gallery import sprite
from siftnet.store.run import Run
from siftnet.store.shown import ShownExamples
from siftnet.store.summary import DataSummary
from siftnet.wording import NOTE, named

WIDTH = 112
"""A picture's width on the page in CSS pixels, as nearly as whole multiples of its pixels allow."""
POINTS, HIGH, CHANNELS = 240, 48, 3
"""Points of a curve, the height of its drawing, and curves of an example at most."""


@dataclass(frozen=True, kw_only=True)
class ExampleGallery:
    """The examples' pictures side by side in one sprite, from which page.js cuts them as it does those of nodes."""

    name: str
    sprites: Sequence[str]
    picture: tuple[int, int]
    size: tuple[int, int]

    def payload(self) -> dict[str, Any]:
        """What page.js draws."""
        return {"sprites": self.sprites, "counts": [[]], "picture": self.picture, "coloured": True}


@dataclass(frozen=True, kw_only=True)
class DataHead:
    """Facts as names and texts; rows by split; notes; titles of the examples, and they as pictures, curves or values.

    curves: points of each channel's line, 'x,y x,y', of each example, in a box of POINTS by HIGH.
    """

    facts: Sequence[tuple[str, str]]
    by_split: Rows | None
    notes: Sequence[str]
    caption: str = ""
    titles: Sequence[tuple[str, str]] = ()
    gallery: ExampleGallery | None = None
    curves: Sequence[Sequence[str]] = ()
    box: tuple[int, int] = (POINTS, HIGH)
    values: Rows | None = None


def data_head(run: Run) -> DataHead:
    """Of a run's data, without the data; of a run from before examples were kept, without examples."""
    data, shown = run.data, run.shown()
    notes = [named(note, NOTE) for note in data.notes]
    head = DataHead(facts=facts(data), by_split=by_split(data), notes=notes)
    return head if shown is None else _with_examples(head, data, shown, run.inputs().get("permutation_I"))


def _with_examples(
    head: DataHead, data: DataSummary, shown: ShownExamples, permutation_I: np.ndarray | None
) -> DataHead:
    grid = data.geometry
    said = ["Training examples, drawn by data.seed.", describe_pictures(grid, shuffled=data.permuted or data.scrambled)]
    head = replace(head, titles=titles(data, shown))
    if not isinstance(grid, Grid):
        head = replace(head, values=values(data, shown, permutation_I))
    elif grid.ndim > 1:
        head = replace(head, gallery=_gallery(shown, grid))
    else:
        curves, between = _curves(shown, grid)
        said.append(between)
        head = replace(head, curves=curves)
    return replace(head, caption=" ".join(filter(None, said)))


def _gallery(shown: ShownExamples, grid: Grid) -> ExampleGallery:
    pictures = example_pictures(shown.inputs_EI, grid)
    high, wide = pictures.shape[1:3]
    if wide > 2 * WIDTH:
        # Twice as many pixels as it is shown at, for sharp displays.
        size = 2 * WIDTH, max(1, round(high * 2 * WIDTH / wide))
        resized = [Image.fromarray(pixels).resize(size, Image.Resampling.BOX) for pixels in pictures]
        pictures = np.stack([np.asarray(picture) for picture in resized])
        wide, high = size
        shown_at = wide // 2, max(1, high // 2)
    else:
        scale = max(1, round(WIDTH / wide))
        shown_at = wide * scale, high * scale
    opaque = np.concatenate([pictures, np.full_like(pictures[..., :1], 255)], axis=-1)
    return ExampleGallery(name="examples", sprites=[sprite([opaque])], picture=(wide, high), size=shown_at)


def _curves(shown: ShownExamples, grid: Grid) -> tuple[list[list[str]], str]:
    """Lines of each example between the same two values, and a sentence that says which."""
    curves = example_curves(shown.inputs_EI, grid, POINTS)[:, :CHANNELS]
    low, high = float(curves.min()), float(curves.max())
    level = (curves - low) / (high - low) if high > low else np.full(curves.shape, 0.5)
    x_S = np.linspace(1, POINTS - 1, curves.shape[-1])
    y_ECS = 1 + (HIGH - 2) * (1 - level)
    lines = [[" ".join(f"{x:.1f},{y:.1f}" for x, y in zip(x_S, y_S, strict=True)) for y_S in y_CS] for y_CS in y_ECS]
    which = f" The first {CHANNELS} of {grid.channels} channels are drawn." if grid.channels > CHANNELS else ""
    return lines, f"Curves run from {plain_number(low, high - low)} to {plain_number(high, high - low)}.{which}"
