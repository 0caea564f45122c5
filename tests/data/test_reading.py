"""What is said of how data were read: what became what, who divided it, what was done to the inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from siftnet.config.fields import DataConfig, ProductsConfig, TableConfig
from siftnet.data.load import load_dataset
from siftnet.data.own_arrays import from_arrays
from siftnet.data.reading import Reading


def read_table(tmp_path: Path, *, table: dict[str, Any] | None = None, **settings: Any) -> Reading:
    """How a small table is read."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.random(60), "when": np.arange(60), "who": np.arange(60) // 3, "y": np.arange(60) % 3}
    )
    frame.to_csv(tmp_path / "small.csv", index=False)
    made = TableConfig(target="y", **(table or {}))
    reading = load_dataset(DataConfig(format="table", root=tmp_path / "small.csv", table=made, **settings)).reading
    assert reading is not None
    return reading


def read_arrays(tmp_path: Path, **more: Any) -> Reading:
    """How arrays are read: x of a given kind, and what else is saved beside x and y."""
    settings = more.pop("settings", {})
    x = more.pop("x", np.random.default_rng(0).random((60, 4, 4)))
    np.savez(tmp_path / "small.npz", x=x, y=np.arange(len(x)) % 2, **more)
    reading = load_dataset(DataConfig(format="npz", root=tmp_path / "small.npz", **settings)).reading
    assert reading is not None
    return reading


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("auto", "column y, taken for classes by data.table.task = auto"),
        ("classes", "column y, read as classes"),
        ("numbers", "column y, read as a number"),
    ],
)
def test_the_target_column_is_named_with_what_it_was_read_as(task: str, said: str, tmp_path: Path) -> None:
    reading = read_table(tmp_path, table={"task": task})
    assert (reading.source, reading.target) == ("table small.csv", said)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"labels": "random"}, "drawn at random in place of column y, read as classes"),
        ({"labels": "modulo", "modulo": 2}, "column y, read as classes, modulo 2"),
        (
            {"labels": "products"},
            "whether products of neighbours on a hidden ring of 3 sites sum to more than their training median, in "
            "place of column y, read as classes",
        ),
        (
            {"labels": "products", "products": ProductsConfig(geometry="line:1x3", order=3, noise=0.1, hidden=False)},
            "whether products of 3 neighbours in a row on a line of 3 sites in the inputs' own order sum to more than "
            "their training median, 10% of them flipped, in place of column y, read as classes",
        ),
    ],
)
def test_other_labels_than_those_given_are_said(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert read_table(tmp_path, table={"task": "classes"}, **settings).target == said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "by chance (data.seed = 0)"),
        ({"seed": 4}, "by chance (data.seed = 4)"),
        ({"group": "who"}, "by chance (data.seed = 0) in whole groups of data.group = who (20 groups)"),
        ({"split": "time"}, "the latest, in the order of the data"),
        ({"split": "time", "time": "when"}, "the latest, in order of when"),
        ({"share": 0.5}, "by chance (data.seed = 0); data.share = 0.5 of the training examples"),
    ],
)
def test_who_divided_a_table_is_said(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert read_table(tmp_path, **settings).division == said


def test_a_test_set_of_the_datas_own_is_said(tmp_path: Path) -> None:
    held_out = {"x_test": np.random.default_rng(1).random((10, 4, 4)), "y_test": np.arange(10) % 2}
    assert read_arrays(tmp_path, **held_out).division == "test as the data come, validation by chance (data.seed = 0)"
    paper = read_arrays(tmp_path, **held_out, settings={"split": "paper"})
    assert paper.division == "the data's own test set divided in two, as in the paper"


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("standard", "each input minus its training mean, divided by its training deviation"),
        ("range", "each input from its smallest to its largest training value, as 0 to 1"),
        ("none", "inputs are left as they are"),
    ],
)
def test_how_a_table_is_scaled_is_said(scale: str, said: str, tmp_path: Path) -> None:
    assert read_table(tmp_path, table={"scale": scale}).scaling == said


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.random.default_rng(0).random((60, 4, 4)), "divided by the training deviation of all inputs"),
        (np.random.default_rng(0).random((60, 3, 8, 8)), "divided by the training deviation of its channel"),
        (np.random.default_rng(0).random((60, 5)), "divided by its training deviation"),
        (np.random.default_rng(0).integers(0, 9, (60, 4, 4)), "divided by the largest training value"),
    ],
)
def test_how_arrays_are_scaled_is_said(x: np.ndarray, said: str, tmp_path: Path) -> None:
    assert read_arrays(tmp_path, x=x).scaling == f"each input minus its training mean, {said}"


def test_arrays_are_called_by_the_names_that_they_have(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.random((60, 4, 4)), np.arange(60) % 2
    np.savez(tmp_path / "own.npz", train_images=images, Labels=labels, x_val=images[:9] + 1, y_val=labels[:9])
    reading = load_dataset(DataConfig(format="npz", root=tmp_path / "own.npz")).reading
    assert reading is not None
    assert reading.source == "arrays train_images, x_val of own.npz"
    assert reading.target == "arrays Labels, y_val"
    plain = read_arrays(tmp_path)
    assert (plain.source, plain.target) == ("array x of small.npz", "array y")
    in_python = from_arrays(images, labels).reading
    assert in_python is not None
    assert (in_python.source, in_python.target) == ("array x given in Python", "array y")
