"""A process that feeds one reader input after input and tells what came of each; see `supervisor.py`."""

from __future__ import annotations

import gc
import importlib
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fuzz.guards import Ears, Memory, Watch
from fuzz.judge import Outcome, Verdict, judge_error, judge_names, worst
from fuzz.mutations import Mutant, Pipe, Target, stream, write


@dataclass(frozen=True)
class Job:
    """Which inputs of which reader.

    where: module:NAME of the target; keep: a folder that gets the inputs that are findings; cover: a folder that gets
    which branches were taken.
    """

    where: str
    seed: int
    numbers: tuple[int, ...]
    keep: Path | None = None
    cover: Path | None = None
    scratch: Path | None = None
    """Where inputs are written; the supervisor's, who outlives the worker."""


@dataclass(frozen=True)
class Begun:
    """The input of this number is about to be read."""

    number: int


@dataclass(frozen=True)
class Passed:
    """Whether the input of this number passes the checks of its own container."""

    number: int
    passes: bool


@dataclass(frozen=True)
class Broken:
    """The harness itself failed; the traceback says how."""

    text: str


def target(where: str) -> Target:
    """The target at module:NAME."""
    module, name = where.split(":")
    found: Target = getattr(importlib.import_module(module), name)
    return found


def work(job: Job, pipe: Connection) -> None:
    """Read the inputs of a job, and send Begun, an Outcome and Passed of each; Broken where that cannot be done."""
    try:
        _work(job, pipe)
    except Exception:
        pipe.send(Broken(traceback.format_exc()))


def _work(job: Job, pipe: Connection) -> None:
    # What is imported late must not look like a file that is written.
    sys.dont_write_bytecode = True
    cover = _Cover(job.cover)
    attacked, reader = target(job.where), _Reader()
    assert job.scratch is not None
    folder = job.scratch / "input"
    reader.read(attacked, attacked.clean(), folder)
    for count, number in enumerate(job.numbers, 1):
        mutant = attacked.make(stream(job.seed, attacked.name, number))
        pipe.send(Begun(number))
        outcome = reader.outcome(attacked, mutant, folder, number)
        pipe.send(outcome)
        if outcome.is_finding and job.keep:
            keep(mutant, outcome, job.keep / attacked.name / str(number))
        pipe.send(Passed(number, _passes(attacked, mutant, folder)))
        if count % 500 == 0:
            cover.save()
    cover.save()
    pipe.close()


def keep(mutant: Mutant, outcome: Outcome, folder: Path) -> None:
    """Store an input that is a finding, with what was done to it and what came of it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write(mutant, folder / "input")
    lines = [outcome.kind, *mutant.recipe, repr(dict(mutant.settings)), outcome.detail]
    (folder / "finding.txt").write_text("\n".join(lines) + "\n", errors="backslashreplace")


def _passes(attacked: Target, mutant: Mutant, folder: Path) -> bool:
    """Asked of files written anew, because reading a run may add to it."""
    if any(isinstance(entry, Pipe) for entry in mutant.tree.values()):
        # It would be waited for.
        return False
    try:
        return bool(attacked.passes(_fresh(mutant, folder)))
    except Exception:  # a check that cannot cope says no
        return False


def _fresh(mutant: Mutant, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return write(mutant, folder)


class _Reader:
    """Calls the doors of a target under guard."""

    def __init__(self) -> None:
        self.watch, self.ears, self.memory = Watch(), Ears(), Memory()

    def outcome(self, attacked: Target, mutant: Mutant, folder: Path, number: int) -> Outcome:
        """What comes of an input."""
        begun = time.perf_counter()
        kind, detail, signature = worst(self.read(attacked, mutant, folder))
        return Outcome(
            number=number,
            kind=kind,
            detail=detail,
            signature=signature,
            peak=self.memory.peak,
            seconds=time.perf_counter() - begun,
        )

    def read(self, attacked: Target, mutant: Mutant, folder: Path) -> Iterable[Verdict]:
        """What each door says."""
        root = _fresh(mutant, folder)
        verdicts: list[Verdict] = []
        with self.memory.limited():
            verdicts += [v for door in attacked.doors for v in self._try(door, root, mutant.settings, folder)]
        gc.collect(0)
        return verdicts

    def _try(self, door: Callable[[Path, Any], object], root: Path, settings: Any, folder: Path) -> Iterable[Verdict]:
        with self.ears.open() as noise, self.watch.over(folder):
            try:
                names = door(root, settings)
            except Exception as error:
                verdict = judge_error(error, folder)
            else:
                verdict = judge_names(names) if isinstance(names, tuple | list) else ("read", "", "")
        yield verdict
        for seen in self.watch.seen:
            yield "code", seen, f"code {seen.split()[0]}"
        for line in noise.lines:
            yield "printed", line, f"printed {line[:60]}"


class _Cover:
    """Which branches of siftnet's readers are taken, where that is asked for."""

    def __init__(self, folder: Path | None) -> None:
        self.coverage: Any = None
        if folder is not None:
            from coverage import Coverage

            package = Path(importlib.import_module("siftnet").__file__ or "").parent
            places = [str(package / name / "*") for name in ("data", "store", "config")]
            self.coverage = Coverage(
                data_file=str(folder / "taken"), data_suffix=True, branch=True, include=places, config_file=False
            )
            self.coverage.start()

    def save(self) -> None:
        """Write down what was taken so far."""
        if self.coverage is not None:
            self.coverage.stop()
            self.coverage.save()
            self.coverage.start()
