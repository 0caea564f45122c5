"""The columns of a CSV whose lines have been looked at: features as pandas reads them, the others from their text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from packaging.version import Version

from siftnet.config.fields import DataConfig, require
from siftnet.data.formats.tables.csv_text import CsvText, look_at
from siftnet.data.formats.tables.doubts import refuse_names_as_rows, thousands
from siftnet.data.formats.tables.file_bytes import read_text
from siftnet.data.formats.tables.frame import Column, Frame
from siftnet.data.formats.tables.header import on_header, refuse_examples
from siftnet.data.formats.tables.roles import Roles, roles_of
from siftnet.data.formats.tables.spelling import SAFE, typed
from siftnet.data.targets import LARGEST_EXACT, MISSING_TEXT

EXACT = {} if Version(pd.__version__) >= Version("3.1.dev0") else {"float_precision": "round_trip"}
"""What makes pandas take the float nearest to what is written; later versions always do."""


def read_csv(path: Path, config: DataConfig) -> Frame:
    """All columns of a CSV; raises ValueError as `read_text`, `look_at`, `roles_of` and `refuse_examples` do."""
    text = look_at(read_text(path), path, config.table)
    roles = roles_of(text.names, path, config, on_header(text.names, config.table))
    features = [k for k in range(len(text.names)) if k not in roles.taken]
    columns = _named(text, roles, config) | _features(text, features, path, config)
    lines_N = text.lines_N

    def place(row: int) -> str:
        return f"line {lines_N[row]}"

    frame = Frame(path, tuple(columns[k] for k in range(len(text.names))), len(lines_N), place)
    refuse_names_as_rows(frame)
    notes = refuse_examples(frame) if config.table.header == "auto" else ()
    return replace(frame, notes=(*notes, *_on_thousands(text, frame.columns, config)))


def _on_thousands(text: CsvText, columns: Sequence[Column], config: DataConfig) -> tuple[str, ...]:
    """Notes on points that may separate thousands, as they do where semicolons separate the fields."""
    if text.separator != ";" or config.table.decimal == "comma":
        return ()
    few = [k for k, column in enumerate(columns) if _has_three_decimals(column)]
    return tuple(note for k, texts_N in _as_text(text, few).items() for note in thousands(text.names[k], texts_N))


def _has_three_decimals(column: Column) -> bool:
    if column.kind != "float" or column.values_N.dtype == object or not len(column.present):
        return False
    scaled = 1000 * column.present
    return bool((np.abs(scaled) < 1e6).all() and np.allclose(scaled, np.round(scaled), rtol=0, atol=1e-6))


def _named(text: CsvText, roles: Roles, config: DataConfig) -> dict[int, Column]:
    """The columns that settings name, from their text, so that no digit is lost."""
    texts = _as_text(text, roles.taken)
    columns = {k: typed(text.names[k], texts[k], config.table.decimal) for k in roles.taken if k != roles.target}
    columns[roles.target] = typed(
        text.names[roles.target],
        texts[roles.target],
        config.table.decimal,
        codes=config.table.task != "numbers",
        missing=config.missing_labels,
    )
    if roles.group is not None:
        columns[roles.group] = typed(text.names[roles.group], texts[roles.group], config.table.decimal, codes=True)
    return columns


def _as_text(text: CsvText, numbers: Sequence[int]) -> dict[int, np.ndarray]:
    """Objects (N,), str, of some columns."""
    if not numbers:
        return {}
    frame = _read(text, numbers, dtype=str, na_filter=False)
    return {k: frame[k].to_numpy(object) for k in numbers}


def _features(text: CsvText, numbers: list[int], path: Path, config: DataConfig) -> dict[int, Column]:
    if not numbers:
        return {}
    decimal = "," if config.table.decimal == "comma" else "."
    frame = _read(text, numbers, decimal=decimal, na_values=sorted(MISSING_TEXT), **EXACT)
    columns = {k: _column(text.names[k], frame[k]) for k in numbers}
    long = _has_long_numbers(text, config)
    # Text, or whole numbers too wide for pandas, or that it rounded beside missing values, or fractions.
    again = [k for k, column in columns.items() if column is None or _may_be_rounded(column, long=long)]
    texts = _as_text(text, again)
    told = {k: typed(text.names[k], texts[k], config.table.decimal) for k in again}
    return told | {k: column for k, column in columns.items() if column is not None and k not in told}


def _has_long_numbers(text: CsvText, config: DataConfig) -> bool:
    """Whether digits stand together that may be more than double precision keeps."""
    mark = b"," if config.table.decimal == "comma" else b"."
    alike = bytes.maketrans(b"123456789", b"000000000")
    return b"0" * (SAFE + 1) in text.data.translate(alike, mark)


def _may_be_rounded(column: Column, *, long: bool) -> bool:
    """Whether numbers may have been written with more digits than their floats have; long: whether any were."""
    if column.kind != "float" or not len(column.present):
        return False
    if (np.abs(column.present) >= LARGEST_EXACT).any():
        return True
    return long and len(np.unique(column.present)) < len(column.present)


def _read(text: CsvText, numbers: Sequence[int], **how: object) -> pd.DataFrame:
    frame = pd.read_csv(
        text.examples(),
        sep=text.separator,
        header=None,
        names=range(text.fields),
        usecols=[text.places[k] for k in sorted(numbers)],
        index_col=False,
        low_memory=False,
        encoding="utf-8",
        **how,
    )
    require(
        len(frame) == len(text.lines_N) and isinstance(frame.index, pd.RangeIndex),
        f"the CSV reads as {len(frame):,} rows and has {len(text.lines_N):,} lines: save it anew, or as parquet",
    )
    return frame.set_axis(sorted(numbers), axis=1)


def _column(name: str, series: pd.Series) -> Column | None:
    """A column that pandas took for numbers or truth values; None for anything else."""
    absent_N = series.isna().to_numpy(bool)
    if pd.api.types.is_bool_dtype(series.dtype):
        return Column(name, "truth", series.to_numpy(bool), absent_N, "bool")
    if pd.api.types.is_integer_dtype(series.dtype):
        return Column(name, "whole", series.to_numpy(), absent_N, str(series.dtype))
    if pd.api.types.is_float_dtype(series.dtype):
        return Column(name, "float", series.to_numpy(), absent_N, str(series.dtype))
    return None
