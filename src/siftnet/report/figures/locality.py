"""How local the first layer is: index over density, g(r) and g(d) over rounds."""

# D displacements, R rings of distance

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from siftnet.analysis.index import Index
from siftnet.analysis.locality import Curve, Locality
from siftnet.geometry import Grid
from siftnet.report.figures.figure import (
    ACCENT,
    DIVERGING,
    MUTED,
    SECOND,
    Figure,
    Trace,
    axis,
    band,
    density_axis,
    layout,
    plain,
    power_axis,
    reference_line,
)
from siftnet.studies.measured_run import MeasuredRound, MeasuredRun
from siftnet.wording import layer_name, ratio

# Displacements shown to each side: structure is near, and far pairs are few and noisy.
REACH = 15


def locality_figures(measured: MeasuredRun) -> list[Figure]:
    """Index, g(r) and, on a grid, g(d) of the first layer; empty where nobody knows where the inputs live."""
    grid = measured.grid
    if measured.top.locality is None:
        return []
    localities = [found for r in measured.rounds if (found := r.locality) is not None]
    if grid is None:
        return [index_figure(measured), radial_figure(localities, "full", "units")]
    maps = [map_figure(localities, grid, same=same) for same in (True, False)[: 1 + (grid.channels > 1)]]
    # With one channel the map stands beside the curve.
    width: Literal["full", "half"] = "full" if grid.channels > 1 else "half"
    return [index_figure(measured), radial_figure(localities, width), *maps]


def index_figure(measured: MeasuredRun) -> Figure:
    """Locality index over density against both nulls."""
    unit = "sites" if measured.points is None else "units"
    data = [
        _index_curve(measured, "index_uniform", "against uniform placement", MUTED, "circle-open", "dot"),
        _index_curve(measured, "index_degree", "against degree-preserving shuffles", ACCENT, "circle", "solid"),
    ]
    values = [v for trace in data for v in (*trace["y"], *_ends(trace)) if v]
    return Figure(
        name="index",
        title="Near pairs, over their expectation",
        caption=f"How many more pairs of one node's inputs lie within two {unit} of each other than the null places "
        "there; 1 is no structure. The degree-preserving null keeps every node's and every input's number of "
        "connections, so the space between the curves is what popular inputs alone explain. Bars: 95% bootstrap over "
        "nodes.",
        layout=layout(
            density_axis([r.density for r in measured.rounds]),
            power_axis("locality index", min([1.0, *values]) / 1.05, max([2.0, *values])),
            400,
            showlegend=True,
            shapes=[reference_line(1)],
            margin={"l": 64, "r": 16, "t": 48, "b": 52},
        ),
        data=data,
        follow=[r.density for r in measured.rounds],
    )


def _index_curve(measured: MeasuredRun, name: str, label: str, color: str, symbol: str, dash: str) -> Trace:
    rows: list[tuple[MeasuredRound, Index, float]] = []
    for r in measured.rounds:
        index: Index | None = getattr(r.locality, name) if r.locality else None
        if index is not None and index.value is not None:
            rows.append((r, index, index.value))
    up = [i.high - value if i.high is not None else 0 for _, i, value in rows]
    down = [value - i.low if i.low is not None else 0 for _, i, value in rows]
    return {
        "type": "scatter",
        "name": label,
        "x": [r.density for r, _, _ in rows],
        "y": [value for _, _, value in rows],
        "customdata": [[r.number, i.p if i.p is not None else "not testable"] for r, i, _ in rows],
        "error_y": {"array": up, "arrayminus": down, "symmetric": False, "color": color, "thickness": 1, "width": 0},
        "mode": "lines+markers",
        "line": {"color": color, "width": 2, "dash": dash},
        "marker": {"color": color, "size": 7, "symbol": symbol},
        "hovertemplate": "round %{customdata[0]}, density %{x:.2%}<br>index %{y:.3g}, p %{customdata[1]}"
        "<extra>" + label + "</extra>",
    }


def _ends(trace: Trace) -> list[float]:
    bars = trace["error_y"]
    up = [y + e for y, e in zip(trace["y"], bars["array"], strict=True)]
    return up + [y - e for y, e in zip(trace["y"], bars["arrayminus"], strict=True)]


