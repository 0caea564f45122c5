from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from siftnet.config.fields import DataConfig, TableConfig
from siftnet.data.formats import table
from siftnet.data.load import load_dataset
from siftnet.geometry import Grid, Unknown


def config(path: Path, geometry: Any = "auto", **changes: Any) -> Any:
    return DataConfig(
        format="table", root=path, holdout=0.5, geometry=geometry, table=TableConfig(**({"target": "y"} | changes))
    )


def write(root: Path, text: Any, name: Any = "sensors.csv") -> Any:
    (root / name).write_text(text)
    return root / name


def read(path: Path, **changes: Any) -> Any:
    return table.read(config(path, **changes))


CSV = "a,y,b\n1.5,no,True\n2,yes,False\n-1,no,True\n4,yes,True\n"


def check(raw: Any) -> None:
    assert raw.inputs_NI.dtype == np.float64
    assert raw.inputs_NI.tolist() == [[1.5, 1], [2, 0], [-1, 1], [4, 1]]
    assert raw.labels_N.tolist() == [0, 1, 0, 1]
    assert (raw.classes, raw.class_names, raw.input_names) == (2, ("no", "yes"), ("a", "b"))
    assert (raw.name, raw.geometry, raw.held_out_N) == ("sensors", Unknown(2), None)


def test_csv_and_tsv(tmp_path: Path) -> None:
    check(read(write(tmp_path, CSV)))
    check(read(write(tmp_path, CSV.replace(",", "\t"), "sensors.tsv")))
    pd.read_csv(tmp_path / "sensors.csv").to_csv(tmp_path / "sensors.csv.gz", index=False)
    check(read(tmp_path / "sensors.csv.gz"))


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    frame = pd.read_csv(write(tmp_path, CSV))
    frame.to_parquet(tmp_path / "sensors.parquet")
    check(read(tmp_path / "sensors.parquet"))
    frame.astype({"a": "Float64", "b": "boolean", "y": "category"}).to_parquet(tmp_path / "sensors.parquet")
    check(read(tmp_path / "sensors.parquet"))
    (tmp_path / "sensors.parquet").write_bytes((tmp_path / "sensors.parquet").read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"sensors\.parquet cannot be read as parquet"):
        read(tmp_path / "sensors.parquet")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"needs pyarrow: pip install siftnet\[parquet\]"):
        read(write(tmp_path, "PAR1\x15", "sensors.parquet"))


@pytest.mark.parametrize(
    ("values", "task", "names"),
    [
        (["1", "3", "1", "3"], "auto", ("1", "3")),
        (["1.0", "3.0", "1.0", "3.0"], "auto", ("1", "3")),
        (["True", "False", "True", "False"], "auto", ("False", "True")),
        (["1.5", "3", "1.5", "3"], "auto", ()),
        (["1", "3", "1", "3"], "numbers", ()),
    ],
)
def test_whether_the_target_is_a_class_or_a_number(tmp_path: Path, values: Any, task: Any, names: Any) -> None:
    raw = read(write(tmp_path, "a,y\n" + "".join(f"1,{value}\n" for value in values)), task=task)
    assert raw.class_names == names
    assert raw.classes == (len(names) or None)
    if not names:
        np.testing.assert_array_equal(raw.labels_N, np.array(values, np.float32))


def test_many_whole_numbers_are_numbers(tmp_path: Path) -> None:
    raw = read(write(tmp_path, "a,y\n" + "".join(f"1,{k % 21}\n" for k in range(84))))
    assert raw.classes is None


