"""What the page says about where its numbers come from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from measured import round_summary
from siftnet.report.provenance import ROUND_COLUMNS, circumstances, round_rows
from siftnet.store.run import Run
from siftnet.studies.measured_run import read_measured


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([("dense", 1.0), ("dense", 0.5), ("dense", 0.25)], "dense"),
        (
            [("fused", 1.0), ("fused", 0.5), ("sparse", 0.25), ("sparse", 0.01)],
            "fused at density 100.0% to 50.0%; sparse at density 25.0% to 1.00%",
        ),
        ([("fused", 1.0), ("sparse", 0.3)], "fused at density 100.0%; sparse at density 30.0%"),
    ],
)
def test_kernels_are_named_with_the_densities_that_they_computed(
    torus_run: Run, used: list[tuple[str, float]], expected: str
) -> None:
    rounds = [SimpleNamespace(summary=round_summary(kernel=k, density=d)) for k, d in used]
    record: Any = SimpleNamespace(run=torus_run, rounds=rounds)
    assert dict(circumstances(record))["kernel"] == expected


def test_each_round_names_its_kernel(torus_run: Run) -> None:
    at = ROUND_COLUMNS.index("kernel")
    assert [row[at] for row in round_rows(read_measured(torus_run))] == ["dense"] * 3
