"""Digits with leading zeros among the inputs: names where asked for, never merged in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from siftnet.data.load import load_dataset
from tables import config, put, read, refused


def table(*codes: str, separator: str = ",") -> str:
    """Twelve rows of codes, a number and a target."""
    rows = [separator.join((codes[k % len(codes)], str(k * 7 % 5 + 0.5), str(k % 2))) for k in range(12)]
    return "\n".join([separator.join(("zip", "a", "y")), *rows]) + "\n"


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (("01", "1", "02", "2"), "has '01' in line 2 and '1' in line 3"),
        (("7", "007"), "has '007' in line 3 and '7' in line 2"),
        (("07", "007", ""), "has '07' in line 2 and '007' in line 3"),
        (("07", "NA", "007"), "has '07' in line 2 and '007' in line 4"),
        (("-01", "-1"), "has '-01' in line 2 and '-1' in line 3"),
        (("00", "0"), "has '00' in line 2 and '0' in line 3"),
        (('"01"', " 1"), "has '01' in line 2 and '1' in line 3"),
        (("0" * 30 + "1", "1"), f"has '{'0' * 30}1' in line 2 and '1' in line 3"),
        (("1" + "0" * 30, "01" + "0" * 30), "which are one number"),
    ],
)
def test_codes_that_would_be_one_number_are_refused(codes: tuple[str, ...], told: str, tmp_path: Path) -> None:
    path = put(tmp_path, table(*codes))
    gaps = {"missing": "zero"}
    assert told in refused(path, **gaps)
    assert "which are one number: set data.table.text one_hot to take each for a name" in refused(path, **gaps)
    words = sorted(code.strip('"') for code in codes if code not in ("", "NA"))
    assert sorted(read(path, text="one_hot", **gaps).input_names[:-1]) == [f"zip={word}" for word in words]
    assert read(path, drop=("zip",)).input_names == ("a",)
    alike = [code.strip('"').replace("0", "") + "5" for code in codes if code != "NA"]
    assert read(put(tmp_path, table(*alike))).notes == ()


NOTE = (
    "digits of one length with leading zeros are read as numbers (zip): set data.table.text one_hot if they are codes"
)


@pytest.mark.parametrize("codes", [("00501", "90210"), ("00501", "90210", ""), ("01", "02", "11"), ("00", "01")])
@pytest.mark.parametrize("separator", [",", ";"])
def test_codes_of_one_length_are_noted(codes: tuple[str, ...], separator: str, tmp_path: Path) -> None:
    path = put(tmp_path, table(*codes, separator=separator))
    settings: dict[str, Any] = {"missing": "zero", "separator": "semicolon" if separator == ";" else "comma"}
    raw = read(path, **settings)
    assert raw.notes == (NOTE,)
    assert raw.inputs_NI[:, 0].tolist() == [float(codes[k % len(codes)] or "nan") for k in range(12)] or "" in codes
    named = [f"zip={code}" for code in sorted(filter(None, codes))]
    coded = read(path, text="one_hot", **settings)
    assert coded.input_names == (*named, "a")
    frame = pd.read_csv(path, sep=separator, dtype={"zip": str})
    expected = pd.get_dummies(frame["zip"], prefix="zip", prefix_sep="=", dtype=float)
    np.testing.assert_array_equal(coded.inputs_NI[:, :-1], expected[named].to_numpy())


@pytest.mark.parametrize("codes", [("01", "2", "30"), ("0.5", "1.5"), ("1e-05", "20000"), ("0", "1"), ("1", "01.0")])
@pytest.mark.parametrize("text", ["refuse", "one_hot"])
def test_other_numbers_are_no_codes(codes: tuple[str, ...], text: str, tmp_path: Path) -> None:
    raw = read(put(tmp_path, table(*codes)), text=text)
    assert (raw.input_names, raw.notes) == (("zip", "a"), ())
    assert raw.inputs_NI[:, 0].tolist() == [float(codes[k % len(codes)]) for k in range(12)]


def test_codes_in_the_first_line(tmp_path: Path) -> None:
    path = put(tmp_path, "01,5.5,0\n1,6.5,1\n" * 6)
    assert "column 1 has '01' in line 1 and '1' in line 2" in refused(path, header="none", target="3")


def test_codes_of_parquet_are_text(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"zip": ["01", "1", "02"] * 8, "y": [0, 1] * 12})
    frame.to_parquet(path)
    assert "save it as numbers, or set data.table.text one_hot" in refused(path)
    assert read(path, text="one_hot").input_names == ("zip=01", "zip=02", "zip=1")


def test_amounts_of_one_length_become_no_names(tmp_path: Path) -> None:
    rows = "".join(f"{k:03},{k % 5}.5,{k % 2}\n" for k in range(300))
    path = put(tmp_path, "a,b,y\n" + rows)
    assert "write its numbers without leading zeros where they are amounts" in refused(path, text="one_hot")
    assert load_dataset(config(path)).input_names == ("a", "b")


def test_values_that_differ_by_case_are_told_of(tmp_path: Path) -> None:
    (note,) = read(put(tmp_path, table("red", "Red", "blue")), text="one_hot").notes
    assert note.startswith("column zip: classes that differ only by case, blanks or invisible signs: 'Red' (4) and")


def test_infinite_values_beside_gaps_and_zeros(tmp_path: Path) -> None:
    rows = "".join(f"{a},{k:02},{k % 2}\n" for k, a in enumerate(["1", "inf", "", "2"]))
    assert "has 1 infinite values, the first in line 3" in refused(put(tmp_path, "a,b,y\n" + rows), missing="zero")
