"""Inputs for the reader of parquet: tables of odd types, and footers read, changed and written again."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fuzz import thrift
from fuzz.doors import data_door, data_settings
from fuzz.mutations import INTEGERS, TEXTS, Mutant, Target, chance, damaged
from fuzz.tables import HEADERS

COMPRESSIONS = ("none", "snappy", "gzip", "zstd", "brotli", "lz4")


def column(draw: Random, count: int) -> Any:
    """A column of any type that parquet can hold."""
    nulls = chance(draw, 0.3)

    def values(make: Callable[[int], Any]) -> list[Any]:
        return [None if nulls and n % 7 == 3 else make(n) for n in range(count)]

    moment = datetime(2024, 1, 31, 12)
    plain: tuple[tuple[Callable[[int], Any], Any], ...] = (
        (lambda n: n % 3, pa.int8()),
        (lambda n: n, pa.uint64()),
        (lambda n: 2**63 + n % 2, pa.uint64()),
        (lambda n: 2**53 + n % 3, pa.int64()),
        (lambda n: n / 7, pa.float64()),
        (lambda n: draw.choice((1.0, float("nan"), float("inf"), 1e308)), pa.float64()),
        (lambda n: float(n), pa.float32()),
        (lambda n: n % 2 == 0, pa.bool_()),
        (lambda n: "abc"[n % 3], pa.string()),
        (lambda n: draw.choice(TEXTS)[:100], pa.large_string()),
        (lambda n: draw.choice((b"a", b"\xff", b"")), pa.binary()),
        (lambda n: bytes(4), pa.binary(4)),
        (lambda n: Decimal(n) / 4, pa.decimal128(20, 2)),
        (lambda n: Decimal(n), pa.decimal256(60, 0)),
        (lambda n: moment + timedelta(hours=n), pa.timestamp("us")),
        (lambda n: moment, pa.timestamp("ns", "Europe/Berlin")),
        (lambda n: 2**62, pa.timestamp("s")),
        (lambda n: date(2024, 1, 1 + n % 28), pa.date32()),
        (lambda n: time(n % 24), pa.time64("us")),
        (lambda n: timedelta(n), pa.duration("ms")),
        (lambda n: [n, None], pa.list_(pa.int32())),
        (lambda n: [1.0, 2.0], pa.list_(pa.float32(), 2)),
        (lambda n: [[n]], pa.list_(pa.list_(pa.int8()))),
        (lambda n: {"a": n, "b": "x"}, pa.struct([("a", pa.int32()), ("b", pa.string())])),
        (lambda n: {"bytes": b"\x89PNG", "path": None}, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        (lambda n: [("k", n)], pa.map_(pa.string(), pa.int32())),
        (lambda n: None, pa.null()),
    )
    make, kind = draw.choice(plain)
    array = pa.array(values(make), kind)
    if chance(draw, 0.15) and kind in (pa.string(), pa.int8(), pa.large_string()):
        return array.dictionary_encode()
    return array


def table(draw: Random) -> Any:
    """Two honest features and a target, some of them replaced by columns of other types."""
    count = draw.choice((20, 30))
    names = ["x0", "x1", "y"]
    columns = [
        pa.array([draw.uniform(-9, 9) for _ in range(count)]),
        pa.array([draw.randint(0, 9) for _ in range(count)]),
        pa.array([n % 3 for n in range(count)] if chance(draw, 0.7) else ["abc"[n % 3] for n in range(count)]),
    ]
    for _ in range(draw.choice((0, 1, 1, 2))):
        columns[draw.randrange(3)] = column(draw, count)
    if chance(draw, 0.15):
        names[draw.randrange(3)] = draw.choice((*HEADERS, "x0", "y"))
    if chance(draw, 0.1):
        columns = [array.slice(0, 0) for array in columns]
    return pa.table(columns, names=names)


def pack(content: Any, draw: Random) -> bytes:
    """The table as bytes, in one of the ways that pyarrow writes."""
    sink = io.BytesIO()
    pq.write_table(
        content,
        sink,
        compression=draw.choice(COMPRESSIONS),
        use_dictionary=chance(draw, 0.5),
        data_page_version=draw.choice(("1.0", "2.0")),
        row_group_size=draw.choice((5, 1000)),
        version=draw.choice(("1.0", "2.4", "2.6")),
        store_schema=chance(draw, 0.7),
        write_page_checksum=chance(draw, 0.3),
    )
    return sink.getvalue()


PANDAS: tuple[Callable[[Random], Any], ...] = (
    lambda draw: {"index_columns": ["x0"], "column_indexes": [], "columns": []},
    lambda draw: {"index_columns": ["absent"], "columns": [{"name": "x0"}]},
    lambda draw: {"index_columns": [{"kind": "range", "start": 0, "stop": draw.choice(INTEGERS),
    "step": draw.choice((0, 1))}]},
    lambda draw: {"index_columns": [{"kind": "range", "name": None, "start": 0, "stop": 20, "step": 1}], "columns": []},
    lambda draw: {"index_columns": 3},
    lambda draw: {"columns": [{"name": "x0", "field_name": "x0", "pandas_type": draw.choice(TEXTS),
    "numpy_type": draw.choice(("object", "x", "int8", "category", "datetime64[ns, X]", "O")),
    "metadata": draw.choice((None, {}, {"timezone": "X"}, {"num_categories": -1}))}], "index_columns": [],
    "column_indexes": [{"name": None, "field_name": None, "pandas_type": draw.choice(("unicode", "int64", "datetimetz",
    "x")), "numpy_type": draw.choice(("object", "int64", "x")), "metadata": None}]},
    lambda draw: draw.choice((None, [], 3, "x", {}, {"columns": None})),
)  # fmt: skip
"""What may stand in a file's metadata under pandas, which pandas.read_parquet obeys."""


