"""Replicates: side by side or one after the other, killed, interrupted, resumed, added to, refused."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from siftnet import launch, replicates
from siftnet.config import RunConfig, TrainConfig
from siftnet.data.batches import Batches
from siftnet.estimate import estimate
from siftnet.kernels import KERNELS, Dense, Kernel, Plan, Timing
from siftnet.launch import run
from siftnet.masks import Masks
from siftnet.network import Network
from siftnet.observer import Silent
from siftnet.replicates import replicates_in, resume_replicates, run_replicates
from siftnet.signals import Interrupted
from siftnet.state import State
from siftnet.store import Run
from siftnet.train import History
from siftnet.verify import verify
from small import Several, config, dataset, setup
from worker import INTERRUPTED, Server, no_fsync
from worker import Plan as Work

COUNT = 3
CHANGES: dict[str, Any] = {"prune__rounds": 2, "train__momentum": 0.9, "prune__at_step": 17, "train__validate_every": 7}
TOGETHER = CHANGES | {"kernel": "several"}
RESULTS = ("masks.safetensors", "weights.safetensors", "best.safetensors", "scored.safetensors", "history.json")


@pytest.fixture(autouse=True, scope="module")
def quick_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", no_fsync)
        yield


@pytest.fixture(autouse=True)
def several(monkeypatch: pytest.MonkeyPatch) -> Several:
    """A kernel that takes several networks."""
    kind = Several()
    monkeypatch.setitem(KERNELS, "several", kind)
    return kind


@pytest.fixture(scope="module")
def singles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Single runs with the seeds of the replicates, by the dense kernel."""
    out = tmp_path_factory.mktemp("singles")
    return [run(config(**CHANGES, seed=seed), out / str(seed), dataset=dataset()).path for seed in range(COUNT)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


def finish(out: Path, count: int = COUNT, **changes: Any) -> list[Run]:
    return run_replicates(config(**TOGETHER | changes), count, out, dataset=dataset())


def differing(found: Path, expected: Path) -> list[str]:
    """Files of the rounds whose bytes differ, numbers of the rounds that do, and what is left over."""
    rounds = Run(expected).rounds()
    names = ["rewind/state.safetensors", *(f"rounds/{t:02d}/{name}" for t in rounds for name in RESULTS)]
    files = [name for name in names if (found / name).read_bytes() != (expected / name).read_bytes()]
    told = [
        {k: v for k, v in s.items() if k not in ("seconds", "kernel")}
        for path in (found, expected)
        for s in Run(path).summaries()
    ]
    numbers = [] if told[: len(rounds)] == told[len(rounds) :] else ["round.json"]
    left = [str(p) for p in (found / "checkpoint", *(found / "rounds").glob(".*")) if p.exists()]
    return files + numbers + left


def assert_like_singles(out: Path, singles: Sequence[Path]) -> None:
    assert [path.name for path in replicates_in(out)] == [f"seed-{seed}" for seed in range(len(singles))]
    for found, expected in zip(replicates_in(out), singles, strict=True):
        assert differing(found, expected) == []
        assert all(check.passed for check in verify(Run(found)))


def test_the_comparison_sees_another_seed(singles: list[Path]) -> None:
    assert "round.json" in differing(singles[0], singles[1])
    assert len(differing(singles[0], singles[1])) > 10


def test_one_after_the_other_each_is_the_single_run_with_its_seed(
    singles: list[Path], tmp_path: Path, several: Several
) -> None:
    stored = run_replicates(config(**CHANGES), COUNT, tmp_path / "out", dataset=dataset())
    assert [r.path for r in stored] == replicates_in(tmp_path / "out")
    assert [r.config.seed for r in stored] == [0, 1, 2]
    assert [r.digest for r in stored] == [Run(single).digest for single in singles]
    assert_like_singles(tmp_path / "out", singles)
    assert several.groups == []


def test_side_by_side_each_is_the_single_run_with_its_seed(
    singles: list[Path], tmp_path: Path, several: Several
) -> None:
    stored = finish(tmp_path / "out")
    assert_like_singles(tmp_path / "out", singles)
    assert several.groups == [[(seed, t, 0) for seed in range(COUNT)] for t in range(3)]
    assert {s["kernel"] for r in stored for s in r.summaries()} == {"several"}


def test_the_data_are_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(launch, "load_dataset", lambda data: (loaded.append(data), dataset())[1])
    shared: list[Batches] = []
    compile_together = Several.compile_together

    def seen(self: Several, *told: Any) -> list[Kernel]:
        shared.extend(told[-1])
        return compile_together(self, *told)

    monkeypatch.setattr(Several, "compile_together", seen)
    run_replicates(config(kernel="several", prune__rounds=0), 2, tmp_path / "out")
    assert len(loaded) == 1
    assert shared[0].inputs_NI is shared[1].inputs_NI
    assert [batches.seed for batches in shared] == [0, 1]


def at_places(out: Path) -> list[tuple[int, int]]:
    """(round, step) at which each replicate stands on the disk."""
    found = []
    for path in replicates_in(out):
        stored = Run(path)
        setup = launch.set_up(stored.config, dataset())
        position = launch.position_of(stored, setup)
        assert position is not None
        found.append((position.round_number, position.progress.state.step if position.progress else 0))
    return found


@pytest.mark.parametrize(("at", "seed"), [((0, 3), 0), ((1, 14), 2), ((1, 20), 0)])
def test_a_signal_inside_a_round_makes_checkpoints_of_all_and_they_go_on_from_them(
    server: Server, singles: list[Path], tmp_path: Path, several: Several, at: tuple[int, int], seed: int
) -> None:
    out = tmp_path / "out"
    work = Work(out, TOGETHER, at=at, seed=seed, number=signal.SIGTERM, checkpoints=False, replicates=COUNT)
    assert server.finish(work) == INTERRUPTED
    places = at_places(out)
    assert len(set(places)) == 1, "all stand at one step"
    # The first to be told has gone on when the signal comes to a later one: then all stop at the next step.
    assert places[0] == at if seed == 0 else places[0] > at
    resume_replicates(out, dataset=dataset())
    assert several.groups[0] == [(s, *places[0]) for s in range(COUNT)]
    assert_like_singles(out, singles)


# Renames of such runs: 5 files of each run; in each round checkpoints of all every 3 updates or so; then the files and
# the directory of each round, in round 0 the rewind point before those.
@pytest.mark.parametrize("rename", [2, 7, 16, 34, 46, 62, 130])
def test_killed_before_any_rename_they_go_on_to_the_same_bytes(
    server: Server, singles: list[Path], tmp_path: Path, rename: int
) -> None:
    out = tmp_path / "out"
    assert server.finish(Work(out, TOGETHER, at_rename=rename, replicates=COUNT)) == -signal.SIGKILL
    if replicates_in(out):
        resume_replicates(out, dataset=dataset())
    else:
        finish(out)
    assert_like_singles(out, singles)


def test_those_who_stand_behind_catch_up_first(tmp_path: Path, several: Several, singles: list[Path]) -> None:
    out = tmp_path / "out"
    finish(out, prune__rounds=0)
    shutil.rmtree(out / "seed-1" / "rounds")
    several.groups.clear()
    told: list[tuple[int, int]] = []

    class Listening(Silent):
        def __init__(self, seed: int = -1) -> None:
            self.seed = seed

        def replicate(self, seed: int) -> Silent:
            return Listening(seed)

        def finished(self, summary: dict[str, Any]) -> None:
            told.append((summary["round"], self.seed))

    run_replicates(config(**TOGETHER), COUNT, out, dataset=dataset(), observer=Listening())
    assert told == [(0, 1), *((t, seed) for t in (1, 2) for seed in range(COUNT))]
    assert several.groups == [[(seed, t, 0) for seed in range(COUNT)] for t in (1, 2)]
    assert_like_singles(out, singles)


def test_killed_between_the_checkpoints_of_two_they_catch_up_and_verify(
    server: Server, singles: list[Path], tmp_path: Path, several: Several
) -> None:
    out = tmp_path / "out"
    # 15 files of the runs, 3 checkpoints after update 3, the first one after update 6.
    assert server.finish(Work(out, TOGETHER, at_rename=19, replicates=COUNT)) == -signal.SIGKILL
    assert at_places(out) == [(0, 6), (0, 3), (0, 3)]
    resume_replicates(out, dataset=dataset())
    assert several.groups[0] == [(1, 0, 3), (2, 0, 3)]
    assert several.groups[1:] == [[(seed, t, 0) for seed in range(COUNT)] for t in (1, 2)]
    assert_like_singles(out, singles)


class Spoiled(Several):
    """One replicate's inputs are no numbers in round 1, which no other sees."""

    def compile(self, network: Network, state: State, masks: Masks, training: TrainConfig, batches: Batches) -> Kernel:
        if (batches.seed, batches.round) == (1, 1):
            batches = copy(batches)
            batches.center_I = batches.center_I * torch.nan
        return super().compile(network, state, masks, training, batches)


def test_one_that_diverges_leaves_and_the_others_finish(
    singles: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, kind = tmp_path / "out", Spoiled()
    monkeypatch.setitem(KERNELS, "several", kind)
    stored = finish(out)
    assert [r.rounds() for r in stored] == [[0, 1, 2], [0, 1], [0, 1, 2]]
    assert stored[1].summary(1)["diverged_at"] == 1
    assert [len(group) for group in kind.groups] == [3, 3, 2]
    for seed in (0, 2):
        assert differing(stored[seed].path, singles[seed]) == []
    assert [r.rounds() for r in resume_replicates(out, dataset=dataset())] == [[0, 1, 2], [0, 1], [0, 1, 2]]


def test_one_that_stops_earlier_leaves_and_the_others_go_on(tmp_path: Path, several: Several) -> None:
    # Seeds differ in the round in which a layer would lose more than half of its units.
    changes = {"kernel": "several", "prune__rounds": 12, "prune__min_connected": 0.6, "network__layers": "f6:f6:x"}
    stored = run_replicates(config(**changes), 4, tmp_path / "out", dataset=dataset())
    lasts = [r.rounds()[-1] for r in stored]
    assert len(set(lasts)) > 1, "the case is one of different ends"
    counts = [sum(last >= t for last in lasts) for t in range(max(lasts) + 1)]
    assert [len(group) for group in several.groups] == [count for count in counts if count > 1]
    for seed, r in enumerate(stored):
        single = run(config(**changes | {"kernel": "dense"}, seed=seed), tmp_path / str(seed), dataset=dataset())
        assert [s["stop"] for s in r.summaries()] == [s["stop"] for s in single.summaries()]


class Asking(Silent):
    """Asks to stop, as a signal does, once a run of one seed stands at a round and step."""

    def __init__(self, seed: int, at: tuple[int, int], own: int = -1) -> None:
        self.seed, self.at, self.own = seed, at, own

    def replicate(self, seed: int) -> Silent:
        return Asking(self.seed, self.at, seed)

    def advanced(self, round_number: int, step: int, history: History) -> None:
        if (self.own, round_number, step) == (self.seed, *self.at):
            os.kill(os.getpid(), signal.SIGINT)

    def finished(self, summary: dict[str, Any]) -> None:
        if (self.own, summary["round"], -1) == (self.seed, *self.at):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("kernel", "at"), [("dense", (1, 14)), ("dense", (2, -1)), ("several", (1, -1)), ("several", (2, -1))]
)
def test_who_is_stopped_is_told_to_resume_the_folder(
    singles: list[Path], tmp_path: Path, kernel: str, at: tuple[int, int]
) -> None:
    out, asked = tmp_path / "out", config(**CHANGES | {"kernel": kernel})
    last = at == (2, -1) and kernel == "several"
    if last:
        run_replicates(asked, COUNT, out, dataset=dataset(), observer=Asking(0, at))
    else:
        with pytest.raises(Interrupted, match=rf"^stopped by SIGINT; go on with: siftnet resume {out}$"):
            run_replicates(asked, COUNT, out, dataset=dataset(), observer=Asking(0, at))
        assert len(replicates_in(out)) == COUNT, "all are there before the first is trained"
        assert kernel == "several" or not (out / "seed-1" / "checkpoint").exists(), "no other is begun"
        resume_replicates(out, dataset=dataset())
    assert_like_singles(out, singles)


def test_by_the_batched_kernel_they_are_what_they_say_and_go_on_to_the_same_bytes(tmp_path: Path) -> None:
    asked = config(**CHANGES | {"kernel": "batched"})
    whole = run_replicates(asked, COUNT, tmp_path / "whole", dataset=dataset())
    with pytest.raises(Interrupted):
        run_replicates(asked, COUNT, tmp_path / "out", dataset=dataset(), observer=Asking(0, (1, 14)))
    stored = resume_replicates(tmp_path / "out", dataset=dataset())
    for found, expected in zip(stored, whole, strict=True):
        assert differing(found.path, expected.path) == []
        assert all(check.passed for check in verify(found, dataset=dataset()))


def test_one_of_them_can_go_on_alone(singles: list[Path], tmp_path: Path, several: Several) -> None:
    out = tmp_path / "out"
    finish(out, prune__rounds=1)
    launch.resume(out / "seed-2", dataset=dataset())
    run(config(**TOGETHER, seed=2), out / "seed-2", dataset=dataset())
    assert differing(out / "seed-2", singles[2]) == []
    several.groups.clear()
    finish(out)
    assert several.groups == [[(0, 2, 0), (1, 2, 0)]]
    assert_like_singles(out, singles)


@pytest.mark.parametrize("kernel", ["dense", "several"])
def test_replicates_can_be_added(singles: list[Path], tmp_path: Path, kernel: str) -> None:
    out, asked = tmp_path / "out", config(**CHANGES | {"kernel": kernel})
    run_replicates(asked, 1, out, dataset=dataset())
    before = {p: p.stat().st_mtime_ns for p in (out / "seed-0" / "rounds").rglob("*")}
    run_replicates(asked, COUNT, out, dataset=dataset())
    assert {p: p.stat().st_mtime_ns for p in (out / "seed-0" / "rounds").rglob("*")} == before
    assert_like_singles(out, singles)


def test_more_rounds_are_added_to_all(singles: list[Path], tmp_path: Path) -> None:
    finish(tmp_path / "out", prune__rounds=0)
    finish(tmp_path / "out")
    assert_like_singles(tmp_path / "out", singles)


def timed_plan(lowest: float) -> Plan:
    timings = [
        Timing(kernel=name, density=d, p20=ms, p50=ms, updates=9)
        for d in (1.0, lowest)
        for name, ms in (("dense", 1.0), ("several", 2.0))
    ]
    return Plan(why="the fastest at each density", threads=1, timings=tuple(timings))


def test_the_kernels_are_timed_once_for_all_and_plans_say_for_which(
    singles: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(launch, "make_plan", lambda *_, **__: (made.append("made"), timed_plan(0.7))[1])
    monkeypatch.setattr(
        launch, "extend_plan", lambda plan, *_, **__: (made.append("extended"), replace(plan, timings=longer))[1]
    )
    longer, out = timed_plan(0.3).timings, tmp_path / "out"
    asked = config(**CHANGES | {"kernel": "auto"})
    stored = run_replicates(asked, 2, out, dataset=dataset())
    assert made == ["made", "extended"]
    assert [r.plan.timings for r in stored] == [longer] * 2
    assert [r.plan.why for r in stored] == [
        "the fastest at each density",
        "the fastest at each density, as timed for seed 0",
    ]
    stored = run_replicates(asked, COUNT, out, dataset=dataset())
    assert made == ["made", "extended", "extended"], "what is added takes the plan of those that are there"
    assert stored[2].plan == stored[1].plan
    assert_like_singles(out, singles)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two replicates."""
    out = tmp_path_factory.mktemp("two") / "out"
    run_replicates(config(prune__rounds=0), 2, out, dataset=dataset())
    return out


def refused(asked: RunConfig, count: int, out: Path) -> str:
    with pytest.raises(ValueError) as error:
        run_replicates(asked, count, out, dataset=dataset())
    return str(error.value)


def test_other_runs_in_the_folder_are_refused(two: Path, singles: list[Path], tmp_path: Path) -> None:
    base = config(prune__rounds=0)
    before = sorted(two.rglob("*"))
    assert refused(base, 1, two) == (
        f"{two} also holds seed-1, and seeds 0 to 0 were asked for: ask for all with --seed 0 --replicates 2, or "
        "choose another directory, with siftnet run --out"
    )
    assert "--seed 0 --replicates 5" in refused(replace(base, seed=1), 4, two)
    assert "seed-0 holds another run (train.lr 0.2 there, 0.1 here)" in refused(
        config(prune__rounds=0, train__lr=0.1), 3, two
    )
    assert refused(base, 0, two) == "the number of replicates must be 1 or more, got 0"
    assert sorted(two.rglob("*")) == before, "no folder is made for what is refused"
    assert refused(config(**CHANGES), 2, singles[0]) == (
        f"{singles[0]} holds a single run: choose another directory for replicates, with siftnet run --out"
    )
    assert "has nothing to prune" in refused(config(network__layers="x"), 2, tmp_path / "linear")
    assert not (tmp_path / "linear").exists()


def test_a_folder_of_replicates_is_no_run(two: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds replicates \(seed-0, seed-1\): go on with siftnet resume"):
        run(config(prune__rounds=0), two, dataset=dataset())
    with pytest.raises(ValueError, match=r"out holds replicates: name one of them, as in .*out/seed-0$"):
        Run(two)
    with pytest.raises(ValueError, match="holds no replicates: make them with siftnet run"):
        resume_replicates(tmp_path, dataset=dataset())


def test_what_lies_beside_them_is_no_replicate(two: Path, tmp_path: Path) -> None:
    assert replicates_in(tmp_path / "absent") == []
    for name in ("seed-x", "seed-07", "seed-", "notes", "seed-3"):
        (tmp_path / name).mkdir()
    assert replicates_in(tmp_path) == []
    shutil.copytree(two / "seed-0", tmp_path / "seed-10")
    shutil.copytree(two / "seed-0", tmp_path / "seed-9")
    assert [path.name for path in replicates_in(tmp_path)] == ["seed-9", "seed-10"]


def test_a_folder_renamed_to_another_seed_is_refused(two: Path, tmp_path: Path) -> None:
    shutil.copytree(two / "seed-0", tmp_path / "out" / "seed-0")
    shutil.copytree(two / "seed-0", tmp_path / "out" / "seed-1")
    assert "seed-1 holds another run (seed 0 there, 1 here)" in refused(config(prune__rounds=0), 2, tmp_path / "out")


def test_a_second_writer_is_refused(two: Path) -> None:
    with replicates.lock(two / "seed-1"):
        assert "seed-1 is being written by another siftnet process" in refused(config(prune__rounds=1), 2, two)


def test_where_the_kernel_takes_several_all_of_them_are_timed(several: Several) -> None:
    made = setup(kernel="several", prune__rounds=1)
    alone, together = estimate(made), estimate(made, 3)
    assert several.groups, "an update of all three was timed"
    assert {len(group) for group in several.groups} == {3}
    assert (alone["side_by_side"], together["side_by_side"]) == (False, True)
    assert together["training_seconds"] == pytest.approx(
        sum(r["seconds"] for r in together["rounds_expected"]), abs=0.1
    )
    assert together["memory_bytes"] > 2 * alone["memory_bytes"] - made.dataset.inputs_NI.nbytes


def test_where_the_plan_names_both_kinds_of_kernels_each_round_is_trained_by_its_own(
    singles: list[Path], tmp_path: Path, several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {"several": {1.0: 1.0, 0.4: 9.0}, "dense": {1.0: 9.0, 0.4: 1.0}}
    timings = [
        Timing(kernel=name, density=d, p20=ms, p50=ms, updates=9) for d in (1.0, 0.4) for name, at in times.items()
        for ms in [at[d]]
    ]  # fmt: skip
    plan = Plan(why="the fastest at each density", threads=1, timings=tuple(timings))
    monkeypatch.setattr(launch, "make_plan", lambda *_, **__: plan)
    stored = run_replicates(config(**CHANGES | {"kernel": "auto"}), COUNT, tmp_path / "out", dataset=dataset())
    assert [s["kernel"] for s in stored[2].summaries()] == ["several", "several", "dense"]
    assert [len(group) for group in several.groups] == [3, 3]
    assert_like_singles(tmp_path / "out", singles)


def test_dense_alone_takes_one_network_at_a_time() -> None:
    assert not replicates._takes_several("dense")
    assert replicates._takes_several("several")
    assert isinstance(Several(), Dense)
