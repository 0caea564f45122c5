"""Tables that hypothesis invents: what siftnet reads is what others read, or it is refused: never something else.

The others are Python's csv module with its own numbers, polars, and pyarrow; siftnet calls pandas for CSV.
"""

from __future__ import annotations

import csv
import io
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from siftnet.data.raw import Raw
from siftnet.data.targets import MISSING_TEXT
from tables import put, read

pytestmark = pytest.mark.property

INTEGERS = st.one_of(
    st.integers(-100, 100),
    st.sampled_from([2**31, 2**53, 2**60, 2**63, -(2**63), 2**64, 10**25]).flatmap(
        lambda edge: st.integers(edge - 2, edge + 2)
    ),
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False).map(lambda d: f"{d:f}")
NUMBERS = st.one_of(INTEGERS.map(str), FLOATS.map(repr), FLOATS.map("{:.3e}".format), DECIMALS)
SPELLINGS = st.sampled_from(
    ["", "NA", "nan", "-inf", "1e400", "007", "+5", ".5", "5.", " 1", "1 ", "1e5", "1E+5", "0x10", "1_000", "1,5",
     "1.000,5", "True", "false", "TRUE", "1d5", "１", "12%", "2026-01-01", "--1", "1-", "1e", "e1", "-0", "0.1.2"]
)  # fmt: skip
CASTS = (-(2**63), 2**63, -(2**31), 2**31)
"""What NaN becomes when it is cast to whole numbers."""
REFUSED = ("of which double precision leaves", "which NaN becomes in whole numbers")
WORDS = st.text(st.sampled_from("abé \"',;#\t.0"), max_size=4)


def ours(content: bytes, name: str = "t.csv", **settings: Any) -> Raw | str:
    """What siftnet reads of a file, or the sentence with which it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder), content, name)
        try:
            raw = read(path, **settings)
        except ValueError as error:
            event("refused")
            return str(error)
    event("read")
    return raw


def written(rows: list[list[str]], separator: str = ",", quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    """Rows as Python's csv module writes them."""
    target = io.StringIO()
    csv.writer(target, delimiter=separator, lineterminator="\n", quoting=quoting).writerows(rows)
    return target.getvalue().encode()


