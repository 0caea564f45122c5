"""The numbers of a finished round, read back: its summary and its validations; and whether its files are those."""

from __future__ import annotations

import hashlib
from pathlib import Path

from siftnet.config.values import RefusedError
from siftnet.pruning.evaluation import Record
from siftnet.store.atomic import read_json
from siftnet.store.summary import RoundSummary
from siftnet.store.typed import MISFITS, typed
from siftnet.wording import named


def read_summary(path: Path) -> RoundSummary:
    """What round.json holds. Raises ValueError where it is damaged, or is of a newer siftnet."""
    values = read_json(path)
    try:
        found = RoundSummary.from_dict(values)
        if "masks.safetensors" not in found.files:
            raise KeyError("masks.safetensors among its files")
        return found
    except RefusedError as error:
        raise ValueError(f"{path}: {error}") from None
    except MISFITS as error:
        raise _misfit(path, error) from None


def read_history(path: Path) -> list[Record]:
    """What history.json holds. Raises ValueError where it is damaged."""
    values = read_json(path)
    try:
        return [typed(Record.from_dict(record)) for record in values]
    except MISFITS as error:
        raise _misfit(path, error) from None


def _misfit(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is not what a round stores ({named(repr(error), 200)}): restore it from a copy")


def unchanged(path: Path, summary: RoundSummary) -> Path:
    """The path of one of a round's files; raises ValueError where it is not the file that round.json has the digest of.

    One that is missing is left to whoever reads it.
    """
    stored = summary.files.get(path.name)
    if stored is not None and path.is_file() and not has_digest(path, stored):
        raise ValueError(
            f"{path} was changed or damaged after it was stored: "
            "restore it from a copy, or remove that round and all later ones"
        )
    return path


def has_digest(path: Path, sha256: str) -> bool:
    """Whether a file's bytes have this digest."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest() == sha256
