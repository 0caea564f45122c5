"""How to make runs again: the lines of a shell that ask for their configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from siftnet.config.fields import RunConfig
from siftnet.config.load import flatten, load, preset_names, to_dict
from siftnet.wording import shell_word

# Said in words of their own, or without a say in the result.
ELSEWHERE = ("seed", "threads")


def command(config: RunConfig, seeds: Sequence[int]) -> list[str]:
    """Lines of a shell that make runs of `config` with these seeds again, in DIR/seed-N, a single one in DIR.

    They start from the preset that needs the fewest options; device and precision are named as they were resolved.
    """
    mine = _flat(config)
    changes = {name: _changed(mine, _flat(load(name))) for name in preset_names()}
    preset = min(changes, key=lambda name: len(changes[name]))
    options = " ".join(option(name, value) for name, value in changes[preset].items())
    first, count = min(seeds), len(seeds)
    if sorted(seeds) == list(range(first, first + count)):
        seed = "" if first == 0 else f" --seed {first}"
        replicates = "" if count == 1 else f" --replicates {count}"
        return [f"siftnet run {preset}{replicates}{seed} --out DIR {options}".rstrip()]
    return [f"siftnet run {preset} --seed {seed} --out DIR/seed-{seed} {options}".rstrip() for seed in seeds]


def option(name: str, value: Any) -> str:
    """One option of the command line: '--train.lr 0.1', '--data.flip', '--data.no-flip'."""
    if isinstance(value, bool):
        group, dot, field = name.rpartition(".")
        return f"--{group}{dot}{'' if value else 'no-'}{field}".replace("_", "-")
    return " ".join([f"--{name}".replace("_", "-"), *(shell_word(word) for word in _words(value))])


def _words(value: Any) -> list[str]:
    return [word for part in value for word in _words(part)] if isinstance(value, list) else [str(value)]


def _flat(config: RunConfig) -> dict[str, Any]:
    return {name: value for name, value in flatten(to_dict(config)).items() if name not in ELSEWHERE}


def _changed(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in mine.items() if value != theirs[name]}
