"""What a data set is said to be, compared with pandas on the file itself, and the examples that are drawn of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import dataset
from siftnet.config.fields import DataConfig, TableConfig
from siftnet.data.dataset import Dataset
from siftnet.data.load import load_dataset
from siftnet.geometry import Grid, Unknown, ring
from siftnet.runs.describe import describe_data, describe_inputs, draw_examples
from siftnet.store.summary import DataSummary


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    """A table whose columns differ by fifteen powers of ten, with classes of very different size."""
    rng = np.random.default_rng(3)
    made = pd.DataFrame({
        "stamp": 1_700_000_000_000 + rng.integers(0, 10**9, 400),
        "julian": 2_459_000.5 + rng.integers(0, 4000, 400) / 2,
        "tiny": np.round(rng.random(400), 4) * 1e-7,
        "price": np.round(rng.lognormal(3, 1, 400), 2),
        "kind": rng.choice(["ash", "beech", "oak"], 400, p=[0.7, 0.25, 0.05]),
    })  # fmt: skip
    made.to_csv(tmp_path / "trees.csv", index=False)
    return made


def load(tmp_path: Path, target: str, *, table: dict[str, Any] | None = None, **settings: Any) -> Dataset:
    """The table as a data set, the other kind of target left out."""
    path = tmp_path / f"{target}.csv"
    left_out = {"kind": "price", "price": "kind"}[target]
    pd.read_csv(tmp_path / "trees.csv").drop(columns=left_out).to_csv(path, index=False)
    made = TableConfig(target=target, **(table or {}))
    return load_dataset(DataConfig(format="table", root=path, table=made, validation=40, **settings))


def test_classes_are_counted_as_pandas_counts_them(frame: pd.DataFrame, tmp_path: Path) -> None:
    data = load(tmp_path, "kind")
    found = describe_data(data)
    assert found.class_names == ("ash", "beech", "oak")
    for split, rows in data.splits.items():
        counted = frame["kind"].iloc[rows].value_counts()
        assert found.class_counts[split] == tuple(counted.get(name, 0) for name in found.class_names)
        assert found.examples[split] == sum(found.class_counts[split])
    assert (found.left_over, found.numeric_targets) == (0, None)


def test_numeric_targets_are_those_of_the_file(frame: pd.DataFrame, tmp_path: Path) -> None:
    data = load(tmp_path, "price")
    found = describe_data(data).numeric_targets
    assert found is not None
    for split, rows in data.splits.items():
        told = frame["price"].iloc[rows].describe()
        spread = found.spread[split]
        assert (spread.low, spread.high) == (told["min"], told["max"])
        assert spread.mean == pytest.approx(told["mean"], rel=1e-6)
        assert spread.deviation == pytest.approx(frame["price"].iloc[rows].std(ddof=0), rel=1e-6)
    train = frame["price"].iloc[data.splits["train"]]
    assert (found.taken_off, found.divisor) == pytest.approx((train.mean(), train.std(ddof=0)))


def test_examples_that_are_in_no_split_are_counted(frame: pd.DataFrame, tmp_path: Path) -> None:
    found = describe_data(load(tmp_path, "kind", share=0.5))
    assert found.left_over == len(frame) - sum(found.examples.values()) > 100


@pytest.mark.parametrize("scale", ["standard", "range", "none"])
@pytest.mark.parametrize("permute", ["none", "fixed"])
def test_examples_are_shown_as_the_file_has_them(scale: str, permute: Any, frame: pd.DataFrame, tmp_path: Path) -> None:
    data = load(tmp_path, "kind", table={"scale": scale}, permute=permute)
    shown = draw_examples(data, seed=0)
    order = data.permutation_I if permute == "fixed" else np.arange(3)
    own_EI = frame[["stamp", "julian", "tiny"]].to_numpy(np.float64)[shown.rows_E][:, order]
    # Unscaled they are single precision's; scaled, their spread has its digits.
    spread_I = np.ptp(frame[["stamp", "julian", "tiny"]].to_numpy(np.float64), axis=0)[order]
    within = np.abs(own_EI) * 1e-6 if scale == "none" else np.broadcast_to(spread_I * 2e-6, own_EI.shape)
    assert (np.abs(shown.inputs_EI - own_EI) <= within).all()
    if scale != "none":
        np.testing.assert_allclose(shown.inputs_EI[:, order == 1], own_EI[:, order == 1], rtol=0, atol=0)
    assert [data.class_names[c] for c in shown.labels_E] == frame["kind"].iloc[shown.rows_E].tolist()


def test_examples_that_were_each_shuffled_are_shown_as_they_are(frame: pd.DataFrame, tmp_path: Path) -> None:
    data = load(tmp_path, "kind", permute="each")
    shown = draw_examples(data, seed=0)
    np.testing.assert_allclose(shown.inputs_EI, data.inputs_NI[shown.rows_E], rtol=1e-6)


def test_bytes_are_shown_as_they_are() -> None:
    data = dataset(integers=True)
    shown = draw_examples(data, seed=0)
    assert shown.inputs_EI.dtype == np.uint8
    assert (shown.inputs_EI == data.inputs_NI[shown.rows_E]).all()


def with_labels(labels: list[int], classes: int) -> Dataset:
    """A data set with these labels in training, one of class 0 each in validation and test."""
    count = len(labels)
    return Dataset(
        name="labelled",
        inputs_NI=np.zeros((count + 2, 1), np.float32),
        labels_N=np.array([*labels, 0, 0]),
        classes=classes,
        geometry=Unknown(1),
        splits={"train": np.arange(count), "validation": np.array([count]), "test": np.array([count + 1])},
        center_I=np.zeros(1, np.float32),
        scale_I=np.ones(1, np.float32),
    )


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40), st.integers(0, 5))
def test_examples_are_different_ones_of_as_many_classes_as_there_are(labels: list[int], seed: int) -> None:
    if len(set(labels)) < 2:
        return
    data = with_labels(labels, 6)
    shown = draw_examples(data, seed)
    count = min(3, len(labels))
    assert len(set(shown.rows_E.tolist())) == count
    assert len(set(shown.labels_E.tolist())) == min(3, len(set(labels)))
    assert (np.array(labels)[shown.rows_E] == shown.labels_E).all()
    assert (np.diff(shown.labels_E) >= 0).all()


def test_examples_are_drawn_by_the_seed() -> None:
    data = dataset()
    rows = [draw_examples(data, seed).rows_E.tolist() for seed in (0, 0, 1, 2)]
    assert rows[0] == rows[1]
    assert rows[0] != rows[2] or rows[0] != rows[3]


def test_examples_of_numbers_are_a_small_a_middle_and_a_large_one() -> None:
    data = dataset(classes=None)
    ordered = np.sort(data.labels_N[data.splits["train"]])
    third = len(ordered) // 3
    low, middle, high = draw_examples(data, seed=0).labels_E
    assert low <= ordered[third + 1] <= middle + 1e-6
    assert middle <= ordered[2 * third + 1] <= high + 1e-6


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_targets_of_a_data_set_made_in_python_keep_their_size(size: float) -> None:
    data = dataset(classes=None)
    data = replace(data, labels_N=(data.labels_N * size).astype(np.float32))
    found = describe_data(data).numeric_targets
    assert found is not None
    train = data.labels_N[data.splits["train"]].astype(np.float64)
    assert found.spread["train"].deviation == pytest.approx(train.std(), rel=1e-5)
    assert (found.taken_off, found.divisor) == (0, 1)


def test_a_data_set_made_in_python_says_so() -> None:
    data = dataset()
    assert describe_data(data).source == "a Dataset made in Python"
    assert describe_data(data).scaling == "inputs are left as they are"
    assert describe_data(dataset(integers=True)).scaling == "each input minus its center_I, times its scale_I"


@pytest.mark.parametrize("classes", [3, None])
def test_a_description_is_read_back(classes: int | None) -> None:
    found = describe_data(dataset(classes=classes))
    assert DataSummary.from_dict(found.to_dict()) == found


@pytest.mark.parametrize(
    ("labels", "order_I", "said"),
    [
        (ring(16), np.arange(16)[::-1], "ring of 16 sites in another order"),
        (ring(16), np.arange(16), "ring of 16 sites"),
        (Grid((4, 4)), np.arange(16)[::-1], "4 x 4 grid in another order"),
        (Grid((4, 4)), np.arange(16), None),
    ],
)
def test_where_labels_have_their_neighbours_is_read_back(labels: Grid, order_I: np.ndarray, said: str | None) -> None:
    data = replace(dataset(Grid((4, 4))), label_geometry=labels, label_order_I=order_I)
    found = describe_data(data)
    assert found.label_geometry == labels
    assert found.elsewhere == said
    assert DataSummary.from_dict(found.to_dict()) == found
    assert data.content_hash() == dataset(Grid((4, 4))).content_hash(), "training does not see it"
    assert describe_inputs(data)["label_order_I"].tolist() == order_I.tolist()


def test_a_description_of_before_is_read_back_without_what_it_lacks() -> None:
    found = describe_data(dataset())
    new = ("left_over", "class_counts", "numeric_targets", "source", "target", "division", "scaling")
    newer = ("label_geometry", "label_order")
    older = DataSummary.from_dict({name: value for name, value in found.to_dict().items() if name not in new + newer})
    assert (older.left_over, older.class_counts, older.numeric_targets) == (None, {}, None)
    assert older == replace(found, left_over=None, class_counts={}, source="", target="", division="", scaling="")


@pytest.mark.parametrize(
    "changes",
    [
        {"class_counts": {"train": [1, 2]}},
        {"class_counts": {"train": ["1", 2, 3]}},
        {"class_counts": [1]},
        {"numeric_targets": {"taken_off": 0}},
        {"numeric_targets": 3},
        {"label_geometry": {"kind": "grid", "shape": [15], "channels": 1, "periodic": True}},
        {"label_geometry": {"kind": "unknown", "size": 16}},
        {"label_geometry": "ring"},
        {"label_order": "none"},
    ],
)
def test_a_damaged_description_is_no_description(changes: dict[str, Any]) -> None:
    with pytest.raises((TypeError, KeyError, AttributeError)):
        DataSummary.from_dict(describe_data(dataset()).to_dict() | changes)
