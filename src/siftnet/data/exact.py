"""What users hand over as parts of a data set, in the types that it has: taken where no value changes, else refused.

N examples, I inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from siftnet.config.fields import require
from siftnet.foreign import as_numpy, shown


def exact_inputs(value: Any) -> np.ndarray:
    """Inputs as uint8 or float32, contiguous. Raises ValueError where single precision would change a value."""
    x = _numbers(value, "inputs_NI", "biuf")
    if x.dtype in (np.uint8, np.float32):
        return np.ascontiguousarray(x)
    if x.dtype.kind == "b" or (x.dtype.kind in "iu" and x.size and x.min() >= 0 and x.max() <= 255):
        return np.ascontiguousarray(x, np.uint8)
    remedy = "round them, inputs_NI.astype(numpy.float32), or let siftnet.from_arrays centre them before"
    return _as_type(x, np.float32, f"inputs_NI must be uint8 or float32 (N, I), and {{}}: {remedy}")


def exact_labels(value: Any, *, numeric: bool) -> np.ndarray:
    """Class numbers as int64, or numeric targets as float32. Raises ValueError for what is neither."""
    y = _numbers(value, "labels_N", "biufUSTO")
    if y.dtype.kind in "USTO":
        require(
            False,
            f"labels_N must be class numbers from 0, got {y.dtype}: give numpy.unique(labels, return_inverse=True)[1], "
            "or take siftnet.from_arrays",
        )
    if numeric:
        require(
            y.dtype.kind == "f",
            f"labels_N must be float32 where classes is None, got {y.dtype}: say how many classes, or give "
            "labels_N.astype(numpy.float32)",
        )
        return _as_type(y, np.float32, "labels_N must be float32, and {}: round them, labels_N.astype(numpy.float32)")
    require(
        y.dtype.kind in "biu",
        f"labels_N must be int64 where there are classes, got {y.dtype}: give labels_N.astype(numpy.int64), or classes "
        "= None for numeric targets",
    )
    return _as_type(y, np.int64, "labels_N must be int64, and {}: number the classes from 0")


def exact_rows(value: Any, name: str) -> np.ndarray:
    """Row numbers, or numbers of inputs, as int64. Raises ValueError for other types."""
    rows = _numbers(value, name, "biufUSTO")
    remedy = "give the order, e.g. numpy.argsort" if name.endswith("_I") else f"give numpy.flatnonzero({name})"
    require(rows.dtype.kind != "b", f"{name} must be row numbers, got truth values: {remedy}")
    require(
        rows.dtype.kind in "iu" or rows.size == 0,
        f"{name} must be int64 row numbers, got {rows.dtype}: give whole numbers",
    )
    return _as_type(rows, np.int64, f"{name} must be int64, and {{}}: correct them")


def exact_scale(value: Any, name: str) -> np.ndarray:
    """Numbers that centre or scale the inputs, as float32. Raises ValueError where that would change one."""
    return _as_type(
        _numbers(value, name, "biuf"),
        np.float32,
        f"{name} must be float32, and {{}}: round them, {name}.astype(numpy.float32)",
    )


def exact_splits(value: Any) -> dict[str, np.ndarray]:
    """Row numbers by split. Raises ValueError for anything but a dictionary of them."""
    require(
        isinstance(value, Mapping),
        f"splits must be a dictionary of row numbers for train, validation and test, got {shown(value)}",
    )
    return {name: exact_rows(rows, f"splits[{name!r}]") for name, rows in value.items()}


def exact_texts(value: Any, name: str) -> tuple[str, ...]:
    """Names as plain text. Raises ValueError for one text alone, and for names that are no text."""
    # A set has no order, and a dictionary may have another one than the numbers in it.
    listed = isinstance(value, Iterable) and not isinstance(value, str | bytes | Set | Mapping)
    texts = tuple(value) if listed else ()
    require(
        listed and all(isinstance(t, str) for t in texts),
        f"{name} must be text, one for each in order, as in ('cat', 'dog'), got {shown(value)}",
    )
    return tuple(map(str, texts))


def exact_truth(value: Any, name: str) -> bool:
    """True or False. Raises ValueError for anything else."""
    require(isinstance(value, bool | np.bool_), f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def exact_number(value: Any, name: str) -> float:
    """A finite number. Raises ValueError for anything else."""
    require(
        isinstance(value, Real) and not isinstance(value, bool) and isfinite(value),
        f"{name} must be a finite number, got {shown(value)}",
    )
    return float(value)


def _numbers(value: Any, name: str, kinds: str) -> np.ndarray:
    array = as_numpy(value, name)
    masked = isinstance(array, np.ma.MaskedArray) and bool(np.ma.getmaskarray(array).any())
    require(not masked, f"{name} has masked values: fill them in or leave those examples out")
    require(array.dtype.kind in kinds, f"{name} must be numbers, got {array.dtype} {array.shape}: make them so")
    return np.ma.getdata(array)


def _as_type(array: np.ndarray, dtype: Any, message: str) -> np.ndarray:
    if array.dtype == dtype:
        return np.ascontiguousarray(array, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(dtype)
        # NaN is refused later, with the row that it is in.
        same = ((cast.astype(array.dtype) == array) & ((cast < 0) == (array < 0))) | (array != array)
    changed = int(array.size - np.count_nonzero(same))
    require(changed == 0, message.format(f"{changed:,} values are {array.dtype} that it cannot hold"))
    return np.ascontiguousarray(cast)
