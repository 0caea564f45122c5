"""How splits are spelled, and which folders are named after one: train, seg_test, valset, asl_alphabet_train, ..."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

Role = Literal["train", "validation", "test"]

WORDS: dict[str, Role] = {
    **dict.fromkeys(("train", "training", "trainval", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "devel"), "validation"),
    **dict.fromkeys(("test", "tests", "testing", "tst", "eval", "evaluation", "holdout", "heldout"), "test"),
}
HOLDERS = frozenset(
    ("data", "dataset", "datasets", "image", "images", "img", "imgs", "pic", "pics", "picture", "pictures", "photo",
     "photos", "sample", "samples", "example", "examples", "file", "files", "folder", "folders", "dir", "directory")
)  # fmt: skip
"""What a folder around all others is called."""
AROUND = HOLDERS | frozenset(
    ("set", "sets", "seg", "split", "splits", "the", "my", "new", "final", "full", "all", "raw", "original", "cropped",
     "resized", "sorted", "processed", "clean", "cleaned", "small", "labeled", "labelled", "x", "px", "v")
)  # fmt: skip
"""Words beside which a split is still a split; a folder of such a name alone may be a class: small, original."""
UNLABELLED = frozenset(
    ("pred", "preds", "predict", "prediction", "predictions", "unlabeled", "unlabelled", "unsup", "inference")
)
PARTED = re.compile(r"(?i:(?:hold|held)[\W_]*out|train[\W_]*val)(?![a-z])")
"""Words that are often written as two: hold-out, HeldOut, TrainVal, train_val."""
ONE_WORD = re.compile("({0})?({1})({0})?".format("|".join(sorted(AROUND)), "|".join(sorted(WORDS, key=len)[::-1])))


def roles_of(names: Iterable[str]) -> dict[str, Role]:
    """The split that each name stands for, of those that stand for one, among folders that lie side by side.

    A name stands for a split if all its other words are numbers or AROUND; if another one differs from it by the split
    alone, as asl_alphabet_train and asl_alphabet_test do; or if all names have a word for a split, one of them for
    training and one for another, as train_augmented and test_plain.
    """
    roles: dict[str, Role] = {}
    worded: dict[str, Role] = {}
    alike: dict[tuple[str, ...], dict[str, Role]] = {}
    names = tuple(names)
    for name in names:
        words = _words(name)
        found = [WORDS[word] for word in words if word in WORDS]
        if len(found) != 1:
            continue
        worded[name] = found[0]
        rest = tuple(word for word in words if word not in WORDS and word not in AROUND and not word.isdigit())
        if not rest:
            roles[name] = found[0]
        alike.setdefault(rest, {})[name] = found[0]
    if len(worded) == len(names) and len({"train", *worded.values()}) == len(set(worded.values())) > 1:
        return worded
    for group in alike.values():
        if len(set(group.values())) > 1:
            roles |= group
    return roles


def is_unlabelled(name: str) -> bool:
    """Whether a folder beside the splits says that its images have no labels: seg_pred, unlabeled."""
    return any(word in UNLABELLED for word in _words(name))


def is_general(name: str) -> bool:
    """Whether a name says nothing about the content, as that of a folder around all others does: images, data."""
    words = _words(name)
    return any(word in HOLDERS for word in words) and all(word in AROUND or word.isdigit() for word in words)


def _words(name: str) -> list[str]:
    """The words of a name in lower case, parted at signs, capitals and numbers; trainset is train and set."""
    text = PARTED.sub(lambda two: re.sub(r"[\W_]", "", two[0]).lower(), unicodedata.normalize("NFKC", name))
    text = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-z])(?=[A-Z])", " ", text).casefold()
    words: list[str] = []
    for word in re.split(r"[\W_]+", text):
        glued = None if word in WORDS else ONE_WORD.fullmatch(word)
        words += [part for part in (glued.groups() if glued else (word,)) if part]
    return words
