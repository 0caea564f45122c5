from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from siftnet.config.fields import DataConfig, ProductsConfig, SyntheticConfig, TableConfig
from siftnet.data.formats.registry import READERS
from siftnet.data.load import load_dataset
from siftnet.geometry import Grid


def write(root: Path, x: Any = None, y: Any = None, **content: Any) -> Any:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (100, 3, 8, 8), dtype=np.uint8) if x is None else x
    np.savez(root / "x.npz", x=x, y=np.arange(len(x)) % 4 if y is None else y, **content)
    return x


def config(root: Path, **changes: Any) -> Any:
    return DataConfig(format="npz", root=root / "x.npz", **changes)


def test_bytes_stay_bytes_and_are_centred_by_training_alone(tmp_path: Path) -> None:
    x = write(tmp_path)
    dataset = load_dataset(config(tmp_path))
    assert dataset.inputs_NI.dtype == np.uint8
    assert dataset.geometry == Grid((8, 8), 3)
    assert {name: len(rows) for name, rows in dataset.splits.items()} == {"train": 81, "validation": 9, "test": 10}
    flat = x.reshape(100, -1)
    np.testing.assert_allclose(dataset.center_I, flat[dataset.splits["train"]].mean(axis=0), rtol=1e-6)
    assert np.abs(dataset.center_I - flat.mean(axis=0)).max() > 1, "the test could not tell them apart"
    np.testing.assert_allclose(dataset.scale_I, 1 / 255, rtol=1e-6)
    assert dataset.center_I.dtype == dataset.scale_I.dtype == np.float32


def test_zeros_and_ones_are_not_divided_by_255(tmp_path: Path) -> None:
    write(tmp_path, np.random.default_rng(0).random((100, 2, 3)) < 0.5)
    assert load_dataset(config(tmp_path)).scale_I.tolist() == [1] * 6
    write(tmp_path, np.zeros((100, 2, 3), np.uint8))
    assert load_dataset(config(tmp_path)).scale_I.tolist() == [1] * 6
    write(tmp_path, np.full((100, 2, 3), 2.5))
    assert load_dataset(config(tmp_path)).scale_I.tolist() == [1] * 6


def test_images_are_divided_by_255_whatever_their_largest_value(tmp_path: Path) -> None:
    from PIL import Image

    for label in "ab":
        for n in range(10):
            path = tmp_path / label / f"{n}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.full((2, 2), n, np.uint8)).save(path)
    dataset = load_dataset(DataConfig(format="folder", root=tmp_path))
    np.testing.assert_allclose(dataset.scale_I, 1 / 255, rtol=1e-6)
    assert dataset.class_names == ("a", "b")


def test_synthetic_inputs_are_left_alone() -> None:
    synthetic = SyntheticConfig(shape=(10,), xi=(1, 2), examples=50, test=10)
    dataset = load_dataset(DataConfig(format="nlgp", synthetic=synthetic))
    assert dataset.center_I.tolist() == [0] * 10
    assert dataset.scale_I.tolist() == [1] * 10
    assert len(dataset.splits["test"]) == 10


def test_a_class_with_hardly_an_example_is_told_of(tmp_path: Path) -> None:
    x = np.random.default_rng(2).random((2000, 6), np.float32)
    y = np.arange(2000) % 2
    y[:3] = -1
    write(tmp_path, x, y)
    dataset = load_dataset(config(tmp_path))
    kept = int((dataset.labels_N[dataset.splits["train"]] == 0).sum())
    assert f"classes with fewer than 5 training examples: -1 ({kept});" in dataset.notes[-1]
    y[:30] = -1
    write(tmp_path, x, y)
    assert not any("classes with fewer" in note for note in load_dataset(config(tmp_path)).notes)


def test_a_split_of_one_class_is_told_of_where_that_is_no_chance(tmp_path: Path) -> None:
    x = np.random.default_rng(2).random((200, 6), np.float32)
    write(tmp_path, x, np.arange(200) % 2, x_test=x[:20] + 1, y_test=np.ones(20, int))
    [note] = [note for note in load_dataset(config(tmp_path)).notes if "class" in note]
    assert note == "all 20 test examples are of class 1: see that they were not chosen by class"
    # One of two is, half the time.
    write(tmp_path, x, np.arange(200) % 2, x_test=x[:1] + 1, y_test=np.ones(1, int))
    assert not [note for note in load_dataset(config(tmp_path)).notes if "class" in note]


