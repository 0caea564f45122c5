"""Whether the first line of a CSV, taken for names, was an example."""

from __future__ import annotations

from siftnet.config.fields import require
from siftnet.data.formats.tables.frame import Column, Frame, listed
from siftnet.data.formats.tables.spelling import DATE, MISSING, TRUTH, is_like_a_value

STAND_INS = MISSING | {"?", "-", "--", ".", "*", "missing", "unknown"} | set(TRUTH)
"""Words that are values: truth values, and what is written where a value is missing."""


def refuse_examples(frame: Frame) -> None:
    """Raise ValueError where the names fit their columns as values do: 5.1,3.5,1.4,0.2,Iris-setosa.

    A word or a date above a column of numbers shows that the line holds names (id,2019,2020). Where there is none, the
    line is taken for an example when a word of it comes again in its own column, or when a value of it is no plain
    whole number; where it has words alone, when all of them come again.
    """
    names = [column.name for column in frame.columns]
    if frame.rows == 0 or any(_is_a_heading(column) for column in frame.columns):
        return
    values = [name for name in names if is_like_a_value(name)]
    again = [_comes_again(column) for column in frame.columns if not is_like_a_value(column.name)]
    suspect = any(again) or not all(name.isdigit() for name in values) if values else all(again)
    require(
        not suspect,
        f"the first line of {frame.path} looks like an example ({listed(names)}): set data.table.header none if it is "
        "one, or names if these are the columns' names",
    )


def _is_a_heading(column: Column) -> bool:
    """Whether a word or a date stands above numbers or truth values."""
    if column.kind == "text" or column.absent_N.all() or column.name in STAND_INS:
        return False
    return not is_like_a_value(column.name) or bool(DATE.fullmatch(column.name))


def _comes_again(column: Column) -> bool:
    if column.kind != "text":
        return column.name in STAND_INS
    return any(str(value).strip() == column.name for value in set(column.present.tolist()))
