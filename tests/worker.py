"""Runs of the library in processes of their own, which kill or interrupt themselves at a chosen point.

As a program, this is a server that has imported everything and computed nothing, and forks a process for each run: that
takes milliseconds, where a new interpreter takes seconds.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from builders import Several, config, dataset
from siftnet.kernels.registry import KERNELS
from siftnet.kernels.trainer import Pace
from siftnet.pruning.training import History
from siftnet.runs.events import Silent
from siftnet.runs.interrupt import Interrupted
from siftnet.runs.replicates import carry_out_replicates
from siftnet.runs.setup import set_up
from siftnet.runs.single import carry_out

INTERRUPTED = 75
REFUSED = 76


@dataclass
class Plan:
    """What a worker does to itself: a signal before a file is in place, or at a round and step; or a pause there."""

    out: Path
    changes: dict[str, Any]
    before: str = ""
    """The file or folder, from `out`, that is about to be renamed into its place when the signal comes."""
    time: int = 1
    """Which time it is renamed, for what is written again and again."""
    at: tuple[int, int] = (-1, -1)
    number: int = signal.SIGKILL
    pause: bool = False
    checkpoints: bool = True
    replicates: int = 0
    """Runs with so many seeds, or one run where it is 0."""
    seed: int = 0
    """Of replicates the one whose round and step are meant."""


class Striking(Silent):
    """An observer that sends the signal."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def replicate(self, seed: int) -> Silent:
        """Only the one that is meant strikes."""
        return self if seed == self.plan.seed else Silent()

    def advanced(self, round_number: int, step: int, history: History) -> None:
        """Strike once the step is there."""
        if (round_number, step) != self.plan.at:
            return
        if self.plan.pause:
            (self.plan.out / "paused").touch()
            time.sleep(600)
        os.kill(os.getpid(), self.plan.number)


def no_fsync(fd: object) -> None:
    """Processes die here, not the machine, and flushing to the disk is what takes the time."""


def target(plan: Plan) -> None:
    """The worker: run, and leave with a status that says how it ended."""
    os.fsync = no_fsync
    os.replace = striking(os.replace, plan)
    try:
        if plan.replicates:
            KERNELS["several"] = Several()
        setup = set_up(config(**plan.changes), dataset())
        pace = Pace(updates=3, seconds=0.0, checkpoint_seconds=-1.0 if plan.checkpoints else 1e9)
        setup = replace(setup, trainer=replace(setup.trainer, pace=pace))
        if plan.replicates:
            carry_out_replicates(setup, range(plan.replicates), plan.out, Striking(plan))
        else:
            carry_out(setup, plan.out, Striking(plan))
    except Interrupted:
        os._exit(INTERRUPTED)
    except ValueError:
        os._exit(REFUSED)
    os._exit(0)


def striking(rename: Callable[..., None], plan: Plan) -> Callable[..., None]:
    """The system's rename, with the signal before that of the plan's file."""
    left = plan.time

    def renamed(draft: str | Path, final: str | Path) -> None:
        nonlocal left
        if plan.before and Path(final) == plan.out / plan.before:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), plan.number)
        rename(draft, final)

    return renamed


class Server:
    """The program below, as a context."""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            pass  # closes its input, which ends it, and waits

    def start(self, plan: Plan) -> int:
        """Process id of a run under way."""
        return self._ask({"start": asdict(plan) | {"out": str(plan.out)}})

    def wait(self, pid: int) -> int:
        """How it ended: its exit status, negative for a signal."""
        return self._ask({"wait": pid})

    def finish(self, plan: Plan) -> int:
        """Start and wait."""
        return self.wait(self.start(plan))

    def _ask(self, question: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def serve() -> None:
    """Answer a line of JSON with a number, until there are no more."""
    # The first optimiser of a process imports this, for more than a second.
    importlib.import_module("torch._dynamo")
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            print(os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1]), flush=True)
            continue
        values = question["start"]
        plan = Plan(**values | {"out": Path(values["out"]), "at": tuple(values["at"])})
        pid = os.fork()
        if pid == 0:
            try:
                target(plan)
            finally:
                os._exit(1)
        print(pid, flush=True)


if __name__ == "__main__":
    serve()
