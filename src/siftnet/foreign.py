"""Arrays as other libraries and plain Python hold them, as NumPy's: lists, tensors, tables.

No library is imported here: what a value is, its class says by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any

import numpy as np

LARGEST_EXACT = 2**53
"""Whole numbers beyond it are not all different as float64."""
TABLES = (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "Table"))
COLUMNS = (
    ("pandas", "Series", "Index", "ExtensionArray"),
    ("polars", "Series"),
    ("pyarrow", "Array", "ChunkedArray"),
)
HALF_WIDTHS = ("torch.bfloat16", "torch.float8")
"""Types of PyTorch's that NumPy lacks; single precision holds all their values."""


def as_numpy(value: Any, name: str) -> np.ndarray:
    """An array of NumPy's with the same values, sharing memory where possible.

    value: an array (a masked one stays so), a list or tuple of numbers or text, perhaps nested, a PyTorch tensor or
    parameter on any device, a pandas table or column, or what NumPy takes for an array. name: what it is, for messages.
    Whole numbers stay exact, and text beside numbers stays apart, as an array of objects. Raises ValueError for
    anything else: sparse arrays, rows of different lengths, tables with columns that are no numbers.
    """
    if isinstance(value, np.ndarray):
        return value if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
    if _is(value, "torch", "Tensor"):
        return _of_tensor(value, name)
    if _is_table(value):
        return _of_table(value, name)
    if any(_is(value, *of) for of in COLUMNS):
        return _of_column(value)
    if isinstance(value, list | tuple | range):
        return _of_list(value, name)
    if hasattr(value, "toarray"):
        raise ValueError(f"{name} is sparse ({type(value).__name__}): give all values, {name}.toarray()")
    if isinstance(value, int | float | complex | np.generic) or hasattr(value, "__array__"):
        return np.asarray(value)
    raise ValueError(f"{name} must be an array, a list, a tensor or a table, got {shown(value)}: make it a NumPy array")


def columns_of(value: Any) -> tuple[str, ...]:
    """Names of the columns of a table of pandas', polars' or pyarrow's; empty for anything else."""
    if not _is_table(value):
        return ()
    return tuple(map(str, value.column_names if _is(value, "pyarrow", "Table") else value.columns))


def in_columns_of(names: tuple[str, str], table: Any) -> str:
    """How the first of two tables is brought into the second's order of columns, as Python; table: the first."""
    one, other = names
    return f"{one}.select({other}.column_names)" if _is(table, "pyarrow", "Table") else f"{one}[{other}.columns]"


def only_column(value: Any, name: str) -> Any:
    """The column of a table that has one, and what is no table as it is. Raises ValueError for more columns."""
    columns = columns_of(value)
    if len(columns) > 1:
        raise ValueError(
            f"{name} is a table of {len(columns)} columns ({', '.join(columns[:5])}{', ...' * (len(columns) > 5)}): "
            f"give one of them, {name}[{columns[0]!r}], or numpy.asarray({name}).argmax(axis=1) if they are one for "
            "each class"
        )
    return _columns(value)[0] if columns else value


