"""Children made by a fork: they have no threads but one, and who computes there waits for the others for ever.

Loaded with siftnet itself, so that a fork is noticed; PyTorch and Numba are looked at where they are loaded already.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from typing import NoReturn

# A child that can compute answers in milliseconds, on the busiest machine in a few seconds.
PATIENCE_SECONDS = 10.0


class _Descent:
    """What this process knows of forks that it comes from."""

    def __init__(self) -> None:
        self.forked = _may_be_a_workers_process()
        """Whether it was made by a fork, or may have been, after PyTorch was loaded."""
        self.lost_numba = False
        """Whether Numba had threads in the process that was forked, which it refuses to do without."""

    def note(self) -> None:
        """What happens in a child right after a fork."""
        self.forked = self.forked or "torch" in sys.modules
        self.lost_numba = self.lost_numba or _numba_layer() == "omp"


def _may_be_a_workers_process() -> bool:
    """Whether multiprocessing made this process and PyTorch was there before siftnet, perhaps before a fork."""
    processes = sys.modules.get("multiprocessing.process")
    return "torch" in sys.modules and processes is not None and processes.parent_process() is not None


def _numba_layer() -> str | None:
    """What Numba's threads are made with; None where none have been started."""
    numba = sys.modules.get("numba")
    try:
        return numba.threading_layer() if numba else None
    # Not started, or Numba is being loaded just now.
    except (ValueError, AttributeError):
        return None


_DESCENT = _Descent()
os.register_at_fork(after_in_child=lambda: _DESCENT.note())


def is_forked() -> bool:
    """Whether this process was made by a fork, so that only what needs one thread is sure to end."""
    return _DESCENT.forked


def refuse_after_fork(threads: int) -> None:
    """Raise ValueError where this process was forked from one that had computed, and computing here would never end.

    threads: those that are to be computed with.
    """
    asked = _DESCENT.forked and threads > 1
    if _DESCENT.lost_numba or (asked and not _twin_ends(threads)):
        raise ValueError(
            "this process was forked from one that had computed already, and lacks its threads, so that it would wait "
            'for them for ever: make it with multiprocessing.get_context("spawn") instead'
        )
    if asked:
        # From now on it has threads of its own.
        _DESCENT.forked = False


def _twin_ends(threads: int) -> bool:
    """Whether a fork of this process, which is just like it, can share out work among threads."""
    with warnings.catch_warnings():
        # That a fork of a process with threads may hang is the question here.
        warnings.simplefilter("ignore")
        twin = os.fork()
    if twin == 0:
        _share_out(threads)
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            ended, status = os.waitpid(twin, os.WNOHANG)
        except ChildProcessError:
            # Somebody else's handler was told that it has ended.
            return True
        if ended:
            return status == 0
        time.sleep(0.002)
    os.kill(twin, signal.SIGKILL)
    os.waitpid(twin, 0)
    return False


def _share_out(threads: int) -> NoReturn:
    """Compute something with threads, and end this process."""
    import torch

    try:
        torch.set_num_threads(threads)
        torch.ones(1 << 20, device="cpu").add_(1)
        os._exit(0)
    finally:
        os._exit(1)
