"""Coordinates from a file: whose they are, what is refused and how, and that they are part of what a run is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import siftnet
from siftnet.config.identity import differing, digest
from siftnet.config.load import from_dict, resolve_paths
from siftnet.data.formats.places import read_places
from siftnet.data.load import load_dataset
from siftnet.geometry import Points
from tables import config, put, refused

FRAME = pd.DataFrame({"b": range(40), "a": 0.5, "c": range(40, 80), "y": [0, 1] * 20})
PLACES = "name,x,y\na,1,2\nb,3,4.5\nc,-1e1,0\n"
ORDERED = [[3, 4.5], [1, 2], [-10, 0]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def placed(path: Path, text: str, **settings: Any) -> np.ndarray:
    """Coordinates of the table's inputs, in their order."""
    places = put(path.parent, text, "places.csv")
    found = load_dataset(config(path, geometry=f"points:{places}", **settings)).geometry
    assert isinstance(found, Points)
    return found.coordinates


@pytest.mark.parametrize(
    "text",
    [
        PLACES,
        PLACES.replace(",", ";"),
        PLACES.replace(",", "\t").replace("\n", "\r\n"),
        "\ufeff\n\n" + PLACES + "\n",
        '"name","x","y"\n"c",-10,0\n"b",3,4.5\n" a ",1.0,+2\n',
        "a,1,2\nb,3,4.5\nc,-10,0",
        "x,y\n3,4.5\n1,2\n-10,0\n",
        "3,4.5\n1,2\n-10,0\n",
    ],
)
def test_rows_find_their_inputs_by_name_or_in_their_order(table: Path, text: str) -> None:
    np.testing.assert_array_equal(placed(table, text), ORDERED)


