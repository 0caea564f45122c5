from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from siftnet.config.fields import DataConfig
from siftnet.data.formats import folder
from siftnet.data.load import load_dataset
from siftnet.geometry import Grid


def image(path: Path, shape: Any = (4, 5, 3), seed: Any = 0) -> Any:
    pixels = np.random.default_rng([seed, *os.fsencode(path.name)]).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def read(root: Path, **settings: Any) -> Any:
    return folder.read(DataConfig(format="folder", root=root, **settings))


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
        (lambda root: [path.unlink() for path in root.rglob("a/*")], "a holds no images"),
    ],
)
def test_bad_folders(tmp_path: Path, damage: Any, message: Any) -> None:
    for label in "ab":
        image(tmp_path / label / "1.png")
    damage(tmp_path)
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_no_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 0 folders: put the images of each class"):
        read(tmp_path)


def test_names_that_are_not_utf_8_become_text(tmp_path: Path) -> None:
    for name in (b"th\xe9", b"vin", "bi\u00e8re".encode(), b"caf\xff"):
        image(tmp_path / os.fsdecode(name) / os.fsdecode(b"\xe8.png"))
    raw = read(tmp_path)
    assert raw.class_names == ("bière", "caf\\xff", "th\\xe9", "vin")
    assert raw.labels_N.tolist() == [0, 1, 2, 3]
    image(tmp_path / "th\\xe9" / "1.png")
    with pytest.raises(ValueError, match="read alike: rename one of them") as error:
        read(tmp_path)
    str(error.value).encode()


def test_messages_are_text_whatever_the_names_of_files(tmp_path: Path) -> None:
    image(tmp_path / "a" / "1.png")
    (tmp_path / "b").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b/\xe9\x1b.png")).touch()
    with pytest.raises(ValueError, match=r"/b/\\xe9\\x1b.png cannot be read as an image"):
        read(tmp_path)


def test_names_with_line_breaks_are_refused(tmp_path: Path) -> None:
    image(tmp_path / "a" / "1.png")
    image(tmp_path / "b\nc" / "1.png")
    with pytest.raises(ValueError, match=r"has the value 'b\\nc', which holds a line break"):
        read(tmp_path)


def test_classes_that_hardly_differ_are_noted(tmp_path: Path) -> None:
    for name in ("Cat", "cat", unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")):
        image(tmp_path / name / "1.png")
    raw = read(tmp_path)
    assert raw.classes == 4
    assert [note.count("'Cat' (1) and 'cat' (1)") + note.count("'é' (1)") for note in raw.notes] == [2]


@pytest.mark.parametrize("name", ["nan", "None", "NA", "null", "-1", "01"])
def test_folders_may_be_called_like_missing_values(tmp_path: Path, name: str) -> None:
    image(tmp_path / name / "1.png")
    image(tmp_path / "z" / "1.png")
    assert read(tmp_path).class_names == (name, "z")


def test_folders_right_below_the_class_are_groups(tmp_path: Path) -> None:
    for name in ("ill/p1/1", "ill/p1/more/2", "ill/p2/3", "well/P1/4", "well/p3/5", "well/p3/6"):
        image(tmp_path / f"{name}.png")
    groups = read(tmp_path, group="folder").group_N
    assert groups.dtype == np.int64
    np.testing.assert_array_equal(groups[:, None] == groups, np.equal.outer(*[list("AABACC")] * 2))
    assert read(tmp_path).group_N is None


def test_a_group_lies_in_one_split(tmp_path: Path) -> None:
    for number in range(40):
        image(tmp_path / "ab"[number % 2] / f"p{number // 4}" / f"{number}.png", seed=number)
    dataset = load_dataset(DataConfig(format="folder", root=tmp_path, group="folder"))
    group_N = read(tmp_path, group="folder").group_N
    inside = [set(group_N[rows]) for rows in dataset.splits.values()]
    assert sum(map(len, inside)) == len(set.union(*inside)) == 10
    image(tmp_path / "b" / "loose.png")
    with pytest.raises(
        ValueError, match=r"loose.png lies in none: put it into one, as .*/b/patient7/loose.png, or leave"
    ):
        read(tmp_path, group="folder")


def test_a_group_in_training_and_test_folders_is_refused(tmp_path: Path) -> None:
    for number in range(20):
        image(tmp_path / "train" / "ab"[number % 2] / f"p{number}" / "1.png", seed=number)
    for name in ("a/p8", "b/p21"):
        image(tmp_path / "test" / name / "1.png", seed=99)
    with pytest.raises(ValueError, match=r"1 test examples, .* of groups of data.group = folder that are in train"):
        load_dataset(DataConfig(format="folder", root=tmp_path, group="folder"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"group": "patient"}, "data.group = patient names a column or an array, and images have none: use"),
        ({"split": "time"}, "data.split = time needs an order in time, which a folder of images does not tell"),
        ({"split": "time", "time": "date"}, "data.time = date names an array of npz or a column of table data"),
    ],
)
def test_settings_that_images_cannot_follow_are_refused(tmp_path: Path, settings: Any, message: str) -> None:
    for label in "ab":
        image(tmp_path / label / "1.png")
    with pytest.raises(ValueError, match=message):
        load_dataset(DataConfig(format="folder", root=tmp_path, **settings))


def test_images_in_training_and_test_folders_are_noted(tmp_path: Path) -> None:
    for number in range(20):
        image(tmp_path / "train" / "ab"[number % 2] / f"{number}.png")
    image(tmp_path / "test" / "a" / "new.png")
    (tmp_path / "test" / "a" / "old.png").hardlink_to(tmp_path / "train" / "a" / "4.png")
    (tmp_path / "test" / "a" / "older.png").symlink_to(tmp_path / "train" / "a" / "6.png")
    notes = load_dataset(DataConfig(format="folder", root=tmp_path)).notes
    assert any(note.startswith("2 of 3 test examples are training examples as well") for note in notes), notes