def radial_figure(localities: Sequence[Locality], width: Literal["full", "half"], unit: str = "sites") -> Figure:
    """g(r) by round with the band of the null's own samples; unit: that distances are in."""
    frames: list[list[Trace]] = []
    notes: list[str] = []
    seen = [0.5, 2.0]
    for found in localities:
        curve = _curve_of(found)
        shown = (found.radii >= 1) & (found.radii <= 2 * REACH)
        x, y = plain(found.radii[shown]), plain(curve.value[shown])
        frame = [_g_line(x, y)]
        if curve.low is not None and curve.high is not None:
            low, high = plain(curve.low[shown]), plain(curve.high[shown])
            # A logarithmic axis has no place for 0.
            frame.insert(0, band(x, [max(v, 1e-3) if v is not None else None for v in low], high, "null"))
        frames.append(frame)
        notes.append(_null_note(found))
        seen += [v for v in y if v]
    # One ring without a pair must not squash the rest.
    bottom, top = max(min(seen), 1 / 16), max(seen)
    return Figure(
        name="radial",
        title="Pair correlation g(r)",
        caption=f"Pairs of a node's inputs{' in one channel' if unit == 'sites' else ''} at distance r, over their "
        "expectation. A local mask starts "
        "high and falls below 1 further out; the shaded band is where 95% of the null's own samples lie.",
        layout=layout(
            axis(f"distance r ({unit})"),
            power_axis("g(r)", bottom, top),
            400,
            shapes=[reference_line(1, "no structure")],
        ),
        frames=frames,
        notes=notes,
        width=width,
    )


def _curve_of(found: Locality) -> Curve:
    """g(r) against the degree-preserving null where it was sampled, otherwise against the uniform one."""
    return found.curve_degree or found.curve_uniform


def _map_of(found: Locality, *, same: bool) -> np.ndarray:
    """g(d) against the null of `_curve_of`, within one channel or across channels."""
    across = found.g_uniform_different if found.g_degree is None else found.g_degree_different
    within = found.g_uniform if found.g_degree is None else found.g_degree
    g_D = within if same else across
    assert g_D is not None, "one channel has no pairs across channels"
    return g_D


def _g_line(x: Sequence[float], y: Sequence[float | None]) -> Trace:
    return {
        "type": "scatter",
        "x": x,
        "y": [v or None for v in y],
        "mode": "lines+markers",
        "line": {"color": ACCENT, "width": 2},
        "marker": {"color": ACCENT, "size": 6},
        "hovertemplate": "r = %{x}<br>g = %{y:.3g}<extra></extra>",
        "name": "g(r)",
    }


def _null_note(found: Locality) -> str:
    if found.curve_degree is not None:
        return f"Null: {found.samples} degree-preserving shuffles."
    return "Null: uniform placement in closed form; no shuffles were drawn, so there is no band."


def map_figure(localities: Sequence[Locality], grid: Grid, *, same: bool) -> Figure:
    """g(d) by round within one channel or across channels."""
    maps = [_reach(_map_of(found, same=same), grid) for found in localities]
    # The same colours in both maps.
    both = (True, False)[: 1 + (grid.channels > 1)]
    cap = _cap([_reach(_map_of(found, same=which), grid) for found in localities for which in both])
    notes = [_null_note(found) for found in localities]
    common: dict[str, Any] = {
        "name": "map" if same else "map-different",
        "title": "g(d), same channel" if same else "g(d), different channels",
        "notes": notes,
        "width": "half",
    }
    if grid.ndim == 1:
        return Figure(
            caption=_map_caption(
                same, f"Displacements along the {'ring' if grid.periodic else 'line'}; 1 is no structure."
            ),
            layout=layout(axis("displacement (sites)"), power_axis("g(d)", 2.0**-cap, 2.0**cap), 320),
            frames=[[_g_line(_offsets(g), plain(np.clip(g, 2.0**-cap, 2.0**cap)))] for g in maps],
            **common,
        )
    slice_note = "" if grid.ndim == 2 else " Drawn: the slice of displacement 0 along the first axis."
    return Figure(
        caption=_map_caption(
            same,
            f"Red is more pairs than the null has, blue fewer; colours end at {2**cap} and 1/{2**cap}.{slice_note}",
        ),
        layout=layout(
            axis("dx (sites)", constrain="domain", showgrid=False),
            axis("dy (sites)", scaleanchor="x", constrain="domain", autorange="reversed", showgrid=False),
            400,
            margin={"l": 56, "r": 8, "t": 12, "b": 52},
        ),
        frames=[[_g_map(g, cap)] for g in maps],
        **common,
    )


