"""Maps of inputs that live at points: every input a dot in its place."""

# I points, N of them that are drawn

from __future__ import annotations

from typing import Any

import numpy as np

from siftnet.geometry import Points
from siftnet.report.figures.figure import ACCENT, MUTED, SEQUENTIAL, Figure, Trace, axis, layout, plain
from siftnet.report.plane import Plane, plane_of
from siftnet.studies.measured_run import MeasuredRun
from siftnet.wording import literal, named

DRAWN = 3000
"""Points of a map at most, evenly taken from all."""


def point_figures(measured: MeasuredRun, points: Points, notes: list[str]) -> list[Figure]:
    """Connections of every input by round, and the variance of each, in their places; notes: a sentence a round."""
    plane = plane_of(points)
    names = measured.run.data.input_names or tuple(f"input {i}" for i in range(points.size))
    labels = [literal(named(name)) for name in names]
    degrees = [first.degrees.input_degree for first in measured.first_layers]
    variance_I = measured.restored(measured.run.inputs()["variance_I"])
    said = f" {plane.said}" if plane.said else ""
    if points.size > DRAWN:
        said += f" Drawn: {DRAWN:,} of {points.size:,}, in even steps through all of them."
    return [
        Figure(
            name="inputs",
            title="Connections of each input",
            caption=f"Nodes that kept each input, in its place.{said}",
            layout=_map_layout(plane, "nodes"),
            frames=[[_values(plane, degree_I, labels, "nodes")] for degree_I in degrees],
            notes=notes,
            width="half",
        ),
        Figure(
            name="variance",
            title="Variance of each input",
            caption="Over training examples: the cheap explanation of why some inputs are popular.",
            layout=_map_layout(plane, "variance"),
            data=[_values(plane, variance_I, labels, "variance")],
            width="half",
        ),
    ]


def dots(plane: Plane) -> Trace:
    """The points themselves, as a ground to draw on."""
    shown_N = _shown(len(plane.place_IP))
    return {
        "type": "scatter",
        "x": plain(plane.place_IP[shown_N, 0]),
        "y": plain(plane.place_IP[shown_N, 1]),
        "mode": "markers",
        "marker": {"color": MUTED, "opacity": 0.3, "size": 4, "line": {"width": 0}},
        "hoverinfo": "skip",
    }


def dots_layout(plane: Plane, height: int) -> dict[str, Any]:
    """A map in the points' own proportions, the second coordinate upwards."""
    return layout(
        axis(plane.names[0], constrain="domain"),
        axis(plane.names[1], scaleanchor="x", constrain="domain"),
        height,
        margin={"l": 56, "r": 8, "t": 12, "b": 52},
    )


def _map_layout(plane: Plane, quantity: str) -> dict[str, Any]:
    if len(plane.names) == 1:
        return layout(axis(plane.names[0]), axis(quantity, rangemode="tozero"), 320)
    return dots_layout(plane, 340)


def _values(plane: Plane, values_I: np.ndarray, labels: list[str], quantity: str) -> Trace:
    """A value of each point, by its colour; on a line by its height."""
    shown_N = _shown(len(values_I))
    place_NP, values_N = plane.place_IP[shown_N], plain(values_I[shown_N])
    trace: Trace = {
        "type": "scatter",
        "x": plain(place_NP[:, 0]),
        "text": [labels[i] for i in shown_N],
        "mode": "markers",
    }
    if len(plane.names) == 1:
        hover = "%{text}: " + quantity + " %{y}<extra></extra>"
        return trace | {"y": values_N, "marker": {"color": ACCENT, "size": 5, "opacity": 0.8}, "hovertemplate": hover}
    bar = {"thickness": 8, "outlinewidth": 0, "len": 0.85, "title": {"text": quantity, "side": "top"}}
    size = float(np.clip(160 / np.sqrt(len(shown_N)), 4, 14))
    return trace | {
        "y": plain(place_NP[:, 1]),
        "marker": {"color": values_N, "colorscale": SEQUENTIAL, "colorbar": bar, "size": size, "line": {"width": 0}},
        "hovertemplate": "%{text}: " + quantity + " %{marker.color}<extra></extra>",
    }


def _shown(points: int) -> np.ndarray:
    """Which points are drawn, int64 (N,)."""
    return np.unique(np.linspace(0, points - 1, min(points, DRAWN)).astype(np.int64))