def with_metadata(content: Any, draw: Random) -> Any:
    """Metadata of pandas, right or not."""
    if chance(draw, 0.3):
        # As pandas writes it, with an index of its own.
        frame = content.to_pandas()
        keys = [name for name in frame.columns if list(frame.columns).count(name) == 1]
        return pa.Table.from_pandas(frame.set_index(draw.choice(keys)) if keys else frame)
    text = json.dumps(draw.choice(PANDAS)(draw)).encode()
    return content.replace_schema_metadata({b"pandas": damaged(text, draw) if chance(draw, 0.2) else text})


def edit_footer(data: bytes, draw: Random) -> tuple[bytes, str]:
    """The footer read, some of it changed, and written again with its length."""
    length = int.from_bytes(data[-8:-4], "little")
    footer = thrift.Reader(data[-8 - length : -8]).struct()
    done = [_edit_struct(footer, draw) for _ in range(draw.choice((1, 1, 2)))]
    packed = thrift.pack(footer)
    return data[: -8 - length] + packed + len(packed).to_bytes(4, "little") + data[-4:], f"footer {', '.join(done)}"


def _edit_struct(struct: thrift.Struct, draw: Random, path: str = "") -> str:
    """Walk down to somewhere and change what is there."""
    if not struct.fields:
        return "nothing"
    field = draw.choice(struct.fields)
    path += f".{field.number}"
    value = field.value
    if isinstance(value, thrift.Struct) and chance(draw, 0.9):
        return _edit_struct(value, draw, path)
    if isinstance(value, thrift.List) and value.items and chance(draw, 0.8):
        at = draw.randrange(len(value.items))
        if isinstance(value.items[at], thrift.Struct) and chance(draw, 0.85):
            return _edit_struct(value.items[at], draw, f"{path}[{at}]")
        value.items[:] = draw.choice(
            (value.items[1:], value.items * 2, [value.items[at]] * draw.choice((3, 1000)), value.items[::-1])
        )
        return f"{path} list"
    if isinstance(value, int):
        field.value = draw.choice((*INTEGERS, -1, value + 1, value - 1, 2 * value))
    elif isinstance(value, bytes) and field.kind == thrift.BINARY:
        text = draw.choice((*TEXTS, "x0", "y", "schema")).encode()
        field.value = draw.choice((text, damaged(value, draw, 1), value[:-1]))
    else:
        struct.fields.remove(field)
    return path


