"""Columns of parquet by the types that the file says they have."""

from __future__ import annotations

import datetime
import io
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fuzz import thrift
from siftnet.geometry import Grid
from tables import read, refused

ROWS = 20
A, Y = [float(k) for k in range(ROWS)], [k // 2 % 2 for k in range(ROWS)]


def packed(root: Path, **columns: Any) -> Path:
    pq.write_table(pa.table({"a": A, "y": Y} | columns), root / "t.parquet")
    return root / "t.parquet"


@pytest.mark.parametrize(
    ("index", "mend"),
    [
        (lambda frame: frame.set_index("b"), lambda frame: frame.reset_index()),
        (lambda frame: frame.set_index("b"), lambda frame: frame.reset_index(drop=True)),
        (lambda frame: frame.iloc[[3, 1, 2, 8, 5, 9]], lambda frame: frame.reset_index(drop=True)),
    ],
)
def test_row_names_are_refused_and_the_remedy_works(
    index: Callable[[Any], Any], mend: Callable[[Any], Any], tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    named = index(pd.DataFrame({"a": A, "b": A[::-1], "y": Y}))
    named.to_parquet(path)
    assert "has row names (a pandas index)" in refused(path)
    mended = mend(named)
    mended.to_parquet(path)
    names = [name for name in mended.columns if name != "y"]
    raw = read(path)
    assert raw.input_names == tuple(names)
    assert raw.inputs_NI.tolist() == mended[names].to_numpy().tolist()


def test_row_names_that_a_setting_names_are_no_loss(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": A, "b": Y, "y": Y}).set_index("y").to_parquet(path)
    assert read(path).labels_N.tolist() == Y
    assert read(path, target="b", group="y").group_N is not None


def test_row_numbers_that_lost_their_meaning(tmp_path: Path) -> None:
    assert "is named __index_level_0__" in refused(packed(tmp_path, __index_level_0__=A))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (pa.array([datetime.datetime(2026, 1, 1)] * ROWS), "is timestamp.us., not numeric: turn dates into numbers"),
        (pa.array([datetime.date(2026, 1, 1)] * ROWS), "is date32.day., not numeric: turn dates into numbers"),
        (pa.array([[1, 2]] * ROWS), "is list<element: int64>, not numeric: turn it into columns of numbers"),
        (pa.array([{"q": 1}] * ROWS), "is struct<q: int64>, not numeric"),
        (pa.array(["red", "blue"] * 10), "has 'red' in row 1, text, not numeric: .* data.table.text one_hot"),
        (pa.array(["1.5", "2.5"] * 10), "is string that spells numbers, not numeric: save it as numbers"),
        (pa.array(["r", "s"] * 10).dictionary_encode(), "is categories, not numeric: .* data.table.text one_hot"),
        (pa.array([1.0, float("inf")] * 10), "has 10 infinite values, the first in row 2"),
        (pa.array([1, None] * 10), r"has missing values .b 10.: set data.table.missing"),
    ],
)
def test_columns_that_are_no_numbers(values: Any, told: str, tmp_path: Path) -> None:
    path = packed(tmp_path, b=values)
    with pytest.raises(ValueError, match=told):
        read(path)
    if "one_hot" in told:
        assert read(path, text="one_hot").inputs_NI.shape == (ROWS, 3)


@pytest.mark.parametrize(
    ("values", "read_as"),
    [
        (pa.array([Decimal(k) / 10 for k in range(ROWS)]), [k / 10 for k in range(ROWS)]),
        (pa.array([True, False] * 10), [1.0, 0.0] * 10),
        (pa.array(range(ROWS), pa.uint8()), list(range(ROWS))),
        (pa.array(np.arange(ROWS, dtype=np.float16)), list(range(ROWS))),
    ],
)
def test_columns_of_numbers(values: Any, read_as: list[float], tmp_path: Path) -> None:
    assert read(packed(tmp_path, b=values)).inputs_NI[:, 1].tolist() == read_as


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (pa.array([Decimal(k % 2) for k in range(ROWS)]), ("0", "1")),
        (pa.array([True, False] * 10), ("False", "True")),
        (pa.array([b"x", b"z"] * 10), ("x", "z")),
        (pa.array([3, 40] * 10).dictionary_encode(), ("3", "40")),
        (pa.array(["x", None] * 10), ("x",)),
        (pa.array(np.array([1, 0] * 10, np.uint8)), ("0", "1")),
    ],
)
def test_targets_of_all_kinds(values: Any, names: tuple[str, ...], tmp_path: Path) -> None:
    assert read(packed(tmp_path, y=values)).class_names == names


