"""Stopping when asked: SIGINT and SIGTERM are noted, and obeyed where nothing is lost."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from siftnet.wording import shell_word


class Interrupted(Exception):  # noqa: N818 nothing went wrong
    """A signal asked to stop; the run at `path` is stored and can be resumed."""

    def __init__(self, path: Path, signal_number: int) -> None:
        again = shell_word(str(path))
        super().__init__(f"stopped by {signal.Signals(signal_number).name}; go on with: siftnet resume {again}")
        self.path, self.signal_number = path, signal_number


@contextmanager
def stop_requests() -> Iterator[Callable[[], int]]:
    """While this lasts, SIGINT and SIGTERM are noted and not obeyed; yields what tells the first one's number, or 0.

    The same signal again interrupts at once. Outside the main thread no signal arrives, and none is noted; nor is one
    that a program handles in which Python is embedded.
    """
    requested: list[int] = []

    def note(number: int, frame: object) -> None:
        if number in requested:
            raise KeyboardInterrupt
        requested.append(number)

    before: dict[int, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            # None: not set from Python, so that it could not be put back.
            if signal.getsignal(number) is not None:
                before[number] = signal.signal(number, note)
    except ValueError:
        yield lambda: 0
        return
    try:
        yield lambda: requested[0] if requested else 0
    finally:
        for handled, handler in before.items():
            signal.signal(handled, handler)
