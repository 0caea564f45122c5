"""Accuracy against density, and as nodes are removed."""

from __future__ import annotations

from typing import NamedTuple

from siftnet.analysis.headline import standard_error
from siftnet.report.figures.figure import (
    ACCENT,
    INK,
    MUTED,
    SECOND,
    Figure,
    Trace,
    accuracy_axis,
    axis,
    band,
    density_axis,
    layout,
    plain,
    reference_line,
)
from siftnet.studies.measured_run import MeasuredRound, MeasuredRun, Which
from siftnet.wording import DENSE, metric_name, undefined_scores

# Standard errors to each side that a 95% interval takes.
Z95 = 1.96


def accuracy_figure(measured: MeasuredRun) -> Figure | None:
    """Validation and test scores of every round that did not diverge, over density; None without any score."""
    rounds = [r for r in measured.rounds if not r.diverged]
    curves = [
        Curve("best", "validation, best step", ACCENT, "circle", "solid"),
        Curve("last", "validation, last step", MUTED, "circle-open", "dot"),
        Curve("test_best", "test, weights that validation chose", SECOND, "diamond", "solid"),
    ]
    traces = [_curve(rounds, curve, bars=measured.is_accuracy) for curve in curves]
    # What is undefined in every round would leave its name in the legend.
    data = [trace for trace in traces if trace["x"]]
    if not data:
        return None
    name = metric_name(measured.metric)
    scale = accuracy_axis(name, _reach(data), ".1%") if measured.is_accuracy else axis(name, tickformat=".2f")
    dense = next((r.score("best") for r in rounds if r.density == 1), None)
    shapes = [] if dense is None else [reference_line(dense, "dense")]
    bars = (
        f"Bars are {Z95} standard errors to each side, the binomial ones by which the headline round is chosen, cut "
        "off at 0% and 100%. "
        if measured.is_accuracy
        else ""
    )
    left_out = [str(r.number) for r in measured.rounds if r.diverged]
    missing = f" Diverged and left out: round {', '.join(left_out)}." if left_out else ""
    missing += f" {undefined_scores(measured.undefined)}".rstrip()
    return Figure(
        name="accuracy",
        title=f"{name.capitalize()} as weights are removed",
        caption="Look for a curve that holds or rises above the dotted line (the dense network) before it falls. "
        f"{bars}The test set took no part in any choice. {DENSE}{missing}",
        layout=layout(
            density_axis([r.density for r in measured.rounds]),
            scale,
            400,
            showlegend=True,
            shapes=shapes,
            margin={"l": 64, "r": 16, "t": 48, "b": 52},
        ),
        data=data,
        follow=[r.density for r in measured.rounds],
    )


class Curve(NamedTuple):
    """One of the scores of a round, and how it is drawn."""

    which: Which
    name: str
    color: str
    symbol: str
    dash: str


def _curve(rounds: list[MeasuredRound], curve: Curve, *, bars: bool) -> Trace:
    kept = [(r, value) for r in rounds if (value := r.score(curve.which)) is not None]
    trace: Trace = {
        "type": "scatter",
        "name": curve.name,
        "x": [r.density for r, _ in kept],
        "y": [value for _, value in kept],
        "customdata": [r.number for r, _ in kept],
        "mode": "lines+markers",
        "line": {"color": curve.color, "width": 2, "dash": curve.dash},
        "marker": {"color": curve.color, "size": 7, "symbol": curve.symbol},
        "hovertemplate": "round %{customdata}, density %{x:.2%}<br>%{y}<extra>" + curve.name + "</extra>",
    }
    if bars:
        errors = [standard_error("accuracy", value, r.examples(curve.which)) for r, value in kept]
        # No accuracy is above 1 or below 0, whatever an interval says.
        trace["error_y"] = {
            "array": [min(Z95 * error, 1 - value) for error, (_, value) in zip(errors, kept, strict=True)],
            "arrayminus": [min(Z95 * error, value) for error, (_, value) in zip(errors, kept, strict=True)],
            "symmetric": False,
            "color": curve.color,
            "thickness": 1,
            "width": 0,
        }
    return trace


def _reach(traces: list[Trace]) -> list[float]:
    """Both ends of every bar."""
    ends = []
    for trace in traces:
        bars = trace["error_y"]
        for value, up, down in zip(trace["y"], bars["array"], bars["arrayminus"], strict=True):
            ends += [value + up, value - down]
    return ends


def ablation_figure(measured: MeasuredRun) -> Figure | None:
    """Score that is left as first-layer nodes are removed at the headline round; None where it was not measured."""
    found = measured.headline.ablation
    if found is None:
        return None
    removed, mean, deviation = found.counts.tolist(), found.random_mean.tolist(), found.random_deviation.tolist()
    low, high = ([m + sign * s for m, s in zip(mean, deviation, strict=True)] for sign in (-1, 1))
    name = f"validation {metric_name(measured.metric)}"
    scale = axis(name, tickformat=".2f")
    if measured.is_accuracy:
        low, high = ([min(max(value, 0.0), 1.0) for value in ends] for ends in (low, high))
        scale = accuracy_axis(name, [*low, *high, *found.most.tolist(), *found.least.tolist()], ".0%")
    return Figure(
        name="ablation",
        title="Which nodes matter",
        caption="Validation score as first-layer nodes are cut off at the headline round. The band is one standard "
        "deviation over random orders; a curve below it removes nodes that matter more than most.",
        layout=layout(
            axis("nodes removed from the first layer"),
            scale,
            380,
            showlegend=True,
            margin={"l": 64, "r": 16, "t": 48, "b": 52},
        ),
        data=[
            {**band(removed, low, high, "random, one deviation"), "showlegend": False},
            _removal("most connected first", removed, found.most.tolist(), ACCENT),
            _removal("least connected first", removed, found.least.tolist(), SECOND),
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
