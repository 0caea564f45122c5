"""What axes span, and where they have ticks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from builders import dataset
from pages import Page
from siftnet.geometry import Grid, ring
from siftnet.report.figures.figure import accuracy_axis, power_axis
from siftnet.report.run_page import run_page
from siftnet.store.run import Run


@pytest.mark.parametrize(
    "values", [[0.2, 0.9], [0.5, 1.12], [-0.03, 0.4], [1.0, 1.0], [0.0, 0.0], [0.98, 0.985], [], [0.0, 1.0]]
)
def test_an_axis_of_accuracies_ends_where_they_do(values: list[float]) -> None:
    low, high = accuracy_axis("accuracy", values, ".1%")["range"]
    kept = [min(max(value, 0.0), 1.0) for value in values]
    assert low < min(kept, default=0)
    assert high > max(kept, default=1)
    # Plotly puts ten ticks at most on such an axis, so that none lies within a tenth of it beyond 0 or 1.
    assert (low >= 0 and high <= 1) or max(-low, high - 1) < 0.1 * (high - low)


def test_no_bar_leaves_what_an_accuracy_may_be(measure: Callable[..., Run]) -> None:
    figure = Page(run_page(measure(dataset(Grid((4, 4)), classes=2)))).data["figures"]["accuracy"]
    for trace in figure["data"]:
        bars = trace["error_y"]
        assert all(y + up <= 1 + 1e-12 for y, up in zip(trace["y"], bars["array"], strict=True))
        assert all(y - down >= -1e-12 for y, down in zip(trace["y"], bars["arrayminus"], strict=True))


@pytest.mark.parametrize(("low", "high"), [(1, 3), (1, 2), (1 / 3, 1), (1, 9), (1, 10), (0.01, 1), (1, 3072)])
def test_a_logarithmic_axis_has_two_ticks_at_least(low: float, high: float) -> None:
    ticks = power_axis("inputs", low, high, base=10)["tickvals"]
    assert sum(low <= tick <= high for tick in ticks) >= 2
    assert all(a < b for a, b in pairwise(ticks))


@pytest.mark.parametrize(
    ("geometry", "place", "along"),
    [(Grid((9,), 1), "site", "along the line"), (ring(9), "site", "along the ring"), (Grid((4, 4)), "pixel", "")],
)
def test_places_are_called_what_they_are(measure: Callable[..., Run], geometry: Grid, place: str, along: str) -> None:
    words = "\n".join(Page(run_page(measure(dataset(geometry)))).text)
    assert f"Connections of each {place}" in words
    assert ("pixel" in words) == (place == "pixel")
    assert along in words
    assert "mean over channels" not in words
