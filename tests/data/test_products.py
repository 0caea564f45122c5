"""Labels from products of neighbours, by hand and against NumPy written out in the hidden order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from builders import SMALL, config
from siftnet.config.fields import DataConfig, ProductsConfig, SyntheticConfig, TableConfig
from siftnet.data import products
from siftnet.data.dataset import Dataset
from siftnet.data.load import load_dataset
from siftnet.data.own_arrays import from_arrays
from siftnet.data.products import sum_of_products
from siftnet.geometry import Grid, ring, torus
from siftnet.runs.single import run
from siftnet.store.run import Run

FIELD = DataConfig(
    format="field",
    labels="products",
    synthetic=SyntheticConfig(shape=(12,), xi=(1.0,), examples=2000, test=500),
)


def made(x: np.ndarray, permute: Any = "none", **settings: Any) -> Dataset:
    """Arrays with labels from products; those that they come with say nothing."""
    asked = DataConfig(labels="products", products=ProductsConfig(**settings), permute=permute)
    return from_arrays(x, np.arange(len(x)) % 2, config=asked)


def test_a_case_by_hand() -> None:
    x = np.array([[1.0, 2, -1, 3]])
    # Ring: 1*2 - 2*1 - 1*3 + 3*1; without its last term on a line; 1*2*-1 + 2*-1*3 - 1*3*1 + 3*1*2 in threes.
    assert sum_of_products(x, ring(4), 2).tolist() == [0]
    assert sum_of_products(x, Grid((4,)), 2).tolist() == [-3]
    assert sum_of_products(x, ring(4), 3).tolist() == [-5]
    assert sum_of_products(x, Grid((4,)), 3).tolist() == [-8]
    # Two channels of two sites: 1*2 and -1*3, and each pair once although both ends touch.
    assert sum_of_products(x, ring(2, channels=2), 2).tolist() == [-1]
    # Rows 1*2 and -1*3, columns 1*-1 and 2*3, on a grid as on a torus of two by two.
    assert sum_of_products(x, Grid((2, 2)), 2).tolist() == sum_of_products(x, torus(2, 2), 2).tolist() == [4]
    # All in one row.
    assert sum_of_products(x, ring(4), 4).tolist() == [-6]


def expected(data: Dataset, x_NI: np.ndarray, order: int) -> np.ndarray:
    """Labels by np.roll over the standardised inputs in their hidden order, split at the training median."""
    grid, train = data.label_geometry, data.splits["train"]
    assert grid is not None
    assert data.label_order_I is not None
    deviation_I = x_NI[train].std(0)
    z_NI = (x_NI - x_NI[train].mean(0)) / np.where(deviation_I > 0, deviation_I, 1)
    placed_NI = np.empty_like(z_NI)
    placed_NI[:, data.label_order_I] = z_NI
    field = placed_NI.reshape(len(x_NI), grid.channels, *grid.shape)
    total_N = np.zeros(len(x_NI))
    for axis in range(2, field.ndim):
        product = np.prod([np.roll(field, -k, axis) for k in range(order)], axis=0)
        if not grid.periodic:
            product = product.take(range(field.shape[axis] - order + 1), axis)
        total_N += product.reshape(len(x_NI), -1).sum(1)
    high_N: np.ndarray = total_N > np.median(total_N[train])
    return high_N.astype(np.int64)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("geometry", ["", "line:1x24", "ring:2x12", "torus:1x4x6", "grid:2x3x4", "volume:2x3x4x3"])
@pytest.mark.parametrize("hidden", [True, False])
def test_labels_are_those_of_numpy_in_the_hidden_order(
    geometry: str, order: int, hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "CHUNK", 500)
    inputs = 72 if geometry == "volume:2x3x4x3" else 24
    x_NI = np.random.default_rng(0).normal(5, np.linspace(0.1, 30, inputs), (400, inputs))
    data = made(x_NI, geometry=geometry, order=order, hidden=hidden)
    assert (data.classes, data.class_names) == (2, ("products low", "products high"))
    assert data.labels_N.tolist() == expected(data, x_NI, order).tolist()
    assert data.label_geometry is not None
    assert data.label_geometry.size == inputs
    assert data.label_order_I is not None
    assert (data.label_order_I.tolist() == list(range(inputs))) is not hidden
    # Their own scale does not matter, nor the labels that they came with.
    assert np.bincount(data.labels_N[data.splits["train"]]).tolist() == [162, 162]


def test_the_comparison_sees_another_order() -> None:
    x_NI = np.random.default_rng(0).normal(size=(400, 24))
    data = made(x_NI)
    assert data.label_order_I is not None
    wrong = replace(data, label_order_I=np.roll(data.label_order_I, 1)[::-1])
    assert expected(wrong, x_NI, 2).tolist() != data.labels_N.tolist()


def test_training_examples_alone_decide() -> None:
    x_NI = np.random.default_rng(0).normal(size=(400, 8))
    before = made(x_NI)
    others = np.setdiff1d(np.arange(400), before.splits["train"])
    changed_NI = x_NI.copy()
    changed_NI[others] = 3 + 5 * x_NI[others]
    after, train = made(changed_NI), before.splits["train"]
    assert after.labels_N[train].tolist() == before.labels_N[train].tolist()
    assert after.labels_N.tolist() == expected(after, changed_NI, 2).tolist()
    assert after.labels_N[others].mean() > 0.8, "their own median would give a half"


@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_a_share_of_the_labels_is_flipped_in_every_split(noise: float) -> None:
    data = replace(FIELD, synthetic=replace(FIELD.synthetic, examples=20_000, test=4000))
    clean, noisy = (load_dataset(replace(data, products=ProductsConfig(noise=share))) for share in (0.0, noise))
    for rows in clean.splits.values():
        flipped = (clean.labels_N[rows] != noisy.labels_N[rows]).mean()
        assert flipped == pytest.approx(noise, abs=4 * np.sqrt(noise * (1 - noise) / len(rows)))
    assert (clean.inputs_NI == noisy.inputs_NI).all()
    assert clean.label_order_I is not None
    assert noisy.label_order_I is not None
    assert (clean.label_order_I == noisy.label_order_I).all()


def test_the_order_is_drawn_by_the_seed_of_the_data() -> None:
    one, again, other = (load_dataset(replace(FIELD, seed=seed)).label_order_I for seed in (0, 0, 1))
    np.testing.assert_array_equal(np.asarray(one), np.asarray(again))
    assert not np.array_equal(np.asarray(one), np.asarray(other))


def neighbours_found(likeness_II: np.ndarray, place_I: np.ndarray) -> float:
    """Share of each input's two most alike that are beside it on a ring."""
    nearest_I2 = np.argsort(-likeness_II + 1e9 * np.eye(len(place_I)))[:, :2]
    apart_I2 = np.abs(place_I[nearest_I2] - place_I[:, None])
    return float((np.minimum(apart_I2, len(place_I) - apart_I2) == 1).mean())


