"""Who is trained together: those at one place; those who stand behind first; no more those who left."""

from __future__ import annotations

import shutil
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from builders import Several, config, dataset
from comparing import differing
from runs.replicates.alike import COUNT, TOGETHER, Asking, assert_like_singles, finish
from siftnet.kernels.dense import Dense, DenseKernel
from siftnet.kernels.interface import Problem
from siftnet.kernels.registry import KERNELS
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.runs import replicates
from siftnet.runs import single as launch
from siftnet.runs.events import Silent
from siftnet.runs.interrupt import Interrupted
from siftnet.runs.recorder import CheckpointClock
from siftnet.runs.replicates import resume_replicates, run_replicates
from siftnet.runs.single import run
from siftnet.store.folder import replicates_in
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary


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

        def finished(self, summary: RoundSummary) -> None:
            told.append((summary.round, self.seed))

    run_replicates(config(**TOGETHER), out, COUNT, dataset=dataset(), observer=Listening())
    assert told == [(0, 1), *((t, seed) for t in (1, 2) for seed in range(COUNT))]
    assert several.groups == [[(seed, t, 0) for seed in range(COUNT)] for t in (1, 2)]
    assert_like_singles(out, singles)


class Spoiled(Several):
    """One replicate's inputs are no numbers in round 1, which no other sees."""

    def compile(self, problem: Problem, state: State, masks: Masks) -> DenseKernel:
        if (problem.batches.seed, problem.batches.round) == (1, 1):
            batches = copy(problem.batches)
            batches.center_I = batches.center_I * torch.nan
            problem = replace(problem, batches=batches)
        return super().compile(problem, state, masks)


def test_one_that_diverges_leaves_and_the_others_finish(
    singles: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, kind = tmp_path / "out", Spoiled()
    monkeypatch.setitem(KERNELS, "several", kind)
    stored = finish(out)
    assert [r.rounds() for r in stored] == [[0, 1, 2], [0, 1], [0, 1, 2]]
    assert stored[1].summary(1).diverged_at == 1
    assert [len(group) for group in kind.groups] == [3, 3, 2]
    for seed in (0, 2):
        assert differing(stored[seed].path, singles[seed], but={"kernel"}) == []
    assert [r.rounds() for r in resume_replicates(out, dataset=dataset())] == [[0, 1, 2], [0, 1], [0, 1, 2]]


def test_one_that_diverges_is_kept_at_once(
    singles: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, kind = tmp_path / "out", Spoiled()
    monkeypatch.setitem(KERNELS, "several", kind)
    with pytest.raises(Interrupted):
        run_replicates(config(**TOGETHER), out, COUNT, dataset=dataset(), observer=Asking(0, (1, 7)))
    assert [Run(path).rounds() for path in replicates_in(out)] == [[0], [0, 1], [0]]
    kind.groups.clear()
    stored = resume_replicates(out, dataset=dataset())
    assert stored[1].summary(1).diverged_at == 1
    assert kind.groups == [[(0, 1, 7), (2, 1, 7)], [(0, 2, 0), (2, 2, 0)]]
    assert [differing(stored[seed].path, singles[seed], but={"kernel"}) for seed in (0, 2)] == [[], []]


def test_those_with_other_threads_are_trained_by_themselves(
    tmp_path: Path, several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, prepared = tmp_path / "out", list[int]()
    other = finish(out, prune__rounds=0)[1]
    other.update_config(replace(other.config, threads=2))
    several.groups.clear()
    # More threads than Numba may start are refused, and there may be one.
    monkeypatch.setattr(launch, "prepare_threads", lambda config: None)
    monkeypatch.setattr(replicates, "prepare_threads", lambda config: prepared.append(config.threads))
    finish(out, prune__rounds=1)
    assert several.groups == [[(0, 1, 0), (2, 1, 0)]]
    assert prepared == [1, 1, 2], "before all, and before each group"


def test_checkpoints_by_the_clock_are_of_one_step() -> None:
    now, written = [0.0], list[tuple[int, int]]()
    clock = CheckpointClock(lambda: 0, 30.0, lambda: now[0])
    for step in range(1, 21):
        for seed in range(COUNT):
            now[0] += 11.0
            _, due = clock.at(0, step)
            if due:
                written.append((seed, step))
                clock.restart()
    # 33 s a step, and the first is told 22 s before the last.
    assert written == [(seed, step) for step in range(2, 21, 2) for seed in range(COUNT)]


def test_one_that_stops_earlier_leaves_and_the_others_go_on(tmp_path: Path, several: Several) -> None:
    # Seeds differ in the round in which a layer would lose more than half of its units.
    changes = {"kernel": "several", "prune__rounds": 12, "prune__min_connected": 0.6, "network__layers": "f6:f6:x"}
    stored = run_replicates(config(**changes), tmp_path / "out", 4, dataset=dataset())
    lasts = [r.rounds()[-1] for r in stored]
    assert len(set(lasts)) > 1, "the case is one of different ends"
    counts = [sum(last >= t for last in lasts) for t in range(max(lasts) + 1)]
    assert [len(group) for group in several.groups] == [count for count in counts if count > 1]
    for seed, r in enumerate(stored):
        single = run(config(**changes | {"kernel": "dense"}, seed=seed), tmp_path / str(seed), dataset=dataset())
        assert [s.stop for s in r.summaries()] == [s.stop for s in single.summaries()]


def test_dense_alone_takes_one_network_at_a_time() -> None:
    assert not replicates._takes_several("dense")
    assert replicates._takes_several("several")
    assert isinstance(Several(), Dense)
