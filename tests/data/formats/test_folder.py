from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from siftnet.config.fields import DataConfig
from siftnet.data.formats import folder
from siftnet.geometry import Grid


def image(path: Path, shape: Any = (4, 5, 3), seed: Any = 0) -> Any:
    pixels = np.random.default_rng([seed, *path.name.encode()]).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def read(root: Path) -> Any:
    return folder.read(DataConfig(format="folder", root=root))


def test_one_folder_a_class(tmp_path: Path) -> None:
    dog = image(tmp_path / "dog" / "b.png")
    cat = [image(tmp_path / "cat" / "images" / "2.png"), image(tmp_path / "cat" / "images" / "3.PNG")]
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "readme.txt").write_text("not an image")
    (tmp_path / "dog" / "notes.txt").write_text("not an image")
    raw = read(tmp_path)
    assert (raw.classes, raw.class_names, raw.held_out_N) == (2, ("cat", "dog"), None)
    assert raw.labels_N.tolist() == [0, 0, 1]
    assert raw.geometry == Grid((4, 5), 3)
    np.testing.assert_array_equal(raw.inputs_NI.reshape(3, 3, 4, 5), np.stack([*cat, dog]).transpose(0, 3, 1, 2))


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    pixels = image(tmp_path / "a" / "1.png", (4, 5))
    image(tmp_path / "b" / "1.png", (4, 5))
    raw = read(tmp_path)
    assert raw.geometry == Grid((4, 5), 1)
    np.testing.assert_array_equal(raw.inputs_NI[0], pixels.ravel())


@pytest.mark.parametrize("name", ["test", "val"])
def test_training_and_held_out_folders(tmp_path: Path, name: Any) -> None:
    for part, label in [("train", "a"), ("train", "b"), (name, "b")]:
        image(tmp_path / part / label / "1.png")
    raw = read(tmp_path)
    assert raw.labels_N.tolist() == [0, 1, 1]
    assert raw.held_out_N.tolist() == [2]
    assert raw.notes == ()


def test_test_goes_before_val(tmp_path: Path) -> None:
    for part, label in [("train", "a"), ("train", "b"), ("val", "a"), ("test", "b")]:
        image(tmp_path / part / label / f"{part}.png")
    raw = read(tmp_path)
    assert raw.labels_N.tolist() == [0, 1, 1]
    assert "val are not used" in raw.notes[0]


def test_training_folder_alone(tmp_path: Path) -> None:
    for label in "ab":
        image(tmp_path / "train" / label / "1.png")
    assert read(tmp_path).held_out_N is None


def spoil(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: image(root / "b" / "odd.png", (5, 4, 3)), r"odd.png has \(height, width, channels\) \(5, 4, 3\)"),
        (lambda root: image(root / "b" / "odd.png", (4, 5)), r"odd.png has .*\(4, 5, 1\)"),
        (lambda root: image(root / "b" / "odd.png", (4, 5, 4)), "odd.png is an image of mode RGBA: convert"),
        (lambda root: spoil(root / "b" / "odd.png", b"hello"), "odd.png cannot be read as an image"),
        (lambda root: spoil(root / "b" / "odd.png", b""), "odd.png cannot be read as an image"),
        (
            lambda root: spoil(root / "b" / "odd.png", (root / "b" / "1.png").read_bytes()[:90]),
            "odd.png cannot be read",
        ),
        (lambda root: (root / "c").mkdir(), "c holds no images"),
        (lambda root: image(root / "train" / "a" / "1.png"), "train has 1 folders"),
    ],
)
def test_bad_folders(tmp_path: Path, damage: Any, message: Any) -> None:
    for label in "ab":
        image(tmp_path / label / "1.png")
    damage(tmp_path)
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_class_without_training(tmp_path: Path) -> None:
    for part, label in [("train", "a"), ("train", "b"), ("test", "c")]:
        image(tmp_path / part / label / "1.png")
    with pytest.raises(ValueError, match=r"c is a class that .*train does not have"):
        read(tmp_path)


def test_no_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 0 folders: put the images of each class"):
        read(tmp_path)