def test_missing_labels_are_refused_or_left_out_and_counted(tmp_path: Path) -> None:
    x, y = np.random.default_rng(2).random((200, 6), np.float32), np.arange(200) % 2
    kinds = {
        "text": np.where(np.arange(200) % 5, np.array(["cat", "dog"])[y], "nan"),
        "empty": np.where(np.arange(200) % 5, np.array(["cat", "dog"])[y], ""),
        "cast": np.where(np.arange(200) % 5, y, -(2**63)),
        "cast to 32 bits": np.where(np.arange(200) % 5, y, -(2**31)).astype(np.int32),
        "numbers": np.where(np.arange(200) % 5, y + 0.5, np.nan),
    }
    for name, values in kinds.items():
        write(tmp_path, x, values)
        with pytest.raises(
            ValueError, match=r"40 of 200 labels of x are missing .* the first of example 0: fill them in"
        ):
            load_dataset(config(tmp_path))
        found = load_dataset(config(tmp_path, missing_labels="drop"))
        assert found.classes == (None if name == "numbers" else 2)
        assert len(found.labels_N) == 160
        assert "40 of 200 examples were left out, as their labels are missing" in found.notes
        np.testing.assert_array_equal(np.sort(found.inputs_NI[:, 0]).argsort(), np.arange(160))
    write(tmp_path, x, kinds["text"])
    assert load_dataset(config(tmp_path, missing_labels="keep")).class_names == ("cat", "dog", "nan")


def test_labels_and_permutation_are_transformed(tmp_path: Path) -> None:
    x = write(tmp_path)
    dataset = load_dataset(config(tmp_path, labels="modulo", modulo=2, permute="fixed"))
    assert dataset.classes == 2
    assert dataset.labels_N.tolist() == [0, 1] * 50
    flat = x.reshape(100, -1)
    np.testing.assert_array_equal(dataset.inputs_NI, flat[:, dataset.permutation_I])
    expected = flat[dataset.splits["train"]].mean(axis=0)[dataset.permutation_I]
    np.testing.assert_allclose(dataset.center_I, expected, rtol=1e-6)
    assert load_dataset(config(tmp_path, permute="each")).scrambled


def test_the_same_configuration_gives_the_same_data(tmp_path: Path) -> None:
    write(tmp_path)
    hashes = [load_dataset(config(tmp_path, seed=seed)).content_hash() for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("changes", [{"flip": True}, {"shift": 1}])
def test_augmentation_needs_a_grid(tmp_path: Path, changes: Any) -> None:
    write(tmp_path, np.zeros((100, 64), np.uint8))
    with pytest.raises(ValueError, match=r"these data are 64 inputs of unknown geometry: set data.flip false"):
        load_dataset(config(tmp_path, **changes))
    load_dataset(config(tmp_path, geometry="grid:1x8x8", **changes))


def test_shift_out_of_sight(tmp_path: Path) -> None:
    write(tmp_path)
    load_dataset(config(tmp_path, shift=7))
    with pytest.raises(ValueError, match=r"data.shift = 8 .* set it below 8"):
        load_dataset(config(tmp_path, shift=8))


def test_geometry_of_data_that_know_their_own() -> None:
    with pytest.raises(ValueError, match=r"data.geometry = unknown is for npz and table data"):
        load_dataset(DataConfig(format="nlgp", geometry="unknown"))


@pytest.mark.parametrize(
    ("format_", "message"),
    [
        ("imagenet", "the folder with train_data_batch_1"),
        ("cifar10", "data_batch_1"),
        ("cifar100", "the folder with"),
        ("idx", "train-images-idx3-ubyte"),
        ("npz", "an .npz file"),
        ("table", "a .csv"),
        ("folder", "one folder of images per class"),
    ],
)
def test_no_root_no_such_root_and_the_wrong_kind(tmp_path: Path, format_: Any, message: Any) -> None:
    with pytest.raises(ValueError, match=f"data.format = {format_} needs data.root, .*{message}"):
        load_dataset(DataConfig(format=format_))
    with pytest.raises(ValueError, match=f"there is no {tmp_path}/absent: set data.root to .*{message}"):
        load_dataset(DataConfig(format=format_, root=tmp_path / "absent"))
    wrong = tmp_path if format_ in ("npz", "table") else tmp_path / "file"
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=f"{wrong} is not a .*{message}"):
        load_dataset(DataConfig(format=format_, root=wrong))