def test_geometry_as_told(tmp_path: Path) -> None:
    assert read(write(tmp_path, CSV), geometry="grid:1x1x2").geometry == Grid((1, 2))


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        (CSV, {"target": ""}, "no column of .* is named as the target: set data.table.target to one of a, y, b"),
        (CSV, {"target": "z"}, "target = 'z' is no column"),
        ("y\n1\n2\n", {}, "has one field, 'y': it needs a feature column"),
        ("a,y\n", {}, "has 0 rows"),
        ("", {}, "is empty: it needs a line of names"),
        ("a,y\n1,2,3\n1,2,3,4,5\n", {}, "line 2 of .* has 3 fields and line 1 has 2"),
        (
            "a,y,city\n1,2,Rome\n1,3,Oslo\n",
            {},
            "column city of .* has 'Rome' in line 2, text, not numeric: turn it into numbers",
        ),
        ("a,y,b\n1,0,\n,1,\n2,1,3\n2,0,4\n", {}, "has missing values .a 1, b 2.: set data.table.missing"),
        ("a,y\ninf,1\n1,2\n", {}, "column a of .* has 1 infinite values"),
        ("a,y\n1,inf\n1,2\n", {"task": "numbers"}, "target column y of .* has 1 infinite values"),
        (
            "a,y\n1,no\n1,yes\n",
            {"task": "numbers"},
            "has 'no' in line 2, text rather than a number: correct it, or set data.table.task",
        ),
        ("a,y\n1,p\n1,q\n1,r\n1,s\n", {}, "has 4 different values in 4 rows"),
        (",a,y\n0,1,0\n1,1,1\n", {}, "column 1 of .* has no name in line 1, perhaps row numbers"),
    ],
)
def test_bad_tables(tmp_path: Path, text: Any, changes: Any, message: Any) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=message) as error:
        read(path, **changes)
    assert str(path) in str(error.value)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ends in none of"):
        read(write(tmp_path, CSV, "sensors.xlsx"))
    with pytest.raises(ValueError, match=r"is not a file: set data\.root to"):
        read(tmp_path)


def gappy(root: Path, rows: Any = 200) -> Any:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.exponential(3.0, rows), "b": rng.normal(size=rows), "c": 7.0, "y": np.arange(rows) % 2}
    )
    frame.loc[rng.random(rows) < 0.2, "a"] = np.nan
    frame.to_csv(root / "sensors.csv", index=False)
    return root / "sensors.csv", frame


@pytest.mark.parametrize("missing", ["mean", "median", "zero"])
def test_missing_values_are_filled_in_by_training_rows_alone(tmp_path: Path, missing: Any) -> None:
    path, frame = gappy(tmp_path)
    dataset = load_dataset(config(path, missing=missing, scale="none"))
    gaps = frame["a"].isna().to_numpy()
    training = frame["a"].iloc[dataset.splits["train"]]
    expected = {"mean": training.mean(), "median": training.median(), "zero": 0.0}[missing]
    everything = {"mean": frame["a"].mean(), "median": frame["a"].median(), "zero": 1.0}[missing]
    np.testing.assert_allclose(dataset.inputs_NI[gaps, 0], expected, rtol=1e-6)
    assert abs(expected - everything) > 1e-3, "the test could not tell them apart"
    np.testing.assert_allclose(dataset.inputs_NI[~gaps, 0], frame["a"][~gaps], rtol=1e-6)
    assert f"(a {gaps.sum()})" in dataset.notes[-1]
    assert dataset.input_names == ("a", "b", "c")


def test_column_that_training_never_saw(tmp_path: Path) -> None:
    path, frame = gappy(tmp_path)
    train = load_dataset(config(path, missing="zero")).splits["train"]
    frame.loc[train, "a"] = np.nan
    frame.to_csv(path, index=False)
    with pytest.raises(ValueError, match="column a has no value in any training row to take the median of"):
        load_dataset(config(path, missing="median"))
    assert "filled in with zero" in load_dataset(config(path, missing="zero")).notes[-1]


@pytest.mark.parametrize("scale", ["standard", "range", "none"])
def test_scaling_by_training_rows_alone(tmp_path: Path, scale: Any) -> None:
    path, _ = gappy(tmp_path)
    dataset = load_dataset(config(path, missing="zero", scale=scale))
    seen = (dataset.inputs_NI - dataset.center_I) * dataset.scale_I
    train = seen[dataset.splits["train"]]
    if scale == "standard":
        np.testing.assert_allclose(train[:, :2].mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(train[:, :2].std(axis=0), 1, rtol=1e-5)
    if scale == "range":
        np.testing.assert_allclose([train[:, :2].min(axis=0), train[:, :2].max(axis=0)], [[0, 0], [1, 1]], atol=1e-6)
    if scale == "none":
        np.testing.assert_array_equal(seen, dataset.inputs_NI)
    assert dataset.scale_I[2] == 1, "a constant feature is not stretched"
