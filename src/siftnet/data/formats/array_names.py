"""Which array is what: examples and labels, of training, test and validation, in the spellings that people use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from siftnet.config.fields import DataConfig, require
from siftnet.data.formats.split_names import WORDS, Role
from siftnet.data.splits import IN_WORDS

ROLES = {
    "x": "x|xs|data|images?|imgs?|inputs?|features?",
    "y": "y|ys|labels?|targets?|outputs?",
}
SHORT: dict[str, Role] = {"tr": "train", "te": "test"}
PARTS = {
    part: "|".join(word for word, role in {**WORDS, **SHORT}.items() if role == part)
    for part in ("train", "test", "validation")
}
BETWEEN = r"[-_. ]*"


@dataclass(frozen=True)
class ArrayNames:
    """Names of the arrays that are read."""

    x: dict[str, str]
    """By part, of PARTS, train first; those that are there."""
    y: dict[str, str]
    group: dict[str, str]
    """Empty where nobody asks for groups."""
    time: dict[str, str]
    unread: tuple[str, ...]
    """Names of all others."""


def find_arrays(names: Iterable[str], config: DataConfig, source: str) -> ArrayNames:
    """Tell the arrays apart by name: x, y, x_test, y_val and the like, or X_train, train_images, labels.

    source: what holds them, for messages. An array that config.group or config.time names is nothing else. Raises
    ValueError where there are no training examples or labels, where two arrays may be the same part, and where a part
    lacks its labels, examples, groups or times.
    """
    there = sorted(names)
    held = f"it holds {', '.join(there) or 'nothing'}"
    group, time = (_of_word(re.escape(word), there, 0) if word else {} for word in (config.group, config.time))
    free = [name for name in there if not any(name in named for own in (group, time) for named in own.values())]
    found = {role: _chosen(_of_word(words, free, re.IGNORECASE), role, source) for role, words in ROLES.items()}
    for role, own in found.items():
        if "train" not in own and any(re.fullmatch(r"arr_\d+", name) for name in free):
            raise ValueError(
                f"{source} holds arrays without names of their own ({', '.join(free)}): say which is which, as in "
                "numpy.savez(path, x=x, y=y)"
            )
        require("train" in own, f"{source} holds no array named {role}, {held}: call it so")
    x, y = found["x"], found["y"]
    for part in x.keys() ^ y.keys():
        have = x.get(part) or y.get(part)
        lacks = "labels, y" if part in x else "examples, x"
        raise ValueError(f"{source} has {have} but no {IN_WORDS[part]} {lacks}_{part}: give both, or neither")
    named = {}
    for setting, spelled in (("group", group), ("time", time)):
        word = getattr(config, setting)
        named[setting] = _chosen(spelled, word, source)
        for part in x if word else ():
            require(
                part in named[setting],
                f"data.{setting} = {word} needs an array {word if part == 'train' else f'{word}_{part}'} in {source}, "
                f"one value for each of {x[part]}, and {held}",
            )
    read = {name for own in (x, y, *named.values()) for name in own.values()}
    return ArrayNames(x, y, named["group"], named["time"], tuple(name for name in there if name not in read))


def _of_word(word: str, names: list[str], flags: int) -> dict[str, list[str]]:
    """Names that consist of a word and perhaps a part before or after it, by part."""
    found: dict[str, list[str]] = {}
    for name in names:
        if re.fullmatch(word, name, flags):
            found.setdefault("train", []).append(name)
        for part, parts in PARTS.items():
            before, after = f"(?i:{parts}){BETWEEN}(?:{word})", f"(?:{word}){BETWEEN}(?i:{parts})"
            if re.fullmatch(f"{before}|{after}", name, flags):
                found.setdefault(part, []).append(name)
    return {part: found[part] for part in PARTS if part in found}


def _chosen(found: dict[str, list[str]], role: str, source: str) -> dict[str, str]:
    """One name for each part: the only one, or the only one that is spelled with the documented word."""
    chosen = {}
    for part, names in found.items():
        spelled = [name for name in names if len(names) == 1 or _of_word(re.escape(role), [name], re.IGNORECASE)]
        if len(spelled) != 1:
            what = {"x": "examples", "y": "labels"}.get(role, role)
            kept = role if part == "train" else f"{role}_{part}"
            raise ValueError(
                f"{source} holds {' and '.join(names)}, which may each be the {IN_WORDS[part]} {what}: name the right "
                f"one {kept} and leave the others out"
            )
        chosen[part] = spelled[0]
    return chosen
