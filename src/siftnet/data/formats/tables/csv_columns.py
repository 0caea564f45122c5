"""The columns of a CSV whose lines have been looked at: features as pandas reads them, the others from their text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from packaging.version import Version

from siftnet.config.fields import DataConfig, require
from siftnet.data.formats.tables.codes import codes_of, has_leading_zeros, note_codes, refuse_merged
from siftnet.data.formats.tables.csv_text import CsvText, look_at
from siftnet.data.formats.tables.doubts import refuse_names_as_rows, thousands
from siftnet.data.formats.tables.file_bytes import read_text
from siftnet.data.formats.tables.frame import Column, Frame
from siftnet.data.formats.tables.header import on_header, refuse_examples
from siftnet.data.formats.tables.roles import Roles, roles_of
from siftnet.data.formats.tables.spelling import SAFE, typed
from siftnet.data.targets import MISSING_TEXT
from siftnet.foreign import LARGEST_EXACT

EXACT = {} if Version(pd.__version__) >= Version("3.1.dev0") else {"float_precision": "round_trip"}
"""What makes pandas take the float nearest to what is written; later versions always do."""


def read_csv(path: Path, config: DataConfig) -> Frame:
    """All columns of a CSV.

    Raises ValueError as `read_text`, `look_at`, `roles_of`, `refuse_merged` and `refuse_examples` do.
    """
    text = look_at(read_text(path), path, config.table)
    roles = roles_of(text.names, path, config, on_header(text.names, config.table))
    columns, codes = _columns(text, roles, config)
    lines_N = text.lines_N

    def place(row: int) -> str:
        return f"line {lines_N[row]}"

    frame = Frame(path, columns, len(lines_N), place)
    refuse_names_as_rows(frame)
    notes = refuse_examples(frame) if config.table.header == "auto" else ()
    return replace(frame, notes=(*notes, *_on_thousands(text, frame.columns, config), *note_codes(codes)))


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


def _columns(text: CsvText, roles: Roles, config: DataConfig) -> tuple[tuple[Column, ...], list[str]]:
    """All columns, and the names of those whose numbers may be codes.

    Those that settings name are read from their text, so that no digit is lost; features as pandas reads them.
    """
    features = [k for k in range(len(text.names)) if k not in roles.taken]
    frame = _read(
        text,
        range(len(text.names)),
        dtype={text.places[k]: str for k in roles.taken},
        decimal="," if config.table.decimal == "comma" else ".",
        na_values={text.places[k]: sorted(MISSING_TEXT) for k in features},
        keep_default_na=False,
        **EXACT,
    )
    taken = _named(text.names, {k: frame[k].to_numpy(object) for k in roles.taken}, roles, config)
    numbers = {k: _column(text.names[k], frame[k]) for k in features}
    told, codes = _told(text, numbers, config)
    found = taken | numbers | told
    return tuple(column for k in range(len(text.names)) if (column := found[k]) is not None), codes


def _named(
    names: Sequence[str], texts: Mapping[int, np.ndarray], roles: Roles, config: DataConfig
) -> dict[int, Column]:
    """The columns that settings name, as what they spell."""
    columns = {
        k: typed(names[k], texts_N, config.table.decimal, codes=k == roles.group) for k, texts_N in texts.items()
    }
    columns[roles.target] = typed(
        names[roles.target],
        texts[roles.target],
        config.table.decimal,
        codes=config.table.task != "numbers",
        missing=config.missing_labels,
    )
    return columns


def _told(
    text: CsvText, numbers: Mapping[int, Column | None], config: DataConfig
) -> tuple[dict[int, Column], list[str]]:
    """Features as their text tells, where pandas may have it otherwise; and the names of those that may be codes.

    So are text, whole numbers too wide for pandas, or that it rounded beside missing values, fractions and codes.
    """
    has_long, has_zeros = cache(partial(_has_long_numbers, text, config)), cache(partial(has_leading_zeros, text))
    again = [k for k, column in numbers.items() if column is None or _may_be_rounded(column, has_long)]
    whole = [k for k, column in numbers.items() if column is not None and _is_whole(column) and has_zeros()]
    texts = _as_text(text, sorted({*again, *whole}))
    told, noted = {k: typed(text.names[k], texts[k], config.table.decimal) for k in again}, []
    for k, codes in ((k, codes_of(texts_N)) for k, texts_N in texts.items()):
        if codes is None:
            continue
        if config.table.text == "one_hot":
            told[k] = typed(text.names[k], texts[k], config.table.decimal, codes=True)
            continue
        refuse_merged(text.names[k], codes, texts[k], text)
        noted.append(text.names[k])
    return told, noted


def _is_whole(column: Column) -> bool:
    """Whether all values are whole numbers, those that pandas has as floats beside missing ones too."""
    if column.kind == "whole":
        return True
    return (
        column.kind == "float"
        and bool(column.absent_N.any())
        and bool((np.floor(column.present) == column.present).all())
    )


def _as_text(text: CsvText, numbers: Sequence[int]) -> dict[int, np.ndarray]:
    """Objects (N,), str, of some columns."""
    if not numbers:
        return {}
    frame = _read(text, numbers, dtype=str, na_filter=False)
    return {k: frame[k].to_numpy(object) for k in numbers}


def _has_long_numbers(text: CsvText, config: DataConfig) -> bool:
    """Whether digits stand together that may be more than double precision keeps."""
    mark = b"," if config.table.decimal == "comma" else b"."
    alike = bytes.maketrans(b"123456789", b"000000000")
    return b"0" * (SAFE + 1) in text.data.translate(alike, mark)


def _may_be_rounded(column: Column, has_long: Callable[[], bool]) -> bool:
    """Whether numbers may have been written with more digits than their floats have; has_long: whether any were."""
    if column.kind != "float" or not len(column.present):
        return False
    if (np.abs(column.present) >= LARGEST_EXACT).any():
        return True
    return len(np.unique(column.present)) < len(column.present) and has_long()


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