def test_correlations_know_one_ring_and_the_labels_another() -> None:
    data = load_dataset(replace(FIELD, synthetic=replace(FIELD.synthetic, shape=(20,), examples=20_000)))
    rows, hidden_I, own_I = data.splits["train"], data.label_order_I, np.arange(20)
    assert hidden_I is not None
    x_NI, sign_N = data.inputs_NI[rows].astype(np.float64), 2 * data.labels_N[rows] - 1.0
    correlation_II = np.corrcoef(x_NI.T)
    signed_II = np.abs((x_NI * sign_N[:, None]).T @ x_NI)
    assert neighbours_found(correlation_II, own_I) == 1
    assert neighbours_found(correlation_II, hidden_I) < 0.3
    assert neighbours_found(signed_II, hidden_I) > 0.9
    assert neighbours_found(signed_II, own_I) < 0.3
    # No linear function knows anything of them.
    assert np.abs((x_NI * sign_N[:, None]).mean(0)).max() < 5 / np.sqrt(len(x_NI))


@pytest.mark.parametrize("permute", ["fixed", "each"])
def test_labels_are_of_the_inputs_before_they_are_permuted(permute: Any) -> None:
    x_NI = np.random.default_rng(0).normal(size=(300, 10)).astype(np.float32)
    plain, permuted = made(x_NI), made(x_NI, permute=permute)
    assert permuted.labels_N.tolist() == plain.labels_N.tolist()
    assert permuted.label_order_I is not None
    assert plain.label_order_I is not None
    assert permuted.label_order_I.tolist() == plain.label_order_I.tolist()
    if permute == "fixed":
        assert permuted.permutation_I is not None
        back_NI = np.empty_like(permuted.inputs_NI)
        back_NI[:, permuted.permutation_I] = permuted.inputs_NI
        assert expected(permuted, back_NI.astype(np.float64), 2).tolist() == plain.labels_N.tolist()


