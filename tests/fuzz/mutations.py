"""Inputs made wrong on purpose: what one is, and edits of bytes that know no format. All are functions of a draw.

Input number k of a reader under a seed is always the same one, whatever was made before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

Option = TypeVar("Option")


@dataclass(frozen=True)
class Link:
    """A symbolic link to another path."""

    target: str


@dataclass(frozen=True)
class Pipe:
    """A named pipe, which nobody writes to."""


@dataclass(frozen=True)
class Folder:
    """A folder with nothing in it."""


Entry = bytes | Link | Pipe | Folder
Tree = dict[str, Entry]


@dataclass(frozen=True)
class Mutant:
    """One input: files by their path from the input's folder, and the settings that they are read with.

    root: the path, from that folder, that is given to the reader; recipe: what was done, in words.
    """

    tree: Mapping[str, Entry]
    root: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    recipe: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A reader under attack.

    make: an input from a draw; doors: the public calls that read it, each tried by itself; passes: whether the folder's
    files pass the checks of their own container (checksums, lengths, grammar), told by other code than siftnet's;
    clean: an input without a fault, read before any other so that what loads late is loaded.
    """

    name: str
    make: Callable[[Random], Mutant]
    doors: Sequence[Callable[[Path, Mapping[str, Any]], object]]
    passes: Callable[[Path], bool]
    clean: Callable[[], Mutant]


def stream(seed: int, reader: str, number: int) -> Random:
    """The draws that make one input. Seeded by text, which Python hashes alike everywhere."""
    return Random(f"{seed} {reader} {number}")


def write(mutant: Mutant, folder: Path) -> Path:
    """Write the files of an input and return the path that its reader is given."""
    for name, entry in mutant.tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(entry, bytes):
            path.write_bytes(entry)
        elif isinstance(entry, Link):
            path.symlink_to(entry.target)
        elif isinstance(entry, Pipe):
            import os

            os.mkfifo(path)
        else:
            path.mkdir(exist_ok=True)
    return folder / mutant.root if mutant.root else folder


EDGES = (0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 64, 100, 127, 128, 255, 256, 1000, 1024, 4096, 32767, 32768, 65535, 65536)
WIDE = (2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
INTEGERS = (*EDGES, *WIDE)
"""Whole numbers at which code breaks."""

TEXTS = (
    "", " ", "0", "-1", "nan", "NaN", "inf", "-inf", "1e999", "None", "null", "true", "0x10", "1_000", "1,000", "3,5",
    "１２", "é", "Ω", "𝛼", "a\nb", "a\r\nb", "a\tb", "a\0b", "\x1b[31mred", "\u202etxt", "\ufeffx", "<b>x</b>",
    "../../x",    "/etc/passwd", "%s%n", "{0}", "'", '"', '"""', "a" * 200, "a" * 5000, "9" * 400, "9" * 5000,
    "1e308", "5e-324", "2024-01-31", "2024-01-31T00:00:00Z", "12:30", "$5", "50%", "=1+1", "\x7f", "\x85",
    "\u2028", "con", ".",
)  # fmt: skip
"""Texts at which code breaks."""


def chance(draw: Random, probability: float) -> bool:
    """Whether something of this probability happens."""
    return draw.random() < probability


def damaged(data: bytes, draw: Random, edits: int = 0) -> bytes:
    """Bytes after a few edits that know nothing of their format; edits: how many, drawn where it is 0."""
    edits = edits or draw.choice((1, 1, 1, 2, 3, 8))
    changed = bytearray(data)
    for _ in range(edits):
        draw.choice(EDITS)(changed, draw)
    return bytes(changed)


def _flip(data: bytearray, draw: Random) -> None:
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _overwrite(data: bytearray, draw: Random) -> None:
    if data:
        data[draw.randrange(len(data))] = draw.choice((0, 1, 9, 10, 13, 32, 34, 44, 46, 127, 128, 254, 255))


def _insert(data: bytearray, draw: Random) -> None:
    at = draw.randint(0, len(data))
    data[at:at] = draw.randbytes(draw.choice((1, 1, 2, 4, 16)))


def _delete(data: bytearray, draw: Random) -> None:
    at = draw.randint(0, len(data))
    del data[at : at + draw.choice((1, 1, 2, 4, 16, 64))]


def _repeat(data: bytearray, draw: Random) -> None:
    at, length = draw.randint(0, len(data)), draw.choice((1, 4, 16, 64, 256))
    data[at:at] = data[at : at + length] * draw.choice((1, 1, 2, 8))


def _truncate(data: bytearray, draw: Random) -> None:
    del data[draw.randint(0, len(data)) :]


def _append(data: bytearray, draw: Random) -> None:
    data += draw.randbytes(draw.choice((1, 4, 100)))


def _number(data: bytearray, draw: Random) -> None:
    width = draw.choice((1, 2, 4, 8))
    if len(data) >= width:
        at = draw.randrange(len(data) - width + 1)
        value = draw.choice(INTEGERS) % 2 ** (8 * width)
        data[at : at + width] = value.to_bytes(width, draw.choice(("little", "big")))


def _swap(data: bytearray, draw: Random) -> None:
    one, other, length = draw.randint(0, len(data)), draw.randint(0, len(data)), draw.choice((1, 2, 4, 16))
    if one + length <= other and other + length <= len(data):
        here, there = bytes(data[one : one + length]), bytes(data[other : other + length])
        data[one : one + length], data[other : other + length] = there, here


def _zero(data: bytearray, draw: Random) -> None:
    at = draw.randint(0, len(data))
    end = min(len(data), at + draw.choice((4, 16, 256)))
    data[at:end] = bytes(end - at)


EDITS: tuple[Callable[[bytearray, Random], None], ...] = (
    _flip, _flip, _overwrite, _insert, _delete, _repeat, _truncate, _append, _number, _number, _swap, _zero,
)  # fmt: skip
