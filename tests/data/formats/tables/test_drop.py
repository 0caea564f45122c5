"""Columns that are left out on request, and messages that name the setting: each remedy works when followed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from siftnet.config.load import from_dict, to_dict
from siftnet.data.load import load_dataset
from tables import config, put, read, refused

FRAME = pd.DataFrame({"id": range(5, 45), "a": range(40), "note": ["x1", "x2"] * 20, "b": 0.5, "y": [0, 1] * 20})


def saved(root: Path, frame: pd.DataFrame, kind: str, **how: Any) -> Path:
    path = root / f"t.{kind}"
    frame.to_csv(path, **how) if kind == "csv" else frame.to_parquet(path, **how)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("drop", [("note",), ("id", "note"), (" note ", "b", "id"), ("note", "a", "b")])
def test_columns_that_are_named_are_not_read(kind: str, drop: tuple[str, ...], tmp_path: Path) -> None:
    raw = read(saved(tmp_path, FRAME, kind, index=False), drop=drop)
    left = FRAME.drop(columns=[*map(str.strip, drop), "y"])
    assert raw.input_names == tuple(left.columns)
    assert raw.inputs_NI.tolist() == left.to_numpy().tolist()
    assert raw.labels_N.tolist() == FRAME["y"].tolist()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_names_to_drop_that_are_none(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, FRAME, kind, index=False)
    assert refused(path, drop=("Note",)) == (
        f"data.table.drop = 'Note' is no column of {path.name}; its columns are id, a, note, b, y (did you mean note?)"
    )
    told = "data.table.drop and data.{} both name the column {} of"
    assert told.format("table.target", "y") in refused(path, drop=("y",))
    assert told.format("group", "id") in refused(path, drop=("id", "note"), group="id")
    assert "has 40 rows and the columns y: it needs rows and a feature" in refused(path, drop=("id", "a", "b", "note"))
    with pytest.raises(ValueError, match=r"data\.table\.drop takes a list, got 'note'"):
        read(path, drop="note")


def test_columns_without_names_of_their_own(tmp_path: Path) -> None:
    frame = FRAME.drop(columns="note")
    path = saved(tmp_path, frame, "csv")
    assert (
        "column 1 of t.csv has no name in line 1, perhaps row numbers: name it, or set data.table.drop ''"
        in refused(path)
    )
    raw = read(path, drop=("",))
    assert raw.input_names == ("id", "a", "b")
    path = saved(tmp_path, frame.rename(columns={"id": "Unnamed: 0"}), "csv", index=False)
    assert "rename it, or set data.table.drop 'Unnamed: 0' to leave it out" in refused(path)
    assert read(path, drop=("Unnamed: 0",)).input_names == ("a", "b")
    path = put(tmp_path, "a,b,a,y\n" + "1,2,3,0\n1,2,3,1\n" * 9)
    assert read(path, drop=("a",)).inputs_NI.tolist() == [[2]] * 18
    path = put(tmp_path, "7,2,x,0\n8,2,x,1\n" * 9)
    assert read(path, drop=("3",), header="none", target="4").input_names == ("1", "2")


@pytest.mark.parametrize("name", [None, "row"])
def test_row_names_of_parquet(name: str | None, tmp_path: Path) -> None:
    frame = FRAME.drop(columns="note").set_index("id").rename_axis(index=name).sample(frac=1, random_state=0)
    path = saved(tmp_path, frame, "parquet")
    stored = name or "__index_level_0__"
    assert f"if they are an input, else set data.table.drop {stored}" in refused(path)
    assert read(path, drop=(stored,)).input_names == ("a", "b")


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (["red", "blue"] * 20, {}),
        (["2026-01-31"] * 40, {}),
        ([f"n{k}" for k in range(40)], {"text": "one_hot"}),
        ([2**60 + k for k in range(40)], {}),
        ([None] * 40, {"missing": "mean"}),
        ([[1, 2]] * 40, {}),
        (pd.Categorical([1, 2] * 20), {}),
        (pd.date_range("2026-01-01", periods=40), {}),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_messages_name_the_setting(values: Any, settings: dict[str, str], kind: str, tmp_path: Path) -> None:
    frame = FRAME.drop(columns="note").assign(**{"my column": values})
    path = saved(tmp_path, frame, kind, index=False)
    if kind == "csv" and isinstance(values, pd.Categorical):
        return
    with pytest.raises(ValueError, match=r"set data\.table\.drop 'my column'") as error:
        load_dataset(config(path, **settings))
    words = re.search(r"data\.table\.drop ('[^']*')", str(error.value))
    assert words
    assert load_dataset(config(path, drop=tuple(shlex.split(words[1])), **settings)).input_names == ("id", "a", "b")


def test_settings_in_a_file(tmp_path: Path) -> None:
    values = {"data": {"format": "table", "table": {"drop": ["id", "my column"]}}}
    assert from_dict(values).data.table.drop == ("id", "my column")
    assert to_dict(from_dict(values))["data"]["table"]["drop"] == ["id", "my column"]
    assert from_dict(to_dict(from_dict(values))) == from_dict(values)
