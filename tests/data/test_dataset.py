"""What a data set of one's own has to be like, said in one sentence each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch

from builders import dataset
from siftnet.data.dataset import Dataset
from siftnet.geometry import Grid, ring

GOOD: Dataset = dataset(examples=60)
ROWS = np.arange(60)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"inputs_NI": GOOD.inputs_NI + np.float64(np.pi)},
            r"960 values are float64 that it cannot hold: round them, inputs_NI.asty",
        ),
        (
            {"inputs_NI": GOOD.inputs_NI.astype(np.float64) * 1e300},
            r"are float64 that it cannot hold: .* or let siftnet.from_arrays centre",
        ),
        ({"inputs_NI": np.full((60, 16), 2**24 + 1)}, r"960 values are int64 that it cannot hold"),
        ({"inputs_NI": [["a"] * 16] * 60}, r"inputs_NI must be numbers, got <U1 \(60, 16\)"),
        ({"inputs_NI": None}, r"inputs_NI must be an array, a list, a tensor or a table, got None"),
        ({"inputs_NI": torch.ones(60, 16).to_sparse()}, r"inputs_NI is a sparse tensor .* inputs_NI.to_dense\(\)"),
        ({"inputs_NI": np.ma.masked_less(GOOD.inputs_NI, 0)}, r"inputs_NI has masked values: fill them in"),
        ({"inputs_NI": GOOD.inputs_NI.reshape(60, 4, 4)}, r"got float32 \(60, 4, 4\)"),
        (
            {"labels_N": GOOD.labels_N.astype(float)},
            r"must be int64 .*, got float64: give labels_N.astype\(numpy.int64\)",
        ),
        (
            {"labels_N": GOOD.labels_N.astype(str)},
            r"class numbers from 0, .* numpy.unique\(labels, return_inverse=True\)",
        ),
        ({"labels_N": GOOD.labels_N.astype(np.uint64) + 2**63}, r"labels_N must be int64, and 60 values are uint64"),
        ({"labels_N": GOOD.labels_N[:, None]}, r"must be int64 \(60,\), .* got int64 \(60, 1\)"),
        ({"labels_N": GOOD.labels_N[:-1]}, r"got int64 \(59,\)"),
        ({"labels_N": GOOD.labels_N + 1}, r"0\.\.2 with classes = 3, got 1 to 3"),
        ({"classes": None}, r"must be float32 where classes is None, got int64: say how many classes, or give"),
        (
            {"classes": None, "labels_N": GOOD.labels_N + 0.1},
            r"60 values are float64 .* labels_N.astype\(numpy.float32\)",
        ),
        ({"classes": True}, "classes must be a whole number, or None with numeric targets, got True"),
        ({"classes": 0}, "classes must be a whole number, or None"),
        ({"geometry": Grid((5, 4))}, "16 inputs and the geometry is a 5 x 4 grid"),
        ({"scale_I": np.ones(15, np.float32)}, r"scale_I must be float32 \(16,\)"),
        ({"scale_I": np.full(16, 0.1)}, r"scale_I must be float32, and 16 values .*, scale_I.astype\(numpy.float32\)"),
        ({"center_I": "mean"}, "center_I must be an array, a list, a tensor or a table, got 'mean'"),
        (
            {"inputs_NI": np.where(GOOD.inputs_NI == GOOD.inputs_NI[7], np.float32("nan"), GOOD.inputs_NI)},
            r"inputs_NI .*first in \[7\]",
        ),
        ({"scale_I": np.full(16, np.inf, np.float32)}, r"scale_I has NaN or infinite values, first in \[0\]"),
        ({"classes": None, "labels_N": np.full(60, np.nan, np.float32)}, r"labels_N has NaN or infinite values"),
        ({"geometry": (4, 4)}, r"geometry must be a siftnet\.Grid, Points or Unknown, got \(4, 4\)"),
        ({"classes": 2.5}, "classes must be a whole number, or None with numeric targets, got 2.5"),
        ({"splits": {"train": ROWS}}, "must be named train, validation, test, got train: name them so, and all three"),
        (
            {"splits": {"train": ROWS[:40], "val": ROWS[40:50], "test": ROWS[50:]}},
            "splits must be named train, validation, test, got train, val, test: name them so",
        ),
        ({"splits": {1: ROWS}}, "must be named train, validation, test, got 1"),
        ({"splits": [ROWS]}, "splits must be a dictionary of row numbers for train, validation and test, got a list"),
        ({"splits": GOOD.splits | {"test": "all"}}, r"splits\['test'\] must be an array, .* got 'all'"),
        ({"splits": GOOD.splits | {"test": [1.0]}}, r"splits\['test'\] must be int64 row numbers, got float64"),
        (
            {"splits": GOOD.splits | {"test": ROWS > 50}},
            r"got truth values: give numpy.flatnonzero\(splits\['test'\]\)",
        ),
        ({"splits": GOOD.splits | {"test": [-1]}}, r"must lie in 0\.\.59, got -1 to -1"),
        ({"permutation_I": ROWS[:15]}, "permutation_I must hold each number from 0 to 15 once, as numpy.random.permu"),
        ({"permutation_I": [0] * 16}, "permutation_I must hold each number from 0 to 15 once"),
        ({"permutation_I": np.arange(1, 17)}, "permutation_I must hold each number from 0 to 15 once"),
        ({"permutation_I": [0.5] * 16}, "permutation_I must be int64 row numbers, got float64"),
        ({"permutation_I": "fixed"}, "permutation_I must be an array, .* got 'fixed'"),
        ({"label_geometry": ring(16)}, "label_geometry and label_order_I say together .*: give both, or neither"),
        ({"label_order_I": np.arange(16)}, "label_geometry and label_order_I say together"),
        ({"label_geometry": ring(9), "label_order_I": np.arange(16)}, "16 inputs and label_geometry is a ring of 9"),
        (
            {"label_geometry": "ring", "label_order_I": np.arange(16)},
            r"must be a siftnet.Grid, .* say siftnet.ring\(16\)",
        ),
        ({"label_geometry": ring(16), "label_order_I": [0] * 16}, "label_order_I must hold each number from 0 to 15"),
        ({"class_names": "abc"}, "class_names must be text, one for each in order, as in .*, got 'abc'"),
        ({"class_names": (0, 1, 2)}, r"class_names must be text, one for each in order, .* got \(0, 1, 2\)"),
        ({"class_names": ("a", "b")}, "class_names must have 3 names, one each, or none, got 2"),
        ({"class_names": 3}, "class_names must be text, one for each in order, .* got 3"),
        ({"input_names": ("a",)}, "input_names must have 16 names, one each, or none, got 1"),
        ({"notes": "read with care"}, "notes must be text, one for each"),
        ({"name": 7}, "name must be text, got 7"),
        ({"target_mean": np.nan}, "target_mean must be a finite number, got nan"),
        ({"target_deviation": "1"}, "target_deviation must be a finite number, got '1'"),
        ({"target_deviation": 0}, "target_deviation must be positive, got 0"),
        ({"splits": GOOD.splits | {"test": ROWS[:0]}}, "one at least"),
        ({"splits": GOOD.splits | {"test": np.array([60])}}, r"0\.\.59, got 60"),
        ({"splits": GOOD.splits | {"test": GOOD.splits["train"][:1]}}, "more than once"),
        ({"class_names": {"b", "a", "c"}}, "class_names must be text, one for each in order, .* got {"),
        ({"class_names": {"b": 1, "a": 0, "c": 2}}, "class_names must be text, one for each in order, .* got {"),
        ({"class_names": ("a", "b", "a")}, "class_names has 'a' more than once: tell them apart"),
        ({"input_names": ("a",) * 16}, "input_names has 'a' more than once"),
        ({"permutation_I": [True] * 16}, r"got truth values: give the order, e.g. numpy.argsort"),
        ({"scrambled": "no"}, "scrambled must be True or False, got 'no'"),
        ({"scale_I": np.zeros(16, np.float32)}, "scale_I has zeros, which would wipe out inputs"),
        (
            {"inputs_NI": pd.DataFrame(GOOD.inputs_NI), "labels_N": pd.Series(GOOD.labels_N)[::-1]},
            r"inputs_NI and labels_N have the same rows in another order: give labels_N.loc",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        replace(GOOD, **changes)
    assert "\n" not in str(error.value)


def test_numpys_numbers_lists_and_views_are_taken() -> None:
    mirrored = np.ascontiguousarray(GOOD.inputs_NI[:, ::-1])[:, ::-1]
    assert not mirrored.flags.c_contiguous
    lists = {name: rows.tolist() for name, rows in GOOD.splits.items()}
    found = replace(GOOD, classes=cast(int, np.int64(3)), inputs_NI=mirrored, splits=lists)
    assert found.content_hash() == GOOD.content_hash()
    assert type(found.classes) is int
    assert found.inputs_NI.flags.c_contiguous


BYTES = dataset(examples=60, integers=True)
TAKEN: dict[str, tuple[Dataset, dict[str, Any]]] = {
    "double precision that single holds": (GOOD, {"inputs_NI": GOOD.inputs_NI.astype(np.float64)}),
    "the other byte order": (
        GOOD,
        {"inputs_NI": GOOD.inputs_NI.astype(">f4"), "labels_N": GOOD.labels_N.astype(">i8")},
    ),
    "a tensor": (GOOD, {"inputs_NI": torch.tensor(GOOD.inputs_NI), "labels_N": torch.tensor(GOOD.labels_N).int()}),
    "parameters": (GOOD, {"inputs_NI": torch.nn.Parameter(torch.tensor(GOOD.inputs_NI))}),
    "a table": (GOOD, {"inputs_NI": pd.DataFrame(GOOD.inputs_NI), "labels_N": pd.Series(GOOD.labels_N)}),
    "lists": (GOOD, {"inputs_NI": GOOD.inputs_NI.tolist(), "labels_N": GOOD.labels_N.tolist()}),
    "labels of 8 bits": (GOOD, {"labels_N": GOOD.labels_N.astype(np.uint8)}),
    "bytes in 64 bits": (BYTES, {"inputs_NI": BYTES.inputs_NI.astype(np.int64)}),
    "whole centres": (BYTES, {"center_I": [128] * 16, "scale_I": BYTES.scale_I.astype(np.float64)}),
    "tensors of rows": (GOOD, {"splits": {name: torch.tensor(rows) for name, rows in GOOD.splits.items()}}),
    "rows of 32 bits": (GOOD, {"splits": {name: rows.astype(np.uint32) for name, rows in GOOD.splits.items()}}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_other_types_are_taken_where_no_value_changes(name: str) -> None:
    good, changes = TAKEN[name]
    assert replace(good, **changes).content_hash() == good.content_hash()


def test_brain_floats_and_truth_values_are_numbers() -> None:
    halves = torch.tensor(GOOD.inputs_NI).bfloat16()
    np.testing.assert_array_equal(replace(GOOD, inputs_NI=cast(Any, halves)).inputs_NI, halves.float().numpy())
    assert replace(GOOD, inputs_NI=GOOD.inputs_NI > 0).inputs_NI.dtype == np.uint8
    two = replace(GOOD, classes=2, labels_N=GOOD.labels_N > 0)
    assert two.labels_N.dtype == np.int64
    found = replace(
        GOOD, permutation_I=cast(Any, list(range(16))[::-1]), class_names=cast(Any, ["a", np.str_("b"), "c"])
    )
    assert found.permutation_I is not None
    assert found.permutation_I.dtype == np.int64
    assert found.class_names == ("a", "b", "c")
