"""A table as its file holds it, column by column and exactly, before any of it becomes an input. N rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from siftnet.wording import named, shell_word

Kind = Literal["truth", "whole", "float", "text", "moment", "image", "bytes", "other"]


LONGEST = 100
"""Characters of a name that a message writes out in full, to be copied."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column. What stands in values_N where a value is absent means nothing."""

    name: str
    kind: Kind
    """What the values are: truth values; whole numbers; other numbers; text; dates, times and durations; images; bytes;
    or what no input can be made of, such as lists."""
    values_N: np.ndarray
    """truth: bool; whole: int64, uint64, or Python's integers where those are too narrow; float: floats, or Decimals;
    text: str; moment: datetime64 or timedelta64; image and bytes: bytes; other: nothing of use."""
    absent_N: np.ndarray
    """bool (N,): where there is no value."""
    stored: str
    """The type as the file has it, for messages, e.g. text or timestamp[ns]."""
    categories: bool = False
    """Whether the file says that its values are categories, of whatever kind."""

    @property
    def shown(self) -> str:
        """The name for a message."""
        return named(self.name)

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers that mean amounts."""
        return self.kind in ("whole", "float") and not self.categories

    @property
    def present(self) -> np.ndarray:
        """The values that are there."""
        values: np.ndarray = self.values_N[~self.absent_N]
        return values


@dataclass(frozen=True, eq=False)
class Frame:
    """All columns of one file, in its order."""

    path: Path
    columns: tuple[Column, ...]
    rows: int
    place: Callable[[int], str]
    """Where a row stands in the file, e.g. 'line 17'."""
    notes: tuple[str, ...] = ()
    typed: bool = False
    """Whether the file says of which type each column is, as parquet does."""


def dropping(name: str) -> str:
    """The setting that leaves a column out, for a message."""
    return f"set data.table.drop {shell_word(name) if len(name) <= LONGEST else 'to its name'}"
