"""Plans in the life of a run: made before round 0, stored, followed, refused, reaching further down; and foretold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders import EVENTFUL, config, dataset, setup, timed_plan
from comparing import differing
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import Problem
from siftnet.kernels.plan import Plan
from siftnet.kernels.registry import FEATURES, KERNELS, Feature
from siftnet.runs import single as launch
from siftnet.runs.estimate import estimate_cost
from siftnet.runs.events import Silent
from siftnet.runs.machine import processor_name
from siftnet.runs.single import run
from siftnet.runs.verify import verify
from siftnet.store.run import SCHEMA, Run

AUTO = EVENTFUL | {"kernel": "auto"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the dense kernel in one go."""
    return run(config(**EVENTFUL), tmp_path_factory.mktemp("whole") / "run", dataset=dataset()).path


class Twin(Dense):
    """The dense kernel under another name."""

    def __init__(self, name: str, reason: str | None = None) -> None:
        self.name, self.reason = name, reason

    def supports(self, problem: Problem) -> str | None:
        return self.reason


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kernels but these three, of which two work here and compute the same."""
    for name in set(KERNELS) - {"dense"}:
        monkeypatch.delitem(KERNELS, name)
    monkeypatch.setitem(KERNELS, "twin", Twin("twin"))
    monkeypatch.setitem(KERNELS, "refusing", Twin("refusing", "it wants vectors"))


def kernels_used(stored: Run) -> list[str | None]:
    return [summary.kernel for summary in stored.summaries()]


def test_where_nothing_is_to_be_chosen_the_plan_says_so(
    whole: Path, tmp_path: Path, twins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Run(whole).plan == Plan(given="dense", why="asked for by name", threads=1)
    monkeypatch.delitem(KERNELS, "twin")
    only = run(config(prune__rounds=0, kernel="auto"), tmp_path / "only", dataset=dataset())
    assert only.plan == Plan(given="dense", why="no other kernel supports this network", threads=1)
    stored = json.loads((only.path / "plan.json").read_text())
    assert stored["schema"] == SCHEMA
    assert stored["kernels"] == [{"from_density": 1.0, "kernel": "dense"}]


def test_auto_times_the_kernels_before_round_0_and_each_round_takes_the_planned_one(
    twins: None, tmp_path: Path
) -> None:
    stored = run(config(**AUTO), tmp_path / "run", dataset=dataset())
    assert stored.config.kernel == "auto"
    assert set(stored.plan.names) == {"dense", "twin"}
    assert stored.plan.densities[0] == 1.0
    assert stored.plan.densities[-1] == pytest.approx(0.49)
    assert kernels_used(stored) == [stored.plan.kernel(s.density) for s in stored.summaries()]


def test_a_plan_is_followed_by_those_who_resume(
    whole: Path, tmp_path: Path, twins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = timed_plan(dense={1.0: 1, 0.4: 3}, twin={1.0: 3, 0.4: 1})
    monkeypatch.setattr(launch, "plan_for", lambda request, observer: plan)
    out = tmp_path / "run"
    run(config(**AUTO | {"prune__rounds": 0}), out, dataset=dataset())
    monkeypatch.setattr(launch, "plan_for", None)
    stored = run(config(**AUTO), out, dataset=dataset())
    assert stored.plan == plan
    assert kernels_used(stored) == ["dense", "dense", "twin"]
    # The twin computes what dense does, so that other kernels change names alone.
    assert differing(out, whole, but={"kernel"}) == []
    assert all(check.passed for check in verify(stored, dataset=dataset()))


def test_a_plan_that_this_machine_cannot_follow_is_refused(tmp_path: Path, twins: None) -> None:
    out = tmp_path / "run"
    stored = run(config(prune__rounds=0), out, dataset=dataset())
    stored.update_plan(timed_plan(dense={1.0: 1, 0.4: 3}, refusing={1.0: 3, 0.4: 1}))
    before = (out / "config.json").read_bytes()
    message = (
        r"^the run's plan \(plan\.json\) names kernel refusing, which cannot be used here \(it wants vectors\): go on "
        r"where the run was made, or start a new one with siftnet run --out$"
    )
    with pytest.raises(ValueError, match=message):
        run(config(prune__rounds=1), out, dataset=dataset())
    with pytest.raises(ValueError, match="names kernel refusing"):
        verify(stored, dataset=dataset())
    stored.update_plan(timed_plan(dense={1.0: 1, 0.4: 3}, gone={1.0: 3, 0.4: 1}))
    with pytest.raises(
        ValueError, match=r"names kernel gone, which cannot be used here \(there is none of this name\)"
    ):
        run(config(prune__rounds=1), out, dataset=dataset())
    # The fastest between two timed densities alone.
    stored.update_plan(timed_plan(dense={1.0: 1, 0.4: 10}, twin={1.0: 10, 0.4: 1}, refusing={1.0: 2, 0.4: 2}))
    with pytest.raises(ValueError, match="names kernel refusing"):
        run(config(prune__rounds=1), out, dataset=dataset())
    assert (out / "config.json").read_bytes() == before
    # Timed, but never the fastest.
    stored.update_plan(timed_plan(dense={1.0: 1, 0.4: 1}, refusing={1.0: 3, 0.4: 3}))
    assert kernels_used(run(config(prune__rounds=1), out, dataset=dataset())) == ["dense", "dense"]


def test_a_run_from_before_there_were_plans_goes_on_with_its_kernel(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(config(**EVENTFUL | {"prune__rounds": 0}), out, dataset=dataset())
    (out / "plan.json").unlink()
    stored = run(replace(Run(out).config, prune=Run(whole).config.prune), out, dataset=dataset())
    assert stored.plan.given == "dense"
    assert kernels_used(stored) == ["dense"] * 3
    assert differing(out, whole) == []


def test_a_kernel_by_name_is_another_run(whole: Path) -> None:
    with pytest.raises(ValueError, match=r'holds another run \(kernel "dense" there, "auto" here\)'):
        run(config(**AUTO), whole, dataset=dataset())


def test_a_kernel_that_does_not_fit_is_refused_before_anything_is_made(tmp_path: Path, twins: None) -> None:
    message = "kernel refusing cannot train this network: it wants vectors; take --kernel auto"
    with pytest.raises(ValueError, match=message):
        run(config(kernel="refusing"), tmp_path / "run", dataset=dataset())
    assert not list(tmp_path.iterdir())


def test_a_longer_run_is_planned_further_down(tmp_path: Path, twins: None) -> None:
    out = tmp_path / "run"
    first, again, second = (
        run(config(prune__rounds=rounds, kernel="auto"), out, dataset=dataset()).plan for rounds in (1, 1, 4)
    )
    assert again == first
    assert second.timings[: len(first.timings)] == first.timings
    assert second.densities[-1] == pytest.approx(0.7**4)


def test_a_longer_run_on_another_processor_keeps_its_plan(
    tmp_path: Path, twins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    first = run(config(prune__rounds=1, kernel="auto"), out, dataset=dataset()).plan
    assert first.processor == processor_name()
    monkeypatch.setattr(launch, "processor_name", lambda: "another")
    stored = run(config(prune__rounds=4, kernel="auto"), out, dataset=dataset())
    assert stored.plan == first
    assert len(stored.rounds()) == 5


@pytest.mark.parametrize(("there", "says"), [(True, "lacks"), (False, "has"), (None, "")])
def test_a_run_that_goes_on_with_or_without_amx_tiles_says_so(
    there: bool | None, says: str, tmp_path: Path, twins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Listening(Silent):
        def noted(self, text: str) -> None:
            notes.append(text)

    notes: list[str] = []
    asked = config(prune__rounds=0, kernel="twin", train__precision="bf16")
    stored = run(asked, tmp_path / "run", dataset=dataset(), observer=Listening())
    run(stored.config, stored.path, dataset=dataset(), observer=Listening())
    assert notes == []
    machine = stored.environment | {"amx": there}
    (stored.path / "environment.json").write_text(json.dumps(machine))
    monkeypatch.setitem(FEATURES, "amx", Feature("AMX tiles", lambda: there is False))
    run(stored.config, stored.path, dataset=dataset(), observer=Listening())
    assert len(notes) == bool(says)
    assert all(note.startswith(f"this machine {says} AMX tiles, unlike the one that made the run") for note in notes)


def test_what_a_run_takes_is_foretold_round_by_round(twins: None, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = timed_plan(dense={1.0: 10, 0.1: 10}, twin={1.0: 100, 0.1: 1})
    monkeypatch.setattr("siftnet.runs.estimate.plan_for", lambda request: plan)
    expected = estimate_cost(setup(prune__rounds=9, prune__min_connected=0.1, train__steps=1000, prune__fraction=0.5))
    rounds = expected.rounds
    # 12 x 17 entries: fewer than 1.2 survivors cannot connect a tenth of 12 units; layer 1 has 8 x 13.
    assert [r.density for r in rounds] == [0.5**t for t in range(7)]
    assert [r.kernel for r in rounds] == ["dense"] * 2 + ["twin"] * 5
    assert [r.milliseconds_a_step for r in rounds][:3] == [10, 10, 6.25]
    assert rounds[-1].milliseconds_a_step == 1
    assert all(r.seconds >= r.milliseconds_a_step for r in rounds)
    assert expected.training_seconds == pytest.approx(sum(r.seconds for r in rounds), abs=0.1)
    assert expected.to_dict()["milliseconds_a_step"] == 10
    monkeypatch.undo()
    given = estimate_cost(setup(prune__rounds=2))
    assert [r.kernel for r in given.rounds] == ["dense"] * 3


def test_the_memory_foretold_counts_activations_and_each_kernel_that_is_timed(
    twins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def training(**changes: Any) -> int:
        made = setup(prune__rounds=0, train__steps=3, train__rewind=0, **changes)
        return estimate_cost(made).memory_bytes - made.dataset.inputs_NI.nbytes

    parameters = estimate_cost(setup(prune__rounds=0)).parameters
    # 16-12-8-3: 59 values in and out of layers for an example, of which 128 fill a block.
    block = 128 * (16 + 12 + 12 + 8 + 8 + 3)
    assert training() == 4 * (14 * parameters + block)
    assert training(train__batch=128) == training(train__batch=2)
    assert training(train__batch=129) - training() == 4 * block
    assert training(kernel="auto") == 4 * (2 * (6 * parameters + block) + 8 * parameters)
    # c3-2 on 4 x 4 sites: 16 in, 2 x 2 x 2 out.
    filters = setup(prune__rounds=0, network__layers="c3-2:x")
    count = estimate_cost(filters).parameters
    assert training(network__layers="c3-2:x") == 4 * (14 * count + 128 * (16 + 8 + 8 + 3))
