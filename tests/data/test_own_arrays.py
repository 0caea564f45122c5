"""Arrays handed over in Python are read exactly as an .npz file of them would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch

import siftnet
from siftnet.config.fields import DataConfig, TableConfig
from siftnet.data.load import load_dataset
from siftnet.geometry import Grid, Points, Unknown

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6))
Y = RNG.integers(0, 3, 120)
TEST = {"x_test": RNG.normal(size=(30, 6)), "y_test": RNG.integers(0, 3, 30)}
OWN = {"x_val": RNG.normal(size=(20, 6)), "y_val": RNG.integers(0, 3, 20)}
IMAGES = RNG.integers(0, 256, (120, 6, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        ({"x": X, "y": Y}, {}),
        ({"x": X, "y": Y, **TEST}, {}),
        ({"x": X, "y": Y, **TEST, **OWN}, {"seed": 3}),
        ({"x": X, "y": X[:, 0], **TEST, "y_test": TEST["x_test"][:, 0]}, {}),
        ({"x": IMAGES, "y": np.array(["cat", "dog", "eel"])[Y]}, {"permute": "fixed"}),
        ({"x": IMAGES, "y": Y}, {"labels": "modulo", "modulo": 2, "share": 0.5}),
        ({"x": X, "y": np.where(Y, Y, -(2**63))}, {"missing_labels": "drop"}),
        ({"x": X, "y": Y, "who": np.arange(120) // 5}, {"group": "who"}),
        ({"x": X, "y": Y, "when": RNG.permutation(120)}, {"split": "time", "time": "when"}),
        ({"x": X + 1.7e9, "y": Y}, {"geometry": "ring:2x3"}),
        ({"x": 2**60 + np.arange(720).reshape(120, 6), "y": Y}, {}),
    ],
)
def test_the_same_as_of_a_file(tmp_path: Path, content: dict[str, Any], settings: Any) -> None:
    np.savez(tmp_path / "arrays.npz", **content)
    config = DataConfig(format="npz", root=tmp_path / "arrays.npz", **settings)
    stored = load_dataset(config)
    own = siftnet.from_arrays(config=config, **content)
    assert own.content_hash() == stored.content_hash()
    assert (own.notes, own.class_names, own.geometry) == (stored.notes, stored.class_names, stored.geometry)
    whole = siftnet.from_dict({"data": {"format": "npz", "root": str(tmp_path / "arrays.npz"), **settings}})
    assert siftnet.from_arrays(config=whole, **content).content_hash() == stored.content_hash()


SAME: dict[str, tuple[Any, Any]] = {
    "lists": (X.tolist(), Y.tolist()),
    "tables": (pd.DataFrame(X), pd.Series(Y)),
    "tables without gaps": (pd.DataFrame(X).convert_dtypes(), pd.Series(Y, dtype="Int64")),
    "tensors": (torch.tensor(X), torch.tensor(Y)),
    "parameters": (torch.nn.Parameter(torch.tensor(X)), torch.tensor(Y, dtype=torch.int16)),
    "Fortran order": (np.asfortranarray(X), Y.reshape(-1, 1)),
    "categories": (X, pd.Series(Y, dtype="category")),
    "every other": (np.repeat(X, 2, axis=0)[::2], np.repeat(Y, 2)[::2]),
}


@pytest.mark.parametrize("name", SAME)
def test_what_holds_the_arrays_makes_no_difference(name: str) -> None:
    assert siftnet.from_arrays(*SAME[name]).content_hash() == siftnet.from_arrays(X, Y).content_hash()


def test_names_of_columns_stay() -> None:
    table = pd.DataFrame(X, columns=[*"abcdef"])
    found = siftnet.from_arrays(table, Y, x_test=table[:9], y_test=Y[:9], name="mine")
    assert (found.input_names, found.name) == (("a", "b", "c", "d", "e", "f"), "mine")
    with pytest.raises(
        ValueError, match=r"x_test has the columns f, e, d, c, b, a and x a, b, .*: give x_test\[x.columns"
    ):
        siftnet.from_arrays(table, Y, x_test=table[[*"fedcba"]], y_test=Y)
    other = pl.DataFrame(table[[*"fedcba"]].to_dict("list"))
    with pytest.raises(ValueError, match=r"x_test has the columns f, e, .*: give x_test\[x.columns"):
        siftnet.from_arrays(pl.DataFrame(table.to_dict("list")), Y, x_test=other, y_test=Y)
    with pytest.raises(ValueError, match=r"x and y have the same rows in another order: give y.loc\[x.index\]"):
        siftnet.from_arrays(table, pd.Series(Y)[::-1])


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("aabcde", "columns 1 and 2 of x of siftnet.from_arrays are both named a"),
        (
            ["Unnamed: 0", *"abcde"],
            "column 1 of x of siftnet.from_arrays is named Unnamed: 0, as pandas names what",
        ),
        (["", *"abcde"], "column 1 of x of siftnet.from_arrays has no name"),
    ],
)
def test_names_of_columns_are_one_each(names: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        siftnet.from_arrays(pd.DataFrame(X, columns=list(names)), Y)


def test_columns_in_the_order_of_text_are_no_neighbours() -> None:
    table = pd.DataFrame(X, columns=["p0", "p1", "p10", "p2", "p3", "p4"])
    assert siftnet.from_arrays(table, Y).input_names[2] == "p10"
    says = r"columns of x do not ascend \(p0, p1, p10, .* put the columns in order, or give x.to_numpy\(\)"
    for geometry in ("ring:1x6", siftnet.torus(2, 3)):
        with pytest.raises(ValueError, match=says):
            siftnet.from_arrays(table, Y, geometry=geometry)
        with pytest.raises(ValueError, match=says):
            siftnet.from_arrays(table, Y, geometry=geometry, config=DataConfig(table=TableConfig(order="number")))
        stands = DataConfig(table=TableConfig(order="file"))
        assert siftnet.from_arrays(table, Y, geometry=geometry, config=stands).input_names[2] == "p10"
        assert siftnet.from_arrays(table.to_numpy(), Y, geometry=geometry).input_names == ()
        in_order = table[["p0", "p1", "p2", "p3", "p4", "p10"]]
        assert siftnet.from_arrays(in_order, Y, geometry=geometry).input_names[5] == "p10"


def test_labels_are_the_only_column_of_a_table() -> None:
    words = np.array([*"uvw"])[Y]
    assert siftnet.from_arrays(X, pd.DataFrame({"y": words})).class_names == ("u", "v", "w")
    with pytest.raises(ValueError, match=r"numpy.asarray\(y\).argmax\(axis=1\) if they are one for each class"):
        siftnet.from_arrays(X, pd.get_dummies(words))
    one_hot = np.asarray(pd.get_dummies(words)).argmax(axis=1)
    assert siftnet.from_arrays(X, one_hot).content_hash() == siftnet.from_arrays(X, words).content_hash()


def test_geometries_are_taken_as_text_or_as_they_are() -> None:
    assert siftnet.from_arrays(IMAGES, Y).geometry == Grid((6, 7), 3)
    assert siftnet.from_arrays(X, Y).geometry == Unknown(6)
    assert siftnet.from_arrays(X, Y, geometry="ring:1x6").geometry == siftnet.ring(6)
    assert siftnet.from_arrays(X, Y, geometry=siftnet.torus(2, 3)).geometry == siftnet.torus(2, 3)
    points = Points(np.arange(6.0).reshape(6, 1))
    assert siftnet.from_arrays(X, Y, geometry=points).geometry is points


def test_the_arrays_of_the_caller_stay_as_they_are() -> None:
    before = IMAGES.copy()
    found = siftnet.from_arrays(IMAGES.reshape(120, -1), Y, config=DataConfig(permute="each"))
    np.testing.assert_array_equal(IMAGES, before)
    assert not np.may_share_memory(found.inputs_NI, IMAGES)


def test_a_run_is_made_of_them(tmp_path: Path) -> None:
    small = {"network": {"layers": "f8:x"}, "train": {"steps": 5, "rewind": 1, "batch": 8}, "prune": {"rounds": 1}}
    config = siftnet.from_dict(small | {"kernel": "dense", "threads": 1})
    found = siftnet.run(config, tmp_path / "run", dataset=siftnet.from_arrays(X, Y, config=config))
    assert found.rounds() == [0, 1]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a sparse matrix": ({"x": scipy.sparse.csr_matrix(X)}, r"x is sparse .csr_matrix.: give all values, x.toarray\(\)"),
    "nothing": ({"x": None}, "x must be an array, a list, a tensor or a table, got None"),
    "a number": ({"x": 5}, r"siftnet.from_arrays has x of shape \(\), and examples have shape \(n, ...\)"),
    "text": ({"x": [["a"]] * 120}, r"has x of shape \(120, 1\) and type <U1, no numbers"),
    "objects": ({"x": [[None]] * 120}, r"type object, Python objects: make them numbers, e.g. x.astype\(float\)"),
    "masked values": ({"x": np.ma.masked_less(X, -1)}, "has .* masked values in x: fill them in or leave those"),
    "gaps": ({"x": np.where(X < -2, np.nan, X)}, "NaN or infinite values in x: fill them in"),
    "one column": ({"x": X[:, 0]}, r"has x of shape \(120,\), .* give x.reshape\(-1, 1\)"),
    "too few labels": ({"y": Y[:7]}, r"has y of shape \(7,\) for the 120 examples of x: give one value each"),
    "one-hot labels": ({"y": np.eye(3)[Y]}, r"give the class, y.argmax\(axis=1\)"),
    "labels of two kinds": ({"y": ["a", *Y[1:]]}, "y of siftnet.from_arrays holds text and whole numbers"),
    "labels that are missing": ({"y": [None, *Y[1:].tolist()]}, "1 of 120 labels of arrays are missing"),
    "masked labels": ({"y": np.ma.array(Y, mask=np.arange(120) < 3)}, "3 of 120 labels of arrays are missing"),
    "missing targets": ({"y": [None, *X[1:, 0].tolist()]}, "1 of 120 labels of arrays are missing"),
    "one class": ({"y": [1] * 120}, "all 98 training examples are of class 0 .1.: there is nothing to tell apart"),
    "a test set in other units": ({"x_test": 1000 * X, "y_test": Y}, "as if in two units: prepare both alike"),
    "no labels of the test set": ({"x_test": X}, "has x_test but no test labels, y_test: give both, or neither"),
    "a slip of the pen": ({"x_tset": X}, "has no use for x_tset: call test examples and labels x_test and y_test"),
    "groups that are not there": (
        {"config": DataConfig(group="who")},
        "data.group = who needs an array who in siftnet.f",
    ),
    "a preset's name": (
        {"config": "nlgp"},
        "config must be what siftnet.load or siftnet.from_dict makes, .* got 'nlgp'",
    ),
    "a shape for a geometry": ({"geometry": (2, 3)}, r"or a siftnet.Grid, Points or Unknown, got \(2, 3\)"),
    "another size": (
        {"geometry": siftnet.ring(7)},
        r"the geometry is ring of 7 sites, 1 channel and examples have shape \(6,\)",
    ),
    "a number for a name": ({"name": 5}, "the name of a data set is text, got 5"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(name: str) -> None:
    changes, says = REFUSED[name]
    with pytest.raises(ValueError, match=says) as error:
        siftnet.from_arrays(**({"x": X, "y": Y} | changes))
    assert "\n" not in str(error.value)
