from __future__ import annotations

from pathlib import Path

import pytest

from images import RGB, pixels, png
from siftnet.config.fields import DataConfig
from siftnet.data.formats import folder
from siftnet.data.raw import Raw


def put(root: Path, *names: str) -> None:
    """An image of its own under each name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(pixels((2, 2, 3), seed=hash_of(name)), RGB))


def hash_of(name: str) -> int:
    return int.from_bytes(name.encode()[-8:], "little")


def read(root: Path, **settings: str) -> Raw:
    return folder.read(DataConfig(format="folder", root=root, **settings))  # type: ignore[arg-type]


def told(root: Path, raw: Raw) -> list[str]:
    return [note.replace(f"{root}/", "").replace(str(root), "ROOT") for note in raw.notes]


def counts(raw: Raw) -> tuple[int, int | None, int | None]:
    """Examples for training, validation and test; None where the data say nothing."""
    test, validation = (None if rows is None else len(rows) for rows in (raw.held_out_N, raw.validation_N))
    return len(raw.labels_N) - (test or 0) - (validation or 0), validation, test


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"),
        ("Train", "Test"),
        ("seg_train", "seg_test"),
        ("training_set", "test_set"),
        ("TRAIN", "holdout"),
        ("asl_alphabet_train", "asl_alphabet_test"),
        ("train_augmented", "test_plain"),
    ],
)
def test_training_and_test(tmp_path: Path, train: str, test: str) -> None:
    put(tmp_path, f"{train}/cat/1.png", f"{train}/dog/2.png", f"{train}/dog/3.png", f"{test}/dog/4.png")
    raw = read(tmp_path)
    assert (raw.class_names, raw.labels_N.tolist(), counts(raw)) == (("cat", "dog"), [0, 1, 1, 1], (3, None, 1))
    assert raw.held_out_N is not None
    assert raw.held_out_N.tolist() == [3]
    assert raw.notes == ()


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "dev"])
def test_validation_is_the_test_set_where_there_is_no_other(tmp_path: Path, name: str) -> None:
    put(tmp_path, "train/cat/1.png", "train/dog/2.png", f"{name}/dog/3.png")
    raw = read(tmp_path)
    assert counts(raw) == (2, None, 1)
    assert told(tmp_path, raw) == [
        f"{name} is the test set, as there is no other; validation is drawn from the training images"
    ]


def test_training_validation_and_test(tmp_path: Path) -> None:
    put(tmp_path, "train/cat/1.png", "train/dog/2.png", "valid/cat/3.png", "valid/dog/4.png", "test/dog/5.png")
    raw = read(tmp_path)
    assert counts(raw) == (2, 2, 1)
    assert raw.validation_N is not None
    assert raw.held_out_N is not None
    assert (raw.held_out_N.tolist(), raw.validation_N.tolist()) == ([2], [3, 4])
    assert raw.labels_N.tolist() == [0, 1, 1, 0, 1]
    assert raw.notes == ()


def test_training_alone(tmp_path: Path) -> None:
    put(tmp_path, "train/cat/1.png", "train/dog/2.png")
    assert counts(read(tmp_path)) == (2, None, None)


def test_splits_in_folders_of_the_same_name(tmp_path: Path) -> None:
    """As Kaggle's archive of Intel's landscapes has them, with images to predict beside."""
    put(
        tmp_path,
        *("seg_train/seg_train/sea/1.png", "seg_train/seg_train/ice/2.png", "seg_test/seg_test/sea/3.png"),
        *("seg_pred/seg_pred/4.png", "seg_pred/seg_pred/5.png"),
    )
    raw = read(tmp_path)
    assert (raw.class_names, counts(raw)) == (("ice", "sea"), (2, None, 1))
    assert told(tmp_path, raw) == [
        "the classes are read from seg_test/seg_test",
        "the classes are read from seg_train/seg_train",
        "left out: 2 images in no class folder (first: seg_pred)",
    ]


def test_splits_in_a_folder_around_them(tmp_path: Path) -> None:
    put(tmp_path, "a/b/train/cat/1.png", "a/b/train/dog/2.png", "a/b/test/dog/3.png", "__MACOSX/a/1.png")
    raw = read(tmp_path)
    assert counts(raw) == (2, None, 1)
    assert told(tmp_path, raw)[0] == "the images are read from a/b, where the splits lie"


def test_classes_in_a_folder_around_them_are_refused_with_the_path_to_give(tmp_path: Path) -> None:
    put(tmp_path, "pets/cat/1.png", "pets/dog/2.png")
    with pytest.raises(ValueError, match=r"has 1 folder, pets: if the folders in it are the classes, set") as error:
        read(tmp_path)
    assert f"set data.root to {tmp_path}/pets, else" in str(error.value)
    assert read(tmp_path / "pets").class_names == ("cat", "dog")


def test_a_test_set_without_class_folders_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "train/cat/1.png", "train/dog/2.png", "test/3.png", "test/4.png")
    raw = read(tmp_path)
    assert counts(raw) == (2, None, None)
    assert told(tmp_path, raw) == [
        "test is no test set, as its 2 images lie in no class folder and have no labels",
        "left out: 2 images in no class folder (first: test)",
    ]
    put(tmp_path, "val/cat/5.png")
    assert counts(read(tmp_path)) == (2, None, 1)


def test_test_sets_may_lack_classes(tmp_path: Path) -> None:
    put(tmp_path, "train/cat/1.png", "train/dog/2.png", "test/dog/3.png")
    (tmp_path / "test" / "cat").mkdir()
    raw = read(tmp_path)
    assert counts(raw) == (2, None, 1)
    assert told(tmp_path, raw) == ["left out: 1 folder without images (first: test)"]


def test_images_beside_the_class_folders_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "1.png", "train/2.png", "train/cat/3.png", "train/dog/4.png", "test/5.png", "test/cat/6.png")
    (tmp_path / "annotations").mkdir()
    raw = read(tmp_path)
    assert counts(raw) == (2, None, 1)
    assert told(tmp_path, raw) == [
        "left out: 1 folder without images (first: annotations), 3 images in no class folder (first: ROOT)"
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "Testing/cat/4.png"), "both look like test images"),
        (("train1/cat/1.png", "train2/cat/2.png"), "train1 and .*train2 both look like train images"),
        (("test/cat/1.png", "test/dog/2.png"), "has test and no folder of training images: name it train"),
        (("val/cat/1.png", "test/dog/2.png"), "has test, val and no folder of training images"),
        (("train/a/1.png", "train/b/2.png", "cat/3.png"), "train is named after a split and .*cat after a class"),
        (("train/1.png", "car/2.png", "bus/3.png"), "train is named after a split and .*bus after a class"),
        (("test/1.png", "cat/2.png", "dog/3.png"), "test is named after a split and .*cat after a class"),
        (("train/cat/1.png", "train/dog/2.png", "tr/cat/3.png"), "named after a split and .*tr after a class"),
        (("train/1.png", "test/2.png"), "train holds images and no folders: put the images of each class into"),
        (("train/cat/1.png", "train/dog/2.png", "test/x.txt"), "test holds no images: add those of its classes"),
        (("train/cat/1.png", "train/dog/2.png", "test/cow/3.png"), "cow is a class that .*train does not have: remove"),
        (("train/3/1.png", "train/5/2.png", "test/7/3.png"), "7 is a class that .*train does not have: remove"),
        (("train/big/1.png", "train/tiny/2.png", "test/small/3.png"), "small is a class that .*train does not have"),
        (("train/Cat/1.png", "train/dog/2.png", "test/cat/3.png"), "cat is a class that .* have: spell it as .*/Cat$"),
        (("training/train/a/1.png", "training/val/a/2.png", "test/a/3.png"), "training holds train, val, which are"),
        (("cat/train/1.png", "cat/test/2.png", "dog/train/3.png"), "cat holds folders named after splits .test, train"),
        (("1.png", "2.png"), "has 0 folders and 2 images that lie in none: put the images of each class into"),
        (("1.png", "cat/2.png"), "has 1 folders and 1 images that lie in none"),
    ],
)
def test_doubt_is_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    put(tmp_path, *names)
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_classes_that_are_really_called_train_are_read_where_the_refusal_says(tmp_path: Path) -> None:
    names = ["train/1.png", "test/2.png", "car/3.png"]
    put(tmp_path, *names)
    with pytest.raises(
        ValueError, match=r"put the folders of all classes into .*/train, also one that is really called"
    ):
        read(tmp_path)
    root = tmp_path / "as told"
    put(root, *(f"train/{name}" for name in names))
    raw = read(root)
    assert (raw.class_names, counts(raw), raw.notes) == (("car", "test", "train"), (3, None, None), ())


def test_the_output_folder_does_not_change_the_data(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "dog/2.png")
    before = read(tmp_path)
    put(tmp_path, "runs/mine/config.json", "runs/mine/data.json", "runs/mine/environment.json", "runs/mine/plot.png")
    put(tmp_path, "other-test/lock", "there/seed-0/lock")
    after = read(tmp_path)
    assert (after.inputs_NI == before.inputs_NI).all()
    assert (after.class_names, after.labels_N.tolist()) == (before.class_names, before.labels_N.tolist())
    assert told(tmp_path, after) == ["left out: 3 folders of siftnet runs (first: other-test)"]
    put(tmp_path, "runs/comparison.png")
    assert told(tmp_path, read(tmp_path))[0].endswith("1 image beside siftnet runs (first: runs)")


def test_runs_in_a_class_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "dog/2.png", "dog/run/lock")
    with pytest.raises(
        ValueError, match="dog holds siftnet runs and 1 images: move the runs elsewhere if it is a class"
    ):
        read(tmp_path)


def test_runs_change_no_split(tmp_path: Path) -> None:
    put(tmp_path, "train_a/cat/1.png", "train_a/dog/2.png", "test_b/dog/3.png")
    assert counts(read(tmp_path)) == (2, None, 1)
    put(tmp_path, "runs/mine/lock", "evaluation/mine/lock")
    assert counts(read(tmp_path)) == (2, None, 1)


def test_folders_of_the_same_names_in_all_classes_are_noted(tmp_path: Path) -> None:
    """What stands around them may be a split by another name."""
    put(tmp_path, "treino/cat/1.png", "treino/dog/2.png", "teste/cat/3.png", "teste/dog/4.png")
    raw = read(tmp_path)
    assert raw.class_names == ("teste", "treino")
    assert told(tmp_path, raw) == [
        "each class (teste, treino, ...) holds folders of the same names (cat, dog): if those are the classes, name "
        "the folders around them train and test, or set data.root to one of them"
    ]
    assert read(tmp_path, group="folder").notes == ()


@pytest.mark.parametrize("inner", ["", "bilder/", "a/b/"])
def test_the_same_names_in_some_of_the_folders_or_further_down_are_noted_as_well(tmp_path: Path, inner: str) -> None:
    put(tmp_path, *(f"treino/{inner}{name}/1.png" for name in ("cat", "dog", "cow")))
    put(tmp_path, *(f"teste/{inner}{name}/2.png" for name in ("cat", "dog")))
    assert "hold" in told(tmp_path, read(tmp_path))[0]
    assert "of the same names (cat, dog): if those are the classes" in told(tmp_path, read(tmp_path))[0]


def test_one_folder_of_one_name_in_all_classes_is_nothing_to_tell(tmp_path: Path) -> None:
    put(tmp_path, "cat/images/1.png", "dog/images/2.png", "dog/more/3.png", "cat/old/4.png")
    assert read(tmp_path).notes == ()


@pytest.mark.parametrize("splits", [("train",), ("train", "test"), ("Train_Set",)])
def test_folds_are_refused_until_one_is_named(tmp_path: Path, splits: tuple[str, ...]) -> None:
    put(tmp_path, *(f"fold_{k}/{split}/{name}/{k}.png" for k in (1, 2) for split in splits for name in ("cat", "dog")))
    with pytest.raises(
        ValueError, match=r"fold_1 holds folders named after splits \(.*\), and they hold folders"
    ) as error:
        read(tmp_path)
    assert f"if those are the classes, set data.root to {tmp_path}/fold_1, else move what is in " in str(error.value)
    raw = read(tmp_path / "fold_1")
    assert (raw.class_names, counts(raw)) == (("cat", "dog"), (2, None, 2 if "test" in splits else None))


def test_a_division_beside_classes_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "dog/2.png", "old/train/cat/3.png", "old/train/dog/4.png")
    with pytest.raises(ValueError, match=r"old holds folders named after splits \(train\), and they hold folders"):
        read(tmp_path)


def test_classes_with_one_folder_called_train_are_read(tmp_path: Path) -> None:
    put(tmp_path, "cat/train/1.png", "dog/train/2.png")
    assert read(tmp_path).class_names == ("cat", "dog")


@pytest.mark.parametrize("around", ["images", "Images/data", "pets"])
def test_classes_in_a_folder_around_them_in_each_split(tmp_path: Path, around: str) -> None:
    put(tmp_path, *(f"{split}/{around}/{name}/{split}.png" for split in ("train", "test") for name in ("cat", "dog")))
    put(tmp_path, f"valid/{around}/cat/5.png", "train/labels.txt")
    (tmp_path / "train" / "labels.txt").write_text("none")
    raw = read(tmp_path)
    assert (raw.class_names, counts(raw)) == (("cat", "dog"), (2, 1, 2))
    assert [
        f"the classes are read from {split}/{around}" in told(tmp_path, raw) for split in ("test", "train", "valid")
    ]
    assert len(raw.notes) == 4


def test_a_folder_around_the_classes_of_one_split_alone(tmp_path: Path) -> None:
    put(tmp_path / "a", "train/cat/1.png", "train/dog/2.png", "test/photos taken/cat/3.png")
    raw = read(tmp_path / "a")
    assert (raw.class_names, counts(raw)) == (("cat", "dog"), (2, None, 1))
    assert told(tmp_path / "a", raw) == ["the classes are read from test/photos taken"]
    put(tmp_path / "b", "train/images/cat/1.png", "train/images/dog/2.png", "test/dog/3.png")
    raw = read(tmp_path / "b")
    assert (raw.class_names, raw.labels_N.tolist(), counts(raw)) == (("cat", "dog"), [0, 1, 1], (2, None, 1))
    assert told(tmp_path / "b", raw) == ["the classes are read from train/images"]


def test_a_test_set_in_a_folder_of_images_has_no_labels(tmp_path: Path) -> None:
    put(tmp_path, "train/images/cat/1.png", "train/images/dog/2.png", "test/images/3.png")
    raw = read(tmp_path)
    assert counts(raw) == (2, None, None)
    assert "test/images is no test set, as its 1 images lie in no class folder" in " ".join(told(tmp_path, raw))


def test_a_class_that_is_called_images_is_one(tmp_path: Path) -> None:
    put(tmp_path, "train/images/1.png", "train/drawings/2.png", "test/images/3.png")
    raw = read(tmp_path)
    assert (raw.class_names, raw.labels_N.tolist(), counts(raw)) == (("drawings", "images"), [0, 1, 1], (2, None, 1))


def test_what_to_do_keeps_the_test_set(tmp_path: Path) -> None:
    """One folder of an unknown name may be a class, or stand around the classes."""
    put(tmp_path, "train/pets/cat/1.png", "train/pets/dog/2.png", "test/cat 2/3.png")
    with pytest.raises(
        ValueError, match=r"train has 1 folder, pets: if the folders in it are the classes, move"
    ) as error:
        read(tmp_path)
    assert f"move them into {tmp_path}/train, and likewise in {tmp_path}/test, else put" in str(error.value)
    put(tmp_path / "b", "train/cat/1.png", "train/dog/2.png", "test/all/cat/3.png", "test/dog/4.png")
    with pytest.raises(ValueError, match=r"all is a class .* does not have: move the folders in it into .*/test$"):
        read(tmp_path / "b")


@pytest.mark.parametrize("name", ["nan", "None", "null", "NA"])
def test_classes_called_as_missing_values_are_told_of(tmp_path: Path, name: str) -> None:
    put(tmp_path, "cat/1.png", f"{name}/2.png")
    raw = read(tmp_path)
    assert raw.classes == 2
    assert told(tmp_path, raw) == [
        f"folders named as missing values are ({name}) are classes: remove them if their images have no label"
    ]


def test_masks_beside_images_are_told_of(tmp_path: Path) -> None:
    put(tmp_path, "train/images/1.png", "train/masks/2.png")
    assert told(tmp_path, read(tmp_path)) == [
        "the classes (images, masks) are called as kinds of files are: if each image has a mask, put the images alone "
        "into a folder for each class"
    ]
