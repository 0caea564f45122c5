"""What is to be learnt, as files and arrays hold it: classes by exact value and name, or numbers. N examples."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from siftnet.config.fields import require
from siftnet.data.raw import MISSING

MISSING_TEXT = frozenset(
    ("", "nan", "NaN", "-nan", "-NaN", "NAN", "None", "null", "NULL", "Null", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaT")
)
"""Text that stands for a missing value: what pandas reads so, and what NumPy and pandas write for one."""
LARGEST_EXACT = 2**53
"""Whole numbers beyond it are not all different as float64."""
CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\x85]")

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


def classes_of(parts: Sequence[np.ndarray], source: str, missing: Missing = "refuse") -> Targets:
    """Class numbers from values of one kind: truth values, whole numbers of any width, floats that are whole, or text.

    parts: arrays (n,) of one or more files that belong together, e.g. training and test; bytes are UTF-8; objects may
    be text, numbers and missing values (None, NaN, NaT, pandas.NA). source: what holds them, for messages. Whole
    numbers are compared and named exactly. Missing are NaN, None, masked entries, the smallest int64 (what NaN becomes
    when it is cast) and, unless missing is "keep", text of MISSING_TEXT. Raises ValueError for parts of two kinds,
    bytes that are not UTF-8, names with line breaks or other control characters, and floats that are not whole.
    """
    columns = [_plain(part, source) for part in parts]
    kinds = {kind for kind, values in columns if len(values)}
    require(
        len(kinds) == 1,
        f"{source} holds {' and '.join(sorted(kinds)) or 'no value'}: save labels of one kind, all text or all numbers",
    )
    kind = kinds.pop()
    values: list[Any] = [value for _, part in columns for value in part]
    if kind == "text" and missing != "keep":
        values = [None if value is not None and value.strip() in MISSING_TEXT else value for value in values]
    distinct = sorted({value for value in values if value is not None})
    numbers = {value: number for number, value in enumerate(distinct)} | {None: MISSING}
    labels_N = np.array([numbers[value] for value in values], np.int64)
    names = tuple(str(value) for value in distinct)
    notes: tuple[str, ...] = ()
    if kind == "text":
        refuse_control_characters(names, source)
        notes = _nearly_equal(distinct, Counter(values))
    elif kind == "whole numbers" and len(distinct) > 2 and distinct[0] == -1:
        count = int((labels_N == 0).sum())
        notes = (f"{source} has the class -1 ({count:,} examples) beside {names[1]} to {names[-1]}: leave it out if it "
                 "marks examples without a label",)  # fmt: skip
    return Targets(labels_N, names, notes)


def numbers_of(parts: Sequence[np.ndarray], source: str) -> Targets:
    """Numeric targets as float64, NaN where missing; raises ValueError for infinite ones.

    parts: arrays (n,) of numbers of any width.
    """
    values = np.concatenate([np.asarray(part, np.float64) for part in parts])
    infinite = int(np.isinf(values).sum())
    require(infinite == 0, f"{source} has {infinite} infinite values: correct them or leave those examples out")
    return Targets(values)


def group_numbers(values_N: np.ndarray, source: str) -> np.ndarray:
    """int64 (N,) numbers of equal values, whatever they are; raises ValueError where some are missing."""
    codes_N, _ = pd.factorize(values_N)
    missing = int((codes_N < 0).sum())
    require(missing == 0, f"{source} lacks {missing} values: fill them in, or leave those examples out")
    return np.asarray(codes_N, np.int64)


def refuse_control_characters(names: Iterable[str], source: str) -> None:
    """Raise ValueError for a name with a line break or another control character, most often a quote left open."""
    for name in names:
        require(
            not CONTROL.search(name),
            f"{source} has the value {_short(name)}, which holds a line break or another control character: close the "
            "quotation mark before it, or rename it",
        )


def _plain(part: np.ndarray, source: str) -> tuple[str, list[Any]]:
    """The kind of values, and the values as Python's own, None where missing."""
    if isinstance(part, np.ma.MaskedArray):
        absent = np.ma.getmaskarray(part)
        kind, values = _plain(np.ma.getdata(part), source)
        return kind, [None if gone else value for gone, value in zip(absent, values, strict=True)]
    kind = part.dtype.kind
    if kind == "b":
        return "truth values", part.tolist()
    if kind in "iu":
        smallest = np.iinfo(np.int64).min
        return "whole numbers", [None if value == smallest else value for value in part.tolist()]
    if kind == "f":
        return "whole numbers", [_whole(value, source) for value in part.tolist()]
    if kind == "S":
        return "text", [_decoded(value, source) for value in part.tolist()]
    if kind in "UT":
        return "text", [str(value) for value in part.tolist()]
    require(kind == "O", f"{source} holds values of type {part.dtype}: save text or whole numbers")
    return _plain_objects(part, source)


def _plain_objects(part: np.ndarray, source: str) -> tuple[str, list[Any]]:
    absent = pd.isna(part)
    kinds, values = set[str](), list[Any]()
    for gone, value in zip(absent, part.tolist(), strict=True):
        if gone:
            values.append(None)
            continue
        kind, [plain] = _plain(np.array([value]), source)
        kinds.add(kind)
        values.append(plain)
    if kinds == {"truth values", "whole numbers"} or len(kinds) > 1:
        require(
            False, f"{source} holds {' and '.join(sorted(kinds))}: save labels of one kind, all text or all numbers"
        )
    return (kinds.pop() if kinds else "no value"), values


def _whole(value: float, source: str) -> int | None:
    if value != value:
        return None
    require(
        abs(value) <= LARGEST_EXACT and value == int(value) if abs(value) != float("inf") else False,
        f"{source} has the label {value!r}, which no exact whole number stands for: save classes as whole numbers or "
        "text, or ask for numeric targets",
    )
    return int(value)


def _decoded(value: bytes, source: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(
            f"{source} has the label {value!r}, bytes that are not UTF-8: save it as text, e.g. "
            "numpy.char.decode(y, 'latin1')"
        ) from None


def _nearly_equal(names: list[str], counts: Counter[Any]) -> tuple[str, ...]:
    """A sentence on classes that differ by nothing but case, blanks or the spelling of an accent."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(" ".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    told = [" and ".join(f"{_short(n)} ({counts[n]:,})" for n in group) for group in alike.values() if len(group) > 1]
    if not told:
        return ()
    more = f", and {len(told) - 3} more" if len(told) > 3 else ""
    return (
        f"classes that differ only by case or blanks: {', '.join(told[:3])}{more}; write them alike if they are one",
    )


def _short(name: str) -> str:
    return repr(name if len(name) <= 60 else name[:57] + "...")
