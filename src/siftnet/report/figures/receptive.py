"""Where first-layer nodes look: centres, radii, orientations and over how many inputs their weights spread."""

# J nodes

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from siftnet.analysis.receptive import ReceptiveFields
from siftnet.geometry import Grid, Points
from siftnet.report.figures.figure import ACCENT, MUTED, Figure, Trace, axis, layout, plain, power_axis
from siftnet.report.figures.points import dots, dots_layout
from siftnet.report.plane import plane_of
from siftnet.studies.measured_layer import MeasuredLayer
from siftnet.studies.measured_run import MeasuredRun
from siftnet.wording import number

RADIUS_BINS = 30
ORIENTATION_BINS = 18
# Rounder fields have no orientation to speak of: the long axis is at least 1.5 times the short one.
ELONGATED = 1 / 3


def receptive_figures(measured: MeasuredRun) -> list[Figure]:
    """Figures of the nodes' receptive fields by round; of the participation ratio alone where they have none."""
    figures: list[Figure] = []
    grid, points, layers = measured.grid, measured.points, measured.first_layers
    fields = [Fields(first.receptive, first.degrees.in_degree) for first in layers if first.receptive is not None]
    if grid is not None and fields:
        figures += [centre_figure(fields, grid), radius_figure(fields)]
        if grid.ndim == 2:
            figures.append(orientation_figure(fields))
    if points is not None and fields:
        figures += [point_centre_figure(fields, points), radius_figure(fields, "the coordinates' unit", least=0.0)]
        if points.coordinates.shape[1] == 2:
            figures.append(orientation_figure(fields, upwards=True))
    return [*figures, participation_figure(layers)]


class Fields(NamedTuple):
    """Receptive fields of a round's nodes, and how many inputs each kept, int64 (J,)."""

    shape: ReceptiveFields
    degree_J: np.ndarray


def centre_figure(fields: Sequence[Fields], grid: Grid) -> Figure:
    """Centres of receptive fields over the grid, in its last two axes."""
    frames = [[_centres(found, grid)] for found in fields]
    names = ["x (sites)", "y (sites)"]
    limits = [[0, n] if grid.periodic else [-0.5, n - 0.5] for n in grid.shape[::-1][:2]]
    if grid.ndim == 1:
        shape = layout(axis("site", range=limits[0]), axis("radius (sites)", rangemode="tozero"), 340)
    else:
        shape = layout(
            axis(names[0], range=limits[0], constrain="domain"),
            axis(names[1], range=limits[1][::-1], scaleanchor="x", constrain="domain"),
            400,
        )
    whole = {1: "a line", 2: "an image"}.get(grid.ndim, "a volume")
    ignorant = f" A mask that ignores place puts every centre in the middle of {whole} with edges."
    return Figure(
        name="centres",
        title="Where they look",
        caption="Centre of each node's masked weights; a disc's area is the number of inputs."
        + ("" if grid.periodic else ignorant),
        layout=shape,
        frames=frames,
        width="half",
    )


def _centres(found: Fields, grid: Grid) -> Trace:
    valid = found.shape.valid
    centre_JA = found.shape.centre[valid]
    y = found.shape.radius[valid] if grid.ndim == 1 else centre_JA[:, -2]
    return _discs(found, centre_JA[:, -1], y, "(%{x:.1f}, %{y:.1f})")


def point_centre_figure(fields: Sequence[Fields], points: Points) -> Figure:
    """Centres of receptive fields among the points, as these are drawn; on a line, over it by radius."""
    plane = plane_of(points)
    line = len(plane.names) == 1
    frames = []
    for found in fields:
        place_JP = plane.place(found.shape.centre[found.shape.valid])
        y = found.shape.radius[found.shape.valid] if line else place_JP[:, 1]
        discs = _discs(found, place_JP[:, 0], y, "(%{x:.3g}, %{y:.3g})")
        frames.append([discs] if line else [dots(plane), discs])
    ignorant = "A mask that ignores place puts every centre near the middle of all points."
    return Figure(
        name="centres",
        title="Where they look",
        caption=f"Centre of each node's masked weights; a disc's area is the number of inputs. {ignorant} {plane.said}",
        layout=layout(axis("coordinate"), axis("radius", rangemode="tozero"), 340) if line else dots_layout(plane, 400),
        frames=frames,
        width="half",
    )


def _discs(found: Fields, x: np.ndarray, y: np.ndarray, place: str) -> Trace:
    valid = found.shape.valid
    degree_J = found.degree_J[valid]
    size = 4 + 10 * np.sqrt(degree_J / max(degree_J.max(initial=0), 1))
    return {
        "type": "scatter",
        "x": plain(x),
        "y": plain(y),
        "customdata": plain(np.stack([np.flatnonzero(valid), degree_J], axis=1)),
        "mode": "markers",
        "cliponaxis": False,
        "marker": {"color": ACCENT, "opacity": 0.45, "size": plain(size, 2), "line": {"width": 0}},
        "hovertemplate": "node %{customdata[0]}, %{customdata[1]} inputs<br>" + place + "<extra></extra>",
    }


