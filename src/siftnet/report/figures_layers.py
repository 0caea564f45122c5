"""Layers above the first, seen from the inputs through their paths."""

from __future__ import annotations

from siftnet.report.figure import (
    ACCENT,
    MUTED,
    SECOND,
    Figure,
    Trace,
    density_axis,
    layout,
    power_axis,
    reference_line,
)
from siftnet.report.record import RunRecord
from siftnet.report.wording import layer_name
from siftnet.survey import FIRST

STYLES = [(ACCENT, "circle", "solid"), (SECOND, "diamond", "dash"), (MUTED, "square", "dot")]


def layers_figure(record: RunRecord) -> Figure | None:
    """Locality index of every layer's path mask over density; None off a grid or with one layer."""
    names = list(record.top.layers)
    if record.grid is None or len(names) < 2:
        return None
    data = [_curve(record, layer, *STYLES[min(i, 2)]) for i, layer in enumerate(names)]
    values = [y for trace in data for y in trace["y"]]
    return Figure(
        name="layers",
        title="Locality by depth",
        caption="A deeper node sees every input that a path of kept connections leads to; the index counts near pairs "
        "of those. Null: uniform placement, in closed form. Deeper nodes see more, so less is to be expected of them.",
        layout=layout(
            density_axis([r.density for r in record.rounds]),
            power_axis("locality index (uniform)", min([1.0, *values]) / 1.05, max([2.0, *values])),
            380,
            showlegend=True,
            shapes=[reference_line(1)],
            margin={"l": 64, "r": 16, "t": 48, "b": 52},
        ),
        data=data,
        follow=[r.density for r in record.rounds],
    )


def _curve(record: RunRecord, layer: str, color: str, symbol: str, dash: str) -> Trace:
    rows = []
    for r in record.rounds:
        locality = r.layers[layer]["locality"] if layer in r.layers else None
        if locality is not None and locality["index_uniform"]["value"]:
            rows.append((r.density, locality["index_uniform"]["value"], r.number))
    label = layer_name(layer) + (", its own mask" if layer == FIRST else ", through paths")
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
