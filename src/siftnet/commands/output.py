"""The door through which words leave: streams that are closed, cut off or no UTF-8, and names that are no plain text.

Imports nothing that takes time: it is there before the command line is.
"""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from siftnet.wording import escaped, named, printable, shell_word

if TYPE_CHECKING:
    from rich.console import Console

CUT_OFF = 128 + signal.SIGPIPE
"""Exit status where the reader of standard output has left, as of a program that the signal ended."""

LONGEST = 4000
"""Characters of a line on standard error."""

ERRORS = "siftnet.plain"
# What stands for a sign where the stream's encoding has none of its own; all else is escaped.
PLAIN = {"±": "+-", "²": "2", "×": "x", "…": "...", "’": "'", "‘": "'", "“": '"', "”": '"', "\xa0": " "}
PLAIN |= dict.fromkeys("–—−─━╌╴╶╸╺·•", "-") | dict.fromkeys("│┃", "|") | dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╷╵", "+")


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(c) or escaped(c) for c in error.object[error.start : error.end]), error.end


@contextmanager
def open_streams() -> Iterator[None]:
    """While this lasts standard output and error are there and take any text: what is closed swallows it."""
    codecs.register_error(ERRORS, _substitute)
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one; or else the next file that is opened would get what is printed.
            os.open(os.devnull, os.O_RDWR)
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            stack.callback(setattr, sys, name, stream)
            if stream is None or getattr(stream, "closed", False):
                setattr(sys, name, stack.enter_context(Path(os.devnull).open("w", errors=ERRORS)))
            elif isinstance(stream, io.TextIOWrapper):
                stack.callback(_reconfigure, stream, stream.errors or "strict")
                _reconfigure(stream, ERRORS)
        yield


def _reconfigure(stream: io.TextIOWrapper, errors: str) -> None:
    # It flushes first.
    with suppress(OSError):
        stream.reconfigure(errors=errors)


def flush() -> None:
    """Have all that was printed at the reader.

    Raises BrokenPipeError where that one has left, ValueError where there is no room.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ValueError(f"standard output cannot be written ({error.strerror}): give it another place") from None


def hush() -> None:
    """Nobody reads any more: whatever is left to be printed goes nowhere, and the interpreter ends in peace."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def tell(text: str) -> None:
    """One line on standard error, at once; names in it may be as long as others made them."""
    print(named(text, LONGEST), file=sys.stderr, flush=True)


def print_path(path: Path | str) -> None:
    """A path alone on its line: as it is, or as a shell takes it where that would not be one line of text."""
    text = str(path)
    print(text if printable(text) == text else shell_word(text))


def terminal(**options: Any) -> Console:
    """A console on standard output that takes all text literally; 140 columns where it is no terminal."""
    from rich.console import Console

    class Terminal(Console):
        """One that tells of a reader who has left as print does."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    wide = None if sys.stdout.isatty() else 140
    return Terminal(highlight=False, markup=False, emoji=False, **({"width": wide} | options))