def test_targets_that_are_none(tmp_path: Path) -> None:
    assert "the target column y of t.parquet is list" in refused(packed(tmp_path, y=pa.array([[1]] * ROWS)))
    assert "has no value in any row" in refused(packed(tmp_path, y=pa.array([None] * ROWS)))
    moments = pa.array([datetime.datetime(2026, 1, 1 + k % 2) for k in range(ROWS)])
    assert "set data.table.task classes" in refused(packed(tmp_path, y=moments))
    assert read(packed(tmp_path, y=moments), task="classes").classes == 2


def test_settings_of_csv_alone(tmp_path: Path) -> None:
    for settings in ({"separator": "tab"}, {"header": "none"}, {"decimal": "comma"}):
        assert "is for CSV, and t.parquet is parquet" in refused(packed(tmp_path), **settings)


def test_names_given_twice(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array(A), pa.array(A), pa.array(Y)], ["a", "a", "y"])
    pq.write_table(twice, tmp_path / "t.parquet")
    assert "columns 1 and 2 of t.parquet are both named a" in refused(tmp_path / "t.parquet")


def picture(seed: int, size: tuple[int, int] = (5, 4), mode: str = "RGB") -> bytes:
    values = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(values).convert(mode).save(target, "PNG")
    return target.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("struct", [True, False])
def test_images_are_read_as_images(mode: str, struct: bool, tmp_path: Path) -> None:
    files = [picture(k, mode=mode) for k in range(ROWS)]
    column = [{"bytes": data, "path": f"{k}.png"} for k, data in enumerate(files)] if struct else files
    pq.write_table(pa.table({"image": column, "y": Y}), tmp_path / "t.parquet")
    raw = read(tmp_path / "t.parquet")
    channels = len(mode)
    assert (raw.geometry, raw.scaling) == (Grid((5, 4), channels), "pixels")
    expected = [np.array(Image.open(io.BytesIO(data))).reshape(5, 4, channels) for data in files]
    assert raw.inputs_NI.reshape(ROWS, channels, 5, 4).transpose(0, 2, 3, 1).tolist() == np.array(expected).tolist()
    assert read(tmp_path / "t.parquet", geometry=f"grid:{channels}x5x4").geometry == raw.geometry
    assert "does not fit images of" in refused(tmp_path / "t.parquet", geometry=f"grid:{channels}x4x5")


