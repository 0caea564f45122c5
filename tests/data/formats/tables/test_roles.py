"""Columns that are no inputs: names that settings give, and what their values say of each row."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import siftnet
from siftnet.config.fields import DataConfig
from siftnet.data.load import load_dataset
from tables import config, put, read, refused

ROWS = 60


def frame() -> pd.DataFrame:
    """Sixty rows: a third for training as its column says."""
    part = np.array(["train", "val", "Test "])[np.arange(ROWS) % 3]
    return pd.DataFrame(
        {"a": np.arange(ROWS) + 0.5, "part": part, "who": np.arange(ROWS) // 6, "y": np.arange(ROWS) % 2}
    )


def saved(root: Path, kind: str, table: pd.DataFrame) -> Path:
    path = root / f"t.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_divides_the_rows(kind: str, tmp_path: Path) -> None:
    dataset = load_dataset(config(saved(tmp_path, kind, frame().drop(columns="who")), split="part"))
    for number, name in enumerate(("train", "validation", "test")):
        assert dataset.splits[name].tolist() == list(range(number, ROWS, 3))
    assert dataset.input_names == ("a",)
    assert dataset.reading is not None
    assert dataset.reading.division == "as column part says"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "test"), "test as column part says, validation by chance (data.seed = 0)"),
        (("training", "dev"), "validation as column part says, test by chance (data.seed = 0)"),
    ],
)
def test_what_a_column_leaves_open_is_drawn(words: tuple[str, str], said: str, tmp_path: Path) -> None:
    table = frame().assign(part=np.where(np.arange(ROWS) % 4, *words))
    dataset = load_dataset(config(saved(tmp_path, "csv", table), split="part"))
    told = "test" if words[1] == "test" else "validation"
    assert dataset.splits[told].tolist() == list(range(0, ROWS, 4))
    assert dataset.reading is not None
    assert dataset.reading.division == said


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (["train"] * 59 + ["other"], "has 'other' in line 61: write train, validation or test in it"),
        (["train"] * 59 + [""], "lacks 1 values, the first in line 61: fill them in"),
        (["test"] * 60, "says train of no row"),
        ([0, 1] * 30, "is whole, not text: write train, validation or test in it"),
    ],
)
def test_columns_that_do_not_divide(part: list[Any], told: str, tmp_path: Path) -> None:
    assert told in refused(saved(tmp_path, "csv", frame().assign(part=part)), split="part")


def test_missing_labels_leave_the_division_as_it_is(tmp_path: Path) -> None:
    table = frame()
    table["y"] = table["y"].astype("object").where(table.index != 4, None)
    dataset = load_dataset(config(saved(tmp_path, "csv", table), split="part", missing_labels="drop"))
    values = [dataset.inputs_NI[dataset.splits[name]].shape[0] for name in ("train", "validation", "test")]
    assert values == [20, 19, 20]


@pytest.mark.parametrize("setting", ["target", "split", "group", "time"])
def test_names_that_are_no_columns(setting: str, tmp_path: Path) -> None:
    path = saved(tmp_path, "csv", frame())
    told = refused(path, **{setting: "whoo"})
    assert "= 'whoo' is no column of t.csv; its columns are a, part, who, y (did you mean who?)" in told


def test_two_settings_of_one_column(tmp_path: Path) -> None:
    path = saved(tmp_path, "csv", frame())
    assert "data.table.target and data.group both name the column y" in refused(path, group="y")
    assert "data.table.split and data.time both name the column part" in refused(path, split="part", time="part")


def test_groups_are_equal_values_to_the_last_digit(tmp_path: Path) -> None:
    table = frame().assign(who=[str(2**53 + k // 2 % 2) for k in range(ROWS)]).drop(columns="part")
    raw = read(saved(tmp_path, "csv", table), group="who")
    assert raw.group_N is not None
    assert raw.group_N.tolist() == [k // 2 % 2 for k in range(ROWS)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_times_are_numbers_or_dates(kind: str, tmp_path: Path) -> None:
    days = pd.date_range("2026-01-01", periods=ROWS, freq="12h")
    table = frame().drop(columns=["part", "who"]).assign(when=days[::-1])
    raw = read(saved(tmp_path, kind, table), time="when")
    assert raw.time_N is not None
    assert np.argsort(raw.time_N).tolist() == list(range(ROWS))[::-1]
    assert raw.input_names == ("a",)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        (["31.01.2026"] * 60, "has '31.01.2026' in line 2, which is no date of ISO 8601"),
        (["2026-01-01T10:00"] * 59 + ["2026-01-01T10:00Z"], "has a time zone in 1 of 60 rows"),
        ([1.0] * 59 + [np.nan], "lacks 1 values"),
        ([1.0] * 59 + [np.inf], "has 1 infinite values"),
    ],
)
def test_times_that_are_none(when: list[Any], told: str, tmp_path: Path) -> None:
    path = saved(tmp_path, "csv", frame().drop(columns="part").assign(when=when))
    assert told in refused(path, time="when")


def test_order_under_a_geometry(tmp_path: Path) -> None:
    path = put(tmp_path, "p0,p1,p10,p2,y\n" + "0,1,10,2,0\n0,1,10,2,1\n" * 2)
    assert "set data.table.order to number (p0, p1, p2, p10) or file" in refused(path, geometry="grid:1x4")
    assert read(path, geometry="grid:1x4", order="number").inputs_NI[0].tolist() == [0, 1, 2, 10]
    assert read(path, geometry="grid:1x4", order="file").inputs_NI[0].tolist() == [0, 1, 10, 2]
    assert read(path).inputs_NI[0].tolist() == [0, 1, 10, 2]
    with pytest.raises(ValueError, match=r"data\.table\.order = number is for columns that lie on a grid"):
        read(path, order="number")


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        ("a,b,c", False),
        ("p8,p9,p10", False),
        ("r1c1,r1c2,r2c1", False),
        ("1x1,1x2,1x10", False),
        ("red1,red2,green1", False),
        ("0.5,0.75,1.25", False),
        ("t-2,t-1,t0", False),
        ("t-1,t+0,t+1", False),
        ("-1,0,1", False),
        ("t\u22121,t0,t1", False),
        ("1e-3,5e-3,1e-2", False),
        ("p-1,p-2,p-10", False),
        ("t-10,t-2,t-1", False),
        ("a1-1,a1-2,a1-10", False),
        ("x-1_1,x-1_2,x-2_1", False),
        ("2026-01,2026-02,2026-10", False),
        ("p1,p10,p2", True),
        ("t-1,t-2,t0", True),
        ("t-1,t-10,t-2", True),
        ("s1e1,s2e1,s1e2", True),
        ("r1c1,r2c1,r1c2", True),
        ("red1,green1,red2", True),
    ],
)
def test_which_orders_ascend(names: str, asked: bool, tmp_path: Path) -> None:
    path = put(tmp_path, f"{names},y\n" + "1,2,3,0\n1,2,3,1\n" * 2)
    if asked:
        assert "do not ascend" in refused(path, geometry="grid:1x3", header="names")
        read(path, geometry="grid:1x3", order="number")
    else:
        assert read(path, geometry="grid:1x3", header="names").input_names == tuple(names.split(","))


@pytest.mark.parametrize(
    ("names", "order"),
    [
        ("t1,t0,t-1,t-2", "t-2,t-1,t0,t1"),
        ("t-1,t-10,t-2,t0", "t-10,t-2,t-1,t0"),
        ("t-1,t-2,t0,t1", "t-2,t-1,t0,t1"),
        ("p-1,p-10,p-2,p-3", "p-1,p-2,p-3,p-10"),
        ("1e-1,1e-4,1e-2,1e-3", "1e-4,1e-3,1e-2,1e-1"),
    ],
)
def test_signs_count_when_columns_are_ordered(names: str, order: str, tmp_path: Path) -> None:
    path = put(tmp_path, f"{names},y\n" + "1,2,3,4,0\n1,2,3,4,1\n" * 2)
    assert f"number ({order.replace(',', ', ')}) or file" in refused(path, geometry="grid:1x4", header="names")
    raw = read(path, geometry="grid:1x4", header="names", order="number")
    assert raw.input_names == tuple(order.split(","))


@pytest.mark.parametrize("names", ["1.9,1.10,1.2,2.3", "a-1,a-2,b1,b2", "5e-3,1e-2,1e-3,2e-3", "0.5,0.25,0.75,0.1"])
def test_an_order_that_is_doubtful_is_not_offered(names: str, tmp_path: Path) -> None:
    path = put(tmp_path, f"{names},y\n" + "1,2,3,4,0\n1,2,3,4,1\n" * 2)
    assert "set data.table.order to file, to take" in refused(path, geometry="grid:1x4", header="names")
    assert "can be read in several ways" in refused(path, geometry="grid:1x4", header="names", order="number")
    raw = read(path, geometry="grid:1x4", header="names", order="file")
    assert raw.input_names == tuple(names.split(","))


def test_text_under_a_geometry_has_no_place(tmp_path: Path) -> None:
    path = put(tmp_path, "c,a,y\nred,1,0\nblue,2,1\nred,1,1\nblue,2,0\n")
    assert "have no place in data.geometry" in refused(path, geometry="grid:1x3", text="one_hot")
    assert len(read(path, geometry="unknown", text="one_hot").input_names) == 3


def test_a_column_of_splits_that_divides_groups_has_a_remedy_that_works(tmp_path: Path) -> None:
    path = saved(tmp_path, "csv", frame())
    told = refused(path, split="part", group="who")
    assert "are of groups of data.group = who that are in train as well: divide the rows by group in the column" in told
    assert "or leave data.table.split out and set data.table.drop part, so that whole groups are drawn" in told
    dataset = load_dataset(config(path, group="who", drop=("part",)))
    assert dataset.input_names == ("a",)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("pair", [("P3", "P3 "), ("P3", "p3"), ("café", "cafe\u0301")])
def test_groups_that_differ_by_case_or_blanks_are_refused_as_in_arrays(
    kind: str, pair: tuple[str, str], tmp_path: Path
) -> None:
    who = np.array([*pair, "P4", "P5"])[np.arange(ROWS) // 15]
    told = "which differ only by case or blanks: write them alike if they are one group"
    assert told in refused(saved(tmp_path, kind, frame().drop(columns="part").assign(who=who)), group="who")
    with pytest.raises(ValueError, match=told):
        siftnet.from_arrays(np.eye(ROWS), np.arange(ROWS) % 2, config=DataConfig(group="who"), who=who)


WHOLE = np.arange(ROWS) // 6 - 3


@pytest.mark.parametrize(
    "who",
    [
        WHOLE,
        WHOLE / 2,
        WHOLE > 0,
        WHOLE.astype("datetime64[D]"),
        WHOLE.astype("timedelta64[h]"),
        [f"p{k}" for k in WHOLE],
        [f"p{k}".encode() for k in WHOLE],
        [Decimal(int(k)) / 4 for k in WHOLE],
        [2**64 + int(k) for k in WHOLE],
    ],
    ids=lambda who: type(who[0]).__name__,
)
def test_groups_of_any_kind_are_equal_values(who: Any, tmp_path: Path) -> None:
    table = frame().drop(columns="part").assign(who=who)
    expected = pd.factorize(np.asarray(WHOLE > 0 if isinstance(who[0], np.bool_) else WHOLE))[0]
    path = saved(tmp_path, "csv" if isinstance(who[0], int) else "parquet", table)
    raw = read(path, group="who")
    assert raw.group_N is not None
    assert pd.factorize(raw.group_N)[0].tolist() == expected.tolist()


def test_groups_that_are_infinite_are_refused(tmp_path: Path) -> None:
    who = np.where(WHOLE, WHOLE + 0.5, np.inf)
    assert "who of t.csv is missing for 6 examples" in refused(
        saved(tmp_path, "csv", frame().drop(columns="part").assign(who=who)), group="who"
    )
