"""The picture of bench_gpu.py's figures: milliseconds an update by contender, and what more replicates cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

COLORS = {
    "batched": "#0a6ba8",
    "batched, compiled": "#5b3f9e",
    "dense": "#2a8f6a",
    "eager, resident": "#b03a22",
    "eager, loader": "#c2540a",
}
OTHER, FLOOR = "#8c6d5a", "#1e2126"
DASHES = {"bf16": "solid", "fp32": "dot"}
LINES = ("#0a6ba8", "#7a4fa3")

Trace = dict[str, Any]


def figure(result: dict[str, Any]) -> dict[str, Any]:
    """Data and layout from what gpu.json holds; contenders that failed have no line."""
    rows = [row for row in result["rows"] if row["measured"]["p50_ms"] is not None]
    networks = list(dict.fromkeys(row["network"] for row in rows))
    traces: list[Trace] = []
    panels: dict[str, Any] = {}
    for number, network in enumerate(networks, 1):
        single = [row for row in rows if row["network"] == network and row["replicates"] == 1]
        traces += _reaches(sorted(single, key=lambda row: -row["measured"]["p50_ms"]), number)
        panels |= _time_axes(network, number, len(networks))
        traces += _growth(network, [row for row in rows if row["network"] == network], number)
    if networks:
        counts = sorted({row["replicates"] for row in rows})
        panels |= _growth_axes(counts)
        traces.append(_line("as many separate runs", counts, [float(c) for c in counts], "#666b73", "dash"))
    drawn = {
        "height": 540, "showlegend": True, "font": {"size": 12, "color": "#1e2126"},
        "paper_bgcolor": "#fcfbf9", "plot_bgcolor": "#fcfbf9", "margin": {"l": 150, "r": 16, "t": 40, "b": 52},
        "legend": {"x": 0.72, "y": 0.99, "xanchor": "left", "bgcolor": "rgba(0,0,0,0)"},
    }  # fmt: skip
    return {"data": traces, "layout": drawn | panels}


def _suffix(number: int) -> str:
    return "" if number == 1 else str(number)


def _reaches(rows: Sequence[dict[str, Any]], number: int) -> list[Trace]:
    """For each contender its time, a line back to its floor, whose length is their ratio, and a mark there."""
    place = {"xaxis": f"x{_suffix(number)}", "yaxis": f"y{_suffix(number)}", "showlegend": False}
    names = [row["contender"] for row in rows]
    colors = [COLORS.get(row["way"], OTHER) for row in rows]
    traces: list[Trace] = []
    for row, name, color in zip(rows, names, colors, strict=True):
        ms = row["measured"]["p50_ms"]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers+text", "x": [row["floor_ms"], ms], "y": [name, name],
                "line": {"color": color, "width": 5}, "marker": {"color": color, "size": [0, 9]},
                "text": ["", f" {ms:.3g}"], "textposition": "middle right", "cliponaxis": False,
            }
            | place
        )  # fmt: skip
    floors = {
        "type": "scatter", "mode": "markers", "y": names, "x": [row["floor_ms"] for row in rows], "name": "floor",
        "marker": {"symbol": "line-ns", "size": 11, "line": {"width": 2, "color": FLOOR}},
    }  # fmt: skip
    return [*traces, floors | place | {"showlegend": number == 1}]


def _time_axes(network: str, number: int, count: int) -> dict[str, Any]:
    """Panels one above the other on the left."""
    high = 1 - (number - 1) / count
    suffix = _suffix(number)
    title = {"text": f"{network}: milliseconds an update, from its floor", "standoff": 4}
    return {
        f"xaxis{suffix}": {"type": "log", "domain": [0, 0.56], "anchor": f"y{suffix}", "title": title, "dtick": 1},
        f"yaxis{suffix}": {"domain": [high - 1 / count + 0.14, high], "anchor": f"x{suffix}", "ticks": "", "dtick": 1},
    }


def _growth(network: str, rows: Sequence[dict[str, Any]], number: int) -> list[Trace]:
    """Time over that of one replicate, against their number."""
    found = []
    for precision, dash in DASHES.items():
        own = [
            r for r in rows if (r["way"], r["precision"]) == ("batched", precision) and r["ratio_to_one"] is not None
        ]
        own.sort(key=lambda row: row["replicates"])
        counts, ratios = [r["replicates"] for r in own], [r["ratio_to_one"] for r in own]
        found.append(_line(f"{network}, {precision}", counts, ratios, LINES[(number - 1) % len(LINES)], dash))
    return found


def _line(name: str, x: Sequence[float], y: Sequence[float], color: str, dash: str) -> Trace:
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "x": list(x), "y": list(y), "xaxis": "x9",
        "yaxis": "y9", "line": {"color": color, "width": 2, "dash": dash}, "marker": {"color": color, "size": 6},
    }  # fmt: skip


def _growth_axes(counts: Sequence[int]) -> dict[str, Any]:
    shared = {"type": "log", "tickvals": list(counts), "ticktext": [str(count) for count in counts]}
    return {
        "xaxis9": shared | {"domain": [0.7, 1], "anchor": "y9", "title": {"text": "replicates R (batched)"}},
        "yaxis9": shared | {"domain": [0.14, 0.72], "anchor": "x9", "title": {"text": "time over that of one"}},
    }


def draw(source: Path, picture: Path) -> None:
    """Draw gpu.json as a picture, with a browser that needs no screen."""
    # Here, because measuring needs neither of them.
    import plotly.offline

    from bench_kernels import draw as photograph
    from siftnet.bench.plot import PAGE

    result = json.loads(source.read_text(encoding="utf-8"))
    drawn = json.dumps(figure(result), allow_nan=False).replace("</", "<\\/")
    page = PAGE.format(
        title="Milliseconds an update on a GPU",
        headline=result["headline"],
        plotly=plotly.offline.get_plotlyjs(),
        figure=drawn,
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gpu.html"
        path.write_text(page, encoding="utf-8")
        photograph(path, picture)
