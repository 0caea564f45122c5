"""What a data set of one's own has to be like, said in one sentence each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from builders import dataset
from siftnet.data.dataset import Dataset
from siftnet.geometry import Grid

GOOD: Dataset = dataset(examples=60)
ROWS = np.arange(60)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"inputs_NI": GOOD.inputs_NI.astype(np.float64)}, r"uint8 or float32 \(N, I\), got float64"),
        ({"inputs_NI": GOOD.inputs_NI.reshape(60, 4, 4)}, r"got float32 \(60, 4, 4\)"),
        ({"labels_N": GOOD.labels_N.astype(np.int32)}, r"must be int64 \(60,\)"),
        ({"labels_N": GOOD.labels_N[:-1]}, r"got int64 \(59,\)"),
        ({"labels_N": GOOD.labels_N + 1}, r"0\.\.2 with classes = 3, got 1 to 3"),
        ({"classes": None}, r"must be float32"),
        ({"geometry": Grid((5, 4))}, "16 inputs and the geometry is a 5 x 4 grid"),
        ({"scale_I": np.ones(15, np.float32)}, r"scale_I must be float32 \(16,\)"),
        (
            {"inputs_NI": np.where(GOOD.inputs_NI == GOOD.inputs_NI[7], np.float32("nan"), GOOD.inputs_NI)},
            r"inputs_NI .*first in \[7\]",
        ),
        ({"scale_I": np.full(16, np.inf, np.float32)}, r"scale_I has NaN or infinite values, first in \[0\]"),
        ({"classes": None, "labels_N": np.full(60, np.nan, np.float32)}, r"labels_N has NaN or infinite values"),
        ({"geometry": (4, 4)}, r"geometry must be a siftnet\.Grid, Points or Unknown, got \(4, 4\)"),
        ({"classes": 2.5}, "classes must be a whole number, or None with numeric targets, got 2.5"),
        ({"splits": {"train": ROWS}}, "must be train, validation, test, got train"),
        ({"splits": GOOD.splits | {"test": ROWS[:0]}}, "one at least"),
        ({"splits": GOOD.splits | {"test": np.array([60])}}, r"0\.\.59, got 60"),
        ({"splits": GOOD.splits | {"test": GOOD.splits["train"][:1]}}, "more than once"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(GOOD, **changes)


def test_numpys_numbers_lists_and_views_are_taken() -> None:
    mirrored = np.ascontiguousarray(GOOD.inputs_NI[:, ::-1])[:, ::-1]
    assert not mirrored.flags.c_contiguous
    lists = {name: rows.tolist() for name, rows in GOOD.splits.items()}
    found = replace(GOOD, classes=cast(int, np.int64(3)), inputs_NI=mirrored, splits=lists)
    assert found.content_hash() == GOOD.content_hash()
    assert type(found.classes) is int
    assert found.inputs_NI.flags.c_contiguous
