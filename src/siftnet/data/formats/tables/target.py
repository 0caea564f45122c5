"""The target column as classes or as numbers. N rows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.casts import cast_nan
from siftnet.data.formats.tables.frame import Column, Frame
from siftnet.data.formats.tables.spelling import CODE, is_number, odd
from siftnet.data.targets import (
    FEW_CLASSES,
    MISSING_TEXT,
    Targets,
    classes_of,
    numbers_of,
    refuse_identifiers,
)
from siftnet.foreign import LARGEST_EXACT
from siftnet.wording import quoted

SMALLEST = frozenset((-(2**63), int(Decimal(repr(-(2.0**63))))))
"""The smallest whole number of 64 bits, also by the digits with which its nearest float is written."""


def target_of(column: Column, frame: Frame, config: DataConfig) -> Targets:
    """Classes or numbers, as config.table.task says; auto takes up to FEW_CLASSES whole numbers for classes.

    Raises ValueError for a column that is neither, for text that spells numbers another way or mixes them with words
    unless task is classes, and for classes that are nearly as many as rows.
    """
    task, source = config.table.task, f"the target column {column.shown} of {frame.path}"
    _refuse_kind(column, source, task)
    column = replace(column, absent_N=column.absent_N | casts_of(column)[1])
    present = int((~column.absent_N).sum())
    require(present > 0, f"{source} has no value in any row: name another column")
    if task == "numbers" or (task == "auto" and column.is_numeric and not _is_few_whole(column)):
        _refuse_words(column, source, frame, config)
        return numbers_of([doubles(column, source, "set data.table.task classes, or subtract an offset")], source)
    if task == "auto":
        _refuse_odd_words(column, source, frame, config)
    targets = classes_of([class_values(column)], source, config.missing_labels)
    remedy = ", or set data.table.task numbers" if column.is_numeric else ""
    return refuse_identifiers(targets, source, f"name another column{remedy}")


def doubles(column: Column, source: str, remedy: str) -> np.ndarray:
    """Numbers or truth values as float64 (N,), NaN where absent.

    Raises ValueError, with the remedy, for whole numbers or decimals that differ and would be one number in double
    precision.
    """
    with np.errstate(over="ignore"):
        values_N = np.array(column.values_N, np.float64) if column.values_N.dtype != object else _floats(column)
    values_N[column.absent_N] = np.nan
    wide = column.kind == "whole" or column.values_N.dtype == object
    if wide and (np.abs(values_N[~column.absent_N]) >= (LARGEST_EXACT if column.kind == "whole" else 0)).any():
        before, after = len(set(column.present.tolist())), len(np.unique(values_N[~column.absent_N]))
        require(
            before == after,
            f"{source} has {before:,} different values, of which double precision leaves {after:,}: {remedy}",
        )
    return values_N


def casts_of(column: Column) -> tuple[int | None, np.ndarray]:
    """The number that NaN became when it was cast, see `cast_nan`, and where it stands, bool (N,)."""
    values_N, none_N = column.values_N, np.zeros(len(column.values_N), bool)
    if not column.is_numeric:
        return None, none_N
    if values_N.dtype == object:
        found_N = np.array([value in SMALLEST for value in values_N], bool)
        cast = cast_nan(_floats(column)[~column.absent_N]) if found_N.any() else None
    else:
        cast = cast_nan(values_N[~column.absent_N])
        found_N = none_N if cast is None else values_N == cast
    return (None, none_N) if cast is None else (cast, found_N & ~column.absent_N)


def _floats(column: Column) -> np.ndarray:
    """Python's integers or Decimals; infinite where they are beyond all floats."""

    def nearest(value: Any) -> float:
        try:
            return float(value)
        except OverflowError:
            return float("inf")

    return np.array([nearest(value) for value in column.values_N], np.float64)