def refuse_other_rows(x: Any, y: Any, names: tuple[str, str]) -> None:
    """Raise ValueError where two pandas objects have other row labels, so that rows may not meet."""
    if not (_is(x, "pandas", "DataFrame", "Series") and _is(y, "pandas", "DataFrame", "Series")):
        return
    if len(x.index) == len(y.index) and not x.index.equals(y.index):
        as_they_stand = f"{names[1]}.to_numpy() if they belong together as they stand"
        if set(x.index) <= set(y.index):
            how, remedy = "the same rows in another order", f"{names[1]}.loc[{names[0]}.index], or {as_they_stand}"
        else:
            how, remedy = "rows of other names", as_they_stand
        raise ValueError(f"{names[0]} and {names[1]} have {how}: give {remedy}")


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, of any library, and no truth value."""
    try:
        index(value)
    except (TypeError, RuntimeError):
        return False
    return not isinstance(value, bool | np.bool_) and str(getattr(value, "dtype", "")) not in ("bool", "torch.bool")


def shown(value: Any) -> str:
    """A value for a message: as it is written, or its type where that takes more than a line."""
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"a {type(value).__name__}"


def _is(value: Any, library: str, *names: str) -> bool:
    return any(c.__name__ in names and c.__module__.partition(".")[0] == library for c in type(value).__mro__)


def _of_tensor(value: Any, name: str) -> np.ndarray:
    if str(value.layout) != "torch.strided":
        raise ValueError(f"{name} is a sparse tensor ({value.layout}): give all values, {name}.to_dense()")
    if value.is_quantized:
        raise ValueError(f"{name} is a quantised tensor ({value.dtype}): give its values, {name}.dequantize()")
    if value.device.type == "meta" or value.is_nested:
        raise ValueError(f"{name} is a tensor without values of its own: give a plain one")
    plain = value.detach().cpu()
    plain = plain.float() if str(plain.dtype).startswith(HALF_WIDTHS) else plain
    return np.asarray(plain.resolve_conj().resolve_neg().numpy())


def _is_table(value: Any) -> bool:
    return any(_is(value, *of) for of in TABLES)


def _columns(table: Any) -> list[Any]:
    """The columns of a table, as its library has them."""
    if _is(table, "pandas", "DataFrame"):
        return [table.iloc[:, at] for at in range(table.shape[1])]
    return list(table.get_columns() if _is(table, "polars", "DataFrame") else table.columns)


def _of_column(column: Any) -> np.ndarray:
    # Whole numbers of which some are missing would come as floats.
    if _is(column, "polars", "Series"):
        return _of_objects(np.array(column.to_list(), object) if column.null_count() else column.to_numpy())
    if _is(column, "pyarrow", "Array", "ChunkedArray"):
        return _of_objects(np.array(column.to_pylist(), object) if column.null_count else np.asarray(column))
    gaps = not isinstance(column.dtype, np.dtype) and bool(column.isna().any())
    return _of_objects(np.asarray(column.to_numpy(dtype=object) if gaps else column.to_numpy()))


def _of_table(table: Any, name: str) -> np.ndarray:
    labels, given = columns_of(table), _columns(table)
    columns = [_of_column(column) for column in given]
    dtypes = [str(column.type if hasattr(column, "type") else column.dtype) for column in given]
    other = [
        f"{label} ({dtype.partition('<')[0]})"
        for label, dtype, column in zip(labels, dtypes, columns, strict=True)
        # Categories of numbers are no amounts.
        if column.dtype.kind not in "biuf" or dtype.startswith(("category", "dictionary"))
    ]
    if other:
        raise ValueError(
            f"{name} has columns that are no numbers ({', '.join(other[:5])}{', ...' if len(other) > 5 else ''}): "
            f"encode them, e.g. pandas.get_dummies({name}), fill them in, or leave them out"
        )
    large = [column.dtype.kind in "iu" and column.size and _largest(column) > LARGEST_EXACT for column in columns]
    if any(large) and not all(column.dtype.kind in "biu" for column in columns):
        raise ValueError(
            f"column {labels[large.index(True)]} of {name} has whole numbers beyond 2^53 beside columns of "
            "floats: subtract its smallest value first"
        )
    if not any(large):
        return np.column_stack(columns) if columns else np.empty(table.shape)
    return _of_objects(np.column_stack([column.astype(object) for column in columns]))


def _largest(column: np.ndarray) -> int:
    return max(-int(column.min()), int(column.max()))


def _of_list(values: list[Any] | tuple[Any, ...] | range, name: str) -> np.ndarray:
    try:
        found = np.array(values)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths: make them alike") from None
    except (TypeError, RuntimeError, OverflowError):
        # Tensors that require a gradient or are of a type of their own, and whole numbers beyond 64 bits.
        if not any(isinstance(v, list | tuple) or _is(v, "torch", "Tensor") for v in values):
            return np.array(values, object)
        return np.array([as_numpy(v, name) for v in values])
    if found.dtype.kind in "US" and not all(isinstance(v, str | bytes) for v in _leaves(values)):
        return np.array(values, object)
    if found.dtype.kind != "f":
        return _of_objects(found)
    # NumPy joins whole numbers of several widths, and whole numbers beside floats, by way of float64.
    if all(isinstance(v, int | np.integer) for v in _leaves(values)):
        return _of_objects(np.array(values, object))
    if any(isinstance(v, int | np.integer) and abs(int(v)) > LARGEST_EXACT for v in _leaves(values)):
        raise ValueError(
            f"{name} has whole numbers beyond 2^53 beside floats, which would be rounded: subtract the smallest of "
            "their column first"
        )
    return found


def _leaves(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _leaves(value)
        else:
            yield value


def _of_objects(found: np.ndarray) -> np.ndarray:
    """An array of objects as one of numbers, where all are of one kind; floats may be missing."""
    if found.dtype.kind != "O" or found.size == 0:
        return found
    values = found.ravel().tolist()
    kinds = {_kind(value) for value in values}
    if kinds == {"b"}:
        return found.astype(np.bool_)
    if kinds == {"i"}:
        low, high = min(values), max(values)
        if low >= -(2**63) and high < 2**63:
            return found.astype(np.int64)
        return found.astype(np.uint64) if low >= 0 and high < 2**64 else found
    if kinds in ({"f"}, {"f", ""}):
        doubles = [np.nan if _kind(value) == "" else float(value) for value in values]
        return np.array(doubles, np.float64).reshape(found.shape)
    return found


def _kind(value: Any) -> str:
    if value is None or type(value).__name__ == "NAType":
        return ""
    if isinstance(value, bool | np.bool_):
        return "b"
    if isinstance(value, int | np.integer):
        return "i"
    return "f" if isinstance(value, float | np.floating) else "O"