def test_names_may_be_numbers_where_a_heading_says_so(tmp_path: Path) -> None:
    path = put(tmp_path, "0.5,7,1,0\n" * 20 + "1.5,8,2,1\n" * 20)
    settings = {"target": "4", "header": "none"}
    np.testing.assert_array_equal(placed(path, "Input,x\n3,30\n1,10\n2,20\n", **settings), [[10], [20], [30]])
    np.testing.assert_array_equal(placed(path, "x,y\n3,30\n1,10\n2,20\n", **settings), [[3, 30], [1, 10], [2, 20]])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "x,y\n1,2\n3,4\n",
            "places.csv has 2 rows of coordinates and the data have 3 inputs: give one row for each input",
        ),
        ("a,1\nb,2\n", "places.csv has no row for the inputs c: add their coordinates"),
        (
            PLACES + "d,0,0\n",
            "places.csv has rows for d, which are no inputs of the data (b, a, c): leave them out",
        ),
        (PLACES + "a,0,0\n", "places.csv has 2 rows for 'a': leave one of them"),
        (
            "name,x\na,1\nb,nan\nc,2\n",
            "line 3 of places.csv has 'nan' in column x, and a coordinate is a number with a decimal point, "
            "within 1e+150 of 0: correct it",
        ),
        (
            "name,x\na,1\nb,-1e300\nc,2\n",
            "line 3 of places.csv has '-1e300' in column x, and a coordinate is a number with a decimal point, "
            "within 1e+150 of 0: correct it",
        ),
        (
            "name;x\na;1,5\nb;2\nc;3\n",
            "line 2 of places.csv has '1,5' in column x, and a coordinate is a number with a decimal point, "
            "within 1e+150 of 0: correct it",
        ),
        (
            "name,x,y\na,1,2\nb,1,\nc,3,4",
            "line 3 of places.csv has no coordinate in column y: say where the input lives",
        ),
        ("name,x\na,1\nb,1,2\n", "line 3 of places.csv has 3 fields and the first has 2: give each input as many"),
        ("name\na\nb\nc\n", "places.csv has names and no coordinates: add a column for each axis"),
        ("name,x\n", "places.csv has headings (name, x) and no row: give one for each input"),
        ("\n", "places.csv is empty: give it a row of coordinates for each input"),
        ('name,x\n"a"b,1\n', "line 2 of places.csv cannot be taken apart (',' expected after '\"'): correct it"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_coordinates_is_refused(table: Path, text: str, sentence: str) -> None:
    places = put(table.parent, text, "places.csv")
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z") as error:
        load_dataset(config(table, geometry=f"points:{places}"))
    assert str(error.value).replace(str(places), places.name) == sentence


def test_files_that_cannot_be_read_are_refused(table: Path) -> None:
    nowhere = table.parent / "none.csv"
    assert "which cannot be read (No such file or directory): give the path" in refused(
        table, geometry=f"points:{nowhere}"
    )
    binary = put(table.parent, b"\xff\xfe\x00", "places.csv")
    with pytest.raises(ValueError, match=r"places.csv is no text in UTF-8: save the coordinates as CSV"):
        load_dataset(config(table, geometry=f"points:{binary}"))


def test_coordinates_without_names_want_columns_in_their_order(tmp_path: Path) -> None:
    frame = pd.DataFrame({"s10": range(40), "s9": 1.5, "y": [0, 1] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    places = put(tmp_path, "1\n2\n", "places.csv")
    assert "do not ascend" in refused(tmp_path / "t.csv", geometry=f"points:{places}")
    assert placed(tmp_path / "t.csv", "1\n2\n", order="file").tolist() == [[1], [2]]
    assert placed(tmp_path / "t.csv", "s9,1\ns10,2\n").tolist() == [[2], [1]]
    assert "data.table.order = file is for columns that lie on a grid" in refused(
        tmp_path / "t.csv", geometry=f"points:{put(tmp_path, 's9,1', 'n.csv')}", order="file"
    )


def test_arrays_have_no_names_and_tables_in_memory_do(tmp_path: Path) -> None:
    x, y = FRAME[["b", "a", "c"]], FRAME["y"]
    named, bare = put(tmp_path, PLACES, "named.csv"), put(tmp_path, "3,4.5\n1,2\n-10,0\n", "bare.csv")
    for geometry, given in ((named, x), (bare, x), (bare, x.to_numpy())):
        found = siftnet.from_arrays(given, y, geometry=f"points:{geometry}")
        assert isinstance(found.geometry, Points)
        np.testing.assert_array_equal(found.geometry.coordinates, ORDERED)
    with pytest.raises(ValueError, match=r"named.csv names its 3 points \(a, b, c\) and the inputs of the data have"):
        siftnet.from_arrays(x.to_numpy(), y, geometry=f"points:{named}")


def test_what_the_file_says_identifies_a_run_and_where_it_lies_does_not(table: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(table.parent)
    one, copy, moved = (
        put(table.parent, PLACES.replace("4.5", spelled), f"{name}.csv")
        for name, spelled in (("one", "4.5"), ("copy", "4.50"), ("moved", "4.500000001"))
    )
    configs = [from_dict({"data": {"geometry": f"points:{path.name}"}}) for path in (one, copy, moved)]
    assert differing(*configs[:2]) == []
    assert len({digest(c, "data") for c in configs}) == 1
    assert differing(configs[0], from_dict({})) == ["data.geometry"]
    assert resolve_paths(configs[0]).data.geometry == f"points:{one}"
    hashes = [load_dataset(config(table, geometry=f"points:{path}")).content_hash() for path in (one, copy, moved)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_coordinates_are_in_the_hash_however_many_there_are() -> None:
    x, y = np.random.default_rng(0).normal(size=(60, 900)), np.arange(60) % 2
    coordinates = np.random.default_rng(1).random((900, 2))
    moved = coordinates.copy()
    moved[450] += 1e-9
    hashes = {
        siftnet.from_arrays(x, y, geometry=Points(c)).content_hash() for c in (coordinates, moved, coordinates[::-1])
    }
    assert len(hashes) == 3
    assert siftnet.from_arrays(x, y, geometry=Points(coordinates.copy())).content_hash() in hashes


def test_a_name_alone_is_no_number(tmp_path: Path) -> None:
    found = read_places(put(tmp_path, "column,x\n1,5\n2,6\n"))
    assert found.names == ("1", "2")
    assert found.coordinates_NA.tolist() == [[5], [6]]
