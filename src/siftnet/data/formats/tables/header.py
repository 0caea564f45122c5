"""Whether the first line of a CSV, taken for names, was an example."""

from __future__ import annotations

import re
from collections.abc import Sequence

from siftnet.config.fields import TableConfig, require
from siftnet.data.formats.tables.frame import Column, Frame
from siftnet.data.formats.tables.spelling import DATE, TRUTH, is_like_a_value
from siftnet.data.targets import MISSING_TEXT
from siftnet.wording import listed

STAND_INS = MISSING_TEXT | {"?", "-", "--", ".", "*", "missing", "unknown"} | set(TRUTH)
"""Words that are values: truth values, and what is written where a value is missing."""
DIGITS = re.compile("[0-9]+")


def on_header(names: Sequence[str], table: TableConfig) -> str:
    """What to add where a name is none of these, which may be an example or numbers in the place of names."""
    if table.header == "none":
        return ", as data.table.header none names them"
    if table.header == "auto" and any(map(is_like_a_value, names)):
        return "; set data.table.header none if the first line is already an example, and columns are 1, 2, ..."
    return ""


def refuse_examples(frame: Frame) -> tuple[str, ...]:
    """Raise ValueError where the names fit their columns as values do: 5.1,3.5,1.4,0.2,Iris-setosa.

    A word or a date above a column of numbers shows that the line holds names (id,2019,2020). Where there is none, the
    line is taken for an example when a word of it comes again in its own column, or one of its kind (p1 above p2), or
    when its values are not whole numbers that ascend or descend; where it has words alone, when all of them come again.
    Returns a sentence where it may be an example all the same.
    """
    names = [column.name for column in frame.columns]
    if frame.rows == 0 or any(_is_a_heading(column) for column in frame.columns):
        return ()
    values = [name for name in names if is_like_a_value(name)]
    again = [_comes_again(column) for column in frame.columns if not is_like_a_value(column.name)]
    suspect = any(again) or not _count(values) if values else all(again)
    require(
        not suspect,
        f"the first line of {frame.path} looks like an example ({listed(names)}): set data.table.header none if it is "
        "one, or names if these are the columns' names",
    )
    numbers = [int(value) for value in values]
    in_a_row = numbers == list(range(numbers[0], numbers[0] + len(numbers))) and len(numbers) > 1 if numbers else True
    if in_a_row or not all(_is_among(column) for column in frame.columns if column.name in values):
        return ()
    return (
        f"the first line is taken for names ({listed(names)}), though its numbers come again in their columns: "
        "data.table.header none takes it for an example",
    )


def _count(values: Sequence[str]) -> bool:
    """Whether names are whole numbers that ascend or descend, as years and places do."""
    if not all(value.isdecimal() for value in values):
        return False
    numbers = [int(value) for value in values]
    return numbers in (sorted(numbers), sorted(numbers, reverse=True))


def _is_among(column: Column) -> bool:
    """Whether the number that is a column's name is one of its values."""
    return column.kind in ("whole", "float") and bool((column.present == int(column.name)).any())


def _is_a_heading(column: Column) -> bool:
    """Whether a word or a date stands above numbers or truth values."""
    if column.kind == "text" or column.absent_N.all() or column.name in STAND_INS:
        return False
    return not is_like_a_value(column.name) or bool(DATE.fullmatch(column.name))


def _comes_again(column: Column) -> bool:
    if column.kind != "text":
        return column.name in STAND_INS
    values = {str(value).strip() for value in set(column.present.tolist())}
    alike = sum(DIGITS.sub("#", value) == DIGITS.sub("#", column.name) for value in values)
    return column.name in values or (bool(DIGITS.search(column.name)) and 2 * alike > len(values))
