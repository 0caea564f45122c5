"""The order of columns that live on a grid: their names' numbers say which is whose neighbour. I features."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

from siftnet.wording import listed

WHOLE = r"[0-9]+"
DECIMAL = r"[0-9]+(?:\.[0-9]+)?"
POWER = r"(?:(?<![0-9A-Za-z.])" + DECIMAL + r"[eE][+-]?[0-9]{1,3}(?![0-9A-Za-z])|" + DECIMAL + ")"
SIGN = r"(?P<sign>(?<![0-9.])[-+\N{MINUS SIGN}])?"
"""A hyphen between two numbers (2026-01) is no sign."""
Key = tuple[Fraction, ...]


def in_order(names: Sequence[str], wanted: Literal["refuse", "file", "number"], path: Path | str) -> list[int]:
    """The columns' numbers in the order in which they lie on the grid.

    Names that differ by their numbers alone must ascend, by the first number, then by the second (r1c1, r1c2, r2c1);
    where their words differ too (red1, green1), columns of the same words must stand together, as channels do. Names
    without numbers may stand in any order. A hyphen before a number is a minus where other names have none there (t-1,
    t0), else it may be either, which makes no difference to who is whose neighbour. wanted: data.table.order. Raises
    ValueError where they do not ascend and wanted is refuse, and where wanted is number and two names have the same
    numbers, or one has none, or what is a number (1.10, 1e3, a-1) can be read in several ways that differ.
    """
    file_order = list(range(len(names)))
    if wanted == "file" or (wanted == "refuse" and not any(map(_has_numbers, names))):
        return file_order
    patterns = [re.compile(SIGN + pattern) for pattern in (POWER, DECIMAL, WHOLE)]
    readings = [_Reading(names, pattern, minus=False) for pattern in patterns]
    if any(reading.ascends for reading in (*readings, *(_Reading(names, p, minus=True) for p in patterns))):
        return file_order
    order = _agreed([reading.by_number() for reading in readings if reading.is_distinct])
    if order is not None and any(reading.is_doubtful for reading in readings):
        order = None
    if wanted == "number":
        if order is None:
            raise ValueError(
                f"the columns of {path} ({listed(names)}) cannot be ordered by number, as some names have none or "
                "share theirs, or their numbers can be read in several ways: put them in order in the file, and set "
                "data.table.order file"
            )
        return order
    by_number = "" if order is None else f"number ({listed([names[k] for k in order])}) or "
    raise ValueError(
        f"the numbers in the names of the columns of {path} do not ascend ({listed(names)}), so that neighbours of "
        f"data.geometry may be none: set data.table.order to {by_number}file, to take them as they stand"
    )


def _agreed(orders: list[list[int]]) -> list[int] | None:
    """The order in which all readings put the columns, from one end or the other; None where there is none."""
    if not orders or any(order not in (orders[0], orders[0][::-1]) for order in orders):
        return None
    return orders[0]


def _has_numbers(name: str) -> bool:
    return bool(re.search(WHOLE, name))


class _Reading:
    """Names as words and numbers; '1.25' is two numbers to one pattern and one to the other."""

    def __init__(self, names: Sequence[str], pattern: re.Pattern[str], *, minus: bool) -> None:
        """minus: what a sign is that all names have in that place; one that only some have is a minus."""
        self.words = [pattern.sub("#", name) for name in names]
        found = [[(match["sign"] or "", match[0]) for match in pattern.finditer(name)] for name in names]
        places = [{sign for sign, _ in column if sign != "+"} for column in _across(found)]
        signed = [minus or len(signs) > 1 for signs in places]
        self.keys: list[Key] = [
            tuple(_number(text, sign, signed=s) for (sign, text), s in zip(numbers, signed, strict=False))
            for numbers in found
        ]
        of_word = [[one for one, word in zip(found, self.words, strict=True) if word == w] for w in set(self.words)]
        mixed = any(len({sign for sign, _ in column}) > 1 for group in of_word for column in _across(group))
        self.is_doubtful = any(len(signs) > 1 for signs in places) and not mixed
        """Whether only names of other words show that a hyphen may be a minus (a-1, b1)."""

    @property
    def is_distinct(self) -> bool:
        """Whether every name has numbers, and no two the same words and numbers."""
        pairs = set(zip(self.words, self.keys, strict=True))
        return all(self.keys) and len(pairs) == len(self.keys)

    @property
    def ascends(self) -> bool:
        """Whether columns of the same words stand together, and their numbers ascend."""
        return self.is_distinct and self.by_number() == list(range(len(self.keys)))

    def by_number(self) -> list[int]:
        """Columns of the same words together, in the order in which the words come, each by its numbers."""
        first = {word: k for k, word in reversed(list(enumerate(self.words)))}
        return sorted(range(len(self.keys)), key=lambda k: (first[self.words[k]], self.keys[k]))


def _across(found: list[list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
    """The first numbers of all names, their second ones, and so on."""
    most = max(map(len, found), default=0)
    return [[numbers[k] for numbers in found if len(numbers) > k] for k in range(most)]


def _number(text: str, sign: str, *, signed: bool) -> Fraction:
    number = Fraction(text.removeprefix(sign))
    return -number if signed and sign not in ("", "+") else number
