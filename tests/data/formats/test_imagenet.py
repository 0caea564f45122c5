from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data.formats import imagenet
from siftnet.data.load import load_dataset
from siftnet.geometry import Grid


def write(
    root: Path, name: Any, numbers: Any, *, form: Any = "npz", width: Any = 3 * 8 * 8, seed: Any = 0, **changes: Any
) -> Any:
    rng = np.random.default_rng([seed, *name.encode()])
    data = rng.integers(0, 256, (len(numbers), width), dtype=np.uint8)
    content = {"data": data, "labels": np.array(numbers), "mean": data.mean(axis=0)} | changes
    if form == "npz":
        np.savez(root / f"{name}.npz", **content)
    else:
        content["labels"] = list(numbers) if "labels" not in changes else changes["labels"]
        (root / name).write_bytes(pickle.dumps(content, protocol=2))
    return data


def write_all(root: Path, form: Any = "npz", **changes: Any) -> Any:
    parts = [write(root, f"train_data_batch_{n}", [1, 2, 3, n] * 5, form=form, **changes) for n in (1, 2, 3)]
    return parts, write(root, "val_data", [3, 1], form=form, **changes)


def read(root: Path, **changes: Any) -> Any:
    return imagenet.read(DataConfig(root=root, **changes))


@pytest.mark.parametrize("form", ["npz", "pickle"])
def test_all_batches_in_order_and_labels_from_0(tmp_path: Path, form: Any) -> None:
    parts, held_out = write_all(tmp_path, form)
    raw = read(tmp_path)
    np.testing.assert_array_equal(raw.inputs_NI, np.concatenate([*parts, held_out]))
    assert raw.inputs_NI.flags.writeable
    assert raw.labels_N.tolist() == [0, 1, 2, 0] * 5 + [0, 1, 2, 1] * 5 + [0, 1, 2, 2] * 5 + [2, 0]
    assert raw.held_out_N.tolist() == [60, 61]
    assert (raw.classes, raw.class_names, raw.geometry) == (3, (), Grid((8, 8), 3))


def test_batches_are_told_by_their_bytes(tmp_path: Path) -> None:
    parts, held_out = write_all(tmp_path, "pickle")
    for path in sorted(tmp_path.iterdir()):
        path.rename(f"{path}.npz")
    np.testing.assert_array_equal(read(tmp_path).inputs_NI, np.concatenate([*parts, held_out]))
    write_all(tmp_path, "npz")
    for path in sorted(tmp_path.glob("*.npz")):
        path.rename(path.with_suffix(""))
    np.testing.assert_array_equal(read(tmp_path, share=0.5).inputs_NI[-2:], held_out)


def test_the_remedy_says_what_lies_there(tmp_path: Path) -> None:
    def touch(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        return path

    touch("a/Imagenet32/train_data_batch_1")
    touch("b/train/n01443537/images/n01443537_0.JPEG")
    touch("b/val/val_annotations.txt")
    touch("b/wnids.txt")
    touch("c/train/n01443537/0.JPEG")
    touch("d/Imagenet32_train.zip")
    touch("e/readme")
    for name, says in {
        "a": r"set data.root to .*/a/Imagenet32$",
        "b": "this is Tiny ImageNet as single images: get it in batches with 'siftnet fetch tiny-imagenet'",
        "c": "set data.format folder",
        "d": r"unpack .*Imagenet32_train.zip",
        "e": "set data.root to the folder with downsampled ImageNet",
    }.items():
        with pytest.raises(ValueError, match=rf"/{name} (has no|is not the folder with) train_data_batch_1.*: {says}"):
            read(tmp_path / name)


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "train_data_batch_1", [3] * 40)
    write(tmp_path, "val_data", [3, 3])
    with pytest.raises(ValueError, match="all 36 training examples are of class 2: there is nothing to tell apart"):
        load_dataset(DataConfig(root=tmp_path))


def test_ten_batches_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for n in range(1, 11):
        write(tmp_path, f"train_data_batch_{n}", [n])
    write(tmp_path, "val_data", [1])
    assert read(tmp_path).labels_N.tolist() == [*range(10), 0]


def test_compressed_and_column_major_arrays(tmp_path: Path) -> None:
    data = np.arange(4 * 192).reshape(4, 192).astype(np.uint8)
    np.savez_compressed(tmp_path / "train_data_batch_1.npz", data=data, labels=[1, 2, 1, 2])
    np.savez(tmp_path / "val_data.npz", data=np.asfortranarray(data), labels=[1, 2, 1, 2])
    raw = read(tmp_path)
    np.testing.assert_array_equal(raw.inputs_NI, np.concatenate([data, data]))


@pytest.mark.parametrize("form", ["npz", "pickle"])
def test_share_reads_only_what_is_used(tmp_path: Path, form: Any) -> None:
    parts, held_out = write_all(tmp_path, form)
    raw = read(tmp_path, share=0.5)
    assert raw.inputs_NI.shape == (32, 192)
    assert raw.share_taken
    whole, labels = np.concatenate(parts), read(tmp_path).labels_N
    rows = [int(np.flatnonzero((whole == image).all(axis=1))[0]) for image in raw.inputs_NI[:30]]
    assert rows == sorted(set(rows))
    assert min(rows) < 20 <= max(rows), "drawn from all batches"
    np.testing.assert_array_equal(raw.labels_N[:30], labels[rows])
    np.testing.assert_array_equal(raw.inputs_NI[30:], held_out)
    assert not np.array_equal(raw.inputs_NI, read(tmp_path, share=0.5, seed=1).inputs_NI)


