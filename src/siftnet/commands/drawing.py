"""Pictures and curves as text: half blocks in colour where the terminal has it, characters of rising ink elsewhere."""

# H W pixels, 3 red green blue

from __future__ import annotations

import numpy as np
from PIL import Image
from rich.console import Console
from rich.style import Style
from rich.text import Text

INK = " .:-=+*#%@"
BARS = "▁▂▃▄▅▆▇█"
LUMA = np.array([0.299, 0.587, 0.114])
SMALL = 16
"""Pictures narrower than this are enlarged, by a whole number."""


def has_blocks(console: Console) -> bool:
    """Whether half blocks of two colours come out: a terminal of 256 colours or more that takes more than ASCII."""
    colours = console.color_system in ("256", "truecolor", "windows") and not console.no_color
    return colours and not console.options.ascii_only


def draw_picture(pixels_HW3: np.ndarray, console: Console, columns: int) -> Text:
    """An image, uint8 (H, W, 3), in at most so many columns, its shape kept: a line is two pixels high."""
    high, wide = pixels_HW3.shape[:2]
    scale = min(columns / wide, max(1, SMALL // wide))
    size = max(1, round(wide * scale)), max(2, round(high * scale))
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
    image = Image.fromarray(pixels_HW3)
    if has_blocks(console):
        return _half_blocks(np.asarray(image.resize(size, method)))
    return _inked(np.asarray(image.resize((size[0], max(1, size[1] // 2)), Image.Resampling.BOX)))


def _half_blocks(pixels_HW3: np.ndarray) -> Text:
    """Two pixels a character: the upper one as its colour, the lower one behind it."""
    text = Text(no_wrap=True)
    for y in range(0, len(pixels_HW3), 2):
        for x in range(pixels_HW3.shape[1]):
            upper = f"#{bytes(pixels_HW3[y, x]).hex()}"
            below = f"#{bytes(pixels_HW3[y + 1, x]).hex()}" if y + 1 < len(pixels_HW3) else None
            text.append("▀", Style(color=upper, bgcolor=below))
        text.append("\n" if y + 2 < len(pixels_HW3) else "")
    return text


def _inked(pixels_HW3: np.ndarray) -> Text:
    """One pixel a character, with more ink where it is brighter."""
    level_HW = np.rint(pixels_HW3 @ LUMA / 255 * (len(INK) - 1)).astype(int)
    return Text("\n".join("".join(INK[level] for level in row) for row in level_HW), no_wrap=True)


def draw_curve(values_S: np.ndarray, low: float, high: float, console: Console) -> Text:
    """A line of values as one line of characters, from low to high."""
    marks = INK[1:] if console.options.ascii_only else BARS
    share_S = (values_S - low) / (high - low) if high > low else np.full(len(values_S), 0.5)
    place_S = np.minimum((share_S * len(marks)).astype(int), len(marks) - 1)
    return Text("".join(marks[place] for place in place_S), no_wrap=True)
