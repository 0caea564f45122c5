"""Starts workers, gives each input its time, and starts another where one hung or died."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from fuzz.judge import Outcome
from fuzz.worker import Begun, Broken, Job, Passed, work

SECONDS = 10.0
"""Time that reading one input may take, by the clock."""
PATIENCE = 120.0
"""Time that making an input may take, or a worker's start."""

# Threads take address space, which is what is limited, and hide what a reader itself takes.
SERIAL = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ARROW_IO_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
}
LOADED = [
    "fuzz.worker", "siftnet.data.load", "siftnet.store.folder", "siftnet.runs.verify", "siftnet.report.write",
    "siftnet.kernels.plan", "pandas", "pyarrow.parquet", "PIL.Image", "torch", "coverage",
]  # fmt: skip


class Supervisor:
    """A server that has imported everything and forks workers; a context."""

    def __init__(self, set_environment: Callable[[str, str], object] = os.environ.__setitem__) -> None:
        for name, value in SERIAL.items():
            set_environment(name, value)
        self.context: ForkServerContext = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(LOADED)

    def outcomes(self, job: Job, seconds: float = SECONDS) -> Iterator[Outcome]:
        """What comes of each input, in order; seconds: time for each."""
        left = job.numbers
        # Inputs are rather read from memory than from a disk.
        shared = Path("/dev/shm")
        with tempfile.TemporaryDirectory(prefix="fuzz-", dir=shared if shared.is_dir() else None) as scratch:
            while left:
                for outcome in self._until_it_ends(replace(job, numbers=left, scratch=Path(scratch)), seconds):
                    yield outcome
                    left = left[1:]

    def _until_it_ends(self, job: Job, seconds: float) -> Iterator[Outcome]:
        ours, theirs = self.context.Pipe(duplex=False)
        process = self.context.Process(target=work, args=(job, theirs), daemon=True)
        process.start()
        theirs.close()
        try:
            for number in job.numbers:
                begun = _receive(ours, PATIENCE)
                if not isinstance(begun, Begun):
                    reason = begun.text if isinstance(begun, Broken) else begun
                    raise RuntimeError(f"input {number} of {job.where} could not be made: {reason}")
                outcome = _receive(ours, seconds)
                if not isinstance(outcome, Outcome):
                    yield _lost(process, number, seconds, timed_out=outcome is None)
                    return
                passed = _receive(ours, PATIENCE)
                yield replace(outcome, passes=isinstance(passed, Passed) and passed.passes)
                if not isinstance(passed, Passed):
                    return
            process.join(PATIENCE)
        finally:
            process.kill()
            process.join()
            ours.close()


def _receive(pipe: Connection, seconds: float) -> object:
    """What the worker says next; None where it says nothing in time, EOFError where it died."""
    try:
        return pipe.recv() if pipe.poll(seconds) else None
    except EOFError as died:
        return died


def _lost(process: ForkServerProcess, number: int, seconds: float, *, timed_out: bool) -> Outcome:
    if timed_out:
        return Outcome(number, "hang", f"not done after {seconds:g} seconds", "hang", seconds=seconds)
    process.join(PATIENCE)
    return Outcome(number, "crash", f"the process died with exit code {process.exitcode}", f"crash {process.exitcode}")
