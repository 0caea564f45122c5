"""Which examples belong together: a patient's, a recording's, a scene's. N examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from siftnet.config.fields import require
from siftnet.data.casts import cast_nan
from siftnet.data.raw import MISSING
from siftnet.data.targets import classes_of
from siftnet.wording import folded, quoted


def groups_of(parts: Sequence[np.ndarray], source: str) -> np.ndarray:
    """A number for each example's group, int64 (N,).

    parts: arrays (n,) of one or more files that belong together, of text, numbers, truth values or dates. source: what
    holds them, for messages. Raises ValueError for missing and infinite values, for parts of two kinds, and for names
    that differ only by case, blanks or the spelling of an accent, which would part what is one.
    """
    if {array.dtype.kind for array in parts} in ({"f"}, {"M"}):
        # Measured values and dates are no classes, and groups all the same.
        absent = sum(int(missing_of(array).sum()) for array in parts)
        numbers_N = np.asarray(pd.factorize(np.concatenate([np.ma.getdata(array) for array in parts]))[0], np.int64)
    else:
        found = classes_of(parts, source)
        absent, numbers_N = int((found.labels_N == MISSING).sum()), found.labels_N
        _refuse_alike(found.class_names, source)
    require(absent == 0, f"{source} is missing for {absent:,} examples: name the group of each")
    return numbers_N


def missing_of(array: np.ndarray) -> np.ndarray:
    """Where numbers, dates or text (n,) are masked, NaN, what NaN becomes, NaT, None or infinite, bool (n,)."""
    values = np.ma.getdata(array)
    absent = np.asarray(pd.isna(values), np.bool_) | np.ma.getmaskarray(array)
    cast = cast_nan(values)
    if cast is not None:
        absent |= values == cast
    return absent | np.isinf(values) if values.dtype.kind == "f" else absent


def _refuse_alike(names: Sequence[str], source: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(folded(name), name)
        require(
            other == name,
            f"{source} has {quoted(other)} and {quoted(name)}, which differ only by case or blanks: write "
            "them alike if they are one group, else more differently",
        )