@pytest.mark.parametrize(
    ("column", "more", "told"),
    [
        (
            [picture(k, (5, 4 + k // 9)) for k in range(ROWS)],
            {},
            r"the image in row 10 .* bring all images to one size",
        ),
        ([{"bytes": None, "path": "x.png"}] * ROWS, {}, "lacks 20 images, the first in row 1: store their bytes in it"),
        ([b"abc"] * ROWS, {}, "the image in row 1 of .* cannot be read as an image"),
        ([picture(0)[:-20]] * ROWS, {}, "the image in row 1 of .* cannot be read as an image"),
        ([picture(k) for k in range(ROWS)], {"b": A}, r"and further columns .b.: name those with data.table.drop"),
    ],
)
def test_images_that_cannot_be_read(column: list[Any], more: Any, told: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": column, "y": Y} | more), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=told):
        read(tmp_path / "t.parquet")


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    packed(tmp_path)
    assert "is a folder of 1 parquet files: make one file of them" in refused(tmp_path)


@pytest.mark.parametrize("values", [[3, 1, 20, 100], [0.5, 1.5, 2.0, 3.0], ["r", "s", "t", "u"], [True, False] * 2])
def test_what_pandas_calls_categories_is_no_amount(values: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"b": pd.Categorical(values * 10), "a": range(40), "y": [0, 1] * 20})
    frame.to_parquet(path)
    assert "column b of t.parquet is categories, not numeric" in refused(path)
    raw = read(path, text="one_hot")
    expected = pd.get_dummies(frame["b"], dtype=float).to_numpy()
    assert raw.inputs_NI[:, :-1].tolist() == expected.tolist()
    assert raw.input_names[:-1] == tuple(
        f"b={name:g}" if isinstance(name, float) else f"b={name}" for name in frame["b"].cat.categories
    )


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64"])
def test_categories_of_many_numbers_are_classes(dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    labels = pd.Series(range(40), dtype=dtype).astype("category")
    pd.DataFrame({"a": range(400), "y": pd.concat([labels] * 10, ignore_index=True)}).to_parquet(path)
    assert read(path).class_names == tuple(map(str, range(40)))
    assert "is categories, not numbers: set data.table.task classes, or save" in refused(path, task="numbers")


@pytest.mark.parametrize("place", ["b", "y"])
def test_text_with_decimal_commas_has_a_remedy_in_parquet(place: str, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"a": range(20), "b": 1.0, "y": [0, 1] * 10}).assign(**{place: ["0,5", "1,5"] * 10})
    frame.to_parquet(path)
    told = refused(path)
    assert "'0,5' in row 1, a number with a comma" in told
    assert "save the column as numbers, e.g. column.str.replace(',', '.').astype(float) in pandas" in told
    assert "decimal comma" not in told
    frame.assign(**{place: frame[place].str.replace(",", ".").astype(float)}).to_parquet(path)
    raw = read(path)
    assert (raw.inputs_NI[:, 1] if place == "b" else raw.labels_N).tolist() == [0.5, 1.5] * 10


def test_long_names_are_cut_in_messages(tmp_path: Path) -> None:
    name = "x" * 700
    frame = pd.DataFrame({name: [b"no image"] * 4, "b": range(4), "y": ["1,5", "2", "3", "4"]})
    frame.to_parquet(tmp_path / "t.parquet")
    path = tmp_path / "t.parquet"
    wrong: list[dict[str, Any]] = [{"target": "b"}, {"task": "numbers"}, {"group": "z"}, {"target": name}]
    for settings in wrong:
        assert len(refused(path, **settings)) < 600
    frame[name] = ["p", "q", "p", "q"]
    frame["y"] = [0, 1, 0, 1]
    frame.to_parquet(path)
    assert len(refused(path)) < 600
    assert read(path, drop=(name,)).input_names == ("b",)
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert "set data.table.drop to its name" in refused(tmp_path / "t.csv")


def with_footer(data: bytes, change: Callable[[thrift.Struct], None]) -> bytes:
    """A parquet file whose footer is changed."""
    length = int.from_bytes(data[-8:-4], "little")
    footer = thrift.Reader(data[-8 - length : -8]).struct()
    change(footer)
    packed = thrift.pack(footer)
    return data[: -8 - length] + packed + len(packed).to_bytes(4, "little") + data[-4:]


def field(struct: thrift.Struct, number: int) -> Any:
    return next(field for field in struct.fields if field.number == number)


def widen(footer: thrift.Struct) -> None:
    """The column b has bytes of a length of two billion."""
    field(footer.get(2).items[3], 2).value = 2**31 - 1


def test_a_small_file_that_claims_to_be_vast(tmp_path: Path) -> None:
    path = packed(tmp_path, b=pa.array([bytes(4)] * ROWS, pa.binary(4)))
    path.write_bytes(with_footer(path.read_bytes(), widen))
    told = "says that it holds 20 rows of 3 columns, 42,949,673,260 bytes, more than 1,000 times its size"
    assert told in refused(path)


def require_values(footer: thrift.Struct) -> None:
    """No value of the first column is missing, it says, where its parts say how many are."""
    field(footer.get(2).items[1], 3).value = 0


def test_damage_that_ends_the_process_where_parts_are_looked_at(tmp_path: Path) -> None:
    path = packed(tmp_path)
    path.write_bytes(with_footer(path.read_bytes(), require_values))
    code = "import sys; from tables import *; from pathlib import Path; load_dataset(config(Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
