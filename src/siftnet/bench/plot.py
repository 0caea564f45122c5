"""Step time against density, as a Plotly figure in a page of its own that needs no network."""

from __future__ import annotations

import json
from html import escape
from math import ceil, floor, log10
from typing import Any

import plotly.offline

from siftnet.bench.benchmark import Result
from siftnet.bench.contender import AUTO
from siftnet.bench.sweep import Row
from siftnet.bench.table import headline
from siftnet.report.figures.figure import Trace, axis, density_axis, layout

# The page's roles in its light theme, because a picture for a document has no theme to follow.
ROLES = {"@ink": "#1e2126", "@muted": "#666b73", "@faint": "#e4e0d9", "@raised": "#ffffff", "@clear": "#fcfbf9"}
KERNEL_COLORS = ("#0a6ba8", "#2a8f6a", "#7a4fa3", "#b8860b")
BASELINE_COLORS = ("#c2540a", "#b03a22", "#8c6d5a", "#666b73")
FLOOR_COLOR = "#1e2126"


def figure(result: Result) -> dict[str, Any]:
    """Data and layout: a curve for each contender with bars from the 20th to the 80th percentile, the floors dotted."""
    names = [name for name in dict.fromkeys(row.contender for row in result.rows) if name != AUTO]
    kernels = iter(KERNEL_COLORS * len(names))
    baselines = iter(BASELINE_COLORS * len(names))
    curves = []
    for name in names:
        rows = [row for row in result.rows if row.contender == name]
        color = next(baselines if name in result.baselines and len(result.baselines) < len(names) else kernels)
        curves.append(_curve(name, rows, color))
    rows = [row for row in result.rows if row.contender == names[0]]
    curves += [_floor("dense floor", rows, "dense_floor_ms", "dot"), _floor("sparse floor", rows, "sparse_floor_ms")]
    times = [y for curve in curves for y in curve["y"]]
    drawn = layout(
        density_axis([row.density for row in rows]),
        _time_axis(min(times), max(times)),
        560,
        showlegend=True,
        margin={"l": 64, "r": 16, "t": 48, "b": 52},
    )
    return {"data": curves, "layout": _painted(drawn)}


def _time_axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis with ticks at 1, 2 and 5 times powers of ten, at powers alone where those are many."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    steps = (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [step * 10.0**power for power in powers for step in steps]
    pad = 0.04 * log10(2 * high / low)
    return axis(
        "milliseconds a step",
        type="log",
        range=[log10(low) - pad, log10(high) + pad],
        tickvals=ticks,
        ticktext=[f"{tick:g}" for tick in ticks],
    )


def _curve(name: str, rows: list[Row], color: str) -> Trace:
    rows = sorted(rows, key=lambda row: -row.density)
    middle = [row.timing.p50_ms for row in rows]
    return {
        "type": "scatter",
        "name": name,
        "x": [row.density for row in rows],
        "y": middle,
        "error_y": {
            "array": [row.timing.p80_ms - y for row, y in zip(rows, middle, strict=True)],
            "arrayminus": [y - row.timing.p20_ms for row, y in zip(rows, middle, strict=True)],
            "color": color,
            "thickness": 1,
            "width": 0,
        },
        "mode": "lines+markers",
        "line": {"color": color, "width": 2},
        "marker": {"color": color, "size": 7},
        "hovertemplate": "density %{x:.3~%}<br>%{y:.3~g} ms<extra>" + escape(name) + "</extra>",
    }


def _floor(name: str, rows: list[Row], field: str, dash: str = "dashdot") -> Trace:
    rows = sorted(rows, key=lambda row: -row.density)
    return {
        "type": "scatter",
        "name": name,
        "x": [row.density for row in rows],
        "y": [getattr(row, field) for row in rows],
        "mode": "lines",
        "line": {"color": FLOOR_COLOR, "width": 1.5, "dash": dash},
        "hovertemplate": "density %{x:.3~%}<br>%{y:.3~g} ms<extra>" + name + "</extra>",
    }


def _painted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _painted(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_painted(v) for v in value]
    return ROLES.get(value, value) if isinstance(value, str) else value


def page(result: Result) -> str:
    """The figure and what was timed where, self-contained HTML."""
    drawn = json.dumps(figure(result), allow_nan=False).replace("</", "<\\/")
    return PAGE.format(
        title="Step time against density",
        headline=escape(headline(result)),
        plotly=plotly.offline.get_plotlyjs(),
        figure=drawn,
    )


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 20px 24px; background: #fcfbf9; color: #1e2126; font: 14px/1.5 system-ui, sans-serif; }}
h1 {{ margin: 0; font-size: 20px; }}
p {{ margin: 4px 0 0; color: #666b73; }}
</style>
<h1>{title}</h1>
<div id="plot"></div>
<p>{headline}</p>
<script>{plotly}</script>
<script>
const figure = {figure};
Plotly.newPlot("plot", figure.data, figure.layout, {{ displaylogo: false, responsive: true, displayModeBar: false }});
</script>
</html>
"""
