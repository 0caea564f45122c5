"""What is to be learnt, as files and arrays hold it: classes by exact value and name, or numbers. N examples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from siftnet.config.fields import require
from siftnet.data.casts import NAN_AS_INTEGER, cast_nan
from siftnet.data.doubtful import apart_from_all, nearly_equal, perhaps_missing, standing_apart
from siftnet.data.raw import MISSING
from siftnet.foreign import LARGEST_EXACT
from siftnet.wording import quoted

MISSING_TEXT = frozenset(
    ("", "nan", "NaN", "-nan", "-NaN", "NAN", "None", "null", "NULL", "Null", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaT",
     "NAT", "#NA", "#N/A N/A", "-1.#IND", "1.#IND", "-1.#QNAN", "1.#QNAN")
)  # fmt: skip
"""Text that stands for a missing value, as pandas, NumPy, spreadsheets and older Windows write it."""
FEW_CLASSES = 20
"""Numbers that take no more whole values than this may be meant as classes."""
KEPT = 0.9
"""Targets and inputs are told of that keep fewer than this share of their different values."""
LAST_CHARACTER, SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Missing = Literal["refuse", "drop", "keep"]


@dataclass(frozen=True, eq=False)
class Targets:
    """Labels of all examples, of one kind."""

    labels_N: np.ndarray
    """int64 (N,) class numbers in the order of the names, MISSING where there is none; or float64 (N,), NaN so."""
    class_names: tuple[str, ...] = ()
    """Empty with numeric targets."""
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> int | None:
        """Number of classes; None with numeric targets."""
        return len(self.class_names) or None


@dataclass(frozen=True, eq=False)
class Standardised:
    """Numeric targets as they are learnt: a target is labels_N * deviation + mean."""

    labels_N: np.ndarray
    """float32 (N,)"""
    mean: float
    """Of the training examples."""
    deviation: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Column:
    """The different values of one array, and which of them stands where."""

    kind: str
    """In words; empty where no value is there."""
    values: list[Any]
    """Python's own; None where missing."""
    code_N: np.ndarray
    """int64 (N,): numbers of `values`, -1 where missing."""


def classes_of(parts: Sequence[np.ndarray], source: str, missing: Missing = "refuse") -> Targets:
    """Class numbers from values of one kind: truth values, whole numbers of any width, floats that are whole, or text.

    parts: arrays (n,) of one or more files that belong together, e.g. training and test; bytes are UTF-8; objects may
    be text, numbers and missing values (None, NaN, NaT, pandas.NA). source: what holds them, for messages. Whole
    numbers are compared and named exactly. Missing are NaN, None, masked entries, what NaN becomes when it is cast to
    whole numbers, blank text and, unless missing is "keep", all of MISSING_TEXT. Raises ValueError for parts of two
    kinds, bytes that are not UTF-8, names with line breaks or other control characters, floats that are not whole, and
    no value.
    """
    columns = [_column(part, source) for part in parts]
    kind = _one_kind(columns, source)
    if kind == "text":
        columns = [_without_missing_text(column, missing) for column in columns]
    values = sorted({value for column in columns for value in column.values} - {None})
    require(len(values) > 0, f"all labels in {source} are missing: fill them in")
    numbers = {value: number for number, value in enumerate(values)}
    # The last entry is what -1 picks.
    of_code = [np.array([*(numbers.get(v, MISSING) for v in c.values), MISSING], np.int64) for c in columns]
    labels_N = np.concatenate([table[column.code_N] for table, column in zip(of_code, columns, strict=True)])
    count_K = np.bincount(labels_N[labels_N != MISSING], minlength=len(values))
    names = tuple(str(value) for value in values)
    if kind == "text":
        refuse_control_characters(names, source)
        doubtful = () if missing == "keep" else perhaps_missing(values, count_K, source)
        return Targets(labels_N, names, (*nearly_equal(values, count_K), *doubtful))
    return Targets(labels_N, names, standing_apart(values, count_K, source) if kind == "whole numbers" else ())


