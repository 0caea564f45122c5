"""Who is connected: nodes by their number of inputs, inputs by their number of nodes."""

# J nodes, I inputs, C channels, H W pixels

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from siftnet.analysis.degrees import Degrees
from siftnet.analysis.layer import DegreeBin
from siftnet.geometry import Grid
from siftnet.report.figures.figure import (
    ACCENT,
    MUTED,
    SEQUENTIAL,
    Figure,
    Trace,
    axis,
    layout,
    plain,
    power_axis,
    reference_line,
)
from siftnet.report.figures.points import point_figures
from siftnet.studies.measured_layer import MeasuredLayer
from siftnet.studies.measured_run import MeasuredRun
from siftnet.wording import correlation, counted, literal, median_count, named, share

# Inputs named in the figure of unknown geometries.
NAMED = 30


def degree_figures(measured: MeasuredRun) -> list[Figure]:
    """Index by connection count and the in-degree histogram."""
    bins = [first.bins for first in measured.first_layers if first.bins]
    return [
        *([bins_figure(bins)] if len(bins) == len(measured.rounds) else []),
        histogram_figure(measured.first_layers),
    ]


def bins_figure(rounds: Sequence[Sequence[DegreeBin]]) -> Figure:
    """Locality index of nodes in bins of their number of connections, by round."""
    frames, notes, indices, largest = [], [], [1.0, 2.0], 2.0
    for found in rounds:
        bins = [b for b in found if b.index_uniform]
        indices += [b.index_uniform for b in bins if b.index_uniform]
        largest = max([largest, *(b.high for b in bins)])
        frames.append([_bins(bins)])
        without = sum(b.nodes for b in found) - sum(b.nodes for b in bins)
        notes.append(f"Left out: {counted(without, 'node')} in groups without any near pair." if without else "")
    return Figure(
        name="bins",
        title="Locality by connection count",
        caption="Near pairs over uniform placement, for nodes grouped by how many inputs they kept; a disc's area is "
        "the number of nodes. Null: uniform, in closed form.",
        layout=layout(
            power_axis("inputs kept by a node", 2, largest),
            power_axis("locality index (uniform)", min(indices), max(indices)),
            shapes=[reference_line(1)],
        ),
        frames=frames,
        notes=notes,
        width="half",
    )


def _bins(bins: list[DegreeBin]) -> Trace:
    nodes = np.array([b.nodes for b in bins], dtype=float)
    size = 6 + 26 * np.sqrt(nodes / nodes.max(initial=1))
    return {
        "type": "scatter",
        "x": [(b.low * b.high) ** 0.5 for b in bins],
        "y": [b.index_uniform for b in bins],
        "customdata": [[b.low, b.high - 1, b.nodes] for b in bins],
        "mode": "lines+markers",
        "cliponaxis": False,
        "line": {"color": MUTED, "width": 1},
        "marker": {"color": ACCENT, "size": plain(size, 3), "opacity": 0.85, "line": {"width": 0}},
        "hovertemplate": "%{customdata[0]} to %{customdata[1]} inputs<br>%{customdata[2]} nodes"
        "<br>index %{y:.3g}<extra></extra>",
    }


def histogram_figure(layers: Sequence[MeasuredLayer]) -> Figure:
    """How many nodes kept how many inputs, both axes logarithmic, by round."""
    frames, notes, widest, tallest = [], [], 2, 2
    for layer in layers:
        degree, nodes = layer.degrees.histogram_degree, layer.degrees.histogram_nodes
        shown = degree > 0
        widest, tallest = max(widest, int(degree.max())), max(tallest, int(nodes[shown].max(initial=0)))
        frames.append([_histogram(plain(degree[shown]), plain(nodes[shown]))])
        in_degree = layer.degrees.in_degree
        empty = int((in_degree == 0).sum())
        lost = f"; {counted(empty, 'node')} {'has' if empty == 1 else 'have'} none" if empty else ""
        notes.append(
            f"The largest is node {int(in_degree.argmax())} with {counted(int(in_degree.max()), 'input')}, "
            f"the median {median_count(layer.degrees.median)}{lost}."
        )
    return Figure(
        name="histogram",
        title="Inputs kept by a node",
        caption="Number of nodes with exactly so many inputs. A long tail to the right means hubs.",
        layout=layout(power_axis("inputs kept by a node", 1, widest), power_axis("nodes", 1, tallest)),
        frames=frames,
        notes=notes,
        width="half",
    )


def _histogram(degree: list[int], nodes: list[int]) -> Trace:
    return {
        "type": "scatter",
        "x": degree,
        "y": nodes,
        "mode": "markers",
        "marker": {"color": ACCENT, "size": 6, "opacity": 0.8},
        "hovertemplate": "%{y} nodes with %{x} inputs<extra></extra>",
    }