def test_images_stay_images_and_get_labels_of_a_hidden_grid(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (200, 3, 4, 4), dtype=np.uint8)
    x[:, 0, 0, 0] = 7
    np.savez(tmp_path / "images.npz", x=x, y=np.arange(200) % 5)
    asked = DataConfig(format="npz", root=tmp_path / "images.npz", labels="products")
    data = load_dataset(replace(asked, products=ProductsConfig(geometry="grid:3x4x4")))
    assert (data.geometry, data.label_geometry) == (Grid((4, 4), 3), Grid((4, 4), 3))
    assert data.inputs_NI.dtype == np.uint8
    assert data.reading is not None
    assert data.reading.target.startswith(
        "whether products of neighbours on a hidden 4 x 4 grid with 3 channels sum to"
    )
    assert data.inputs_NI.tolist() == x.reshape(200, -1).tolist()
    # One of them never changes, and adds nothing.
    assert data.labels_N.tolist() == expected(data, x.reshape(200, -1).astype(np.float64), 2).tolist()
    by_ring = load_dataset(replace(asked, products=ProductsConfig()))
    assert by_ring.label_geometry == ring(48)
    assert by_ring.labels_N.tolist() != data.labels_N.tolist()


def test_a_table_is_filled_in_before_its_products_are_taken(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 6)), columns=[*"abcdef"])
    frame["y"] = rng.normal(size=200)
    holes = frame.copy()
    holes.loc[::7, "c"] = np.nan
    holes.to_csv(tmp_path / "t.csv", index=False)
    table = TableConfig(target="y", missing="zero", scale="none")
    data = load_dataset(DataConfig(format="table", root=tmp_path / "t.csv", labels="products", table=table))
    filled_NI = holes.drop(columns="y").fillna(0).to_numpy()
    assert data.labels_N.tolist() == expected(data, filled_NI, 2).tolist()
    assert (data.classes, data.target_mean, data.target_deviation) == (2, 0, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"geometry": "ring:1x7"},
            r"data\.products\.geometry = ring:1x7 has 7 inputs and the data have 8: correct one",
        ),
        (
            {"geometry": "unknown"},
            r"products\.geometry = unknown is not understood: give nothing for a ring of all inputs, g",
        ),
        ({"geometry": "ring"}, r"is not understood: .* grid:CxHxW, ring:CxN, line:CxN, torus:CxHxW or volume:CxDxHxW"),
        (
            {"order": 9},
            r"order = 9 multiplies more neighbours than lie in a row on a ring of 8 sites, .*: lower it, or set",
        ),
        ({"geometry": "grid:2x2x2", "order": 3}, r"in a row on a 2 x 2 grid, 2 channels: lower it, or set another"),
        ({"geometry": "line:8x1"}, r"in a row on a line of 1 site, 8 channels: lower it"),
    ],
)
def test_geometries_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    x_NI = np.random.default_rng(0).normal(size=(100, 8))
    with pytest.raises(ValueError, match=message):
        made(x_NI, **settings)


def test_inputs_that_hardly_vary_are_refused() -> None:
    x_NI = np.zeros((100, 8))
    x_NI[3, 2] = 1
    with pytest.raises(ValueError, match=r"ring of 8 sites, .* are alike in most .* all labels would be 0: use inputs"):
        made(x_NI)


def test_a_run_keeps_where_its_labels_have_their_neighbours(tmp_path: Path) -> None:
    settings = SMALL | {"data": {"format": "field", "labels": "products", "permute": "fixed"}}
    settings["data"]["synthetic"] = {"shape": [12], "xi": [1.0], "examples": 300, "test": 50}
    stored = Run(run(config(settings, prune__rounds=1), tmp_path / "run").path)
    data = load_dataset(stored.config.data)
    assert stored.data.label_geometry == ring(12)
    assert stored.data.elsewhere == "ring of 12 sites in another order"
    assert data.label_order_I is not None
    assert stored.inputs()["label_order_I"].tolist() == data.label_order_I.tolist()
    assert data.permutation_I is not None
    assert stored.inputs()["permutation_I"].tolist() == data.permutation_I.tolist()
