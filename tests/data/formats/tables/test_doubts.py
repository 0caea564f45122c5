"""What is told of columns that may not be what they look like, and what is refused; ordinary tables get no note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tables import put, read, refused


def rows(*values: str) -> str:
    return "".join(f"{value};{k % 2}\n" for k, value in enumerate(values * 2))


@pytest.mark.parametrize(
    ("values", "noted"),
    [
        (("67.130", "999", "-1.250"), True),
        (("67.130", "999", "NA"), True),
        (("67.130", "999.5"), False),
        (("67.130", "1.500"), False),
        (("0.125", "1"), False),
        (("67.130", "1999"), False),
        (("67.13", "999"), False),
        (("67.130", "0.5"), False),
    ],
)
def test_points_that_may_separate_thousands(values: tuple[str, ...], noted: bool, tmp_path: Path) -> None:
    path = put(tmp_path, f"a;y\n{rows(*values)}")
    told = "which is read as"
    raw = read(path, separator="semicolon", missing="zero")
    assert any(told in note for note in raw.notes) == noted
    raw = read(put(tmp_path, f"a;y\n{rows(*values)}".replace(";", ",")), missing="zero")
    assert raw.notes == ()
    text = f"a;y\n{rows(*values)}".replace("a;y", "y;a")
    raw = read(put(tmp_path, text), separator="semicolon", missing_labels="drop", task="numbers")
    assert any(told in note for note in raw.notes) == noted


def test_thousands_without_points_are_read(tmp_path: Path) -> None:
    (note,) = read(put(tmp_path, f"a;y\n{rows('67.130', '999')}"), separator="semicolon").notes
    assert note == (
        "column a has 67.130, which is read as 67.13: where the point separates thousands, write numbers without it"
    )
    raw = read(put(tmp_path, f"a;y\n{rows('67130', '999')}"), separator="semicolon")
    assert (raw.notes, raw.inputs_NI[:2, 0].tolist()) == ((), [67130, 999])


IDS = pd.DataFrame({"id": range(7, 47), "a": np.arange(40) % 7, "y": [0] * 20 + [1] * 20})


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("dtype", ["int64", "float64", "uint8"])
def test_row_numbers_are_told_of(kind: str, dtype: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{kind}"
    frame = IDS.astype({"id": dtype})
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)
    assert read(path).notes == (
        "column id counts the rows, 7 to 46, and is an input: set data.table.drop id if it says nothing but where a "
        "row stands",
    )
    raw = read(path, drop=("id",))
    assert (raw.notes, raw.input_names) == ((), ("a",))


@pytest.mark.parametrize(
    ("frame", "settings"),
    [
        (IDS.sample(frac=1, random_state=0), {}),
        (IDS.assign(id=2 * IDS["id"]), {}),
        (IDS.assign(id=IDS["id"] + 0.5), {}),
        (IDS.assign(id=IDS["id"].where(IDS["id"] != 20)), {"missing": "mean"}),
        (IDS[["id", "y"]], {}),
        (IDS, {"geometry": "grid:1x2"}),
        (IDS, {"time": "a"}),
        (IDS, {"group": "id"}),
        (IDS.iloc[[0, 1, 38, 39]].assign(id=range(4)), {}),
    ],
)
def test_other_numbers_are_not_told_of(frame: pd.DataFrame, settings: dict[str, Any], tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert read(tmp_path / "t.csv", **settings).notes == ()


@pytest.mark.parametrize("header", ["auto", "names"])
@pytest.mark.parametrize("names", ["c,y", "c,a,y", "c,2019,y"])
def test_names_among_the_rows_are_refused(names: str, header: str, tmp_path: Path) -> None:
    fields = {"c": ["red", "blue"] * 5, "a": ["1.5", "2"] * 5, "2019": ["7", "8"] * 5, "y": ["u", "v"] * 5}
    part = "".join(",".join(row) + "\n" for row in zip(*(fields[name] for name in names.split(",")), strict=True))
    path = put(tmp_path, f"{names}\n{part}{names}\n{part}")
    told = refused(path, text="one_hot", header=header)
    assert told == (
        "line 12 of t.csv holds the columns' names once more, as where tables were put one after the other: remove it"
    )
    assert len(read(put(tmp_path, f"{names}\n{part}{part}"), text="one_hot", header=header).labels_N) == 20
    assert "remove it, and 1 more" in refused(put(tmp_path, f"{names}\n{part}{names}\n{names}\n"), text="one_hot")


def test_names_among_the_rows_of_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"c": ["red", "blue", "c"] * 4, "y": ["u", "v", "y"] * 4})
    frame.to_parquet(tmp_path / "t.parquet")
    assert "row 3 of t.parquet holds the columns' names once more" in refused(tmp_path / "t.parquet", text="one_hot")


def test_a_class_may_be_named_as_its_column(tmp_path: Path) -> None:
    path = put(tmp_path, "a,spam\n" + "1,spam\n2,ham\n" * 5)
    assert read(path, target="spam").class_names == ("ham", "spam")