def radius_figure(fields: Sequence[Fields], unit: str = "sites", least: float = 1.0) -> Figure:
    """Histogram of radii, the same bins in every round; unit: that they are in, least: where bins end at the least."""
    radii = [found.shape.radius[found.shape.valid] for found in fields]
    high = max([least, *(float(v.max(initial=0)) for v in radii)]) or 1.0
    edges = np.linspace(0, high, RADIUS_BINS + 1)
    frames = [[_bars(edges, np.histogram(v, edges)[0], "radius %{x:.3g}<br>%{y} nodes")] for v in radii]
    medians = [found.shape.radius_median for found in fields]
    sites = " sites" if unit == "sites" else ""
    return Figure(
        name="radii",
        title="How far they see",
        caption=f"Root mean square distance of a node's weights from their centre, in {unit}. Small is local.",
        layout=layout(axis(f"radius ({unit})", range=[0, high]), axis("nodes"), 400, bargap=0.05),
        frames=frames,
        notes=["" if m is None else f"Median radius {number(m)}{sites}." for m in medians],
        width="half",
    )


def _bars(edges: np.ndarray, counts: np.ndarray, hover: str) -> Trace:
    return {
        "type": "bar",
        "x": plain((edges[1:] + edges[:-1]) / 2),
        "y": plain(counts),
        "width": float(edges[1] - edges[0]),
        "marker": {"color": ACCENT},
        "hovertemplate": hover + "<extra></extra>",
    }


def orientation_figure(fields: Sequence[Fields], *, upwards: bool = False) -> Figure:
    """Rose of the long axes of elongated receptive fields; upwards: whether their second coordinate is drawn so."""
    frames, notes, widest = [], [], 1
    for shape_J, degree_J in fields:
        assert shape_J.orientation is not None, "fields on two axes have an orientation"
        assert shape_J.elongation is not None
        kept = shape_J.valid & (shape_J.elongation >= ELONGATED) & (degree_J > 1)
        # Drawn as one sees it: counter-clockwise from the right, although y grows downwards on a grid.
        angle = np.rad2deg(shape_J.orientation[kept] * (1 if upwards else -1)) % 180
        counts = np.histogram(angle, np.linspace(0, 180, ORIENTATION_BINS + 1))[0]
        widest = max(widest, int(counts.max(initial=0)))
        frames.append([_rose(counts)])
        notes.append(f"{int(kept.sum()):,} of {len(kept):,} nodes are elongated.")
    polar: dict[str, Any] = {
        "bgcolor": "@clear",
        "radialaxis": {"range": [0, widest], "gridcolor": "@faint", "linecolor": "@faint", "nticks": 4, "angle": 90},
        "angularaxis": {"gridcolor": "@faint", "linecolor": "@faint", "dtick": 45},
    }
    shape = layout(axis(""), axis(""), 380, polar=polar, margin={"l": 40, "r": 40, "t": 32, "b": 32})
    del shape["xaxis"], shape["yaxis"]
    return Figure(
        name="orientations",
        title="Which way they are turned",
        caption="Number of nodes (radius) by direction of their long axis, for fields at least 1.5 times as long as "
        "wide; 0° is horizontal, 90° vertical. Evenly round means that no direction is preferred.",
        layout=shape,
        frames=frames,
        notes=notes,
        width="half",
    )


def _rose(counts: np.ndarray) -> Trace:
    step = 180 / len(counts)
    theta = [(i + 0.5) * step for i in range(2 * len(counts))]
    return {
        "type": "barpolar",
        "theta": theta,
        "r": plain(counts) * 2,
        "width": [step] * len(theta),
        "marker": {"color": ACCENT, "opacity": 0.85},
        "hovertemplate": "%{r} nodes<extra></extra>",
    }


def participation_figure(layers: Sequence[MeasuredLayer]) -> Figure:
    """Inverse participation ratio against in-degree, with the line of equal weights."""
    frames, widest, lowest = [], 2, 0.5
    for layer in layers:
        degree_J, ratio_J = layer.degrees.in_degree, layer.participation
        shown = (degree_J > 0) & (ratio_J > 0)
        widest = max(widest, int(degree_J.max(initial=0)))
        lowest = min([lowest, float(ratio_J[shown].min(initial=1.0)), 1 / widest])
        frames.append([_participation(degree_J[shown], ratio_J[shown])])
    equal = {
        "type": "scatter",
        "x": [1, widest],
        "y": [1, 1 / widest],
        "mode": "lines",
        "line": {"color": MUTED, "dash": "dot", "width": 1},
        "hoverinfo": "skip",
    }
    return Figure(
        name="participation",
        title="How many inputs carry the weight",
        caption="Inverse participation ratio Σw⁴/(Σw²)² of each node: 1 for a single input. On the dotted line all "
        "inputs that were kept weigh the same; above it a few outweigh the rest.",
        layout=layout(
            power_axis("inputs kept by a node", 1, widest, base=10),
            power_axis("participation ratio", lowest, 1, base=10),
            380,
        ),
        frames=[[equal, *frame] for frame in frames],
        width="half",
    )


def _participation(degree_J: np.ndarray, ratio_J: np.ndarray) -> Trace:
    return {
        "type": "scatter",
        "x": plain(degree_J),
        "y": plain(ratio_J, 3),
        "mode": "markers",
        "marker": {"color": ACCENT, "size": 5, "opacity": 0.4},
        "hovertemplate": "%{x} inputs<br>IPR %{y}<extra></extra>",
    }
