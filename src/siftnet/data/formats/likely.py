"""What data probably are, told by names alone, so that who names the wrong format is told the right one."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

from siftnet.data.formats.image_tree import SUFFIXES

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
IDX_NAME = re.compile(
    r"(?P<set>.*[-_. ])?(?P<part>train|t10k|test)[-_](?P<kind>images|labels)[-_.]idx\d[-_.](ubyte|int)(\.gz)?"
)
"""E.g. train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, emnist-letters-test-images-idx3-ubyte."""
FOLDERS = {
    "imagenet": re.compile(r"train_data_batch_\d+(\.npz)?"),
    "cifar10": re.compile(r"data_batch_\d"),
    "idx": IDX_NAME,
}
"""What lies in the folder of a format, by pattern."""
LOOKED_AT, INSIDE = 1000, 20
"""Entries of a folder that are looked at, and folders in it."""


def likely_formats(path: Path) -> list[str]:
    """data.format of a file by its suffix, of a folder by what lies in it; empty where neither tells."""
    if path.is_dir():
        return _of_folder(path)
    name = path.name.lower()
    if name.endswith(TABLES):
        return ["table"]
    return ["npz"] if name.endswith(".npz") else []


def remedy_for(path: Path, wanted: str) -> str | None:
    """What to do with data that are of another format than `wanted`; None where nothing tells that they are."""
    likely = likely_formats(path)
    if wanted in likely:
        return None
    if likely:
        column = ", and data.table.target to the column to predict" if likely[0] == "table" else ""
        return f"set data.format {likely[0]}{column}"
    # A table is told by its bytes, whatever its name.
    return None if path.is_dir() or wanted == "table" else _remedy_for_file(path.name.lower(), wanted)


def _remedy_for_file(name: str, wanted: str) -> str | None:
    if name.endswith(ARCHIVES):
        return "unpack it, and set data.root to what comes out"
    arrays = "in an .npz file, numpy.savez(path, x=x, y=y), and set data.root to that"
    if name.endswith(".npy"):
        return f"save it beside its labels {arrays}{'' if wanted == 'npz' else ' and data.format npz'}"
    return f"load it with what wrote it, and save its arrays {arrays}" if wanted == "npz" else None


def _of_folder(path: Path) -> list[str]:
    names = {entry.name for entry in _entries(path)}
    found = [kind for kind, pattern in FOLDERS.items() if any(map(pattern.fullmatch, names))]
    inside = _folders(path)
    if "train" in names and {"test", "meta"} & names and (path / "train").is_file():
        found.append("cifar100")
    # By class, or by split and class.
    if any(_holds_images(one) or any(map(_holds_images, _folders(one))) for one in inside):
        found.append("folder")
    return found


def _folders(path: Path) -> list[Path]:
    return [Path(entry.path) for entry in _entries(path) if entry.is_dir()][:INSIDE]


def _holds_images(path: Path) -> bool:
    return any(entry.name.lower().endswith(tuple(SUFFIXES)) for entry in _entries(path))


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return list(islice(found, LOOKED_AT))
    except OSError:
        return []
