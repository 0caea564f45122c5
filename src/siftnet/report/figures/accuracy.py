"""Accuracy against density, and as nodes are removed."""

from __future__ import annotations

from siftnet.report.figures.figure import (
    ACCENT,
    INK,
    MUTED,
    SECOND,
    Figure,
    Trace,
    axis,
    band,
    density_axis,
    layout,
    plain,
    reference_line,
)
from siftnet.studies.measured_run import RoundRecord, RunRecord, Which
from siftnet.wording import DENSE

Z95 = 1.96


def accuracy_figure(record: RunRecord) -> Figure:
    """Validation and test scores of every round that did not diverge, over density."""
    rounds = [r for r in record.rounds if not r.diverged]
    curves: list[tuple[Which, str, str, str, str]] = [
        ("best", "validation, best step", ACCENT, "circle", "solid"),
        ("last", "validation, last step", MUTED, "circle-open", "dot"),
        ("test_best", "test, weights that validation chose", SECOND, "diamond", "solid"),
    ]
    data = [_curve(rounds, *curve, record.is_accuracy) for curve in curves]
    dense = next((r.score("best") for r in rounds if r.density == 1), None)
    shapes = [] if dense is None else [reference_line(dense, "dense")]
    bars = "Bars are 95% binomial intervals. " if record.is_accuracy else ""
    left_out = [str(r.number) for r in record.rounds if r.diverged]
    missing = f" Diverged and left out: round {', '.join(left_out)}." if left_out else ""
    return Figure(
        name="accuracy",
        title=f"{'Accuracy' if record.is_accuracy else 'R²'} as weights are removed",
        caption="Look for a curve that holds or rises above the dotted line (the dense network) before it falls. "
        f"{bars}The test set took no part in any choice. {DENSE}{missing}",
        layout=layout(
            density_axis([r.density for r in record.rounds]),
            axis("accuracy" if record.is_accuracy else "R²", tickformat=".1%" if record.is_accuracy else ".2f"),
            400,
            showlegend=True,
            shapes=shapes,
            margin={"l": 64, "r": 16, "t": 48, "b": 52},
        ),
        data=data,
        follow=[r.density for r in record.rounds],
    )


def _curve(
    rounds: list[RoundRecord], which: Which, name: str, color: str, symbol: str, dash: str, is_accuracy: bool
) -> Trace:
    kept = [(r, score) for r in rounds if (score := r.score(which)) is not None]
    trace: Trace = {
        "type": "scatter",
        "name": name,
        "x": [r.density for r, _ in kept],
        "y": [score for _, score in kept],
        "customdata": [r.number for r, _ in kept],
        "mode": "lines+markers",
        "line": {"color": color, "width": 2, "dash": dash},
        "marker": {"color": color, "size": 7, "symbol": symbol},
        "hovertemplate": "round %{customdata}, density %{x:.2%}<br>%{y}<extra>" + name + "</extra>",
    }
    if is_accuracy:
        spread = [Z95 * (s * (1 - s) / r.examples(which)) ** 0.5 for r, s in kept]
        trace["error_y"] = {"array": spread, "color": color, "thickness": 1, "width": 0}
    return trace


def ablation_figure(record: RunRecord) -> Figure | None:
    """Score that is left as first-layer nodes are removed at the headline round; None where it was not measured."""
    found = record.headline.get("ablation")
    if found is None:
        return None
    removed, mean, spread = found["removed"], found["random_mean"], found["random_spread"]
    low, high = ([m + sign * s for m, s in zip(mean, spread, strict=True)] for sign in (-1, 1))

    return Figure(
        name="ablation",
        title="Which nodes matter",
        caption="Validation score as first-layer nodes are cut off at the headline round. The band is one standard "
        "deviation over random orders; a curve below it removes nodes that matter more than most.",
        layout=layout(
            axis("nodes removed from the first layer"),
            axis(
                "validation accuracy" if record.is_accuracy else "validation R²",
                tickformat=".0%" if record.is_accuracy else ".2f",
            ),
            380,
            showlegend=True,
            margin={"l": 64, "r": 16, "t": 48, "b": 52},
        ),
        data=[
            {**band(removed, low, high, "random, one deviation"), "showlegend": False},
            _removal("most connected first", removed, found["most"], ACCENT),
            _removal("least connected first", removed, found["least"], SECOND),
            _removal("random order", removed, mean, INK, "dot"),
        ],
    )


def _removal(name: str, removed: list[int], y: list[float], color: str, dash: str = "solid") -> Trace:
    return {
        "type": "scatter",
        "name": name,
        "x": removed,
        "y": plain(y, 6),
        "mode": "lines+markers",
        "line": {"color": color, "width": 2, "dash": dash},
        "marker": {"color": color, "size": 6},
        "hovertemplate": "%{x} nodes removed<br>%{y}<extra>" + name + "</extra>",
    }
