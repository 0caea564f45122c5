"""A file of names and values that every run has, or why what lies there is no run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from siftnet.store.atomic import read_json


def read_run_json(run: Path, name: str) -> dict[str, Any]:
    """What the file `name` of a run's directory holds. Raises ValueError where there is no run, or it is damaged."""
    if not (run / name).is_file():
        if not run.is_dir():
            raise ValueError(f"there is no run {run}: check the path, or make it with siftnet run")
        if found := sorted(run.glob("seed-*/config.json")):
            raise ValueError(f"{run} holds replicates: name one of them, as in {found[0].parent}")
        raise ValueError(f"{run} is not a run: it has no {name}; run it anew if it was stopped early")
    found = read_json(run / name)
    if not isinstance(found, dict):
        raise ValueError(f"{run / name} holds no names with values: restore it from a copy")
    return found
