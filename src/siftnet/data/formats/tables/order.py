"""The order of columns that live on a grid: their names' numbers say which is whose neighbour. I features."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

from siftnet.data.formats.tables.frame import listed

WHOLE, DECIMAL = re.compile(r"[0-9]+"), re.compile(r"[0-9]+(?:\.[0-9]+)?")
Key = tuple[Fraction, ...]


def in_order(names: Sequence[str], wanted: Literal["refuse", "file", "number"], path: Path | str) -> list[int]:
    """The columns' numbers in the order in which they lie on the grid.

    Names that differ by their numbers alone must ascend, by the first number, then by the second (r1c1, r1c2, r2c1);
    where their words differ too (red1, green1), columns of the same words must stand together, as channels do. Names
    without numbers may stand in any order. wanted: data.table.order. Raises ValueError where they do not ascend and
    wanted is refuse, and where wanted is number and two names have the same numbers, or one has none.
    """
    file_order = list(range(len(names)))
    readings = [_Reading(names, pattern) for pattern in (WHOLE, DECIMAL)]
    if wanted == "file" or (wanted == "refuse" and not any(map(_has_numbers, names))):
        return file_order
    if any(reading.ascends for reading in readings):
        return file_order
    distinct = [reading for reading in reversed(readings) if reading.is_distinct]
    if wanted == "number":
        if not distinct:
            raise ValueError(
                f"the columns of {path} ({listed(names)}) cannot be ordered by number, as some names have none or "
                "share theirs: set data.table.order file"
            )
        return distinct[0].by_number()
    by_number = f"number ({listed([names[k] for k in distinct[0].by_number()])}) or " if distinct else ""
    raise ValueError(
        f"the numbers in the names of the columns of {path} do not ascend ({listed(names)}), so that neighbours of "
        f"data.geometry may be none: set data.table.order to {by_number}file, to take them as they stand"
    )


def _has_numbers(name: str) -> bool:
    return bool(WHOLE.search(name))


class _Reading:
    """Names as words and numbers; '1.25' is two numbers to one pattern and one to the other."""

    def __init__(self, names: Sequence[str], pattern: re.Pattern[str]) -> None:
        self.words = [pattern.sub("#", name) for name in names]
        self.keys: list[Key] = [tuple(Fraction(n) for n in pattern.findall(name)) for name in names]

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
