"""What NaN becomes in whole numbers is missing in arrays and tables, as label, target, input, group and time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import siftnet
from siftnet.config.fields import DataConfig
from siftnet.data.casts import cast_nan
from siftnet.data.load import load_dataset
from siftnet.data.targets import numbers_of
from tables import config, read, refused

LOW, LOW_32 = -(2**63), -(2**31)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1, LOW, 5]), LOW),
        (np.array([1, LOW_32, 5]), LOW_32),
        (np.array([1, LOW_32, 5], np.int32), LOW_32),
        (np.array([1, 2**63, 5], np.uint64), 2**63),
        (np.array([1, 2**31, 5], np.uint32), 2**31),
        (np.array([1.5, LOW, np.nan]), LOW),
        (np.array([LOW, LOW]), LOW),
        (np.array([1, LOW, LOW + 1]), None),
        (np.array([1, LOW, LOW // 2]), None),
        (np.array([2**31, 2**30, 1], np.uint32), None),
        (np.array([1, -32768], np.int16), None),
        (np.array([1.0, LOW_32]), None),
        (np.array([np.nan, np.nan]), None),
        (np.array([], np.int64), None),
        (np.array(["a"]), None),
    ],
)
def test_the_number_that_nan_became(values: np.ndarray, expected: int | None) -> None:
    assert cast_nan(values) == expected


def table_of(root: Path, kind: str, **columns: Any) -> Path:
    rows = np.arange(60)
    frame = pd.DataFrame({"a": rows % 7 + 0.5, "y": rows % 2} | columns)
    path = root / f"t.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    return path


def some(low: int, dtype: type = np.int64) -> np.ndarray:
    """Whole numbers, of which six are what NaN becomes."""
    return np.where(np.arange(60) % 10, np.arange(60) * 3, low).astype(dtype)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("low", [LOW, LOW_32, 2**63])
def test_inputs_of_tables(kind: str, low: int, tmp_path: Path) -> None:
    path = table_of(tmp_path, kind, b=some(low, np.uint64 if low > 0 else np.int64))
    first = "line 2" if kind == "csv" else "row 1"
    assert f"column b of t.{kind} has 6 values {low}, the first in {first}, which NaN becomes" in refused(path)
    gaps = pd.Series(some(0)).where(np.arange(60) % 10 != 0)
    assert load_dataset(config(table_of(tmp_path, kind, b=gaps), missing="mean")).input_names == ("a", "b")


def test_inputs_beside_gaps_and_fractions(tmp_path: Path) -> None:
    gaps = pd.array(some(LOW), "Int64")
    gaps[5] = None
    for column in (gaps, some(LOW) / 1.0, np.where(np.arange(60) % 10, 0.5, LOW)):
        assert "has 6 values -9223372036854775808" in refused(table_of(tmp_path, "csv", b=column), missing="mean")


@pytest.mark.parametrize("low", [LOW, LOW_32])
def test_numeric_targets(low: int, tmp_path: Path) -> None:
    y = some(low)
    np.savez(tmp_path / "t.npz", x=np.random.default_rng(0).normal(size=(60, 3)), y=y.astype(np.float64))
    for kind in ("csv", "parquet"):
        path = table_of(tmp_path, kind, y=y)
        assert "6 of 60 labels" in refused(path, task="numbers")
        dataset = load_dataset(config(path, task="numbers", missing_labels="drop"))
        assert (len(dataset.labels_N), dataset.target_mean > 0) == (54, True)
    assert np.isnan(numbers_of([y], "y").labels_N).sum() == 6
    if low == LOW:
        with pytest.raises(ValueError, match="6 of 60 labels"):
            load_dataset(DataConfig(format="npz", root=tmp_path / "t.npz"))


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_groups_and_times(dtype: type, tmp_path: Path) -> None:
    who = some(LOW, dtype)
    x = np.random.default_rng(0).normal(size=(60, 3))
    for kind in ("csv", "parquet"):
        path = table_of(tmp_path, kind, who=who)
        told = "lacks 6 values (-9223372036854775808 is what NaN becomes in whole numbers)"
        assert told in refused(path, group="who")
        assert told in refused(path, time="who")
    for settings in (DataConfig(group="who"), DataConfig(time="who", split="time")):
        with pytest.raises(ValueError, match=r"who of siftnet\.from_arrays is missing"):
            siftnet.from_arrays(x, np.arange(60) % 2, config=settings, who=who)


@pytest.mark.parametrize("text", ["#NA", "NAT", "#N/A N/A", "-1.#IND", " ", ""])
def test_text_is_missing_in_tables_and_arrays_alike(text: str, tmp_path: Path) -> None:
    y = np.array([text, "cat", "dog"] * 20)
    np.savez(tmp_path / "t.npz", x=np.random.default_rng(0).normal(size=(60, 3)), y=y)
    path = table_of(tmp_path, "csv", y=y)
    for missing in ("refuse", "keep"):
        names = None if missing == "refuse" or not text.strip() else (*sorted((text, "cat", "dog")),)
        of_array = DataConfig(format="npz", root=tmp_path / "t.npz", missing_labels=missing)
        if names:
            assert load_dataset(of_array).class_names == read(path, missing_labels=missing).class_names == names
            continue
        assert "20 of 60 labels" in refused(path, missing_labels=missing)
        with pytest.raises(ValueError, match="20 of 60 labels"):
            load_dataset(of_array)
