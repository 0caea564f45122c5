"""The public calls by which data are read, each returning the names that it read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from siftnet.config.load import from_dict
from siftnet.data.load import load_dataset

Door = Callable[[Path, Mapping[str, Any]], object]


def data_door(format_name: str) -> Door:
    """`load_dataset` of a format; settings: those of the group data, beside format and root."""

    def read(root: Path, settings: Mapping[str, Any]) -> object:
        data = {"format": format_name, "root": str(root), "validation": 3} | dict(settings)
        found = load_dataset(from_dict({"data": data}).data)
        assert repr(found)
        return (found.name, *found.class_names, *found.input_names, *found.notes)

    return read


def data_settings(draw: Random) -> dict[str, Any]:
    """Settings of the group data that any format takes; most often none."""
    if draw.random() < 0.8:
        return {}
    return draw.choice(
        (
            {"labels": "modulo", "modulo": 2},
            {"labels": "random"},
            {"permute": "fixed"},
            {"permute": "each"},
            {"share": 0.5},
            {"holdout": 0.5},
            {"split": "paper"},
            {"flip": True},
            {"shift": 1},
        )
    )
