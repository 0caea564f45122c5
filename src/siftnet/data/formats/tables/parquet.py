"""The columns of a parquet file, by the types that it says they have, so that no digit is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from siftnet.config.fields import DataConfig, RefusedError, TableConfig, require
from siftnet.data.formats.tables.doubts import refuse_names_as_rows
from siftnet.data.formats.tables.frame import Column, Frame, dropping
from siftnet.data.formats.tables.names import STAND_IN, refuse_names
from siftnet.data.formats.tables.roles import kept
from siftnet.data.formats.tables.spelling import whole_array, without_missing
from siftnet.wording import named

if TYPE_CHECKING:
    import pyarrow as pa

SMALL, FACTOR = 128 * 2**20, 1000
"""A file may hold SMALL bytes of numbers, or FACTOR times its size where that is more."""


def read_parquet(path: Path, config: DataConfig) -> Frame:
    """All columns of a parquet file.

    Raises ValueError for damaged files, columns of one name, row names (a pandas index) that no setting names, and
    where pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ValueError(f"reading {path} needs pyarrow: pip install siftnet[parquet]") from None
    _refuse_settings_of_csv(path, config.table)
    try:
        schema = pq.read_schema(path)
        # Of one name twice, pyarrow would read neither.
        names = [name.strip() for name in schema.names]
        drop = [name.strip() for name in config.table.drop]
        refuse_names([name for name in names if name not in _index(schema)], path, drop=drop)
        with pq.ParquetFile(path, read_dictionary=_texts(schema)) as file:
            _refuse_vast(file, path)
            table = file.read()
        table.validate(full=True)
        fields = [(k, schema.field(k)) for k in kept(names, path, config.table)]
        columns = tuple(_column(field.name.strip(), field.type, table.column(k)) for k, field in fields)
        categories = {str(name).strip() for name in _categories(schema)}
        columns = tuple(_as_categories(column) if column.name in categories else column for column in columns)
    except (RefusedError, MemoryError):
        raise
    except (pa.ArrowException, ValueError, OSError, KeyError, OverflowError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = named(str(error).strip().partition("\n")[0])
        raise ValueError(f"{path} cannot be read as parquet ({reason}): save it anew, as parquet or CSV") from None
    notes = _on_index(schema, path, config)
    target = config.table.target.strip()
    columns = tuple(without_missing(c, config.missing_labels if c.name == target else "refuse") for c in columns)
    frame = Frame(path, columns, table.num_rows, lambda row: f"row {row + 1}", notes, typed=True)
    refuse_names_as_rows(frame)
    return frame


def _texts(schema: pa.Schema) -> list[str]:
    """Columns of text, of which each different value is read once: a small file may repeat a long one."""
    import pyarrow.types as types

    return [f.name for f in schema if types.is_string(f.type) or types.is_large_string(f.type)]


def _refuse_vast(file: Any, path: Path) -> None:
    """Raise ValueError where a file's metadata claim far more than it can hold; what reads them believes them."""
    metadata = file.metadata
    groups = [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]
    require(
        sum(groups) == metadata.num_rows and min(groups, default=0) >= 0,
        f"{path} says that it has {metadata.num_rows:,} rows, and its parts that they have {sum(groups):,}: save it "
        "anew",
    )
    # Bytes of one length may have any. Parts are asked for no more than their rows: pyarrow ends the process where what
    # a part says of a column is damaged.
    width = sum(max(8, file.schema.column(k).length or 0) for k in range(metadata.num_columns))
    size = width * metadata.num_rows
    require(
        size <= max(SMALL, FACTOR * path.stat().st_size),
        f"{path} says that it holds {metadata.num_rows:,} rows of {metadata.num_columns:,} columns, {size:,} bytes, "
        f"more than {FACTOR:,} times its size: save it as CSV, or fewer rows",
    )


def _pandas(schema: pa.Schema, key: str) -> list[Any]:
    """What pandas says of the table in the file's metadata; nothing where it did not write it."""
    try:
        stored = json.loads((schema.metadata or {}).get(b"pandas", b"{}")).get(key, [])
    except (ValueError, AttributeError, RecursionError):
        return []
    return stored if isinstance(stored, list) else []


def _index(schema: pa.Schema) -> list[Any]:
    """What pandas says are row names: a column's name, or a description of 0, 1, 2, ... and the like."""
    return _pandas(schema, "index_columns")


def _categories(schema: pa.Schema) -> list[Any]:
    """Columns that pandas says were categories; parquet itself keeps that of text alone."""
    columns = [column for column in _pandas(schema, "columns") if isinstance(column, dict)]
    return [column.get("field_name") for column in columns if column.get("pandas_type") == "categorical"]


def _as_categories(column: Column) -> Column:
    """A column of plain values as the categories that they were."""
    return column if column.categories else replace(column, stored="categories", categories=True)


def _on_index(schema: pa.Schema, path: Path, config: DataConfig) -> tuple[str, ...]:
    """A sentence on row names that are left out; raises ValueError for those that are columns which no setting names.

    pandas stores an index as a column that it hides again when it reads the file.
    """
    wanted = {config.table.target, config.table.split, config.group, config.time, *config.table.drop} - {""}
    for column in _index(schema):
        if isinstance(column, dict):
            if column.get("name") is not None:
                return (f"the row names {named(str(column['name']))} (0, 1, 2, ... or steps of them) are no input",)
        elif column in schema.names and column not in wanted:
            called = "without a name" if STAND_IN.fullmatch(column) else f"named {named(column)}"
            raise RefusedError(
                f"{path} has row names (a pandas index) {called}: save it with frame.reset_index().to_parquet(...) if "
                f"they are an input, else {dropping(column)}"
            )
    return ()


def _refuse_settings_of_csv(path: Path, table: TableConfig) -> None:
    for name, value in (("header", table.header), ("separator", table.separator), ("decimal", table.decimal)):
        require(
            value in ("auto", "point"),
            f"data.table.{name} = {value} is for CSV, and {path} is parquet, which says so itself: leave it out",
        )


def _column(name: str, kind: pa.DataType, values: pa.ChunkedArray) -> Column:
    import pyarrow as pa
    import pyarrow.types as types

    stored = named(str(kind))
    absent_N = np.asarray(values.is_null().to_numpy(), bool)
    if types.is_dictionary(kind):
        plain = _column(name, kind.value_type, values.cast(kind.value_type))
        return replace(plain, stored="categories", categories=True)
    if types.is_null(kind):
        return Column(name, "float", np.full(len(values), np.nan), absent_N, stored)
    if types.is_boolean(kind):
        return Column(name, "truth", np.asarray(values.fill_null(False).to_numpy(), bool), absent_N, stored)
    if types.is_integer(kind):
        wide = np.uint64 if kind == pa.uint64() else np.int64
        return Column(name, "whole", values.fill_null(0).to_numpy().astype(wide), absent_N, stored)
    if types.is_floating(kind):
        floats = np.array(values.to_numpy())
        return Column(name, "float", floats, np.isnan(floats), stored)
    if types.is_decimal(kind):
        return _decimals(name, values.to_pylist(), absent_N, stored)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _text(name, values, stored)
    if types.is_timestamp(kind) or types.is_date(kind) or types.is_duration(kind):
        return Column(name, "moment", values.to_numpy(), absent_N, stored)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return Column(name, "bytes", _objects(values.to_pylist()), absent_N, stored)
    if types.is_struct(kind) and "bytes" in {kind.field(k).name for k in range(kind.num_fields)}:
        pictures = [None if row is None else row["bytes"] for row in values.to_pylist()]
        require(
            all(isinstance(p, bytes | None) for p in pictures),
            f"the column {named(name)} is {stored}, whose bytes are none: save images as PNG or JPEG bytes",
        )
        return Column(name, "image", _objects(pictures), np.array([p is None for p in pictures], bool), stored)
    return Column(name, "other", np.zeros(len(values)), absent_N, stored)


def _objects(values: list[Any]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _text(name: str, values: pa.ChunkedArray, stored: str) -> Column:
    """Text; each different value is one object, however often it comes."""
    import pyarrow.types as types

    encoded = values if types.is_dictionary(values.type) else values.dictionary_encode()
    parts = [np.zeros(0, object)]
    for chunk in encoded.chunks:
        distinct = _objects([*chunk.dictionary.to_pylist(), None])
        parts.append(distinct[chunk.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)])
    texts_N = np.concatenate(parts)
    absent_N = np.array([text is None for text in texts_N], bool)
    texts_N[absent_N] = ""
    return Column(name, "text", texts_N, absent_N, stored)


def _decimals(name: str, numbers: list[Decimal | None], absent_N: np.ndarray, stored: str) -> Column:
    known = [Decimal(0) if number is None else number for number in numbers]
    if all(number == number.to_integral_value() for number in known):
        return Column(name, "whole", whole_array([int(number) for number in known]), absent_N, stored)
    return Column(name, "float", _objects(known), absent_N, stored)
