"""Columns that may not be what they look like: names among the rows, row numbers, points between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from siftnet.config.fields import require
from siftnet.data.formats.tables.frame import Column, Frame, dropping
from siftnet.data.targets import MISSING_TEXT
from siftnet.wording import named

FEWEST = 10
"""Rows from which on numbers that ascend by one are told of."""
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
SMALL = re.compile(r"[+-]?[0-9]{1,3}")


def refuse_names_as_rows(frame: Frame) -> None:
    """Raise ValueError for a row that holds the columns' names, as where files were put one after the other."""
    alike_N = np.ones(frame.rows, bool)
    for column in frame.columns:
        if column.kind == "text":
            alike_N &= column.values_N == column.name
        elif column.kind == "whole" and column.name.isdecimal():
            alike_N &= column.values_N == int(column.name)
        else:
            return
        if not alike_N.any():
            return
    require(
        False,
        f"{frame.place(int(np.argmax(alike_N)))} of {frame.path} holds the columns' names once more, as where tables "
        f"were put one after the other: remove it{_more(alike_N)}",
    )


def _more(alike_N: np.ndarray) -> str:
    count = int(alike_N.sum())
    return f", and {count - 1:,} more" if count > 1 else ""


def row_numbers(columns: Sequence[Column]) -> tuple[str, ...]:
    """A sentence on each feature column that counts the rows, where there are others to learn from."""
    if len(columns) < 2:
        return ()
    return tuple(
        f"column {column.shown} counts the rows, {column.values_N[0]:.0f} to {column.values_N[-1]:.0f}, and is "
        f"an input: {dropping(column.name)} if it says nothing but where a row stands"
        for column in columns
        if _counts(column)
    )


def _counts(column: Column) -> bool:
    """Whether whole numbers ascend by one from row to row."""
    if not column.is_numeric or len(column.values_N) < FEWEST or column.absent_N.any():
        return False
    values_N = column.values_N
    if values_N.dtype == object or not (values_N[1:] - values_N[:-1] == 1).all():
        return False
    return float(values_N[0]).is_integer()


def thousands(name: str, texts: Iterable[str]) -> tuple[str, ...]:
    """A sentence on numbers of which all with a point have three digits behind it, and some of up to three have none.

    So are 67.130 and 999 written where commas are decimal signs.
    """
    words = {text.strip() for text in texts} - MISSING_TEXT
    pointed = {word for word in words if THOUSANDS.fullmatch(word)}
    if not pointed or pointed == words or not all(map(SMALL.fullmatch, words - pointed)):
        return ()
    return (
        f"column {named(name)} has {min(pointed)}, which is read as {float(min(pointed)):g}: where the point separates "
        "thousands, write numbers without it",
    )