def input_figures(measured: MeasuredRun) -> list[Figure]:
    """Connections of every input by round, as a map where one knows their places, and else by name."""
    grid, points = measured.grid, measured.points
    degrees = [first.degrees for first in measured.first_layers]
    notes = [_explained(found) for found in degrees]
    if points is not None:
        return [*point_figures(measured, points, notes), named_figure(measured)]
    if grid is None:
        return [named_figure(measured)]
    maps = [found.input_map for found in degrees if found.input_map is not None]
    every = [_flat(m.sum(0), grid) for m in maps]
    place = _place(grid)
    caption = f"Nodes that kept each {place}" + (", summed over channels." if grid.channels > 1 else ".")
    figures = [_sites(Words("inputs", f"Connections of each {place}", caption), every, "nodes", notes, grid=grid)]
    variance = measured.restored(measured.run.inputs()["variance_I"]).reshape(grid.channels, *grid.shape).mean(0)
    figures.append(
        _sites(
            Words(
                "variance",
                f"Variance of each {place}",
                f"Over training examples{', mean over channels' if grid.channels > 1 else ''}: the cheap explanation "
                f"of why some {place}s are popular.",
            ),
            [_flat(variance, grid)],
            "variance",
            grid=grid,
        )
    )
    if 1 < grid.channels <= 4:
        figures += [_channel(c, grid, maps) for c in range(grid.channels)]
    return figures


def _explained(found: Degrees) -> str:
    rho = found.variance_spearman
    explained = "undefined, as one of the two is constant" if rho is None else correlation(rho)
    return f"Rank correlation with the variance: {explained}. Inputs that no node uses: {share(found.unused)}."


def _channel(c: int, grid: Grid, maps: list[np.ndarray]) -> Figure:
    name = ["red", "green", "blue"][c] if grid.channels == 3 else str(c + 1)
    values = [_flat(m[c], grid) for m in maps]
    words = Words(f"inputs-{c}", f"Channel {name}", f"Nodes that kept each {_place(grid)} of it.")
    return _sites(words, values, "nodes", grid=grid, width="third")


def _place(grid: Grid) -> str:
    """What a place of a map is called: a pixel where the inputs are an image, a site elsewhere."""
    return "pixel" if grid.ndim == 2 and not grid.periodic else "site"


def _flat(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Values (*grid) as a map of two axes at most, summed over the leading ones."""
    return values.sum(axis=tuple(range(grid.ndim - 2))) if grid.ndim > 2 else values


class Words(NamedTuple):
    """What a figure is called, and what is said below it."""

    name: str
    title: str
    caption: str


def _sites(
    words: Words,
    maps: list[np.ndarray],
    quantity: str,
    notes: list[str] | None = None,
    *,
    grid: Grid,
    width: Literal["half", "third"] = "half",
) -> Figure:
    frames = [[_line(m, quantity) if m.ndim == 1 else _heat(m, quantity)] for m in maps]
    if maps[0].ndim == 1:
        shape = layout(axis("site"), axis(quantity, rangemode="tozero"), 320)
    else:
        shape = layout(
            axis(f"x ({_place(grid)}s)", constrain="domain", showgrid=False),
            axis(f"y ({_place(grid)}s)", scaleanchor="x", constrain="domain", autorange="reversed", showgrid=False),
            340 if width == "half" else 250,
            margin={"l": 48, "r": 8, "t": 12, "b": 48},
        )
    fixed: dict[str, Any] = {"data": frames[0]} if len(frames) == 1 else {"frames": frames}
    return Figure(**words._asdict(), layout=shape, notes=notes, width=width, **fixed)


def _line(values: np.ndarray, quantity: str) -> Trace:
    return {
        "type": "scatter",
        "y": plain(values),
        "mode": "lines",
        "line": {"color": ACCENT, "width": 1.5},
        "hovertemplate": "site %{x}<br>" + quantity + " %{y}<extra></extra>",
    }


def _heat(values: np.ndarray, quantity: str) -> Trace:
    return {
        "type": "heatmap",
        "z": plain(values),
        "colorscale": SEQUENTIAL,
        "colorbar": {"thickness": 8, "outlinewidth": 0, "len": 0.85, "title": {"text": quantity, "side": "top"}},
        "hovertemplate": "x %{x}, y %{y}<br>" + quantity + " %{z}<extra></extra>",
    }


def _labels(names: Sequence[str]) -> list[str]:
    """A label for each input, none twice, since bars of one label would be drawn over each other."""
    short = [named(name) for name in names]
    counts = Counter(short)
    return [literal(name if counts[name] == 1 else f"{name} (input {i})") for i, name in enumerate(short)]


def named_figure(measured: MeasuredRun) -> Figure:
    """The inputs that most nodes kept, by name, where no map can be drawn."""
    names = measured.run.data.input_names or [f"input {i}" for i in range(measured.run.geometry.size)]
    shown = _labels(names)
    frames = []
    for first in measured.first_layers:
        degree_I = first.degrees.input_degree
        top = np.argsort(-degree_I, kind="stable")[:NAMED][::-1]
        frames.append(
            [
                {
                    "type": "bar",
                    "orientation": "h",
                    "x": plain(degree_I[top]),
                    "y": [shown[i] for i in top],
                    "marker": {"color": ACCENT},
                    "hovertemplate": "%{y}: %{x} nodes<extra></extra>",
                }
            ]
        )
    return Figure(
        name="named" if measured.points else "inputs",
        title="The best-connected inputs",
        caption=f"Nodes that kept each input, the {min(NAMED, len(names))} most popular."
        + ("" if measured.points else " Where these inputs live is not known, so no map can be drawn."),
        layout=layout(axis("nodes"), axis("", type="category"), 120 + 20 * min(NAMED, len(names))),
        frames=frames,
    )
