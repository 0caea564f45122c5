"""Inputs for what reads configurations (TOML) and tables of superclasses (text)."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from fuzz.doors import Door, data_door
from fuzz.mutations import INTEGERS, TEXTS, Folder, Link, Mutant, Pipe, Target, chance, damaged
from siftnet.config.fields import RunConfig
from siftnet.config.load import PRESETS, flatten, from_dict, load, to_dict

VALUES = (
    "0", "-1", "1", "3", "10", "1e3", "0.5", "1.0", "-0.0", "inf", "-inf", "nan", "1e400", "9" * 25, "9" * 5000, "0x10",
    "0o7", "0b1", "1_000", "true", "false", "[]", "[1]", "[1, 2]", "[0.5, 'x']", "[[1, 2], [3]]", "{}", "{a = 1}",
    "{a = {b = {c = 1}}}", "2024-01-31", "12:30:00", "2024-01-31T12:00:00Z", "'cpu'", "'auto'", "'x'", "''",
    "'''a\nb'''",
    '"\\u0000"', '"\\u001b[31m"', '"\\ud800"', '"a\\nb"', "[" * 500 + "]" * 500, "[" * 50_000 + "]" * 50_000,
    "[" * 100 + "1" + "]" * 100, "[" + "1," * 5000 + "]", "'~root'", "'~nobody_at_all/x'", "'" + "a" * 5000 + "'",
    "''''",
    "[1e308, 1e308, 1e308]", "[10000000, 10000000]", "99999999999999999999", "-9223372036854775808", "'f10:x'", "'c'",
    "01",
)  # fmt: skip
"""Texts of TOML values, right and wrong."""

KEYS = (
    "x", "data", "data.x", "data.table", "data.table.target", "train.lr.x", "'a b'", '"a\\nb"', '"\\u001b"', "''",
    "a.b.c.d",
    "é", "__class__", "__init__", "seed.x", '"' + "k" * 3000 + '"', ".".join("abcdefgh" * 100), "train . lr", "1", "-",
)  # fmt: skip


def fields() -> list[str]:
    """The paths of all settings."""
    return list(flatten(to_dict(RunConfig())))


def lines(draw: Random) -> list[str]:
    """A configuration as lines of dotted keys, or a preset."""
    if chance(draw, 0.3):
        path = draw.choice(sorted(PRESETS.glob("*.toml")))
        return path.read_text().splitlines()
    flat = {name: value for name, value in flatten(to_dict(RunConfig())).items() if value is not None}
    chosen = draw.sample(sorted(flat), draw.choice((1, 3, 10)))
    return [f"{name} = {json.dumps(flat[name])}" for name in chosen]


def edit(text: list[str], draw: Random) -> tuple[list[str], str]:
    """One edit of a configuration's lines."""
    kind = draw.choice(("value", "value", "value", "value", "key", "repeat", "table", "nest", "drop"))
    at = draw.randint(0, len(text))
    if kind == "value":
        name = draw.choice(fields())
        changed = [line for line in text if not line.startswith(f"{name} ")]
        return [f"{name} = {draw.choice(VALUES)}", *changed], f"{name} another value"
    if kind == "key":
        return [*text[:at], f"{draw.choice(KEYS)} = {draw.choice(VALUES)}", *text[at:]], kind
    if kind == "repeat":
        return text + text[:1], kind
    if kind == "table":
        head = draw.choice(("[data]", "[[data]]", "[train.lr]", "[x]", "[data.table]", "[", "[[", "[a.b.c]", "['']"))
        return [*text[:at], head, *text[at:]], kind
    if kind == "nest":
        depth = draw.choice((10, 300, 3000))
        return [*text, "x = " + "{a = " * depth + "1" + "}" * depth], kind
    return text[:at] + text[at + 1 :], kind


def make(draw: Random) -> Mutant:
    """A TOML file with a few edits, in an encoding."""
    text, recipe = lines(draw), []
    for _ in range(draw.choice((0, 1, 1, 1, 2, 3))):
        text, done = edit(text, draw)
        recipe.append(done)
    ends = draw.choice(("\n", "\n", "\n", "\r\n", "\r"))
    encoding = draw.choice(("utf-8",) * 8 + ("utf-8-sig", "utf-16", "latin-1"))
    data = ends.join(text).encode(encoding, "replace")
    if chance(draw, 0.2):
        data = damaged(data, draw)
        recipe.append("damaged")
    if chance(draw, 0.02):
        return Mutant({"run.toml": draw.choice((Folder(), Link("run.toml"), Pipe(), Link("/dev/null")))}, "run.toml")
    return Mutant({"run.toml": data}, "run.toml", {}, (*recipe, encoding, repr(ends)))


def read(path: Path, settings: Mapping[str, Any]) -> object:
    """`siftnet.load`, and the configuration once through plain values and back."""
    config = load(path)
    assert from_dict(to_dict(config)) == config
    assert json.loads(json.dumps(to_dict(config), allow_nan=False)) == to_dict(config)
    assert dataclasses.is_dataclass(config)
    return ()


def passes(path: Path) -> bool:
    """Whether Python's own tomllib reads it."""
    tomllib.loads(path.read_text(encoding="utf-8-sig"))
    return True


def clean() -> Mutant:
    """A preset."""
    return Mutant({"run.toml": (PRESETS / "nlgp.toml").read_bytes()}, "run.toml")


TARGET = Target("toml", make, (read,), passes, clean)


def superclass_lines(draw: Random) -> list[str]:
    """A table for five classes, or the old list of a thousand."""
    if chance(draw, 0.3):
        return [", ".join(str(n % 10) for n in range(1000))]
    return [f"n{n:08d} {n} {n % 2} superclass {n % 2}" for n in range(5)]


def make_superclasses(draw: Random) -> Mutant:
    """A table of superclasses with a few words changed."""
    found = superclass_lines(draw)
    for _ in range(draw.choice((0, 1, 1, 2))):
        at = draw.randrange(len(found))
        words = found[at].split(" ")
        words[draw.randrange(len(words))] = draw.choice((*TEXTS, *map(str, INTEGERS), "-1", "n00000000", "1,", ","))
        found[at] = " ".join(words)
    if chance(draw, 0.2):
        found = draw.choice((found * 2, found[1:], [], found[::-1], [*found, ""]))
    data = draw.choice(("\n", "\r\n", "\n\n")).join(found).encode(draw.choice(("utf-8",) * 4 + ("utf-16",)), "replace")
    if chance(draw, 0.2):
        data = damaged(data, draw)
    from fuzz.pickles import clean_imagenet

    names = b"\n".join(b"n%08d" % n for n in range(5))
    tree = {**clean_imagenet().tree, "wnids.txt": names, "table.txt": data}
    return Mutant(tree, "", {"labels": "superclasses"}, ())


def _with_table(door: Door) -> Door:
    return lambda root, settings: door(root, {**settings, "superclass_file": str(root / "table.txt")})


def superclasses_pass(folder: Path) -> bool:
    """Whether it is text of words, each line as the table has it or all of them one list of numbers."""
    text = (folder / "table.txt").read_text(encoding="utf-8").split("\n")
    return all(line == "" or len(line.split()) >= 3 or line.count(",") == 999 for line in text)


SUPERCLASSES = Target(
    "superclasses",
    make_superclasses,
    (_with_table(data_door("imagenet")),),
    superclasses_pass,
    lambda: dataclasses.replace(make_superclasses(Random(3)), settings={"labels": "superclasses"}),
)
