"""Arrays of other libraries keep their values to the bit, or are refused in a sentence with a remedy that works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from siftnet.foreign import as_numpy, columns_of, only_column, refuse_other_rows, shown

GRID = np.arange(6.0).reshape(2, 3)
TENSOR = torch.tensor(GRID)

SAME: dict[str, Any] = {
    "a list of lists": GRID.tolist(),
    "a tuple of tuples": tuple(map(tuple, GRID.tolist())),
    "a list of arrays": list(GRID),
    "a list of scalars of NumPy's": [list(row) for row in GRID],
    "a Fortran array": np.asfortranarray(GRID),
    "big-endian": GRID.astype(">f8"),
    "a memory view": np.frombuffer(memoryview(GRID.tobytes())).reshape(2, 3),
    "a tensor": TENSOR,
    "a parameter": torch.nn.Parameter(TENSOR),
    "a tensor with a history": torch.nn.Parameter(TENSOR) * 1,
    "halves": TENSOR.half(),
    "brain floats": TENSOR.bfloat16(),
    "eight bits": TENSOR.to(torch.float8_e5m2),
    "columns of a tensor": TENSOR.T.contiguous().T,
    "every other of a tensor": torch.arange(12.0)[::2].view(2, 3) / 2,
    "a negative view": torch._neg_view(-TENSOR),
    "a list of tensors": list(TENSOR),
    "a list of parameters": [torch.nn.Parameter(row) for row in TENSOR],
    "a list of brain floats": list(TENSOR.bfloat16()),
    "nested lists of tensors": [[torch.nn.Parameter(v) for v in row] for row in TENSOR],
    "a table": pd.DataFrame(GRID),
    "a table of several types": pd.DataFrame({"a": [0, 3], "b": [True, False], "c": [2.0, 5.0]}).assign(b=[1, 4]),
    "a table that may have gaps": pd.DataFrame(GRID).convert_dtypes(),
    "a table of Arrow's": pd.DataFrame(GRID, dtype="float64[pyarrow]"),
    "a table of sparse columns": pd.DataFrame(GRID).astype(pd.SparseDtype(float)),
    "polars": pl.DataFrame(GRID),
    "pyarrow": pa.table({"a": GRID[:, 0], "b": GRID[:, 1], "c": GRID[:, 2]}),
    "whole numbers of two widths": [[np.int64(0), np.uint64(1), 2], [3, 4, 5]],
}


@pytest.mark.parametrize("name", SAME)
def test_values_are_the_same(name: str) -> None:
    found = as_numpy(SAME[name], "x")
    assert type(found) is np.ndarray
    assert found.dtype.kind in "iuf"
    np.testing.assert_array_equal(found, GRID)


def test_brain_floats_keep_every_bit() -> None:
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    np.testing.assert_array_equal(as_numpy(bits, "x"), bits.float().numpy())


def test_no_copy_is_made_of_what_is_an_array_already() -> None:
    assert np.shares_memory(as_numpy(GRID, "x"), GRID)
    assert np.shares_memory(as_numpy(TENSOR, "x"), TENSOR.numpy())


@pytest.mark.property
@given(st.lists(st.integers(-(2**70), 2**70), min_size=1))
def test_whole_numbers_of_a_list_are_exact(values: list[int]) -> None:
    for given_values in (values, tuple(values), pd.Series(values)):
        assert as_numpy(given_values, "x").tolist() == values


@pytest.mark.property
@given(npst.arrays(st.sampled_from(["i1", "u2", "i4", "u4", "i8", "u8"]).map(np.dtype), (3, 2)), st.booleans())
def test_whole_numbers_of_a_table_are_exact(values: np.ndarray, mixed: bool) -> None:
    table = pd.DataFrame(values).convert_dtypes() if mixed else pd.DataFrame(values)
    table["other"] = np.array([1, -(2**63), 5])
    found = as_numpy(table, "x")
    assert found.tolist() == [[*row, other] for row, other in zip(values.tolist(), [1, -(2**63), 5], strict=True)]


LABELS: dict[str, tuple[Any, list[Any]]] = {
    "text": (["a", "b"], ["a", "b"]),
    "text beside numbers": (["a", 1], ["a", 1]),
    "text beside nothing": (["a", None], ["a", None]),
    "whole numbers beside nothing": ([1, None], [1, None]),
    "floats beside nothing": ([1.5, None], [1.5, np.nan]),
    "truth values": ([True, False], [True, False]),
    "whole numbers of 64 bits": ([2**63, 2**63 + 1], [2**63, 2**63 + 1]),
    "whole numbers of both signs": ([2**63, -1], [2**63, -1]),
    "categories": (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
    "categories of numbers": (pd.Series([7, 9], dtype="category"), [7, 9]),
    "numbers that may be missing": (pd.Series([7, None], dtype="Int64"), [7, pd.NA]),
    "numbers of Arrow's": (pd.Series([7, 9], dtype="int64[pyarrow]"), [7, 9]),
    "floats that may be missing": (pd.Series([7.5, None], dtype="Float64"), [7.5, np.nan]),
    "an index": (pd.Index([7, 9]), [7, 9]),
    "truth values that may be missing": (pd.array([True, False], dtype="boolean"), [True, False]),
    "whole numbers of two widths": ([np.int64(2**53 + 1), np.uint64(7)], [2**53 + 1, 7]),
    "polars with gaps": (pl.Series([2**53 + 1, None]), [2**53 + 1, None]),
    "polars categories": (pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
    "pyarrow": (pa.array([2**53 + 1, 9]), [2**53 + 1, 9]),
    "pyarrow with gaps": (pa.chunked_array([[2**53 + 1], [None]]), [2**53 + 1, None]),
    "a tensor of whole numbers": (torch.tensor([7, 9], dtype=torch.int32), [7, 9]),
    "a tensor of truth values": (torch.tensor([True, False]), [True, False]),
    "tensors of one number": ([torch.tensor(7), torch.tensor(9)], [7, 9]),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_keep_their_kind(name: str) -> None:
    given_values, expected = LABELS[name]
    found = as_numpy(given_values, "y").tolist()
    assert [type(v) for v in found] == [type(v) for v in expected]
    assert all((pd.isna(a) and pd.isna(b)) or a == b for a, b in zip(found, expected, strict=True))


def test_masked_arrays_stay_masked() -> None:
    assert isinstance(as_numpy(np.ma.array([1, 2], mask=[True, False]), "y"), np.ma.MaskedArray)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (lambda: None, "x must be an array, a list, a tensor or a table, got None: make it a NumPy array"),
    "a word": (lambda: "abc", "x must be an array, a list, a tensor or a table, got 'abc'"),
    "a dictionary": (lambda: {"a": 1}, "x must be an array, .* got {'a': 1}"),
    "a set": (lambda: {1, 2}, "x must be an array"),
    "a generator": (lambda: (v for v in "ab"), "x must be an array, .* got a generator"),
    "a function": (lambda: len, "x must be an array"),
    "rows of two lengths": (lambda: [[1, 2], [3]], "x has rows of different lengths: make them alike"),
    "a sparse tensor": (
        lambda: TENSOR.to_sparse(),
        r"x is a sparse tensor .torch.sparse_coo.: give all values, x.to_dense\(\)",
    ),
    "a sparse tensor of rows": (lambda: TENSOR.to_sparse_csr(), r"x is a sparse tensor .torch.sparse_csr."),
    "a list of sparse tensors": (lambda: [TENSOR.to_sparse()], r"x is a sparse tensor"),
    "a quantised tensor": (
        lambda: torch.quantize_per_tensor(TENSOR.float(), 1, 0, torch.qint8),
        r"give .* x.dequantize\(\)",
    ),
    "a tensor without values": (lambda: TENSOR.to("meta"), "x is a tensor without values of its own"),
    "a sparse matrix": (
        lambda: scipy.sparse.csr_matrix(GRID),
        r"x is sparse .csr_matrix.: give all values, x.toarray\(\)",
    ),
    "a sparse array": (lambda: scipy.sparse.coo_array(GRID), r"x is sparse .coo_array."),
    "a table with text": (lambda: pd.DataFrame({"a": [1, 2], "b": ["p", "q"]}), r"columns that are no numbers \(b \("),
    "a table with categories": (
        lambda: pd.DataFrame({"b": pd.Categorical(["p", "q"])}),
        r"no numbers \(b \(category\)\): encode",
    ),
    "a table with categories that are numbers": (
        lambda: pd.DataFrame({"b": pd.Categorical([3, 9])}),
        r"no numbers \(b \(category\)\): encode",
    ),
    "categories of polars": (
        lambda: pl.DataFrame({"b": pl.Series(["p", "q"], dtype=pl.Categorical)}),
        r"no numbers \(b \(Categorical\)\)",
    ),
    "categories of pyarrow": (
        lambda: pa.table({"b": pa.array([3, 9]).dictionary_encode()}),
        r"no numbers \(b \(dictionary\)\)",
    ),
    "long numbers beside floats in a list": (
        lambda: [[2**60 + 1, 0.5], [2**60 + 3, 0.5]],
        "x has whole numbers beyond 2.53 beside floats",
    ),
    "a table with dates": (
        lambda: pd.DataFrame({"b": pd.to_datetime(["2020", "2021"])}),
        r"no numbers \(b \(datetime64",
    ),
    "a table with gaps": (
        lambda: pd.DataFrame({"b": pd.array([1, None], "Int64")}),
        r"no numbers \(b \(Int64\)\): .*fill them",
    ),
    "long numbers beside floats": (
        lambda: pd.DataFrame({"t": [2**53 + 1, 2], "b": [0.5, 1]}),
        "column t of x has whole numbers",
    ),
}


@pytest.mark.filterwarnings("ignore:Sparse .* support is in beta", "ignore:.*quantiz", "ignore:.*Quantiz")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_array_is_refused_in_a_sentence(name: str) -> None:
    make, says = REFUSED[name]
    value = make()
    with pytest.raises(ValueError, match=says) as error:
        as_numpy(value, "x")
    assert "\n" not in str(error.value)


def test_the_remedies_work() -> None:
    np.testing.assert_array_equal(as_numpy(TENSOR.to_sparse().to_dense(), "x"), GRID)
    np.testing.assert_array_equal(as_numpy(scipy.sparse.csr_matrix(GRID).toarray(), "x"), GRID)
    table = pd.DataFrame({"a": [1, 2], "b": ["p", "q"]})
    assert as_numpy(pd.get_dummies(table), "x").tolist() == [[1, 1, 0], [2, 0, 1]]


def test_rows_in_another_order_are_refused_and_the_remedy_works() -> None:
    x = pd.DataFrame({"a": [1.0, 2, 3]}, index=[5, 7, 9])
    y = pd.Series([1, 2, 3], index=[9, 7, 5])
    with pytest.raises(ValueError, match=r"x and y have the same rows in another order: give y.loc\[x.index\]"):
        refuse_other_rows(x, y, ("x", "y"))
    refuse_other_rows(x, y.loc[x.index], ("x", "y"))
    refuse_other_rows(x, y.to_numpy(), ("x", "y"))
    with pytest.raises(ValueError, match=r"x and y have rows of other names: give y.to_numpy\(\) if they belong"):
        refuse_other_rows(x[:2], y[:2], ("x", "y"))
    refuse_other_rows(x, [1, 2, 3], ("x", "y"))


def test_the_only_column_of_a_table() -> None:
    for table in (pd.DataFrame, pl.DataFrame, pa.table):
        assert as_numpy(only_column(table({"a": ["u", "v"]}), "y"), "y").tolist() == ["u", "v"]
        two = table({"a": [1, 0], "b": [0, 1]})
        with pytest.raises(ValueError, match=r"y is a table of 2 columns \(a, b\): give one of them, y\['a'\], or"):
            only_column(two, "y")
        assert as_numpy(two["a"], "y").tolist() == [1, 0]
        assert np.asarray(two).argmax(axis=1).tolist() == [0, 1] if table is not pa.table else True
    assert only_column([1], "y") == [1]


def test_names_and_values_for_messages() -> None:
    assert columns_of(pl.DataFrame({"a": [0], "b": [0]})) == columns_of(pa.table({"a": [0], "b": [0]})) == ("a", "b")
    assert columns_of(pd.DataFrame({1: [0], "b": [0]})) == ("1", "b")
    assert columns_of(GRID) == ()
    assert (shown("a"), shown(torch.ones(9, 9))) == ("'a'", "a Tensor")
