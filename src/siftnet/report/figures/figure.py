"""A figure of the page: Plotly traces and layout whose colours are named by their role.

A colour such as "@accent" is a custom property (--accent) of page.css, put in by page.js, so that one figure serves
the light and the dark theme.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from siftnet.wording import density, ratio

INK, MUTED, FAINT = "@ink", "@muted", "@faint"
ACCENT, SECOND, BAND = "@accent", "@second", "@band"
# Deviation from a neutral value, for signed weights and for ratios about 1.
DIVERGING = "@diverging"
SEQUENTIAL = "Viridis"
# Densities at which an axis may have a tick.
DENSITIES = [d * 10.0**k for k in range(-5, 1) for d in (1, 3)]

# What an axis of accuracies spans at least.
NARROW = 0.02

Trace = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure: its traces, fixed (`data`) or one list a round (`frames`), its layout and what is said below it.

    notes: a sentence a round, shown with the frame. follow: x of each round, where a line marks the slider's round.
    """

    name: str
    title: str
    caption: str
    layout: dict[str, Any]
    data: list[Trace] | None = None
    frames: list[list[Trace]] | None = None
    notes: list[str] | None = None
    follow: list[float] | None = None
    width: Literal["full", "half", "third"] = "full"

    def payload(self) -> dict[str, Any]:
        """What page.js draws."""
        return {
            "layout": self.layout,
            "data": self.data,
            "frames": self.frames,
            "notes": self.notes,
            "follow": self.follow,
        }


def layout(x: dict[str, Any], y: dict[str, Any], height: int = 360, **more: Any) -> dict[str, Any]:
    """A layout in the page's style from its two axes."""
    return {
        "xaxis": x,
        "yaxis": y,
        "height": height,
        "margin": {"l": 64, "r": 16, "t": 12, "b": 52},
        "font": {"color": MUTED, "size": 13},
        "paper_bgcolor": "@clear",
        "plot_bgcolor": "@clear",
        "hoverlabel": {"bgcolor": "@raised", "bordercolor": FAINT, "font": {"color": INK}},
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": INK}},
        "dragmode": False,
    } | more


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title and faint lines."""
    return {
        "title": {"text": title, "standoff": 8},
        "gridcolor": FAINT,
        "linecolor": FAINT,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
    } | more


def density_axis(densities: Sequence[float]) -> dict[str, Any]:
    """Density on a logarithmic axis, dense on the left, as the literature draws it."""
    low, high = min(densities), max(densities)
    ticks = [d for d in DENSITIES if low / 1.2 <= d <= high * 1.2]
    if len(ticks) < 2:
        ticks = sorted(set(densities))
    edge = max(0.06 * math.log10(high / low), 0.05)
    return axis(
        "density (share of weights kept)",
        type="log",
        range=[math.log10(high) + edge, math.log10(low) - edge],
        tickvals=ticks,
        ticktext=[density(d) for d in ticks],
    )


def power_axis(title: str, low: float, high: float, base: int = 2, **more: Any) -> dict[str, Any]:
    """A logarithmic axis over [low, high] with ticks at powers of `base`, written out."""
    low = max(low, 1e-9)
    high = max(high, 1.01 * low)
    powers = range(math.floor(math.log(low, base) + 1e-9), math.ceil(math.log(high, base) - 1e-9) + 1)
    if base > 2 and sum(low <= base**k <= high for k in powers) < 2:
        # One label says nothing of the scale.
        return power_axis(title, low, high, 2, **more)
    # Ten labels at most, or they collide.
    ticks = [float(base) ** k for k in powers if k % (1 + len(powers) // 10) == 0]
    pad = 0.04 * math.log10(high / low)
    return axis(
        title,
        type="log",
        range=[math.log10(low) - pad, math.log10(high) + pad],
        tickvals=ticks,
        ticktext=[ratio(t) for t in ticks],
        tickangle=0,
        **more,
    )


def accuracy_axis(title: str, values: Iterable[float], tickformat: str) -> dict[str, Any]:
    """An axis of accuracies over these, with a little room at both ends and no tick below 0% or above 100%."""
    found = list(values) or [0.0, 1.0]
    low, high = max(min(found), 0.0), min(max(found), 1.0)
    if high - low < NARROW:
        low = max(high - NARROW, 0.0)
        high = low + NARROW
    # Less than the step from one tick to the next.
    room = 0.05 * (high - low)
    return axis(title, tickformat=tickformat, range=[low - room, high + room])


def reference_line(y: float, text: str = "") -> dict[str, Any]:
    """A dotted horizontal line at a value such as 1, chance or the dense score."""
    line = {"color": MUTED, "width": 1, "dash": "dot"}
    label = {"text": text, "textposition": "end", "font": {"color": MUTED, "size": 12}, "yanchor": "bottom"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line, "label": label}


def band(x: Sequence[float], low: Sequence[float | None], high: Sequence[float | None], name: str) -> Trace:
    """The area between two curves, with a gap where one of them has no value."""
    outline: list[tuple[float | None, float | None]] = []
    points = zip(x, low, high, strict=True)
    for there, group in itertools.groupby(points, lambda point: None not in point):
        stretch = list(group) if there else []
        # Plotly fills what lies between two None by itself.
        outline += [(None, None)] if stretch and outline else []
        outline += [(a, c) for a, _, c in stretch] + [(a, b) for a, b, _ in reversed(stretch)]
    return {
        "type": "scatter",
        "x": [p[0] for p in outline],
        "y": [p[1] for p in outline],
        "mode": "lines",
        "fill": "toself",
        "fillcolor": BAND,
        "line": {"width": 0, "color": BAND},
        "hoverinfo": "skip",
        "name": name,
    }


def plain(values: np.ndarray | Iterable[float], digits: int = 4) -> list[Any]:
    """Numbers for JSON with `digits` significant digits, None where not finite; nested as the array is."""
    if isinstance(values, np.ndarray) and values.ndim > 1:
        return [plain(row, digits) for row in values]
    array = np.asarray(list(values) if not isinstance(values, np.ndarray) else values)
    if array.dtype.kind in "biu":
        return list(array.astype(int).tolist())
    return [_rounded(float(v), digits) if math.isfinite(v) else None for v in array.tolist()]


def _rounded(value: float, digits: int) -> float | int:
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
