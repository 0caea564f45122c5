"""What the page says about where its numbers come from."""

from __future__ import annotations

import pytest

from builders import round_summary
from siftnet.report.provenance import kernels, provenance
from siftnet.report.run_page import ROUND_COLUMNS, round_rows
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
def test_kernels_are_named_with_the_densities_that_they_computed(used: list[tuple[str, float]], expected: str) -> None:
    assert kernels([round_summary(kernel=name, density=density) for name, density in used]) == expected


def test_each_round_names_its_kernel(torus_run: Run) -> None:
    at = ROUND_COLUMNS.index("kernel")
    assert [row[at] for row in round_rows(read_measured(torus_run))] == ["dense"] * 3


def test_one_run_says_its_seed_digest_and_how_to_make_it_again(torus_run: Run) -> None:
    found = provenance([torus_run])
    assert dict(found.circumstances)["digest of the run"] == torus_run.digest
    assert dict(found.settings)["seed"] == "0"
    assert "one run’s masks" in found.scope
    assert [line.split()[:4] for line in found.commands] == [["siftnet", "run", "nlgp", "--out"]]