def test_wordnet_ids_name_and_number_the_classes(tmp_path: Path) -> None:
    write_all(tmp_path)
    (tmp_path / "wnids.txt").write_text("n01\nn02\nn03\nn04\n")
    raw = read(tmp_path)
    assert (raw.classes, raw.class_names) == (4, ("n01", "n02", "n03", "n04"))


def test_memory_stays_near_the_size_of_the_data(tmp_path: Path) -> None:
    for n in range(1, 5):
        write(tmp_path, f"train_data_batch_{n}", [1] * 1000, width=12288)
    write(tmp_path, "val_data", [1], width=12288)
    tracemalloc.start()
    try:
        size = read(tmp_path).inputs_NI.nbytes
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size < peak < size + 40e6, f"{peak / 1e6:.0f} MB for {size / 1e6:.0f} MB of images"


def overwrite(name: Any, **changes: Any) -> Any:
    return lambda root: write(root, name, [1, 2], **changes)


def cut(name: Any, form: Any) -> Any:
    def damage(root: Path) -> None:
        path = root / (f"{name}.npz" if form == "npz" else name)
        path.write_bytes(path.read_bytes()[:2000])

    return damage


def flip_a_byte(root: Path) -> None:
    path = root / "train_data_batch_2.npz"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "train_data_batch_2.npz").unlink(), "train_data_batch_3 but not train_data_batch_2"),
        (lambda root: (root / "train_data_batch_1.npz").unlink(), "but not train_data_batch_1"),
        (lambda root: [p.unlink() for p in root.glob("train*")], "has no train_data_batch_1"),
        (lambda root: (root / "val_data.npz").unlink(), "has no val_data"),
        (overwrite("train_data_batch_2", labels=[0, 1]), "batch_2.npz has the label 0.*run from 1 to the 3"),
        (overwrite("val_data", labels=[1, 4]), "val_data.npz has the label 4.*training batches name"),
        (overwrite("val_data", labels=[1]), r"labels of shape \(1,\) and type int64 for 2 images"),
        (overwrite("val_data", labels=[1.0, 2.0]), "type float64 for 2 images"),
        (overwrite("val_data", labels=np.array([1, None])), "labels as an array of Python objects"),
        (overwrite("val_data", width=100), r"data of shape \(2, 100\).*official"),
        (overwrite("val_data", data=np.zeros((2, 192))), "type float64, not uint8"),
        (overwrite("val_data", width=3072), "val_data.npz has rows of 3072 bytes"),
        (cut("train_data_batch_2", "npz"), "train_data_batch_2.npz is not a complete .npz file"),
        (flip_a_byte, "train_data_batch_2.npz is not a complete .npz file .*CRC"),
        (lambda root: (root / "wnids.txt").write_text("n01\nn02\n"), "label 3.*2 classes that wnids.txt lists"),
        (lambda root: (root / "wnids.txt").write_text("n01\nn01\nn02\n"), "one twice"),
        (lambda root: (root / "wnids.txt").write_text("\n"), "is empty"),
    ],
)
def test_bad_files(tmp_path: Path, damage: Any, message: Any) -> None:
    write_all(tmp_path)
    damage(tmp_path)
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut("train_data_batch_2", "pickle"), "train_data_batch_2 is not a complete pickle"),
        (lambda root: (root / "val_data").write_bytes(pickle.dumps([1, 2])), "val_data holds no dictionary but a list"),
        (overwrite("val_data", form="pickle", labels=["a", "b"]), "holds labels that are not all numbers"),
        (overwrite("val_data", form="pickle", data=np.array([[None] * 192] * 2)), "an array of Python objects"),
        (overwrite("val_data", form="pickle", data=[[1], [1, 2]]), "rows of different lengths"),
        (overwrite("val_data", form="pickle", labels=[[1], [1, 2]]), "rows of different lengths"),
    ],
)
def test_bad_pickles(tmp_path: Path, damage: Any, message: Any) -> None:
    write_all(tmp_path, "pickle")
    damage(tmp_path)
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("form", ["npz", "pickle"])
def test_tiny_imagenet(tmp_path: Path, form: Any) -> None:
    if "SIFTNET_DATA" not in os.environ:
        pytest.skip("SIFTNET_DATA does not say where the real data are")
    unpack = Path(os.environ["SIFTNET_DATA"]) / "unpack.py"
    subprocess.run([sys.executable, unpack, tmp_path, *(["--pickle"] if form == "pickle" else [])], check=True)
    dataset = load_dataset(DataConfig(root=tmp_path))
    assert {name: len(rows) for name, rows in dataset.splits.items()} == {
        "train": 75_000,
        "validation": 5_000,
        "test": 5_000,
    }
    assert dataset.classes == len(dataset.class_names) == 200
    assert np.bincount(dataset.labels_N).tolist() == [425] * 200
    np.testing.assert_allclose(dataset.center_I, dataset.inputs_NI[dataset.splits["train"]].mean(axis=0), rtol=1e-5)
    # Neighbouring pixels of one channel are alike; were the layout another, they would not be.
    image_CHW = dataset.inputs_NI[:2000].reshape(-1, 3, 32, 32).astype(float)
    steps = [np.abs(np.diff(image_CHW, axis=axis)).mean() for axis in (1, 2, 3)]
    assert max(steps[1:]) < 25, steps
