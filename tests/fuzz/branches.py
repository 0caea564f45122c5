"""Which branches of siftnet's readers the inputs took, from the files that workers with coverage.py left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Branches:
    """Of one source file: ways on from its branching lines, and how many of them were taken."""

    all: int
    taken: int


PLACES = ("data/formats/*.py", "data/load.py", "data/splits.py", "data/tasks.py", "data/dataset.py", "store/*.py",
          "config/load.py")  # fmt: skip
"""What reads, in the package's folder."""


def sources() -> list[Path]:
    """The source files that read what people bring and what runs store."""
    found = find_spec("siftnet")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    return sorted(path for place in PLACES for path in package.glob(place) if path.name != "__init__.py")


def measure(folder: Path, reader: str) -> Mapping[str, Branches]:
    """Branches by source file of one reader's workers, or of all (reader is empty); files: as `worker` left them."""
    from coverage import Coverage

    data = sorted(str(path) for path in folder.glob(f"{reader}/taken*" if reader else "*/taken*"))
    found = Coverage(data_file=None, branch=True, config_file=False)
    if not data:
        return {}
    found.combine(data, keep=True)
    told: dict[str, Branches] = {}
    for path in sources():
        lines = found.branch_stats(str(path)).values()
        name = str(path).rpartition("siftnet/")[2]
        told[name] = Branches(sum(ways for ways, _ in lines), sum(taken for _, taken in lines))
    return told


def share(found: Mapping[str, Branches]) -> float:
    """Share of the branches taken, over the files that any input entered."""
    entered = [one for one in found.values() if one.taken]
    return sum(one.taken for one in entered) / max(1, sum(one.all for one in entered))
