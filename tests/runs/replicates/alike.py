"""Small replicates: made, held against single runs, and asked to stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builders import EVENTFUL, config, dataset
from comparing import differing
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
TOGETHER = EVENTFUL | {"kernel": "several"}


def finish(out: Path, count: int = COUNT, **changes: Any) -> list[Run]:
    return run_replicates(config(**TOGETHER | changes), out, count, dataset=dataset())


def assert_like_singles(out: Path, singles: Sequence[Path]) -> None:
    """To the byte; the dense kernel, which trained those, computes the same as `Several`."""
    assert [path.name for path in replicates_in(out)] == [f"seed-{seed}" for seed in range(len(singles))]
    for found, expected in zip(replicates_in(out), singles, strict=True):
        assert differing(found, expected, but={"kernel"}) == []
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
