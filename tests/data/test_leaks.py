from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import siftnet
from siftnet.config.fields import DataConfig, TableConfig
from siftnet.data.leaks import note_copies
from siftnet.data.load import load_dataset
from siftnet.data.raw import MISSING, Raw
from siftnet.geometry import Unknown

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 300)
NUMBERS = RNG.normal(20, 5, 300)


def told(column: Any, labels: np.ndarray, name: str = "") -> tuple[str, ...]:
    x = np.insert(RNG.normal(size=(len(labels), 4)), 2, column, axis=1)
    kinds = None if labels.dtype.kind == "f" else 3
    names = ("a", "b", name, "c", "d") if name else ()
    raw = Raw(name="t", inputs_NI=x, labels_N=labels, classes=kinds, geometry=Unknown(5), input_names=names)
    return note_copies(raw, "y", "leave them out")


@pytest.mark.parametrize("column", [CLASSES, 5 - 2.5 * CLASSES, np.array([0.1, 9, -4])[CLASSES]])
def test_an_input_with_one_value_for_each_class(column: Any) -> None:
    assert told(column, CLASSES)[0].startswith("inputs that say the target of every row: input 2;")
    assert "of every row: dose;" in told(column, CLASSES, "dose")[0]
    some_N = np.where(np.arange(300) % 9 == 0, MISSING, CLASSES)
    assert told(column, some_N) != ()
    order = np.argsort(CLASSES, kind="stable")
    assert told(column[order], CLASSES[order]) != (), "sorted by class"
    rare_N = np.zeros(5000, np.int64)
    rare_N[4321] = 1
    assert told(3.5 * rare_N, rare_N) != ()
    column = column.copy()
    column[-1] += 1
    assert told(column, CLASSES) == ()


@pytest.mark.parametrize("column", [NUMBERS, 1.8 * NUMBERS + 32, -NUMBERS, NUMBERS * 1e9 - 7, NUMBERS / 3600])
def test_an_input_that_is_the_target_in_another_unit(column: Any) -> None:
    assert "of every row: input 2;" in told(column, NUMBERS)[0]
    assert told(np.r_[np.full(900, column[0]), column], np.r_[np.full(900, NUMBERS[0]), NUMBERS]) != ()
    some_N = np.where(np.arange(300) % 9 == 0, np.nan, NUMBERS)
    assert told(column, some_N) != ()
    assert told(column + np.abs(column).max() * 1e-6 * RNG.normal(size=300), NUMBERS) == ()


def test_what_merely_helps_is_no_copy() -> None:
    assert told(CLASSES > 0, CLASSES) == ()
    assert told(np.zeros(300), CLASSES) == ()
    assert told(np.zeros(300), NUMBERS) == ()
    assert told(NUMBERS**2, NUMBERS) == ()
    assert told(NUMBERS.round(), NUMBERS) == ()
    two = np.array([1.0, 4.0])[CLASSES % 2]
    assert told(CLASSES % 2 == 1, two) == (), "a line goes through any two"


def test_every_format_tells(tmp_path: Path) -> None:
    x = np.c_[RNG.normal(size=(300, 3)), CLASSES]
    np.savez(tmp_path / "x.npz", x=x, y=CLASSES)
    table = pd.DataFrame(x, columns=[*"abcd"]).assign(y=CLASSES)
    table.to_csv(tmp_path / "x.csv", index=False)
    as_table = DataConfig(format="table", root=tmp_path / "x.csv", table=TableConfig(target="y"))
    for dataset, told in (
        (siftnet.from_arrays(x, CLASSES), "input 3; leave them out unless"),
        (siftnet.from_arrays(table, table.y), "d, y; leave them out unless"),
        (load_dataset(DataConfig(format="npz", root=tmp_path / "x.npz")), "input 3; leave them out unless"),
        (load_dataset(as_table), "d; leave them out with data.table.drop unless"),
    ):
        assert any(f"say the target of every row: {told}" in note for note in dataset.notes)
    table.rename(columns={"d": "y.1"}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(ValueError, match=r"the column y.1 is data.table.target = y again: set data.table.drop y.1"):
        load_dataset(as_table)
    without = replace(as_table, table=TableConfig(target="y", drop=("y.1",)))
    assert load_dataset(without).input_names == ("a", "b", "c")
