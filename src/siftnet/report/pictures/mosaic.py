"""The picture that shows what pruning leaves: a few nodes from dense to sparse, as one image."""

# J nodes, H W pixels of a picture, 4 red green blue opacity

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from siftnet.foreign import is_whole, shown
from siftnet.geometry import Unknown
from siftnet.report.pictures.canvas import Canvas, canvas_of
from siftnet.report.pictures.gallery import choose_nodes, first_layers
from siftnet.store.folder import as_run
from siftnet.store.run import Run
from siftnet.studies.measure_run import has_affine_first
from siftnet.studies.measured_run import MeasuredRun, read_measured
from siftnet.wording import density, score

# Twice the 900 pixels at which it is shown, for sharp displays.
WIDTH, MARGIN, LABELS = 1800, 44, 250
ROOM = WIDTH - LABELS - 2 * MARGIN
GAP, ROUND_GAP = 10, 44
PAPER, TILE, INK, MUTED = "#fcfbf9", "#efede8", "#1e2126", "#666b73"
BLACK, GREY = "#000000", "#808080"
# A line of inputs is drawn at least this high.
LINE = 40


def mask_mosaic(run: Run | str | Path, rounds: Sequence[int] | None = None, nodes: int = 10) -> Image.Image:
    """The best-connected first-layer nodes of the headline round, their masks and weights in a few rounds, as RGB.

    run: or its path; rounds: numbers, from the densest down; None takes the first, the headline and one half way
    between them. nodes: how many, fewer where they don't fit. A round without pruning shows weights alone. Raises
    ValueError where the run has not been analysed, has no such round, or has inputs of unknown geometry.
    """
    run = as_run(run)
    check_mosaic(run)
    measured = read_measured(run)
    canvas, first = canvas_of(run.geometry), measured.top.first
    assert canvas is not None, "checked above"
    assert first is not None, "checked above"
    if not is_whole(nodes) or nodes < 1:
        raise ValueError(f"nodes must be at least 1, a whole number, got {shown(nodes)}")
    if rounds is not None and not (isinstance(rounds, list | tuple | range) and all(map(is_whole, rounds))):
        raise ValueError(f"rounds must be a list of their numbers, got {shown(rounds)}")
    chosen = round_series(measured) if rounds is None else list(rounds)
    size = _tile_size(canvas, nodes)
    fitting = max(1, (ROOM + GAP) // (size[0] + GAP))
    best, _ = choose_nodes(first.degrees.in_degree, run.config.seed, min(nodes, fitting), 0)
    blocks = []
    for number, (mask_JI, weights_JI) in zip(chosen, first_layers(measured, chosen, best), strict=True):
        rows = [] if mask_JI.all() else [("mask", canvas.masks(mask_JI))]
        blocks.append((_label(measured, number), [*rows, ("weights", canvas.weights(weights_JI))]))
    return _compose(blocks, size, len(best), canvas.coloured)


def check_mosaic(run: Run) -> None:
    """Raise ValueError where a run has no masks in places to draw, whether it is measured or not."""
    known = not isinstance(run.geometry, Unknown)
    if known and (not run.rounds() or has_affine_first(run, run.rounds()[-1])):
        return
    what = "a convolution as its first layer" if known else run.geometry.describe()
    raise ValueError(
        f"{run.path} has {what}: a picture of masks needs a first layer of connections on a grid or at points"
    )


def round_series(measured: MeasuredRun) -> list[int]:
    """The first round, the headline and the one whose density is nearest half way between, on a logarithmic scale."""
    first, last = measured.rounds[0], measured.top
    if first.number == last.number:
        return [first.number]
    target = math.sqrt(first.density * last.density)
    between = [r for r in measured.rounds if first.number < r.number < last.number]
    middle = min(between, key=lambda r: abs(math.log(r.density / target)), default=None)
    return [first.number, *([middle.number] if middle else []), last.number]


def _tile_size(canvas: Canvas, nodes: int) -> tuple[int, int]:
    """Width and height of one picture, a whole multiple of its pixels."""
    wide, high = canvas.picture
    scale = max(1, ((ROOM + GAP) // nodes - GAP) // wide)
    # Only what is wider than the whole picture is shrunk.
    return min(wide * scale, ROOM), max(high * scale, LINE) if canvas.line else high * scale


def _label(measured: MeasuredRun, number: int) -> tuple[str, str, str]:
    found = next(r for r in measured.rounds if r.number == number)
    reached = score(found.score("best"), measured.metric)
    return density(found.density), f"of weights, round {number}", f"validation {reached}"


def _compose(
    blocks: list[tuple[tuple[str, str, str], list[tuple[str, np.ndarray]]]],
    size: tuple[int, int],
    nodes: int,
    coloured: bool,
) -> Image.Image:
    """Blocks of rows below each other, each with its label to the left."""
    wide, high = size

    # A label needs room beside a low block of lines.
    heights = [max(len(pictures) * (high + GAP) - GAP, 104) for _, pictures in blocks]

    # Whatever is left over goes between the nodes, so that the picture halves exactly to the width it is shown at.
    step = wide + min((ROOM - nodes * wide) // max(nodes - 1, 1), wide // 2)
    canvas = Image.new("RGB", (WIDTH, 2 * MARGIN + sum(heights) + ROUND_GAP * (len(blocks) - 1)), PAPER)
    pen = ImageDraw.Draw(canvas)
    y = MARGIN
    for (label, pictures), height in zip(blocks, heights, strict=True):
        _write_label(pen, y, label)
        for at, (kind, tiles) in enumerate(pictures):
            ground = {"mask": BLACK, "weights": GREY}[kind] if coloured else TILE
            for place, pixels in enumerate(tiles):
                corner = (MARGIN + LABELS + place * step, y + at * (high + GAP))
                _paste(canvas, pixels, corner, size, ground, None if coloured or kind == "weights" else INK)
        y += height + ROUND_GAP
    return canvas


def _write_label(pen: ImageDraw.ImageDraw, y: int, label: tuple[str, str, str]) -> None:
    big, small = ImageFont.load_default(54), ImageFont.load_default(24)
    pen.text((MARGIN, y - 12), label[0], fill=INK, font=big)
    pen.text((MARGIN, y + 52), label[1], fill=MUTED, font=small)
    pen.text((MARGIN, y + 82), label[2], fill=MUTED, font=small)


def _paste(
    canvas: Image.Image,
    pixels: np.ndarray,
    corner: tuple[int, int],
    size: tuple[int, int],
    ground: str,
    ink: str | None,
) -> None:
    """One node's picture (H, W, 4) over its ground, enlarged without smoothing; ink recolours it."""
    method = Image.Resampling.NEAREST if size[0] >= pixels.shape[1] else Image.Resampling.BOX
    picture = Image.fromarray(pixels).resize(size, method)
    opacity = picture.getchannel("A")
    front = Image.new("RGB", size, ink) if ink else picture.convert("RGB")
    canvas.paste(Image.composite(front, Image.new("RGB", size, ground), opacity), corner)
