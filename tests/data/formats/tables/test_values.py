"""What text in a CSV means: numbers to the last digit, other spellings refused with a remedy that works, gaps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from siftnet.data.load import load_dataset
from tables import config, put, read, refused


def column(values: list[str], name: str = "y") -> str:
    """A CSV whose column a counts, beside one of some values, each of them twice."""
    rows = [f"{k},{value}" for k, value in enumerate(values * 2)]
    return "\n".join([f"a,{name}", *rows]) + "\n"


def test_numbers_are_the_nearest_to_what_is_written(tmp_path: Path) -> None:
    written = ["0.1000000000000000055511151231257827", "0.30000000000000004", "1e23", "8.5e-323", "2.5E+3", ".5", "5."]
    raw = read(put(tmp_path, column(written, "b").replace("\n", ",k\n").replace("b,k", "b,y").replace("5.,k", "5.,m")))
    assert raw.inputs_NI[:, 1].tolist() == [float(text) for text in written * 2]


@pytest.mark.parametrize("first", [2**53, 2**60, 2**63 + 1, 2**64, -(2**63) + 1, 2026001])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_whole_targets_are_exact_and_so_are_their_names(first: int, kind: str, tmp_path: Path) -> None:
    values = [first, first + 1, first + 2]
    path = put(tmp_path, column([str(value) for value in values]))
    if kind == "parquet":
        if first == 2**64:
            pytest.skip("parquet has no such integers")
        whole = pa.array(values * 2, pa.uint64() if first > 2**63 else pa.int64())
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table({"a": [float(k) for k in range(6)], "y": whole}), path)
    raw = read(path)
    assert raw.class_names == tuple(map(str, values))
    assert raw.labels_N.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_whole_targets_with_gaps(kind: str, tmp_path: Path) -> None:
    values = [2**53, 2**53 + 1, None, 2**53 + 1, 2**53, None]
    path = tmp_path / f"t.{kind}"
    frame = pd.DataFrame({"a": range(6), "y": pd.array(values, "Int64")})
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    raw = read(path)
    assert raw.class_names == (str(2**53), str(2**53 + 1))
    assert raw.labels_N.tolist() == [0, 1, -1, 1, 0, -1]


def test_features_that_double_precision_confuses_are_refused(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"{2**53 + k % 2},{k // 2}\n" for k in range(4))
    assert "2 different values, of which double precision leaves 1: subtract an offset" in refused(put(tmp_path, text))
    assert read(put(tmp_path, text.replace(str(2**53), "0").replace(str(2**53 + 1), "1"))).inputs_NI.max() == 1


LONG = ["1700000000.000000123", "1700000000.000000124", "1700000000.000000125", "17e8"]


@pytest.mark.parametrize(
    ("values", "after"),
    [
        (LONG, 2),
        (["1700000000123456789.5", "1700000000123456790.5"], 1),
        (["0.1234567890123456789", "0.1234567890123456788", "0.5"], 2),
        (["12345.67890123456789e3", "12345.67890123456788e3", ""], 1),
    ],
)
def test_fractions_that_double_precision_confuses_are_refused(values: list[str], after: int, tmp_path: Path) -> None:
    told = f"has {len([*filter(None, values)])} different values, of which double precision leaves {after}"
    text = column(values * 6, "b").replace("\n", ",0\n").replace("b,0", "b,y")
    path = put(tmp_path, text)
    assert f"column b of t.csv {told}: subtract an offset" in refused(path, missing="zero")
    path = put(tmp_path, column(values * 6))
    assert f"target column y of t.csv {told}: set data.table.task classes" in refused(path, task="numbers")
    path = put(tmp_path, text.replace(",", ";").replace(".", ","))
    assert told in refused(path, missing="zero", separator="semicolon", decimal="comma")


def test_decimals_that_are_confused_are_classes_each(tmp_path: Path) -> None:
    assert read(put(tmp_path, column(LONG)), task="classes").class_names == ("1700000000", *LONG[:3])


def test_long_numbers_that_stay_apart_or_are_the_same_are_read(tmp_path: Path) -> None:
    values = ["0.1000000000000000055511151231257827", "0.30000000000000004", "0.300000000000000040", "1.0", "1"]
    text = column(values, "b").replace("\n", ",k\n").replace("b,k", "b,y").replace("1,k", "1,m")
    assert read(put(tmp_path, text)).inputs_NI[:, 1].tolist() == [float(value) for value in values * 2]


def test_powers_beyond_all_floats(tmp_path: Path) -> None:
    rows = ["1e-99999999999999999999,1e-17", "-0e99999999999999999999,1", "0,0.5", "0,3e-999999999999999999999"]
    raw = read(put(tmp_path, "\n".join(["a,y", *rows])))
    assert raw.inputs_NI[:, 0].tolist() == [0] * 4
    assert raw.labels_N.tolist() == [1e-17, 1, 0.5, 0]


def test_numbers_wider_than_any_type_beside_gaps(tmp_path: Path) -> None:
    text = f"a,b,y\n{2**70},1,{2**64}\n,2,{2**64 + 1}\n3,3,\n4,4,{2**64}\n5,5,{2**64 + 1}\n"
    raw = read(put(tmp_path, text), missing="zero")
    assert raw.inputs_NI[[0, 2, 3, 4], 0].tolist() == [2.0**70, 3, 4, 5]
    assert raw.labels_N.tolist() == [0, 1, -1, 0, 1]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_leading_zeros_stay_in_names(kind: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(4), "y": ["007", "7", "007", "7"]})
    path = tmp_path / f"t.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    assert read(path).class_names == ("007", "7")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("gap", ["", "NA", "nan", "None", "null"])
def test_missing_labels_are_refused_or_left_out_or_kept(kind: str, gap: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(90), "y": [gap, "x", "z"] * 30})
    path = tmp_path / f"t.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    assert "30 of 90 labels" in refused_without_path(path)
    dropped = load_dataset(config(path, missing_labels="drop"))
    assert (dropped.class_names, len(dropped.labels_N)) == (("x", "z"), 60)
    if gap:
        assert load_dataset(config(path, missing_labels="keep")).class_names == tuple(sorted((gap, "x", "z")))


def refused_without_path(path: Path) -> str:
    with pytest.raises(ValueError, match="labels") as error:
        load_dataset(config(path))
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "told", "settings"),
    [
        ('"1,5"', "a number with a comma, not numeric: set data.table.decimal comma", {"decimal": "comma"}),
        ('"1,500"', "if it separates thousands, write numbers without", None),
        ('"1,500,000"', "thousands separators", None),
        ("1 500", "thousands separators", None),
        ("1'500.25", "thousands separators", None),
        ("50%", "a percentage, not numeric: write numbers without the sign", None),
        ("$5", "an amount of money, not numeric: write numbers without the currency", None),
        ("2026-01-31", "a date or time, not numeric: turn dates into numbers", None),
        ("12:30", "a date or time, not numeric: turn dates into numbers", None),
        ("red", "text, not numeric: .* or set data.table.text one_hot", {"text": "one_hot"}),
    ],
)
def test_features_in_another_spelling(text: str, told: str, settings: dict[str, Any] | None, tmp_path: Path) -> None:
    path = put(tmp_path, f"a,b,y\n1,{text},no\n2,{text},yes\n3,{text},no\n4,{text},yes\n")
    assert re.search("column b of t.csv has .* in line 2, .*" + told, refused(path))
    if settings:
        assert read(path, **settings).inputs_NI[:, 1].tolist() == [1.5 if "5" in text else 1] * 4


def test_targets_with_decimal_commas(tmp_path: Path) -> None:
    path = put(tmp_path, 'a,y\n1,"37,5"\n2,"38,5"\n3,"1,5"\n4,2\n')
    for task in ("auto", "numbers"):
        assert "target column y of t.csv has '37,5' in line 2" in refused(path, task=task)
    assert read(path, decimal="comma").labels_N.tolist() == [37.5, 38.5, 1.5, 2]


def test_decimal_commas_between_semicolons(tmp_path: Path) -> None:
    path = put(tmp_path, "a;y\n1,5;no\n2,25;yes\n3;no\n-4,5e1;yes\n")
    assert "set data.table.decimal comma" in refused(path, separator="semicolon")
    raw = read(path, separator="semicolon", decimal="comma")
    assert raw.inputs_NI[:, 0].tolist() == [1.5, 2.25, 3, -45]
    path = put(tmp_path, "a;y\n1.5;no\n2;yes\n")
    assert "with a decimal point" in refused(path, separator="semicolon", decimal="comma")
    path = put(tmp_path, "a;y\n1.500,5;no\n2;yes\n")
    assert "thousands separators" in refused(path, separator="semicolon", decimal="comma")


def test_a_word_among_numbers_is_a_slip(tmp_path: Path) -> None:
    path = put(tmp_path, "a,b,y\n1,2,0\n2,oops,1\n3,4,0\n5,6,1\n")
    assert "column b of t.csv has 'oops' in line 3, text, not numeric: correct it" in refused(path)
    path = put(tmp_path, "a,y\n1,0\n2,1\n3,oops\n5,1\n6,0\n7,1\n")
    assert "'oops' in line 4 beside numbers: correct it, or leave it empty" in refused(path)
    assert read(path, task="classes").class_names == ("0", "1", "oops")


def test_truth_values_and_gaps_between_them(tmp_path: Path) -> None:
    path = put(tmp_path, "a,b,y\n1,True,yes\n2,FALSE,no\n3,,yes\n4,true,no\n")
    assert "t.csv has missing values (b 1)" in refused(path)
    inputs = read(path, missing="zero").inputs_NI[:, 1].tolist()
    assert inputs[:2] + inputs[3:] == [1, 0, 1]
    assert read(path, missing="zero", text="one_hot").input_names == ("a", "b=False", "b=True")


def test_text_becomes_an_input_for_each_value(tmp_path: Path) -> None:
    path = put(tmp_path, "c,a,y\nred,1,0\nblue,2,1\n,3,0\nred,4,1\n")
    with pytest.raises(ValueError, match="has missing values"):
        read(path, text="one_hot")
    raw = read(path, text="one_hot", missing="zero")
    assert raw.input_names == ("c=blue", "c=red", "a")
    expected = pd.get_dummies(pd.read_csv(path)[["c", "a"]], columns=["c"], prefix_sep="=", dtype=float)
    assert raw.inputs_NI.tolist() == expected[["c=blue", "c=red", "a"]].to_numpy().tolist()
    assert "column c lacks 1 values, which are 0 in all inputs made of it" in raw.notes


def test_identifiers_become_no_inputs(tmp_path: Path) -> None:
    path = put(tmp_path, "c,y\n" + "".join(f"name{k},{k % 2}\n" for k in range(20)))
    assert "20 different values in 20 rows" in refused(path, text="one_hot")
