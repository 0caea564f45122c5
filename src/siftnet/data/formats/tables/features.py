"""Feature columns as inputs: numbers as they are, and, where asked for, an input for each value of text. N rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.formats.tables.frame import Column, Frame, dropping
from siftnet.data.formats.tables.spelling import CODE, is_number, odd
from siftnet.data.formats.tables.target import casts_of, class_values, doubles, first_row
from siftnet.data.targets import classes_of
from siftnet.wording import listed, named, quoted

MOST_VALUES = 100
"""Different values of a column of text that still become inputs."""


@dataclass(frozen=True, eq=False)
class Features:
    """Inputs, I of them."""

    inputs_NI: np.ndarray
    """float64 (N, I), NaN where a number is missing."""
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def features_of(columns: Sequence[Column], frame: Frame, config: DataConfig) -> Features:
    """The inputs of feature columns, in their order.

    A column of numbers is one input, one of truth values an input of 0 and 1; with config.table.text = one_hot, text,
    categories and truth values are an input name=value of 0 and 1 for each value, in sorted order. Raises ValueError
    for columns of other kinds, text that nobody asked to take, more than MOST_VALUES values or more than half as many
    as rows, infinite values, and missing ones that config.table.missing refuses.
    """
    parts = [_feature(column, frame, config) for column in columns]
    if config.table.missing == "refuse":
        _refuse_missing(columns, frame)
    names = tuple(name for part in parts for name in part.names)
    for name, count in Counter(names).items():
        require(count == 1, f"{count} inputs of {frame.path} would be named {named(name)}: rename a column")
    inputs_NI = np.concatenate([part.inputs_NI for part in parts], axis=1)
    return Features(inputs_NI, names, tuple(note for part in parts for note in part.notes))


def _feature(column: Column, frame: Frame, config: DataConfig) -> Features:
    source = f"column {column.shown} of {frame.path}"
    by_value = column.categories or column.kind in ("text", "truth")
    if by_value and config.table.text == "one_hot" and column.kind in ("text", "truth", "whole", "float"):
        return _one_hot(column, source, frame, config)
    _refuse_kind(column, source, frame, config)
    cast, cast_N = casts_of(column)
    if cast is not None:
        raise ValueError(
            f"{source} has {int(cast_N.sum()):,} values {cast}, the first in {frame.place(int(np.argmax(cast_N)))}, "
            "which NaN becomes in whole numbers: leave them empty and set data.table.missing"
        )
    values_N = doubles(column, source, f"subtract an offset, or {dropping(column.name)} where it is an identifier")
    infinite = int(np.isinf(values_N).sum())
    require(
        infinite == 0,
        f"{source} has {infinite:,} infinite values, the first in {frame.place(int(np.argmax(np.isinf(values_N))))}: "
        "correct them or leave them empty",
    )
    return Features(values_N[:, None], (column.name,))


def _refuse_kind(column: Column, source: str, frame: Frame, config: DataConfig) -> None:
    """Raise ValueError for what is neither numbers nor truth values."""
    if column.kind in ("truth", "whole", "float") and not column.categories:
        return
    if column.kind == "moment":
        raise ValueError(
            f"{source} is {column.stored}, not numeric: turn dates into numbers, e.g. seconds since the first of them, "
            f"{dropping(column.name)} to leave it out, or name it with data.time where it orders the rows"
        )
    one_hot = ", or set data.table.text one_hot to make an input of 0 and 1 of each value"
    if column.kind != "text" or column.categories:
        known = column.categories
        raise ValueError(
            f"{source} is {column.stored}, not numeric: turn it into columns of numbers, or {dropping(column.name)} to "
            f"leave it out{one_hot if known else ''}"
        )
    word = next((word for word in column.present.tolist() if not is_number(word, config.table.decimal)), None)
    if word is None:
        raise ValueError(f"{source} is {column.stored} that spells numbers, not numeric: save it as numbers{one_hot}")
    meant = odd(word, config.table.decimal, typed=frame.typed)
    leave_out = f", or {dropping(column.name)} to leave it out"
    remedy = meant.remedy + leave_out + ("" if meant.amount else one_hot)
    if not meant.amount and _mostly_numbers(column, config):
        remedy = "correct it, or leave it empty where a value is missing and set data.table.missing"
    place = frame.place(first_row(column, word))
    raise ValueError(f"{source} has {quoted(word)} in {place}, {meant.what}, not numeric: {remedy}")


def _mostly_numbers(column: Column, config: DataConfig) -> bool:
    """Whether more than half of the values are numbers."""
    present = column.present.tolist()
    return 2 * sum(is_number(text, config.table.decimal) for text in present) > len(present)


def _one_hot(column: Column, source: str, frame: Frame, config: DataConfig) -> Features:
    """An input of 0 and 1 for each value, sorted; a row whose value is missing has a 1 in none."""
    words = set(column.present.tolist())
    present = int((~column.absent_N).sum())
    require(present > 0, f"{source} has no value in any row: {dropping(column.name)}")
    coded = column.kind == "text" and any(CODE.fullmatch(word.strip()) for word in words)
    amounts = ", or write its numbers without leading zeros where they are amounts" if coded else ""
    require(
        len(words) <= min(MOST_VALUES, max(2, present // 2)),
        f"{source} has {len(words):,} different values in {present:,} rows, more than {MOST_VALUES} or half as many as "
        f"rows, which is rather an identifier: {dropping(column.name)}, or put its values into fewer groups{amounts}",
    )
    if column.kind == "text" and not column.categories:
        _refuse_amounts(column, source, frame, config)
    found = classes_of([class_values(column)], source)
    inputs_NI = (found.labels_N[:, None] == np.arange(len(found.class_names))).astype(np.float64)
    names = tuple(f"{column.name}={name}" for name in found.class_names)
    notes = tuple(f"column {column.shown}: {note}" for note in found.notes)
    numbers = [word for word in found.class_names if is_number(word, config.table.decimal)]
    if column.kind == "text" and 0 < len(numbers) < len(found.class_names):
        notes += (f"column {column.shown} holds numbers beside text, and each is taken for a name",)
    absent = int(column.absent_N.sum())
    if absent:
        notes += (f"column {column.shown} lacks {absent:,} values, which are 0 in all inputs made of it",)
    return Features(inputs_NI, names, notes)


def _refuse_amounts(column: Column, source: str, frame: Frame, config: DataConfig) -> None:
    """Raise ValueError where text is a number in another spelling, which an input for each value would not see."""
    for word in dict.fromkeys(column.present.tolist()):
        meant = odd(word, config.table.decimal, typed=frame.typed)
        if meant.amount and not is_number(word, config.table.decimal):
            place = frame.place(first_row(column, word))
            raise ValueError(f"{source} has {quoted(word)} in {place}, {meant.what}: {meant.remedy}")


def _refuse_missing(columns: Sequence[Column], frame: Frame) -> None:
    lacking = [(column.name, int(column.absent_N.sum())) for column in columns if column.absent_N.any()]
    if lacking:
        told = listed([f"{named(name, 40)} {count:,}" for name, count in lacking])
        raise ValueError(f"{frame.path} has missing values ({told}): set data.table.missing to mean, median or zero")
