from __future__ import annotations

import pytest

from siftnet.data.formats.split_names import is_general, is_unlabelled, roles_of

NAMES = """
train: train training Train TRAIN Training seg_train train_set trainset TrainSet trainSet train-images training_set
train: dataset_train train2017 train_32x32 1_train data.train traindata my-train(1) images_train_v2 trainval
train: TrainVal train_val TrainValSet Train-Val trainval2012
validation: val valid validation dev Validation VALID valset val_224px validation-images seg_val devset
test: test testing Test Testing TEST seg_test test_set testset test1
test: holdout hold-out Held_Out HoldOut heldOutSet eval tests testing_data
none: cat trainer contest latest value valley device devil invalid validated test_tube training_shoe evaluator
none: train_value streetcar pretrained restrain 1 2017 set images été
"""
SPELLED = [
    (name, role) for role, _, names in (line.partition(":") for line in NAMES.split("\n")) for name in names.split()
]


@pytest.mark.parametrize(("name", "role"), SPELLED)
def test_a_name_alone(name: str, role: str) -> None:
    assert roles_of([name, "cat", "dog"]).get(name, "none") == role


def test_names_that_differ_by_the_split_alone() -> None:
    names = ["asl_alphabet_train", "asl_alphabet_test", "notes"]
    assert roles_of(names) == {"asl_alphabet_train": "train", "asl_alphabet_test": "test"}
    assert roles_of(["asl_alphabet_train", "notes"]) == {}


def test_names_that_all_have_a_word_for_a_split() -> None:
    names = ["train_augmented", "test_plain"]
    assert roles_of(names) == {"train_augmented": "train", "test_plain": "test"}
    assert roles_of([*names, "cat"]) == {}
    assert roles_of(["test_tube", "test_bench"]) == {}, "nothing to train on: these are classes"
    assert roles_of(["train_test", "cat"]) == {}
    assert roles_of([]) == {}


def test_folders_without_labels() -> None:
    assert [n for n in ("seg_pred", "Unlabeled", "predictions", "predator", "cat") if is_unlabelled(n)] == [
        "seg_pred",
        "Unlabeled",
        "predictions",
    ]


@pytest.mark.parametrize(
    ("name", "general"),
    [("images", True), ("Images_32", True), ("all the photos", True), ("7", False), ("small", False), ("cat", False),
     ("cat images", False), ("_", False)],
)  # fmt: skip
def test_names_that_say_nothing_about_the_content(name: str, general: bool) -> None:
    assert is_general(name) == general
