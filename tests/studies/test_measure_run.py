"""Measuring stored runs: the headline rule, what is stored, what permutation does, that ablation ablates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import config, round_summary, validated
from siftnet.analysis.headline import Scored, headline_of, standard_error
from siftnet.config.fields import AnalysisConfig
from siftnet.config.load import from_dict
from siftnet.runs.setup import set_up
from siftnet.runs.single import run
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from siftnet.studies.measure_run import ablate, headline_round, measure_round, measure_rounds
from siftnet.studies.measured_run import read_round_indices

QUICK = AnalysisConfig(samples=19, samples_other=5, bootstrap=100)


TORUS: dict[str, Any] = {
    "threads": 1,
    "kernel": "dense",
    "data": {"format": "nlgp", "synthetic": {"shape": [8, 8], "xi": [0.5, 1.5], "examples": 3000, "test": 300}},
    "network": {"layers": "f48:f32:x", "init_scale": 0.25},
    "train": {"steps": 120, "batch": 100, "lr": 0.3, "rewind": 10, "validate_every": 40},
    "prune": {"rounds": 5, "fraction": 0.4},
}
"""A small task that is sifted in a second or two."""


@pytest.fixture(scope="module")
def sifted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(config(TORUS), tmp_path_factory.mktemp("runs") / "plain")


def summary_of(number: int, score: float, density: float = 0.5, diverged_at: int | None = None) -> RoundSummary:
    return round_summary(number, density, best=validated(score, examples=400), diverged_at=diverged_at)


class Summaries:
    """As much of a run as the headline rule reads."""

    path = Path("somewhere")

    def __init__(self, *summaries: RoundSummary) -> None:
        self.stored = summaries

    def rounds(self) -> list[int]:
        return [s.round for s in self.stored]

    def summaries(self) -> list[RoundSummary]:
        return list(self.stored)


def test_headline_is_the_sparsest_round_within_one_standard_error() -> None:
    # At 0.80 of 400 the standard error is 0.02.
    rounds = [summary_of(0, 0.9, 1.0), summary_of(1, 0.80), summary_of(2, 0.781), summary_of(3, 0.779)]
    assert headline_round(Summaries(*rounds), AnalysisConfig()) == 2


def test_headline_never_takes_a_diverged_round_nor_the_dense_one() -> None:
    rounds = [summary_of(0, 0.9, 1.0), summary_of(1, 0.7), summary_of(2, 0.99, diverged_at=3)]
    assert headline_round(Summaries(*rounds), AnalysisConfig()) == 1


def test_standard_error_of_an_accuracy_is_binomial() -> None:
    assert standard_error("accuracy", 0.8, 400) == pytest.approx((0.8 * 0.2 / 400) ** 0.5, rel=0.01)
    # Agresti & Coull's interval is p ± z sqrt(p (1 - p) / (n + 4)), p = (right + 2) / (n + 4).
    assert standard_error("accuracy", 1.0, 400) == pytest.approx((402 / 404 * 2 / 404 / 404) ** 0.5)
    assert standard_error("accuracy", 0.0, 4) == pytest.approx((2 / 8 * 6 / 8 / 8) ** 0.5)


def test_standard_error_of_r2_is_that_of_large_samples_and_none_where_it_has_none() -> None:
    assert standard_error("r2", 0.64, 400) == pytest.approx(2 * 0.8 * 0.36 / 20)
    assert [standard_error("r2", score, 400) for score in (1.0, 0.0, -0.5)] == [0.0, 0.0, 0.0]


def test_the_headline_of_no_rounds_is_none_and_of_dense_rounds_one_of_them() -> None:
    assert headline_of([]) is None
    dense = Scored(0, 1.0, 0.9, 0.02)
    assert headline_of([dense]) == 0
    # The best one's standard error counts, and no other.
    assert headline_of([dense, Scored(1, 0.5, 0.80, 0.02), Scored(2, 0.2, 0.781, 0.0), Scored(3, 0.1, 0.7, 1.0)]) == 2


def test_a_saturated_validation_leaves_the_choice_to_sparsity() -> None:
    rounds = [summary_of(0, 1.0, 1.0), summary_of(1, 1.0), summary_of(2, 0.9975), summary_of(3, 0.98)]
    assert headline_round(Summaries(*rounds), AnalysisConfig()) == 2


def test_a_headline_that_is_not_there_is_refused(sifted: Run) -> None:
    with pytest.raises(ValueError, match="no round 17"):
        headline_round(sifted, AnalysisConfig(headline=17))


def test_every_round_is_measured_and_stored(sifted: Run) -> None:
    headline = measure_rounds(sifted, QUICK, set_up(sifted.config))
    for number in sifted.rounds():
        name = f"round-{number:02d}"
        numbers, arrays = sifted.analysis_numbers(name), sifted.analysis_arrays(name)
        assert numbers is not None
        assert [layer["layer"] for layer in numbers["layers"]] == ["layers.0", "layers.1"]
        kept = int(sifted.masks(number)["layers.0.weight"].sum())
        assert numbers["layers"][0]["connections"] == kept
        assert int(arrays["layers.0:in_degree"].sum()) == kept
    assert headline.round in sifted.rounds()
    assert headline.ablation is not None
    assert headline.ablation.counts[0] == 0


def test_what_is_measured_already_is_not_measured_again(sifted: Run) -> None:
    measure_rounds(sifted, QUICK)
    files = {path: path.stat().st_mtime_ns for path in (sifted.path / "analysis").glob("round-*")}
    measure_rounds(sifted, QUICK)
    assert files == {path: path.stat().st_mtime_ns for path in (sifted.path / "analysis").glob("round-*")}
    measure_rounds(sifted, AnalysisConfig(samples=19, samples_other=6, bootstrap=100))
    changed = [path for path, stamp in files.items() if path.stat().st_mtime_ns != stamp]
    assert len(changed) == 2 * (len(sifted.rounds()) - 1)


def test_ablation_without_removal_is_the_network_and_with_all_removed_is_chance(sifted: Run) -> None:
    number = sifted.rounds()[-1]
    curves = ablate(sifted, number, set_up(sifted.config))
    validation = sifted.summary(number).validation
    assert validation is not None
    assert curves.most[0] == curves.least[0] == validation.score
    assert curves.counts[-1] == 48
    assert curves.most[-1] == pytest.approx(0.5, abs=0.1)


def test_a_fixed_permutation_hides_structure_that_undoing_it_brings_back(tmp_path: Path) -> None:
    permuted = run(config(TORUS, data__permute="fixed"), tmp_path / "permuted")
    found = measure_round(permuted, 5, samples=0, bootstrap=100, raw=True)
    restored, as_seen = found.layers["layers.0"].locality, found.raw and found.raw.locality
    assert restored is not None
    assert as_seen is not None
    assert (restored.index_uniform.value or 0) > 1.5
    assert as_seen.index_uniform.value == pytest.approx(1, abs=0.35)
    variance_I = permuted.inputs()["variance_I"]
    permutation_I = permuted.inputs()["permutation_I"]
    assert sorted(permutation_I) == list(range(64))
    assert variance_I.dtype == np.float32


def test_a_run_that_diverged_at_once_is_measured_all_the_same(tmp_path: Path) -> None:
    wild = config(TORUS, train__lr=1e30)
    diverged = run(wild, tmp_path / "wild")
    assert diverged.summaries()[-1].diverged
    found = measure_rounds(diverged, QUICK, set_up(diverged.config))
    assert found.verdict.startswith("not trained: it diverged at step ")
    assert found.round == 0
    assert found.ablation is None


def test_measuring_without_data_keeps_the_ablation_that_was_measured_with_them(sifted: Run) -> None:
    measure_rounds(sifted, QUICK, set_up(sifted.config))
    measured = sifted.analysis_numbers("headline")
    assert measured is not None
    assert measured["ablation"] is not None
    measure_rounds(sifted, QUICK)
    assert sifted.analysis_numbers("headline") == measured


def test_ablation_on_other_data_than_the_runs_is_refused(sifted: Run) -> None:
    with pytest.raises(ValueError, match="was trained on other data"):
        measure_rounds(sifted, QUICK, set_up(config(TORUS, data__seed=1)))


def test_a_ring_that_only_the_labels_know_is_found(tmp_path: Path) -> None:
    planted = from_dict(
        {
            "threads": 1,
            "kernel": "dense",
            "data": {"format": "planted", "synthetic": {"shape": [24], "examples": 12000, "test": 1000}},
            "network": {"layers": "f96:x", "init_scale": 0.5},
            "train": {"steps": 400, "batch": 200, "lr": 0.1, "rewind": 20, "validate_every": 100},
            "prune": {"rounds": 4, "fraction": 0.5},
            "analysis": {"samples": 99, "samples_other": 0, "bootstrap": 100, "headline": 4, "ablation": False},
        }
    )
    ring = run(planted, tmp_path / "ring")
    headline = measure_rounds(ring, planted.analysis)
    indices = read_round_indices(ring, 4)
    assert indices is not None
    assert indices.index_degree is not None
    assert headline.verdict.startswith("local: index")
    assert indices.index_degree.p == 0.01
    assert (indices.index_degree.low or 0) > 1.5
