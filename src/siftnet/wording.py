"""Numbers and names in words, the same everywhere on the page."""

from __future__ import annotations

import html
from typing import Any

DENSE = "The dense network has made one round's updates; given those of all rounds together it may do better."
"""What comparing sparse rounds with round 0 leaves open."""


def share(value: float | None, digits: int = 2) -> str:
    """A share as a percentage with about `digits` significant digits: 100%, 36%, 4.7%, 0.97%."""
    if value is None:
        return "–"
    percent = 100 * value
    if percent >= 10 or percent == 0:
        return f"{percent:.{max(digits - 2, 0)}f}%"
    return f"{percent:.{digits - 1}f}%" if percent >= 1 else f"{percent:.{digits}g}%"


def score(value: float | None, is_accuracy: bool) -> str:
    """An accuracy as a percentage with one decimal, R squared with three."""
    if value is None:
        return "–"
    return f"{100 * value:.1f}%" if is_accuracy else f"{value:.3f}"


def number(value: float | None) -> str:
    """Two decimals below 2, where they matter; one up to 100; none beyond."""
    if value is None:
        return "–"
    return f"{value:,.{2 if abs(value) < 2 else 1 if abs(value) < 100 else 0}f}"


def interval(index: Any) -> str:
    """An index's 95% interval, e.g. '[4.9, 5.5]', empty where there is none."""
    if index is None or index.low is None:
        return ""
    return f"[{number(index.low)}, {number(index.high)}]"


def duration(seconds: float) -> str:
    """Seconds below two minutes, minutes below two hours, hours beyond."""
    if seconds < 120:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def literal(text: str) -> str:
    """Text that Plotly shows as it stands, instead of reading its tags."""
    return html.escape(text, quote=False)


def layer_name(place: int) -> str:
    """A layer by its place from the inputs up: 1 is the second layer."""
    return f"layer {place + 1}"


def signed(value: float, digits: int) -> str:
    """A number with a true minus sign, and without one where nothing is left of it: '−0.4', '0.0'."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def score_text(metric: str, score: float | None) -> str:
    """A score as text: accuracy in percent, R^2 as it is."""
    if score is None:
        return "-"
    return f"{100 * score:.2f}%" if metric == "accuracy" else f"{score:.4f}"


def density_text(density: float) -> str:
    """A density in percent, three significant digits."""
    return f"{100 * density:.3g}%"