def _map_caption(same: bool, how: str) -> str:
    which = (
        "How often two inputs of one node, in one channel, lie at displacement d."
        if same
        else "The same for two inputs in different channels; the centre is one pixel seen in two colours."
    )
    return f"{which} {how}"


def _reach(g_D: np.ndarray, grid: Grid) -> np.ndarray:
    """The part of a map within reach of displacement 0, in two axes at most."""
    if grid.ndim > 2:
        g_D = g_D[tuple(n // 2 for n in g_D.shape[: grid.ndim - 2])]
    return g_D[tuple(slice(max(n // 2 - REACH, 0), n // 2 + REACH + 1) for n in g_D.shape)]


def _offsets(g_D: np.ndarray, which: int = 0) -> list[int]:
    n = g_D.shape[which]
    return list(range(-(n // 2), n - n // 2))


def _cap(maps: list[np.ndarray]) -> int:
    """Power of two at which colours end: the strongest of near displacements, at most 32."""
    strongest = 1.0
    for g_D in maps:
        near = g_D[tuple(slice(max(n // 2 - 2, 0), n // 2 + 3) for n in g_D.shape)]
        near = near[np.isfinite(near) & (near > 0)]
        strongest = max(strongest, float(np.abs(np.log2(near)).max(initial=0.0)))
    return min(math.ceil(strongest), 5)


def _g_map(g_D: np.ndarray, cap: int) -> Trace:
    log_D = np.clip(np.log2(np.where(g_D > 0, g_D, 2.0**-cap)), -cap, cap)
    ticks = list(range(-cap, cap + 1))
    return {
        "type": "heatmap",
        "x": _offsets(g_D, 1),
        "y": _offsets(g_D, 0),
        "z": plain(np.where(np.isfinite(g_D), log_D, np.nan), 3),
        "customdata": plain(g_D, 3),
        "zmin": -cap,
        "zmax": cap,
        "colorscale": DIVERGING,
        "xgap": 0.5,
        "ygap": 0.5,
        "colorbar": {
            "tickvals": ticks,
            "ticktext": [ratio(2.0**t) for t in ticks],
            "title": {"text": "g(d)", "side": "top"},
            "thickness": 10,
            "outlinewidth": 0,
            "len": 0.85,
        },
        "hovertemplate": "dx %{x}, dy %{y}<br>g = %{customdata}<extra></extra>",
    }


STYLES = [(ACCENT, "circle", "solid"), (SECOND, "diamond", "dash"), (MUTED, "square", "dot")]


def layers_figure(measured: MeasuredRun) -> Figure | None:
    """Locality index of every layer's path mask over density; None with one layer, or where nobody knows
    where the inputs live."""
    names = list(measured.top.layers)
    if measured.top.locality is None or len(names) < 2:
        return None
    data = [_curve(measured, place) for place in range(len(names))]
    values = [y for trace in data for y in trace["y"]]
    return Figure(
        name="layers",
        title="Locality by depth",
        caption="A deeper node sees every input that a path of kept connections leads to; the index counts near pairs "
        "of those. Null: uniform placement, in closed form. Deeper nodes see more, so less is to be expected of them.",
        layout=layout(
            density_axis([r.density for r in measured.rounds]),
            power_axis("locality index (uniform)", min([1.0, *values]) / 1.05, max([2.0, *values])),
            380,
            showlegend=True,
            shapes=[reference_line(1)],
            margin={"l": 64, "r": 16, "t": 48, "b": 52},
        ),
        data=data,
        follow=[r.density for r in measured.rounds],
    )


def _curve(measured: MeasuredRun, place: int) -> Trace:
    color, symbol, dash = STYLES[min(place, 2)]
    rows = []
    for r in measured.rounds:
        locality = list(r.layers.values())[place].locality
        if locality is not None and locality.index_uniform.value:
            rows.append((r.density, locality.index_uniform.value, r.number))
    label = layer_name(place) + (", through paths" if place else ", its own mask")
    return {
        "type": "scatter",
        "name": label,
        "x": [row[0] for row in rows],
        "y": [row[1] for row in rows],
        "customdata": [row[2] for row in rows],
        "mode": "lines+markers",
        "line": {"color": color, "width": 2, "dash": dash},
        "marker": {"color": color, "size": 7, "symbol": symbol},
        "hovertemplate": "round %{customdata}, density %{x:.2%}<br>index %{y:.3g}<extra>" + label + "</extra>",
    }
