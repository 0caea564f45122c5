"""A test or validation set of another unit is refused in every format; one of the same unit is taken."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from images import GREY, png
from siftnet.config.fields import DataConfig, TableConfig
from siftnet.data.load import load_dataset

TRAIN, TEST = 60, 30


def pictures(count: int, inputs: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, inputs), dtype=np.uint8)


def labels(count: int) -> np.ndarray:
    return np.arange(count) % 3


def write_idx(root: Path, train: np.ndarray, test: np.ndarray) -> DataConfig:
    for part, x in (("train", train), ("t10k", test)):
        arrays = {"images-idx3": x.reshape(len(x), 24, 128), "labels-idx1": labels(len(x)).astype(np.uint8)}
        for name, array in arrays.items():
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (root / f"{part}-{name}-ubyte").write_bytes(header + array.tobytes())
    return DataConfig(format="idx", root=root)


def write_cifar(root: Path, train: np.ndarray, test: np.ndarray) -> DataConfig:
    for name, x in (("train", train), ("test", test)):
        (root / name).write_bytes(pickle.dumps({"data": x, "fine_labels": labels(len(x)).tolist()}, 2))
    return DataConfig(format="cifar100", root=root)


def write_imagenet(root: Path, train: np.ndarray, test: np.ndarray) -> DataConfig:
    for name, x in (("train_data_batch_1", train), ("val_data", test)):
        np.savez(root / f"{name}.npz", data=x, labels=1 + labels(len(x)))
    return DataConfig(format="imagenet", root=root)


def write_folder(root: Path, train: np.ndarray, test: np.ndarray) -> DataConfig:
    for part, x in (("train", train), ("test", test)):
        for row, label in enumerate(labels(len(x))):
            path = root / part / str(label) / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(x[row].reshape(24, 128), GREY))
    return DataConfig(format="folder", root=root)


WRITERS: dict[str, Callable[[Path, np.ndarray, np.ndarray], DataConfig]] = {
    "idx": write_idx,
    "cifar": write_cifar,
    "imagenet": write_imagenet,
    "folder": write_folder,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_images_of_zeros_and_ones_are_refused_beside_bytes(tmp_path: Path, writer: str) -> None:
    train, test = pictures(TRAIN, 3072, 0), pictures(TEST, 3072, 1)
    config = WRITERS[writer](tmp_path, train, test)
    assert not [note for note in load_dataset(config).notes if "alike" in note]
    for halves in ((train, test // 128), (train // 128, test)):
        config = WRITERS[writer](tmp_path, *halves)
        with pytest.raises(ValueError, match=r"training examples are of 0 to .* test examples of 0 to .*: prepare"):
            load_dataset(config)


def test_a_validation_set_is_looked_at_as_well(tmp_path: Path) -> None:
    config = write_folder(tmp_path, pictures(TRAIN, 3072, 0), pictures(TEST, 3072, 1))
    (tmp_path / "test").rename(tmp_path / "val")
    write_folder(tmp_path, pictures(TRAIN, 3072, 0), pictures(TEST, 3072, 2))
    assert not [note for note in load_dataset(config).notes if "alike" in note]
    for path in (tmp_path / "val").rglob("*.png"):
        path.write_bytes(png(pictures(24, 128, len(path.name)) // 128, GREY))
    with pytest.raises(ValueError, match=r"validation examples of 0 to 1.*: prepare both alike"):
        load_dataset(config)


def frame(target: Any, test: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns = {"age": rng.normal(50, 10, 200), "height": rng.normal(1.7, 0.1, 200), "income": rng.lognormal(10, 1, 200)}
    return pd.DataFrame(columns | {"target": target, "split": ["train"] * (200 - test) + ["test"] * test})


def read(path: Path, table: pd.DataFrame, **settings: Any) -> tuple[str, ...]:
    table.to_csv(path / "t.csv", index=False)
    settings = {"target": "target", "split": "split"} | settings
    notes = load_dataset(DataConfig(format="table", root=path / "t.csv", table=TableConfig(**settings))).notes
    return tuple(note for note in notes if "alike" in note)


CLASSES = [["a", "b"][n % 2] for n in range(200)]
FEATURES = ["age", "height", "income"]


@pytest.mark.parametrize("columns", [FEATURES, ["height"], ["income"]])
@pytest.mark.parametrize("factor", [1000, 1 / 255])
@pytest.mark.parametrize("missing", [False, True])
def test_columns_of_a_table_are_looked_at_one_by_one(
    tmp_path: Path, columns: list[str], factor: float, missing: bool
) -> None:
    table = frame(CLASSES)
    settings = {}
    if missing:
        table.loc[::7, "height"] = np.nan
        settings = {"missing": "mean"}
    assert read(tmp_path, table, **settings) == ()
    table.loc[table.split == "test", columns] *= factor
    with pytest.raises(ValueError, match=rf"\({columns[0]}: .* two units: prepare both alike, and where") as error:
        read(tmp_path, table, **settings)
    assert str(tmp_path) in str(error.value)


def test_logarithms_are_taken_where_a_column_did_grow(tmp_path: Path) -> None:
    table = frame(CLASSES)
    table["income"] = 10 * 1.1 ** np.arange(200.0)
    table.loc[table.split == "test", "income"] *= 100
    with pytest.raises(ValueError, match="take logarithms"):
        read(tmp_path, table)
    table["income"] = np.log(table["income"])
    assert "test examples lie elsewhere than training examples (income" in read(tmp_path, table)[0]


def test_two_rows_in_thousandths_are_refused_and_rare_columns_are_not(tmp_path: Path) -> None:
    table = frame(CLASSES, test=2)
    table["rare"] = (np.arange(200) == 199) * 5.0
    read(tmp_path, table)
    table.loc[table.split == "test", FEATURES] *= 1000
    with pytest.raises(ValueError, match="two units"):
        read(tmp_path, table)


def test_numeric_targets_of_two_units_are_refused(tmp_path: Path) -> None:
    table = frame(np.random.default_rng(1).normal(300, 50, 200))
    assert read(tmp_path, table) == ()
    table.loc[table.split == "test", "target"] *= 1000
    with pytest.raises(ValueError, match=r"training targets are of .* and test targets of .*, values 9\d\d times"):
        read(tmp_path, table)


def test_validation_targets_of_two_units_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(100, 4)), "y": rng.normal(size=100), "x_val": rng.normal(size=(50, 4))}
    arrays["y_val"] = 1000 * rng.normal(size=50)
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"validation targets of .* two units"):
        load_dataset(DataConfig(format="npz", root=tmp_path / "a.npz"))
