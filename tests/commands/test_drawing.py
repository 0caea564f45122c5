"""Pictures and curves as a terminal shows them, read back from its colours and characters."""

from __future__ import annotations

import io
import itertools
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from rich.text import Text

from siftnet.commands.drawing import BARS, INK, draw_curve, draw_picture, has_blocks


def console(encoding: str = "utf-8", **more: Any) -> Console:
    """A terminal of many colours, unless said otherwise."""
    usual: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor", "width": 80, "no_color": False}
    return Console(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), **usual | more)


def pixels_of(text: Text) -> np.ndarray:
    """What half blocks show, uint8 (H, W, 3)."""
    rows: list[list[tuple[int, ...]]] = []
    colours = iter(text.spans)
    for line in text.plain.splitlines():
        styles = [span.style for span in itertools.islice(colours, len(line))]
        assert set(line) == {"▀"}
        for attribute in ("color", "bgcolor"):
            found = [getattr(style, attribute) for style in styles]
            if all(found):
                rows.append([tuple(colour.triplet) for colour in found])
    return np.array(rows, np.uint8)


IMAGE = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)


def test_half_blocks_are_the_image() -> None:
    assert np.array_equal(pixels_of(draw_picture(IMAGE, console(), 40)), IMAGE)


def test_an_odd_number_of_rows_is_drawn_whole() -> None:
    assert np.array_equal(pixels_of(draw_picture(IMAGE[:7], console(), 40)), IMAGE[:7])


def test_a_large_image_is_reduced_as_pillow_does_it() -> None:
    expected = Image.fromarray(IMAGE).resize((12, 10), Image.Resampling.BOX)
    assert np.array_equal(pixels_of(draw_picture(IMAGE, console(), 12)), np.asarray(expected))


def test_a_small_image_is_enlarged_by_a_whole_number() -> None:
    small = IMAGE[:4, :5]
    assert np.array_equal(pixels_of(draw_picture(small, console(), 40)), small.repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize(
    "without", [{"color_system": None}, {"no_color": True}, {"color_system": "standard"}, {"encoding": "ascii"}]
)
def test_without_colours_or_blocks_a_picture_is_ink(without: dict[str, Any]) -> None:
    plain = console(**without)
    assert not has_blocks(plain)
    ramp = np.repeat(np.linspace(0, 255, 20).astype(np.uint8)[None, :, None], 8, axis=0).repeat(3, axis=2)
    lines = draw_picture(ramp, plain, 40).plain.splitlines()
    assert len(lines) == 4
    assert set(lines) == {"".join(INK[round(level / 255 * 9)] for level in ramp[0, :, 0].tolist())}
    assert lines[0].isascii()


def test_a_curve_rises_from_the_lowest_mark_to_the_highest() -> None:
    assert draw_curve(np.arange(8.0), 0, 7, console()).plain == BARS
    assert draw_curve(np.array([2.0, 0.0]), 0, 4, console()).plain == BARS[4] + BARS[0]
    assert draw_curve(np.arange(9.0), 0, 8, console("ascii")).plain == INK[1:]
    assert draw_curve(np.zeros(3), 0, 0, console()).plain == BARS[4] * 3
