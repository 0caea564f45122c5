"""Seeds together over density: every seed as a thin line, their mean, and its interval as a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from siftnet.report.figures.figure import (
    ACCENT,
    MUTED,
    SECOND,
    Figure,
    Trace,
    axis,
    band,
    density_axis,
    layout,
    power_axis,
    reference_line,
)
from siftnet.studies.seeds import Quantity, RoundOverSeeds, SeedsSummary
from siftnet.wording import metric_name

Rows = Sequence[RoundOverSeeds]


def score_figures(summary: SeedsSummary) -> list[Figure]:
    """Test and validation scores on one scale, side by side; without one that is undefined."""
    rows, exact = summary.rounds, summary.is_accuracy
    name, dense = metric_name(summary.metric), next((r for r in rows if r.density == 1), None)
    low, high = _range(rows, ("test", "validation"))
    # No accuracy is above 1, whatever an interval says; the marks there keep their room.
    high = min(high, 1 + 0.03 * (1 - low)) if exact else high
    low = max(low, -0.03 * high) if exact else low
    said_of: list[tuple[Literal["test", "validation"], str, str]] = [
        ("test", SECOND, "Of the weights that validation chose; the test set took no part in any choice."),
        ("validation", ACCENT, "The same weights on the examples that chose them, and so slightly optimistic."),
    ]
    figures = []
    for which, color, said in said_of:
        if which in summary.undefined:
            continue
        mean = dense.over(which).mean if dense else None
        shapes = [] if mean is None else [reference_line(mean, "dense")]
        scale = axis(name, tickformat=".1%" if exact and high - low > 0.004 else ".2%" if exact else ".3f")
        figures.append(
            Figure(
                name=which,
                title=f"{which.capitalize()} {name}",
                caption=said,
                layout=_layout(rows, scale | {"range": [low, high]}, shapes),
                data=_traces(summary, which, color, ".2%" if exact else ".4f"),
                width="half",
            )
        )
    return figures


def index_figures(summary: SeedsSummary) -> list[Figure]:
    """Both locality indices on one scale, side by side; empty where nothing was measured."""
    rows = summary.rounds
    if not any(r.index_uniform.n for r in rows):
        return []
    low, high = _range(rows, ("index_degree", "index_uniform"), log=True)
    said_of: list[tuple[Literal["index_degree", "index_uniform"], str, str]] = [
        ("index_degree", ACCENT, "shuffles that keep every node's and every input's number of connections"),
        ("index_uniform", MUTED, "nodes that draw their inputs at random"),
    ]
    figures = []
    for which, color, null in said_of:
        if not any(r.over(which).n for r in rows):
            continue
        scale = power_axis("locality index", min(low, 1.0), max(high, 2.0))
        caption = f"Pairs of a node's inputs within two sites of each other, over those of {null}; 1 is no structure."
        figures.append(
            Figure(
                name=which.replace("_", "-"),
                title=which,
                caption=caption,
                layout=_layout(rows, scale, [reference_line(1)]),
                data=_traces(summary, which, color, ".3g", log=True),
                width="half",
            )
        )
    return figures


def _layout(rows: Rows, scale: dict[str, Any], shapes: list[dict[str, Any]]) -> dict[str, Any]:
    return layout(density_axis([r.density for r in rows]), scale, 380, shapes=shapes)


def _traces(summary: SeedsSummary, which: Quantity, color: str, digits: str, *, log: bool = False) -> list[Trace]:
    rows = [r for r in summary.rounds if r.over(which).n]
    x = [r.density for r in rows]
    low = [r.over(which).low for r in rows]
    if log:
        # Nothing has a place below 0 on a logarithmic axis.
        low = [None if v is None else max(v, 1e-6) for v in low]
    high = [r.over(which).high for r in rows]
    if summary.is_accuracy and not log:
        low, high = ([None if v is None else min(max(v, 0.0), 1.0) for v in ends] for ends in (low, high))
    between = band(x, low, high, "95% interval of the mean")
    each = [[r.over(which).values[at] for r in rows] for at in range(len(summary.runs))]
    seeds = [_seed(x, y, run.seed, color, digits) for y, run in zip(each, summary.runs, strict=True)]
    return [between, *seeds, _mean(rows, which, color, digits)]


def _seed(x: Sequence[float], y: Sequence[float | None], seed: int, color: str, digits: str) -> Trace:
    return {
        "type": "scatter",
        "name": f"seed {seed}",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"color": color, "width": 1},
        "opacity": 0.7,
        "hovertemplate": f"density %{{x:.2%}}<br>%{{y:{digits}}}<extra>seed {seed}</extra>",
    }


def _mean(rows: Rows, which: Quantity, color: str, digits: str) -> Trace:
    return {
        "type": "scatter",
        "name": "mean",
        "x": [r.density for r in rows],
        "y": [r.over(which).mean for r in rows],
        "customdata": [[r.round, r.over(which).n] for r in rows],
        "mode": "lines+markers",
        "line": {"color": color, "width": 2.5},
        "marker": {"color": color, "size": 7},
        "hovertemplate": f"round %{{customdata[0]}}, density %{{x:.2%}}<br>%{{y:{digits}}}"
        "<extra>mean of %{customdata[1]}</extra>",
    }


def _range(rows: Rows, names: Sequence[Quantity], *, log: bool = False) -> tuple[float, float]:
    """What an axis shows: all seeds, and of the intervals as much as does not squash them."""
    found = [r.over(name) for r in rows for name in names]
    values = [v for f in found for v in f.values if v is not None and (v > 0 or not log)]
    if not values:
        return (0.5, 2.0) if log else (0.0, 1.0)
    low, high = min(values), max(values)
    # With two seeds an interval is 13 times as long as they lie apart.
    room = max(0.25 * (high - low), 1e-3 * max(abs(high), 1e-3))
    ends = [f.low for f in found if f.low is not None], [f.high for f in found if f.high is not None]
    bottom, top = max(min([low, *ends[0]]), low - room), min(max([high, *ends[1]]), high + room)
    pad = 0.05 * (top - bottom)
    return (max(bottom, low / 1.5), top) if log else (bottom - pad, top + pad)
