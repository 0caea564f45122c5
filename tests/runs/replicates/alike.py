"""Small replicates, and how their files are held against those of single runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from builders import config, dataset
from siftnet.pruning.training import History
from siftnet.runs.events import Silent
from siftnet.runs.replicates import run_replicates
from siftnet.runs.request import request_run
from siftnet.runs.setup import set_up
from siftnet.runs.single import position_of, reopen
from siftnet.runs.verify import verify
from siftnet.store.folder import replicates_in
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary

COUNT = 3
CHANGES: dict[str, Any] = {"prune__rounds": 2, "train__momentum": 0.9, "prune__at_step": 17, "train__validate_every": 7}
TOGETHER = CHANGES | {"kernel": "several"}
RESULTS = ("masks.safetensors", "weights.safetensors", "best.safetensors", "scored.safetensors", "history.json")


def finish(out: Path, count: int = COUNT, **changes: Any) -> list[Run]:
    return run_replicates(config(**TOGETHER | changes), out, count, dataset=dataset())


def differing(found: Path, expected: Path) -> list[str]:
    """Files of the rounds whose bytes differ, numbers of the rounds that do, and what is left over."""
    rounds = Run(expected).rounds()
    names = ["rewind/state.safetensors", *(f"rounds/{t:02d}/{name}" for t in rounds for name in RESULTS)]
    files = [name for name in names if (found / name).read_bytes() != (expected / name).read_bytes()]
    told = [replace(s, seconds=0.0, kernel=None, files={}) for path in (found, expected) for s in Run(path).summaries()]
    numbers = [] if told[: len(rounds)] == told[len(rounds) :] else ["round.json"]
    left = [str(p) for p in (found / "checkpoint", *(found / "rounds").glob(".*")) if p.exists()]
    return files + numbers + left


def assert_like_singles(out: Path, singles: Sequence[Path]) -> None:
    assert [path.name for path in replicates_in(out)] == [f"seed-{seed}" for seed in range(len(singles))]
    for found, expected in zip(replicates_in(out), singles, strict=True):
        assert differing(found, expected) == []
        assert all(check.passed for check in verify(Run(found)))


def at_places(out: Path) -> list[tuple[int, int]]:
    """(round, step) at which each replicate stands on the disk."""
    found = []
    for path in replicates_in(out):
        stored = Run(path)
        request = request_run(set_up(stored.config, dataset()), path)
        position = position_of(reopen(request))
        assert position is not None
        found.append((position.round_number, position.progress.state.step if position.progress else 0))
    return found


class Asking(Silent):
    """Asks to stop, as a signal does, once a run of one seed stands at a round and step."""

    def __init__(self, seed: int, at: tuple[int, int], own: int = -1) -> None:
        self.seed, self.at, self.own = seed, at, own

    def replicate(self, seed: int) -> Silent:
        return Asking(self.seed, self.at, seed)

    def advanced(self, round_number: int, step: int, history: History) -> None:
        if (self.own, round_number, step) == (self.seed, *self.at):
            os.kill(os.getpid(), signal.SIGINT)

    def finished(self, summary: RoundSummary) -> None:
        if (self.own, summary.round, -1) == (self.seed, *self.at):
            os.kill(os.getpid(), signal.SIGINT)