def refuse_identifiers(targets: Targets, source: str, instead: str) -> Targets:
    """The targets; raises ValueError where more than half of the examples would each be a class of its own.

    instead: what to do then, in words.
    """
    found, labelled = len(targets.class_names), int((targets.labels_N != MISSING).sum())
    require(
        found <= max(2, labelled // 2),
        f"{source} has {found:,} different values in {labelled:,} rows, which is no set of classes: {instead}",
    )
    return targets


def numbers_of(parts: Sequence[np.ndarray], source: str) -> Targets:
    """Numeric targets as float64, NaN where missing, masked, or what NaN becomes when it is cast to whole numbers.

    parts: arrays (n,) of numbers of any width. Raises ValueError for infinite ones, and for numbers that are different
    only beyond double precision.
    """
    values = np.concatenate([_doubles(part) for part in parts])
    infinite = int(np.isinf(values).sum())
    require(infinite == 0, f"{source} has {infinite} infinite values: correct them or leave those examples out")
    for part in parts:
        if part.dtype.kind in "iu" or part.dtype.itemsize > 8:
            given, kept = (len(np.unique(array)) for array in (np.ma.getdata(part), _doubles(part)))
            require(
                kept == given,
                f"{source} has {given:,} different numbers, of which double precision keeps {kept:,}: subtract the "
                "smallest of all before you save them",
            )
    return Targets(values, notes=apart_from_all(values, source))


def standardise(targets_N: np.ndarray, train_T: np.ndarray) -> Standardised:
    """Numeric targets of mean 0 and deviation 1 over the training rows, so that one learning rate fits any unit.

    targets_N: float64 (N,), finite; train_T: int64 rows. Raises ValueError for values whose square no number holds.
    """
    values_T = targets_N[train_T]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(values_T.mean()), float(values_T.std())
    # Of equal values the deviation may be rounding; the data set then refuses them.
    deviation = 1.0 if values_T.min() == values_T.max() else deviation
    require(
        bool(np.isfinite([mean, deviation]).all()) and deviation > 0,
        f"the target reaches {np.abs(values_T).max():g}, too large or too small to be scaled: multiply it by a number",
    )
    with np.errstate(over="ignore"):
        labels_N = ((targets_N - mean) / deviation).astype(np.float32)
    given, kept = len(np.unique(targets_N)), len(np.unique(labels_N))
    if kept >= KEPT * given:
        return Standardised(labels_N, mean, deviation)
    note = (
        f"of {given:,} different targets {kept:,} are left in single precision, in which the network computes; correct "
        "the few that stretch the range, or take logarithms"
    )
    return Standardised(labels_N, mean, deviation, (note,))


def refuse_control_characters(names: Iterable[str], source: str) -> None:
    """Raise ValueError for a name with a line break or another control character, most often a quote left open."""
    for name in names:
        require(
            not CONTROL.search(name),
            f"{source} has the value {quoted(name)}, which holds a line break or another control character: close the "
            "quotation mark before it, or rename it",
        )


def _one_kind(columns: Sequence[_Column], source: str) -> str:
    kinds = {column.kind for column in columns} - {""}
    require(len(kinds) > 0, f"{source} holds no label: fill them in")
    require(
        len(kinds) == 1,
        f"{source} holds {' and '.join(sorted(kinds))}: save labels of one kind, all text or all numbers",
    )
    return kinds.pop()


def _column(part: np.ndarray, source: str) -> _Column:
    """The different values of an array, found without a loop over its entries."""
    if isinstance(part, np.ma.MaskedArray):
        # What stands below a mask is no value, nor a class without examples.
        there_N = ~np.ma.getmaskarray(part)
        column = _column(np.ma.getdata(part)[there_N], source)
        code_N = np.full(len(part), -1)
        code_N[there_N] = column.code_N
        return _Column(column.kind if there_N.any() else "", column.values, code_N)
    kind = part.dtype.kind
    if kind in "biuf":
        found, code_N = np.unique(part, return_inverse=True)
        return _Column("truth values" if kind == "b" else "whole numbers", _whole_numbers(found, source), code_N)
    if kind == "U":
        _refuse_broken_text(part, source)
    if kind in "UST":
        code_N, values = pd.factorize(part.astype(object))
        return _Column("text", [decoded(value, source) for value in values], code_N)
    require(kind == "O", f"{source} holds values of type {part.dtype}: save text or whole numbers")
    return _column_of_objects(part, source)


def _refuse_broken_text(part: np.ndarray, source: str) -> None:
    """Raise ValueError for text of damaged files, which NumPy hands over and Python breaks at."""
    native = np.ascontiguousarray(part.astype(part.dtype.newbyteorder("=")))
    points = native.view(np.uint32)
    require(
        not ((points > LAST_CHARACTER) | ((points >= SURROGATES[0]) & (points <= SURROGATES[1]))).any(),
        f"{source} holds text that is damaged, with numbers that no character has: save it anew",
    )


def _column_of_objects(part: np.ndarray, source: str) -> _Column:
    there_N = ~np.asarray(pd.isna(part), np.bool_)
    kinds = {_kind_of(found, source) for found in set(map(type, part[there_N].tolist()))}
    if not kinds:
        return _Column("", [], np.full(len(part), -1))
    require(
        len(kinds) == 1,
        f"{source} holds {' and '.join(sorted(kinds))}: save labels of one kind, all text or all numbers",
    )
    kind = kinds.pop()
    # Equal objects of one kind are one value: 2 and 2.0 are, 1 and True would be.
    code_N, values = pd.factorize(part)
    if kind == "text":
        return _Column(kind, [decoded(value, source) for value in values], code_N)
    if kind == "truth values":
        return _Column(kind, [bool(value) for value in values], code_N)
    return _Column(kind, [_whole(value, NAN_AS_INTEGER["i"], source) for value in values], code_N)


def _kind_of(found: type, source: str) -> str:
    for kind, types in (
        ("text", (str, bytes)),
        ("truth values", (bool, np.bool_)),
        ("whole numbers", (int, np.integer, float, np.floating)),
    ):
        if issubclass(found, types):
            return kind
    raise ValueError(f"{source} holds values of type {found.__name__}: save text or whole numbers")


def _whole_numbers(found: np.ndarray, source: str) -> list[Any]:
    """Ascending different numbers, or truth values, as Python's; None where NaN, or what NaN becomes."""
    values: list[Any] = found.tolist()
    kind = found.dtype.kind
    if kind == "b":
        return values
    if kind == "f":
        return [_whole(value, frozenset(), source) for value in values]
    absent = NAN_AS_INTEGER[kind]
    if kind == "i" and len(values) > 1 and values[1] >= -1:
        absent |= {int(np.iinfo(found.dtype).min)}
    return [None if value in absent else value for value in values]


def _whole(value: Any, absent: frozenset[int], source: str) -> int | None:
    if value != value:
        return None
    exact = isinstance(value, int | np.integer) or (abs(value) <= LARGEST_EXACT and value == np.floor(value))
    require(
        bool(exact),
        f"{source} has the label {float(value)!r}, which no exact whole number stands for: save classes as whole "
        "numbers or text, or ask for numeric targets",
    )
    return None if int(value) in absent else int(value)


def _doubles(part: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.ma.getdata(part).astype(np.float64)
    if isinstance(part, np.ma.MaskedArray):
        values[np.ma.getmaskarray(part)] = np.nan
    cast = cast_nan(part.compressed() if isinstance(part, np.ma.MaskedArray) else part)
    if cast is not None:
        values[values == cast] = np.nan
    return values


def decoded(value: str | bytes, source: str) -> str:
    """Text, of bytes too; raises ValueError where they are not UTF-8."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise ValueError(
            f"{source} has the label {value!r}, bytes that are not UTF-8: save it as text, e.g. "
            "numpy.char.decode(y, 'latin1')"
        ) from None


def says_missing(text: str, missing: Missing) -> bool:
    """Whether text stands for a missing value: blank text does, and unless missing is "keep" all of MISSING_TEXT."""
    return not text.strip() if missing == "keep" else text.strip() in MISSING_TEXT


def _without_missing_text(column: _Column, missing: Missing) -> _Column:
    values = [None if value is None or says_missing(value, missing) else value for value in column.values]
    return _Column(column.kind, values, column.code_N)