def test_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_dataset(DataConfig(format="npz", root=Path("~/x.npz"))).name == "x"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied", "secret"), "secret cannot be read .Permission denied.: check"),
        (OSError("odd"), r"x.npz cannot be read .odd."),
        (MemoryError(), "do not fit into memory: use fewer"),
    ],
)
def test_what_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any, message: Any) -> None:
    def refuse(config: Any) -> None:
        raise error

    monkeypatch.setitem(READERS, "npz", refuse)
    with pytest.raises(ValueError, match=message):
        load_dataset(config(tmp_path))


def test_groups_and_times_of_arrays_and_tables_are_no_inputs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, patient, when = rng.random((200, 3)), rng.integers(0, 20, 200), rng.permutation(200)
    write(tmp_path, x, np.arange(200) % 2, patient=patient.astype(str), when=when)
    lines = [f"{a},{b},{c},p{p},2026-01-01T00:{t // 60:02}:{t % 60:02},{k % 2}"
             for k, ((a, b, c), p, t) in enumerate(zip(x, patient, when, strict=True))]  # fmt: skip
    (tmp_path / "x.csv").write_text("a,b,c,patient,when,y\n" + "\n".join(lines) + "\n")
    table = DataConfig(format="table", root=tmp_path / "x.csv", table=TableConfig(target="y"))
    for base in (config(tmp_path, validation=20), replace(table, validation=20)):
        if base.format == "npz":
            found = load_dataset(replace(base, group="patient"))
            timed = load_dataset(replace(base, split="time", time="when"))
        else:
            kept = pd.read_csv(tmp_path / "x.csv")
            kept.drop(columns="when").to_csv(tmp_path / "g.csv", index=False)
            kept.drop(columns="patient").to_csv(tmp_path / "t.csv", index=False)
            found = load_dataset(replace(base, root=tmp_path / "g.csv", group="patient"))
            timed = load_dataset(replace(base, root=tmp_path / "t.csv", split="time", time="when"))
        assert found.inputs_NI.shape == timed.inputs_NI.shape == (200, 3)
        apart = [set(patient[rows].tolist()) for rows in found.splits.values()]
        assert sum(map(len, apart)) == len(set.union(*apart))
        assert when[timed.splits["train"]].max() < when[timed.splits["validation"]].min()
        assert when[timed.splits["validation"]].max() < when[timed.splits["test"]].min()
        with pytest.raises(ValueError, match="site"):
            load_dataset(replace(base, group="site"))
    with pytest.raises(ValueError, match=r"data\.group = patient names a column or an array"):
        load_dataset(DataConfig(format="folder", root=tmp_path, group="patient"))


@pytest.mark.parametrize("name", ["imagenet", "cifar10", "cifar100", "idx", "npz", "folder", "nlgp", "planted"])
def test_settings_of_other_formats_are_refused(tmp_path: Path, name: Any) -> None:
    """Passed over, they would seem to have been followed."""
    settings: list[dict[str, Any]] = [{"table": TableConfig(target="price")}, {"table": TableConfig(missing="mean")}]
    if name not in ("npz", "folder"):
        settings.append({"group": "patient"})
    if name != "npz":
        settings.append({"time": "date", "split": "time"})
    for changes in settings:
        with pytest.raises(ValueError, match=rf"^data\..* and data.format is {name}: .*leave it out"):
            load_dataset(DataConfig(format=name, root=tmp_path, **changes))


@pytest.mark.parametrize("changes", [{"order": 3}, {"noise": 0.1}, {"hidden": False}, {"geometry": "ring:1x8"}])
def test_settings_of_labels_that_are_not_made_are_refused(tmp_path: Path, changes: Any) -> None:
    with pytest.raises(
        ValueError, match=r"is for data\.labels = products, and data\.labels is random: set data\.labels"
    ):
        load_dataset(config(tmp_path, labels="random", products=ProductsConfig(**changes)))


def test_notes_repeat_what_files_call_their_parts_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, **{"more\x1b[2J\n": np.zeros(3)})
    assert load_dataset(config(tmp_path, validation=9)).notes == (
        r"arrays that are no examples and no labels were left out: more\x1b[2J\n",
    )


def test_a_class_that_is_only_tested_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(90, 3)), columns=[*"abc"]).assign(y=rng.choice([*"uv"], 90), part="train")
    table.loc[80:, "part"] = "test"
    asked = DataConfig(format="table", root=tmp_path / "t.csv", table=TableConfig(target="y", split="part"))
    table.to_csv(tmp_path / "t.csv", index=False)
    assert load_dataset(asked).class_names == ("u", "v")
    table.loc[85, "y"] = "w"
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ValueError, match="t has the class w in its test or validation set and not in training: leave"):
        load_dataset(asked)