def edit_schema(data: bytes, draw: Random) -> tuple[bytes, str]:
    """The Arrow schema that the footer holds as base64, damaged."""
    length = int.from_bytes(data[-8:-4], "little")
    footer = thrift.Reader(data[-8 - length : -8]).struct()
    pairs = footer.get(5)
    for pair in pairs.items if pairs else ():
        if pair.get(1) == b"ARROW:schema":
            field = next(field for field in pair.fields if field.number == 2)
            field.value = base64.b64encode(damaged(base64.b64decode(field.value), draw, 1))
    packed = thrift.pack(footer)
    return data[: -8 - length] + packed + len(packed).to_bytes(4, "little") + data[-4:], "schema"


def make(draw: Random) -> Mutant:
    """A table of odd types, its metadata, its footer or its bytes changed."""
    content, recipe = table(draw), []
    try:
        if chance(draw, 0.2):
            content = with_metadata(content, draw)
            recipe.append("pandas")
        data = pack(content, draw)
    except (pa.ArrowException, OverflowError, ValueError, TypeError, KeyError):
        # What pyarrow or pandas do not write, or not in this version of the format.
        data = pack(pa.table({"x0": [1.0, 2.0] * 10, "y": [0, 1] * 10}), draw)
    kind = draw.choice(("", "", "footer", "footer", "schema", "bytes", "bytes"))
    if kind == "footer":
        data, done = edit_footer(data, draw)
        recipe.append(done)
    elif kind == "schema":
        data, done = edit_schema(data, draw)
        recipe.append(done)
    elif kind == "bytes":
        data = damaged(data, draw)
        recipe.append("damaged")
    if chance(draw, 0.003):
        data, done = bomb(draw)
        recipe = [done]
    name = draw.choice(("table.parquet", "table.parquet", "table.pq"))
    settings: dict[str, Any] = {"target": "y"}
    if chance(draw, 0.3):
        settings |= {
            "missing": draw.choice(("mean", "median", "zero")),
            "task": draw.choice(("auto", "classes", "numbers")),
        }
    return Mutant({name: data}, name, {"table": settings} | data_settings(draw), tuple(recipe))


def bomb(draw: Random) -> tuple[bytes, str]:
    """A few pages that the footer names a thousand times, so that a small file has very many rows."""
    rows, times = 100_000, draw.choice((100, 1000, 4000))
    sink = io.BytesIO()
    flat = pa.table({"x0": pa.array([0.0] * rows), "y": pa.array([0, 1] * (rows // 2))})
    pq.write_table(flat, sink, compression="zstd")
    data = sink.getvalue()
    length = int.from_bytes(data[-8:-4], "little")
    footer = thrift.Reader(data[-8 - length : -8]).struct()
    groups = footer.get(4)
    groups.items[:] = groups.items * times
    next(field for field in footer.fields if field.number == 3).value = rows * times
    packed = thrift.pack(footer)
    return data[: -8 - length] + packed + len(packed).to_bytes(4, "little") + data[-4:], f"{rows * times:,} rows"


def passes(path: Path) -> bool:
    """Whether pyarrow reads its footer."""
    with pq.ParquetFile(path) as file:
        return bool(file.metadata.num_columns >= 0)


def clean() -> Mutant:
    """A table without a fault."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"x0": [float(n) for n in range(20)], "y": [0, 1] * 10}), sink)
    return Mutant({"table.parquet": sink.getvalue()}, "table.parquet", {"table": {"target": "y"}})


TARGET = Target("parquet", make, (data_door("table"),), passes, clean)
