"""The likeliest first mistake: data of one format given as another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from siftnet.config.fields import DataConfig, TableConfig
from siftnet.data.load import load_dataset

FORMATS = ("imagenet", "cifar10", "cifar100", "idx", "npz", "table", "folder")
RIGHT = {
    "wine.csv": "table",
    "Wine.CSV": "table",
    "wine.tsv": "table",
    "wine.csv.gz": "table",
    "wine.parquet": "table",
    "arrays.npz": "npz",
    "classes/": "folder",
    "splits/": "folder",
    "batches/": "imagenet",
    "cifar-10-batches-py/": "cifar10",
    "cifar-100-python/": "cifar100",
    "mnist/": "idx",
}
INSIDE = {
    "classes": ["cat/1.png", "dog/1.JPG"],
    "splits": ["train/cat/1.png", "test/cat/2.png"],
    "batches": ["train_data_batch_1.npz", "val_data.npz"],
    "cifar-10-batches-py": ["data_batch_1", "test_batch", "batches.meta"],
    "cifar-100-python": ["train", "test", "meta"],
    "mnist": ["train-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte"],
}


def put(root: Path, name: str) -> Path:
    """A file, or a folder with what lies in it, all of it empty."""
    path = root / name
    for inside in INSIDE.get(name.rstrip("/"), [""]):
        (path / inside).parent.mkdir(parents=True, exist_ok=True)
        (path / inside).touch()
    return path


def refused(path: Path, kind: Any) -> str:
    table = TableConfig(target="y") if kind == "table" else TableConfig()
    with pytest.raises(ValueError, match=r"\w") as error:
        load_dataset(DataConfig(format=kind, root=path, table=table))
    return str(error.value)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("kind", FORMATS)
def test_data_of_another_format_name_their_own(tmp_path: Path, name: str, kind: str) -> None:
    path = put(tmp_path, name)
    said = refused(path, kind)
    if kind == RIGHT[name]:
        assert "set data.format" not in said
    else:
        assert re.search(rf"^{re.escape(str(path))} is not .*: set data\.format {RIGHT[name]}\b", said)
        assert ("data.table.target" in said) == (RIGHT[name] == "table")


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("a.npy", "npz", "save it beside its labels in an .npz file, numpy.savez(path, x=x, y=y), and set data.root"),
        ("a.npy", "imagenet", "and set data.root to that and data.format npz"),
        ("x.pkl", "npz", "load it with what wrote it, and save its arrays in an .npz file, numpy.savez"),
        ("x.mat", "npz", "load it with what wrote it"),
        ("images.zip", "folder", "unpack it, and set data.root to what comes out"),
        ("cifar.tar.gz", "cifar10", "unpack it"),
        ("x.npz", "npz", "is not a complete .npz file"),
        ("notes.md", "folder", "is not a folder: set data.root to"),
    ],
)
def test_a_file_that_no_format_is_says_what_to_do(tmp_path: Path, name: str, kind: str, says: str) -> None:
    assert says in refused(put(tmp_path, name), kind)


def test_arrays_by_another_name_are_read(tmp_path: Path) -> None:
    path = tmp_path / "arrays.dat"
    with path.open("wb") as file:
        np.savez(file, x=np.random.default_rng(0).normal(size=(60, 4)), y=np.arange(60) % 2)
    assert len(load_dataset(DataConfig(format="npz", root=path)).labels_N) == 60


def test_a_folder_of_images_beside_other_files_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in [f"{c}/{k}.png" for c in "ab" for k in range(20)]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (4, 4), np.uint8)).save(tmp_path / name)
    (tmp_path / "data_batch_1").touch()
    (tmp_path / "labels.csv").touch()
    assert load_dataset(DataConfig(format="folder", root=tmp_path)).classes == 2
