"""Kernels are timed once for all replicates, and each round is trained by the one planned for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from builders import EVENTFUL, Several, config, dataset, setup, timed_plan
from runs.replicates.alike import COUNT, assert_like_singles
from siftnet.kernels.plan import Plan
from siftnet.runs import single as launch
from siftnet.runs.estimate import estimate_cost
from siftnet.runs.events import Silent
from siftnet.runs.replicates import resume_replicates, run_replicates


def timed_down_to(lowest: float) -> Plan:
    return timed_plan(dense={1.0: 1.0, lowest: 1.0}, several={1.0: 2.0, lowest: 2.0})


def test_the_kernels_are_timed_once_for_all_and_plans_say_for_which(
    singles: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    longer, out = timed_down_to(0.3).timings, tmp_path / "out"

    def make(*_: object, **__: object) -> Plan:
        made.append("made")
        return timed_down_to(0.7)

    def extend(plan: Plan, *_: object, **__: object) -> Plan:
        made.append("extended")
        return replace(plan, timings=longer)

    monkeypatch.setattr(launch, "make_plan", make)
    monkeypatch.setattr(launch, "extend_plan", extend)
    asked = config(**EVENTFUL | {"kernel": "auto"})
    stored = run_replicates(asked, out, 2, dataset=dataset())
    assert made == ["made", "extended"]
    assert [r.plan.timings for r in stored] == [longer] * 2
    assert [r.plan.why for r in stored] == [
        "the fastest at each density",
        "the fastest at each density, as timed for seed 0",
    ]
    stored = run_replicates(asked, out, COUNT, dataset=dataset())
    assert made == ["made", "extended", "extended"], "what is added takes the plan of those that are there"
    assert stored[2].plan == stored[1].plan
    assert_like_singles(out, singles)


def test_where_the_kernel_takes_several_all_of_them_are_timed(several: Several) -> None:
    made = setup(kernel="several", prune__rounds=1)
    alone, together = estimate_cost(made), estimate_cost(made, 3)
    assert several.groups, "an update of all three was timed"
    assert {len(group) for group in several.groups} == {3}
    assert (alone.side_by_side, together.side_by_side) == (False, True)
    assert together.training_seconds == pytest.approx(sum(r.seconds for r in together.rounds), abs=0.1)
    assert together.memory_bytes > 2 * alone.memory_bytes - made.dataset.inputs_NI.nbytes


def test_where_the_plan_names_both_kinds_of_kernels_each_round_is_trained_by_its_own(
    singles: list[Path], tmp_path: Path, several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = timed_plan(several={1.0: 1.0, 0.4: 9.0}, dense={1.0: 9.0, 0.4: 1.0})
    monkeypatch.setattr(launch, "make_plan", lambda *_, **__: plan)
    stored = run_replicates(config(**EVENTFUL | {"kernel": "auto"}), tmp_path / "out", COUNT, dataset=dataset())
    assert [s.kernel for s in stored[2].summaries()] == ["several", "several", "dense"]
    assert [len(group) for group in several.groups] == [3, 3]
    assert_like_singles(tmp_path / "out", singles)


def test_other_tiles_are_said_once_whichever_run_they_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, asked = tmp_path / "out", config(prune__rounds=0, train__precision="bf16", kernel="batched")
    here = run_replicates(asked, out, COUNT, dataset=dataset())[0].environment["amx"]
    notes: list[str] = []

    class Listening(Silent):
        def noted(self, text: str) -> None:
            notes.append(text)

    for changed in ((), (1,), (0, 1, 2)):
        for seed in changed:
            path = out / f"seed-{seed}" / "environment.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"amx": not here}))
        resume_replicates(out, dataset=dataset(), observer=Listening())
        assert len(notes) == (1 if changed else 0)
        notes.clear()
