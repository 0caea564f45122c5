"""How a benchmark ends where it was asked for what is not there: one sentence and exit status 2, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_sentence(name: str) -> Iterator[None]:
    """End the program with the message of a ValueError, after the benchmark's name."""
    try:
        yield
    except ValueError as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