def number(text: str) -> float:
    """What a cell says to Python, NaN where it says that nothing is there."""
    if text.strip() in MISSING_TEXT:
        return math.nan
    truth = {"true": 1.0, "false": 0.0}
    return truth[text.lower()] if text.lower() in truth else float(text)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=4, max_size=12),
    st.sampled_from([",", "\t"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_numbers_are_those_of_python(rows: list[tuple[str, str]], separator: str, quoting: Any) -> None:
    cells = [["a", "b", "y"], *([*row, str(k % 2)] for k, row in enumerate(rows))]
    raw = ours(written(cells, separator, quoting), "t.csv" if separator == "," else "t.tsv")
    expected = np.array([[float(cell) for cell in row] for row in rows])
    if isinstance(raw, str):
        # Whole numbers that double precision cannot tell apart are refused, and what NaN becomes, and nothing else.
        assert any(reason in raw for reason in REFUSED) or np.isinf(expected).any()
        return
    np.testing.assert_array_equal(raw.inputs_NI, expected)
    assert np.array_equal(np.signbit(raw.inputs_NI), np.signbit(expected)) or (expected == 0).any()


@given(st.lists(st.one_of(NUMBERS, SPELLINGS), min_size=4, max_size=8))
def test_other_spellings_are_what_python_says_or_refused(texts: list[str]) -> None:
    cells = [["a", "b", "y"], *([text, str(k), "no" if k % 2 else "yes"] for k, text in enumerate(texts))]
    raw = ours(written(cells), missing="zero", header="names")
    if not isinstance(raw, str):
        np.testing.assert_array_equal(raw.inputs_NI[:, 0], [number(text) for text in texts])


@given(st.lists(st.tuples(NUMBERS, INTEGERS.map(str)), min_size=4, max_size=10))
def test_numbers_are_those_of_polars(rows: list[tuple[str, str]]) -> None:
    data = written([["a", "b", "y"], *([*row, "no" if k % 2 else "yes"] for k, row in enumerate(rows))])
    raw = ours(data)
    assume(not isinstance(raw, str))
    assert isinstance(raw, Raw)
    types = {"a": pl.Float64, "b": pl.Float64, "y": pl.String}
    theirs = pl.read_csv(io.BytesIO(data), schema_overrides=types, infer_schema=False)
    # polars takes a nearby float at times; it takes no other column, row or digit.
    np.testing.assert_allclose(raw.inputs_NI, theirs.select("a", "b").to_numpy(), rtol=1e-15, atol=5e-324)
    assert [raw.class_names[k] for k in raw.labels_N] == theirs["y"].to_list()


@given(st.lists(INTEGERS, min_size=1, max_size=5, unique=True), st.booleans())
def test_whole_targets_are_those_of_python(values: list[int], gap: bool) -> None:
    assume(not set(values) <= set(CASTS))
    labels = values * 3
    cells = [["a", "y"], *([str(k), str(label)] for k, label in enumerate(labels))]
    raw = ours(written([*cells, ["7", ""]] if gap else cells), task="classes")
    assert isinstance(raw, Raw)
    kept = [str(v) for v in sorted(values) if raw_knows(raw, v)]
    assert list(raw.class_names) == kept
    told = [str(label) if raw_knows(raw, label) else None for label in labels] + [None] * gap
    assert [None if k < 0 else raw.class_names[k] for k in raw.labels_N] == told


def raw_knows(raw: Raw, value: int) -> bool:
    """Whether it is a class; one of CASTS may be missing instead, never another."""
    return str(value) in raw.class_names or value not in CASTS


@given(st.lists(WORDS, min_size=2, max_size=4, unique=True), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_class_names_are_those_of_the_csv_module(words: list[str], quoting: Any) -> None:
    labels = words * 3
    data = written([["a", "y"], *([str(k), label] for k, label in enumerate(labels))], quoting=quoting)
    raw = ours(data, task="classes")
    if isinstance(raw, str):
        return
    theirs = [row[1] for row in csv.reader(io.StringIO(data.decode()))][1:]
    ours_named = [None if k < 0 else raw.class_names[k] for k in raw.labels_N]
    for mine, theirs_word in zip(ours_named, theirs, strict=True):
        alike = mine == theirs_word or (mine is None and theirs_word.strip() in MISSING_TEXT)
        whole = mine is not None and theirs_word.strip(" \t").lstrip("+").isdigit() and int(mine) == int(theirs_word)
        assert alike or whole or float(theirs_word) == float(mine or "nan")


CELLS = st.sampled_from(["x", '"x"', '"n,o"', '"a""b"', 'a"b', "z ", "", '""', "# z"])
LINES = st.one_of(
    st.tuples(st.sampled_from(["1", "2.5", '"3"', " 4", ""]), CELLS).map(",".join),
    st.tuples(st.sampled_from(["1", "2.5", '"3"', " 4", ""]), CELLS).map(",".join),
    st.sampled_from(["", "  ", "\t", '1,"x', '1,x"', "1", "1,x,", "1,x,2", ",", "#", '1, "x"', '"1,x"']),
)


@given(st.lists(st.tuples(LINES, st.sampled_from(["\n", "\n", "\r\n", "\r"])), min_size=1, max_size=8))
def test_the_lines_are_those_of_the_csv_module(lines: list[tuple[str, str]]) -> None:
    text = "a,y\n" + "".join(line + end for line, end in lines) * 3
    raw = ours(text.encode(), missing="zero", task="classes", header="names")
    theirs = [row for row in csv.reader(io.StringIO(text, newline="")) if len(row) > 1 or any(map(str.strip, row))]
    if isinstance(raw, str):
        return
    assert {len(row) for row in theirs} == {2}
    np.testing.assert_array_equal(raw.inputs_NI[:, 0], [number(row[0]) for row in theirs[1:]])
    named = [None if k < 0 else raw.class_names[k] for k in raw.labels_N]
    assert named == [row[1] if row[1].strip() else None for row in theirs[1:]]


@given(st.lists(st.tuples(FLOATS, st.integers(-(2**53), 2**53)), min_size=4, max_size=12))
def test_numbers_of_csv_are_those_that_pyarrow_wrote(rows: list[tuple[float, int]]) -> None:
    columns = {"a": [a for a, _ in rows], "b": [b for _, b in rows], "y": [k % 2 for k in range(len(rows))]}
    target = io.BytesIO()
    pyarrow.csv.write_csv(pa.table(columns), target)
    raw = ours(target.getvalue())
    assert isinstance(raw, Raw), raw
    np.testing.assert_array_equal(raw.inputs_NI, np.array([columns["a"], columns["b"]], np.float64).T)


TYPES = ["int8", "int64", "uint64", "float32", "float64", "bool"]


@st.composite
def arrow_columns(draw: Any) -> pa.Array:
    """Ten values of a numeric type, some of them missing."""
    kind = draw(st.sampled_from(TYPES))
    if kind == "bool":
        values: Any = st.booleans()
    elif kind.startswith("float"):
        values = st.floats(width=32 if kind == "float32" else 64, allow_nan=True, allow_infinity=False)
    else:
        limits = np.iinfo(kind)
        values = st.integers(int(limits.min), int(limits.max))
    column = draw(st.lists(st.one_of(values, values, values, st.none()), min_size=10, max_size=10))
    return pa.array(column, getattr(pa, "bool_" if kind == "bool" else kind)())


@given(arrow_columns(), arrow_columns())
def test_parquet_is_what_polars_reads(first: pa.Array, second: pa.Array) -> None:
    target = io.BytesIO()
    pq.write_table(pa.table({"a": first, "b": second, "y": [0, 1] * 5}), target)
    raw = ours(target.getvalue(), "t.parquet", missing="zero")
    if isinstance(raw, str):
        assert any(reason in raw for reason in REFUSED)
        return
    theirs = pl.read_parquet(io.BytesIO(target.getvalue())).select("a", "b").cast(pl.Float64).to_numpy()
    np.testing.assert_array_equal(raw.inputs_NI, theirs)


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1)), min_size=1, max_size=5, unique=True))
def test_whole_targets_of_parquet_are_those_of_pyarrow(values: list[int | None]) -> None:
    assume(not set(values) <= {None, *CASTS})
    labels = pa.array(values * 3, pa.int64())
    target = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array(range(len(labels))), "y": labels}), target)
    raw = ours(target.getvalue(), "t.parquet", task="classes")
    assert isinstance(raw, Raw), raw
    theirs = [None if v is None or not raw_knows(raw, v) else str(v) for v in labels.to_pylist()]
    assert [None if k < 0 else raw.class_names[k] for k in raw.labels_N] == theirs
