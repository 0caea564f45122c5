"""Which text is a number, exactly, and what other text looks like. N rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite
from typing import Any, Literal

import numpy as np
import pandas as pd

from siftnet.data.formats.tables.frame import Column, Kind
from siftnet.data.targets import Missing, says_missing
from siftnet.foreign import LARGEST_EXACT

TRUTH = {word: word.lower() == "true" for word in ("True", "TRUE", "true", "False", "FALSE", "false")}
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity)", re.IGNORECASE)
COMMA_NUMBER = re.compile(r"[+-]?(?:[0-9]+,?[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity)", re.IGNORECASE)
CODE = re.compile(r"[+-]?0[0-9]+")
"""Digits after a leading zero, as in postal codes, which are names."""

DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")
GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[.,' _\u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]+)?|[+-]?[0-9.]+,[0-9]+")
PERCENT = re.compile(r"[+-]?[0-9.,]+ ?%")
MONEY = re.compile(r"[+-]?[$€£¥₹] ?[+-]?[0-9.,' ]+|[+-]?[0-9.,' ]+ ?(?:[$€£¥₹]|EUR|USD|GBP)")
DATE = re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}(?:[T ].*)?|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}.*)?")
Decimals = Literal["point", "comma"]
SAFE = 15
"""Digits that double precision always keeps."""


@dataclass(frozen=True)
class Odd:
    """What text that is no number was probably meant as."""

    what: str
    """In words, e.g. 'a decimal comma'."""
    remedy: str
    amount: bool = True
    """Whether it was meant as an amount or a date rather than as a name."""


def is_number(text: str, decimals: Decimals = "point") -> bool:
    """Whether text is a number in full, blanks around it allowed."""
    return bool((NUMBER if decimals == "point" else COMMA_NUMBER).fullmatch(text.strip(" \t")))


def is_like_a_value(text: str) -> bool:
    """Whether text is a number in some spelling, a share, an amount or a date: a value rather than a name."""
    return is_number(text) or odd(text).amount


def odd(text: str, decimals: Decimals = "point", *, typed: bool = False) -> Odd:
    """What text that is no number was probably meant as, and what to do about it.

    typed: whether the file could say that it holds numbers, as parquet could.
    """
    word = text.strip()
    if DATE.fullmatch(word):
        return Odd("a date or time", "turn dates into numbers, e.g. days since the first of them")
    if decimals == "point" and DECIMAL_COMMA.fullmatch(word):
        remedy = "set data.table.decimal comma if it is a decimal comma"
        if typed:
            remedy = "save the column as numbers, e.g. column.str.replace(',', '.').astype(float) in pandas"
        if GROUPED.fullmatch(word) and len(word.split(",")[1]) == 3:
            remedy += "; if it separates thousands, write numbers without"
        return Odd("a number with a comma", remedy)
    if GROUPED.fullmatch(word):
        return Odd("a number with thousands separators", "write numbers without thousands separators")
    if decimals == "comma" and NUMBER.fullmatch(word):
        return Odd(
            "a number with a decimal point", "write all numbers with a decimal comma, or set data.table.decimal point"
        )
    if PERCENT.fullmatch(word):
        return Odd("a percentage", "write numbers without the sign")
    if MONEY.fullmatch(word):
        return Odd("an amount of money", "write numbers without the currency")
    return Odd("text", "turn it into numbers", amount=False)


def typed(
    name: str, texts_N: np.ndarray, decimals: Decimals, *, codes: bool = False, missing: Missing = "refuse"
) -> Column:
    """A column of text as what it spells: truth values, whole numbers of any width, other numbers, or text.

    texts_N: objects (N,), str. codes: take numbers with a leading zero (007) for names. missing: whether text
    such as NA is a value, see `says_missing`.
    """
    codes_N, distinct = pd.factorize(texts_N)
    words = [str(text) for text in distinct]
    gone = [says_missing(word, missing) for word in words]
    there = [word for word, absent in zip(words, gone, strict=True) if not absent]
    kind, values = _spelled(there, decimals, codes=codes)
    of_word = np.empty(len(words), values.dtype)
    of_word[~np.array(gone, bool)] = values
    of_word[np.array(gone, bool)] = "" if kind == "text" else 0
    return Column(name, kind, of_word[codes_N], np.array(gone, bool)[codes_N], "text" if kind == "text" else kind)


def without_missing(column: Column, missing: Missing = "refuse") -> Column:
    """A column of text where text such as NA counts as missing; any other as it is."""
    if column.kind != "text" or not len(column.values_N):
        return column
    codes_N, distinct = pd.factorize(column.values_N)
    gone = np.array([says_missing(str(word), missing) for word in distinct], bool)
    return replace(column, absent_N=column.absent_N | gone[codes_N])


def _spelled(words: list[str], decimals: Decimals, *, codes: bool) -> tuple[Kind, np.ndarray]:
    """The kind and the values of different words, of which none is missing."""
    if words and all(word in TRUTH for word in words):
        return "truth", np.array([TRUTH[word] for word in words])
    plain = [word.strip(" \t") for word in words]
    pattern = NUMBER if decimals == "point" else COMMA_NUMBER
    if not all(pattern.fullmatch(word) for word in plain) or (codes and any(CODE.fullmatch(word) for word in plain)):
        return "text", np.array([*words, None], object)[:-1]
    plain = [word.replace(",", ".") for word in plain]
    floats = [float(word) for word in plain]
    exact = [_whole(word, value) for word, value in zip(plain, floats, strict=True)]
    if words and None not in exact:
        return "whole", whole_array(exact)
    return "float", _decimals(plain) if _falls_together(plain, floats) else np.array(floats, np.float64)


def _falls_together(words: list[str], floats: list[float]) -> bool:
    """Whether numbers that differ as they are written have one nearest float."""
    if len(set(floats)) == len(words) or not any(len(word) > SAFE for word in words):
        return False
    return len(set(floats)) < len(set(_decimals(words).tolist()))


def _decimals(words: list[str]) -> np.ndarray:
    """Numbers to their last digit; those that are infinite or 0 as floats count as that, however long their power."""
    numbers = [Decimal(word) if isfinite(float(word)) and float(word) else Decimal(float(word)) for word in words]
    return np.array([*numbers, None], object)[:-1]


def _whole(word: str, value: float) -> int | None:
    """The whole number that a word is, whose nearest float is `value`; None where it is none, or infinite."""
    if not value.is_integer():
        return None
    if value == 0:
        return 0 if not re.search("[1-9]", re.split("[eE]", word)[0]) else None
    number = Decimal(word)
    whole = int(value) if abs(value) < LARGEST_EXACT else int(number.to_integral_value())
    return whole if number == whole else None


def whole_array(numbers: list[Any]) -> np.ndarray:
    """Whole numbers as int64, else as uint64, else as Python's own."""
    low, high = min(numbers, default=0), max(numbers, default=0)
    if low >= -(2**63) and high < 2**63:
        return np.array(numbers, np.int64)
    if low >= 0 and high < 2**64:
        return np.array(numbers, np.uint64)
    return np.array([*numbers, None], object)[:-1]
