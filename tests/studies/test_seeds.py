"""Several seeds together: means, intervals and gains against numbers worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
from scipy import stats

from builders import config, dataset, evaluation, index, indices, round_summary, seed_run, validated
from siftnet.config.fields import RunConfig
from siftnet.config.load import from_dict, to_dict
from siftnet.runs.single import run
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from siftnet.studies.measure_run import measure_rounds
from siftnet.studies.measured_run import read_round_indices
from siftnet.studies.seeds import Divergence, OverSeeds, Quantity, SeedsSummary, over_seeds, summarise_seeds

# Two-sided 95% quantiles of Student's t with 1 and 2 degrees of freedom, from the printed table.
T1, T2 = 12.706, 4.303
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


class Stored(Run):
    """What is read of a run, made up: rounds as (density, validation, test), None for a diverged one."""

    def __init__(self, seed: int, rounds: list[tuple[float, float, float] | None], **changes: Any) -> None:
        self.path, self.digest = Path(f"runs/seed-{seed}"), f"digest {seed}"
        self.config: RunConfig = replace(config(**changes), seed=seed)
        self.data: Any = SimpleNamespace(hash="the same", examples={"validation": 100, "test": 100})
        self.made = rounds
        self.index: dict[str, tuple[float, float | None]] = {}
        self.headline: int | None = None
        self.stop: str | None = "all 2 pruned rounds are done"

    def summaries(self) -> list[RoundSummary]:
        return [self._summary(number, found) for number, found in enumerate(self.made)]

    def _summary(self, number: int, found: tuple[float, float, float] | None) -> RoundSummary:
        density, validation, test = found or (0.5, 0.99, 0.99)
        return round_summary(
            number,
            density,
            best=validated(validation),
            last=validated(validation - 0.01, 9),
            test_best=evaluation(test),
            diverged_at=7 if found is None else None,
            stop=self.stop if number == len(self.made) - 1 else None,
        )

    def analysis_numbers(self, name: str) -> dict[str, Any] | None:
        if name == "headline":
            return None if self.headline is None else {"round": self.headline, "verdict": "", "ablation": None}
        if name not in self.index:
            return None
        uniform, degree = self.index[name]
        measured: Any = indices(index(uniform), None if degree is None else index(degree, p=0.05))
        return {"layers": [{"layer": "layers.0", "locality": to_dict(measured)}]}


def together(*runs: Any) -> SeedsSummary:
    """The summary, seen to be JSON without NaN."""
    found = summarise_seeds(runs)
    told = found.to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    return found


def three() -> list[Stored]:
    """Three seeds of a dense round and two sparse ones."""
    return [
        Stored(0, [(1.0, 0.70, 0.60), (0.5, 0.80, 0.64), (0.25, 0.75, 0.90)]),
        Stored(1, [(1.0, 0.70, 0.62), (0.5, 0.72, 0.10), (0.25, 0.74, 0.60)]),
        Stored(2, [(1.0, 0.73, 0.67), (0.5, 0.76, 0.75), (0.25, 0.60, 0.99)]),
    ]


def test_mean_deviation_and_interval_are_those_of_the_textbook() -> None:
    found = over_seeds([0.80, 0.82, 0.87])
    deviation = (0.0026 / 2) ** 0.5
    half = T2 * deviation / 3**0.5
    assert found.n == 3
    assert found.mean == pytest.approx(0.83)
    assert found.sd == pytest.approx(deviation)
    assert [found.low, found.high] == pytest.approx([0.83 - half, 0.83 + half], rel=1e-4)
    reference = stats.ttest_1samp([0.80, 0.82, 0.87], 0).confidence_interval(0.95)
    assert [found.low, found.high] == pytest.approx(list(reference))


def test_two_values_have_a_wide_interval_and_one_has_none() -> None:
    found = over_seeds([1.0, 2.0])
    assert [found.low, found.high] == pytest.approx([1.5 - T1 / 2, 1.5 + T1 / 2], rel=1e-4)
    assert over_seeds([2.0]) == OverSeeds((2.0,), 1, 2.0, None, None, None)
    assert over_seeds([]) == OverSeeds((), 0, None, None, None, None)


@pytest.mark.parametrize("values", [[0.04, 0.04, 0.04], [0.8 - 0.7, 0.9 - 0.8], [-3e5 - 0.1, -3e5 - 0.1 + 1e-10]])
def test_equal_values_have_no_interval_and_no_deviation_from_rounding(values: list[float]) -> None:
    found = over_seeds(values)
    assert (found.n, found.sd, found.low, found.high) == (len(values), 0.0, None, None)
    assert found.mean == pytest.approx(values[0])


def test_values_that_differ_by_little_have_an_interval() -> None:
    found = over_seeds([0.04, 0.04 + 1e-9])
    assert (found.low or 1.0) < 0.04 < (found.high or 0.0)


def test_values_that_are_missing_or_no_numbers_count_for_nothing() -> None:
    found = over_seeds([None, 1.0, float("nan"), 3.0, float("-inf")])
    assert list(found.values) == [None, 1.0, None, 3.0, None]
    assert (found.n, found.mean, found.sd) == (2, 2.0, pytest.approx(2**0.5))


def test_every_round_has_the_numbers_of_every_seed() -> None:
    runs = three()
    runs[0].index = {"round-01": (2.0, 1.5)}
    runs[2].index = {"round-01": (4.0, None), "round-00": (1.0, 1.0)}
    runs[2].headline = 1
    found = together(*runs)
    assert [(r.round, r.density, r.runs) for r in found.rounds] == [(0, 1.0, 3), (1, 0.5, 3), (2, 0.25, 3)]
    dense, first, last = found.rounds
    assert list(dense.test.values) == [0.60, 0.62, 0.67]
    assert dense.test.mean == pytest.approx(0.63)
    assert first.validation.mean == pytest.approx(0.76)
    assert first.last_validation.mean == pytest.approx(0.75)
    assert list(first.index_uniform.values) == [2.0, None, 4.0]
    assert (first.index_uniform.mean, first.index_uniform.n) == (3.0, 2)
    assert (first.index_degree.mean, first.index_degree.n) == (1.5, 1)
    assert list(first.index_degree.p) == [0.05, None, None]
    assert last.index_degree.mean is None
    assert [r.seed for r in found.runs] == [0, 1, 2]
    assert [r.headline for r in found.runs] == [None, None, 1]
    expected = seed_run(1, reached=2, stop="all 2 pruned rounds are done", asked=3)
    assert found.runs[1] == expected


def test_gain_pairs_the_round_that_validation_chose_with_the_dense_one() -> None:
    gain = together(*three()).gain
    # Validation chooses rounds 1, 2 and 1, whatever test says of them.
    assert [chosen and chosen.round for chosen in gain.chosen] == [1, 2, 1]
    assert list(gain.validation.values) == pytest.approx([0.10, 0.04, 0.03])
    assert list(gain.test.values) == pytest.approx([0.04, -0.02, 0.08])
    deviation = float(np.std([0.04, -0.02, 0.08], ddof=1))
    assert gain.test.mean == pytest.approx(0.1 / 3)
    assert gain.test.sd == pytest.approx(deviation)
    assert gain.test.high == pytest.approx(0.1 / 3 + T2 * deviation / 3**0.5, rel=1e-4)
    assert (gain.runs, gain.gained_on_test) == (3, 2)


def test_a_diverged_round_counts_nowhere() -> None:
    runs = three()
    runs[1].made[1:] = [None]
    runs[0].made[0] = None
    found = together(*runs)
    assert [r.runs for r in found.rounds] == [2, 2, 2]
    # The diverged rounds' own 0.99 is left out.
    assert list(found.rounds[1].validation.values) == [0.80, None, 0.76]
    assert list(found.rounds[0].validation.values) == [None, 0.70, 0.73]
    assert [r.diverged for r in found.runs] == [Divergence(round=0, step=7), Divergence(round=1, step=7), None]
    # One has no dense round left and one no sparse one.
    assert found.gain.runs == 1
    assert list(found.gain.test.values) == [None, None, pytest.approx(0.08)]
    assert found.gain.test.low is None


def test_a_round_that_diverged_everywhere_has_no_numbers() -> None:
    found = together(*(Stored(seed, [None]) for seed in range(2)))
    assert found.rounds[0].runs == 0
    assert all(found.rounds[0].over(name).mean is None for name in get_args(Quantity))
    assert found.headline is None


def test_without_a_dense_round_there_is_no_gain() -> None:
    found = together(*(Stored(seed, [(0.5, 0.7, 0.7), (0.25, 0.8, 0.8)]) for seed in range(2)))
    assert found.gain.runs == 0
    assert found.gain.test.mean is None


def test_seeds_are_compared_at_the_sparsest_round_that_validates_like_the_best() -> None:
    # The best sparse mean is 0.80, and 100 examples give it a standard error of 0.04.
    scores = [(1.0, 0.90, 0.5), (0.5, 0.80, 0.5), (0.25, 0.765, 0.5), (0.12, 0.755, 0.5)]
    assert together(*(Stored(seed, list(scores)) for seed in range(3))).headline == 2
    # What fewer seeds reached is not compared.
    fewer = [Stored(0, list(scores)), Stored(1, scores[:2])]
    assert together(*fewer).headline == 1
    asked = [Stored(seed, list(scores), analysis__headline=3) for seed in range(2)]
    assert together(*asked).headline == 3


def test_a_seed_without_a_sparse_round_leaves_the_others_their_headline() -> None:
    runs = three()
    runs[1].made[1:] = []
    found = together(*runs)
    assert [r.runs for r in found.rounds] == [3, 2, 2]
    # 0.78 and 0.675, further apart than 0.04.
    assert found.headline == 1
    assert found.gain.runs == 2
    assert list(found.gain.test.values) == [pytest.approx(0.04), None, pytest.approx(0.08)]
    assert [r.reached for r in found.runs] == [2, 0, 2]


def test_seeds_that_have_not_begun_count_nowhere_and_break_nothing() -> None:
    begun = three()
    later = Stored(7, [], analysis__headline=2)
    found, alone = together(later, *begun), together(*begun)
    assert found.runs[0].reached is found.runs[0].stop is None
    assert found.headline == alone.headline
    assert found.metric == "accuracy"
    assert found.gain.test == replace(alone.gain.test, values=(None, *alone.gain.test.values))
    nothing = together(later)
    assert (nothing.rounds, nothing.headline, nothing.gain.runs) == ((), None, 0)


def test_rounds_that_only_some_reached_are_told_with_their_number() -> None:
    runs = three()
    runs[1].made.pop()
    found = together(*runs)
    assert [r.runs for r in found.rounds] == [3, 3, 2]
    assert list(found.rounds[2].test.values) == [0.90, None, 0.99]


def test_one_run_has_numbers_and_no_intervals() -> None:
    found = together(three()[0])
    assert found.rounds[1].test == OverSeeds((0.64,), 1, 0.64, None, None, None)
    assert found.gain.test.mean == pytest.approx(0.04)
    assert found.gain.test.low is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"train__lr": 0.3}, r"^train.lr is 0.2 in runs/seed-0 and 0.3 in runs/seed-1: "),
        ({"data__seed": 4}, r"^data.seed is 0 in runs/seed-0 and 4 "),
        ({"kernel": "sparse", "train__lr": 0.3}, r"^kernel is 'dense' in runs/seed-0 and 'sparse' "),
    ],
)
def test_runs_that_differ_in_more_are_refused_by_the_first_setting(changes: dict[str, Any], named: str) -> None:
    runs: Any = [Stored(0, [(1.0, 0.5, 0.5)]), Stored(1, [(1.0, 0.5, 0.5)], **changes)]
    with pytest.raises(ValueError, match=named):
        summarise_seeds(runs)


def test_threads_paths_stop_rules_and_analysis_may_differ() -> None:
    changes = {"threads": 2, "data__root": "elsewhere", "prune__rounds": 7, "analysis__samples": 9}
    assert together(Stored(0, [(1.0, 0.5, 0.5)]), Stored(1, [(1.0, 0.7, 0.5)], **changes)).rounds[0].runs == 2


def test_other_data_no_runs_and_the_same_seed_twice_are_refused() -> None:
    runs: Any = three()
    with pytest.raises(ValueError, match="there is no run to summarise"):
        summarise_seeds([])
    with pytest.raises(ValueError, match="runs/seed-0 and runs/seed-0 have the same seed, 0, and count as one"):
        summarise_seeds([runs[0], runs[0]])
    runs[1].data.hash = "another"
    with pytest.raises(ValueError, match="the data's content hash is 'the same' in runs/seed-0 and 'another'"):
        summarise_seeds(runs)


def test_real_runs_before_and_after_they_are_measured(tmp_path: Path) -> None:
    data = dataset()
    runs = [run(config(seed=seed, prune__rounds=2), tmp_path / f"seed-{seed}", dataset=data) for seed in (3, 5)]
    before = together(*runs)
    assert all(r.index_degree.mean is None for r in before.rounds)
    settings = to_dict(runs[0].config.analysis) | {"samples": 3, "samples_other": 3, "bootstrap": 100}
    for stored in runs:
        measure_rounds(stored, from_dict({"analysis": settings | {"ablation": False}}).analysis)
    found = together(*(Run(stored.path) for stored in runs))
    assert [r.seed for r in found.runs] == [3, 5]
    assert len({r.digest for r in found.runs}) == 2
    assert [r.headline is not None for r in found.runs] == [True, True]
    # A seed alone is looked at where its own page looks.
    assert [together(stored).headline for stored in runs] == [r.headline for r in found.runs]
    for row in found.rounds:
        tests = [stored.summary(row.round).test_best for stored in runs]
        scores = [test.score for test in tests if test]
        assert row.test.mean == pytest.approx(np.mean(scores))
        assert row.test.sd == pytest.approx(np.std(scores, ddof=1))
        measured = [read_round_indices(stored, row.round) for stored in runs]
        values = [found.index_uniform.value for found in measured if found and found.index_uniform.value]
        assert row.index_uniform.mean == pytest.approx(np.mean(values))


def test_json_has_the_keys_of_the_published_results() -> None:
    published = json.loads((RESULTS / "images-seeds.json").read_text())["spread"]
    told = together(*three()).to_dict()

    def keys(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: keys(inner) for name, inner in value.items()}
        return keys(value[0]) if isinstance(value, list) and value else None

    # Nothing is measured and nothing diverged there; what a run was asked for is of another kind than its absence.
    assert keys(told) == keys(published)