def _refuse_kind(column: Column, source: str, task: str) -> None:
    require(
        column.kind not in ("other", "image") and not (column.kind == "moment" and task != "classes"),
        f"{source} is {column.stored}: "
        + (
            "turn dates into numbers, e.g. days since the first of them, or set data.table.task classes to take each "
            "for a name"
            if column.kind == "moment"
            else "name a column of text or numbers"
        ),
    )


def _refuse_words(column: Column, source: str, frame: Frame, config: DataConfig) -> None:
    """Raise ValueError where numbers are asked for and there are none."""
    if column.is_numeric:
        return
    require(
        column.kind == "text" and not column.categories,
        f"{source} is {column.stored}, not numbers: set data.table.task classes, or save it as numbers",
    )
    decimal = config.table.decimal
    words = [word for word in _words(column) if not is_number(word, decimal)]
    require(len(words) > 0, f"{source} is {column.stored}: save it as numbers, or set data.table.task classes")
    meant = odd(words[0], decimal, typed=frame.typed)
    remedy = meant.remedy if meant.amount else "correct it, or set data.table.task classes"
    place = frame.place(first_row(column, words[0]))
    require(False, f"{source} has {quoted(words[0])} in {place}, {meant.what} rather than a number: {remedy}")


def _refuse_odd_words(column: Column, source: str, frame: Frame, config: DataConfig) -> None:
    """Raise ValueError for text that is a number in another spelling, a date, or a word among numbers."""
    if column.kind != "text" or column.categories:
        return
    decimal = config.table.decimal
    distinct = [word for word in _words(column) if word.strip() not in MISSING_TEXT]
    words = [word for word in distinct if not is_number(word, decimal)]
    names = ", or set data.table.task classes to take each for a name"
    for word in words:
        meant = odd(word, decimal, typed=frame.typed)
        require(
            not meant.amount,
            f"{source} has {quoted(word)} in {frame.place(first_row(column, word))}, {meant.what}: {meant.remedy}"
            f"{names}",
        )
    if words and len(words) < len(distinct):
        place = frame.place(first_row(column, words[0]))
        raise ValueError(
            f"{source} has {quoted(words[0])} in {place} beside numbers: correct it, or "
            f"leave it empty and set data.missing_labels drop{names}"
        )
    fractions = [word for word in distinct if not words and not CODE.fullmatch(word.strip()) and "." in word]
    require(not fractions, f"{source} is {column.stored} that spells numbers: save it as numbers{names}")


def _words(column: Column) -> list[str]:
    """The different values of a column of text, in the order in which they come."""
    return list(dict.fromkeys(column.present.tolist()))


def first_row(column: Column, word: str) -> int:
    """The first row that has a value."""
    return int(np.argmax((column.values_N == word) & ~column.absent_N))


def _is_few_whole(column: Column) -> bool:
    values = column.present
    if column.values_N.dtype == object:
        return len(set(values.tolist())) <= FEW_CLASSES and all(value == int(value) for value in values)
    if column.kind == "float" and not (np.isfinite(values) & (values == np.round(values))).all():
        return False
    return len(np.unique(values)) <= FEW_CLASSES


def class_values(column: Column) -> np.ndarray:
    """Values as `classes_of` takes them, exactly: what is neither truth value nor whole number by its name."""
    values_N, absent_N = column.values_N, column.absent_N
    if column.kind == "truth" or (column.kind == "whole" and values_N.dtype != object):
        return np.ma.MaskedArray(values_N, absent_N)
    if column.kind == "float" and values_N.dtype != object:
        known = column.present.astype(np.float64)
        if (np.isfinite(known) & (known == np.round(known)) & (np.abs(known) <= LARGEST_EXACT)).all():
            return np.ma.MaskedArray(values_N.astype(np.float64), absent_N)
    names = np.empty(len(values_N), object)
    # Whole numbers of any width stay numbers, which sort as such.
    names[~absent_N] = [value if column.kind == "whole" else _name(value) for value in column.present]
    return names


def _name(value: Any) -> str | bytes:
    if isinstance(value, str | bytes):
        return value
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value).removesuffix(".0")
