"""The comparison of stored runs: bit by bit, and what should be gone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any

from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary

FILES = ("masks.safetensors", "weights.safetensors", "best.safetensors", "scored.safetensors", "history.json")


def differing(found: Path, expected: Path, *, but: Collection[str] = ()) -> list[str]:
    """What differs: rounds that one of two runs lacks, files by their bytes, numbers, drafts left over in the first.

    Both runs have scored weights (prune.at_step): raises FileNotFoundError for a round of both without one of FILES.
    `but` names numbers of a round, beside its seconds, that may differ.
    """
    mine, theirs = Run(found), Run(expected)
    both = [number for number in theirs.rounds() if number in mine.rounds()]
    alone = sorted({*mine.rounds()} ^ {*theirs.rounds()})
    names = ["rewind/state.safetensors", *(f"rounds/{number:02d}/{name}" for number in both for name in FILES)]
    files = [name for name in names if (found / name).read_bytes() != (expected / name).read_bytes()]
    left_out = {"seconds", *but}
    told = {number: [_numbers(stored.summary(number), left_out) for stored in (mine, theirs)] for number in both}
    numbers = [f"rounds/{number:02d}/round.json" for number, (one, other) in told.items() if one != other]
    drafts = [path for path in (found / "checkpoint", *sorted((found / "rounds").glob(".*"))) if path.exists()]
    return [
        *(f"rounds/{number:02d}" for number in alone),
        *files,
        *numbers,
        *(str(path.relative_to(found)) for path in drafts),
    ]


def _numbers(summary: RoundSummary, left_out: Collection[str]) -> dict[str, Any]:
    return {each.name: getattr(summary, each.name) for each in fields(summary) if each.name not in left_out}
