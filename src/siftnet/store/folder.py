"""A run's directory, or a folder of replicates DIR/seed-N, which are runs that differ in their seed alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from siftnet.config.load import absolute_path
from siftnet.store.atomic import read_json, to_json, write_file
from siftnet.store.run import PAGE, Run


def replicate_path(path: Path, seed: int) -> Path:
    """Where the run with this seed lies in a folder of replicates."""
    return path / f"seed-{seed}"


def replicates_in(path: Path | str) -> list[Path]:
    """The folders seed-N of `path` that hold runs, by seed; none where `path` is a run itself, whatever lies in it."""
    path = absolute_path(path)
    if Run.exists(path):
        return []
    names = (re.fullmatch("seed-(0|[1-9][0-9]*)", folder.name) for folder in path.glob("seed-*"))
    folders = [replicate_path(path, seed) for seed in sorted(int(match[1]) for match in names if match)]
    return [folder for folder in folders if Run.exists(folder)]


def open_replicates(path: Path | str) -> list[Run]:
    """The runs of `replicates_in`. Raises ValueError where one lies in the folder of another seed."""
    runs = [Run(folder) for folder in replicates_in(path)]
    for run in runs:
        own = replicate_path(run.path.parent, run.config.seed)
        if own != run.path:
            raise ValueError(f"{run.path} holds the run of seed {run.config.seed}: move it to {own}, or out of there")
    return runs


def write_seeds(path: Path, seeds: Sequence[int]) -> None:
    """Store the seeds that a folder of replicates is to have, run or not."""
    write_file(path / "replicates.json", to_json({"seeds": list(seeds)}))


def seeds_asked(path: Path) -> list[int]:
    """What `write_seeds` stored last; empty in a folder of runs that were put together by hand."""
    path = path / "replicates.json"
    if not path.exists():
        return []
    stored = read_json(path)
    seeds = stored.get("seeds") if isinstance(stored, dict) else None
    if not isinstance(seeds, list) or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise ValueError(f"{path} is not a list of seeds: remove it, and those that are there go on")
    return seeds


def as_run(run: Run | str | Path) -> Run:
    """A run, or the one that lies at a path. Raises ValueError for anything else."""
    return run if isinstance(run, Run) else Run(run)


@dataclass(frozen=True)
class RunFolder:
    """A run, or the replicates in a folder by seed."""

    path: Path
    """The run's directory, or the folder of all."""
    runs: list[Run]

    def __post_init__(self) -> None:
        # As runs have theirs, or a run would be taken for one among others.
        object.__setattr__(self, "path", absolute_path(self.path))

    @classmethod
    def at(cls, path: Path | str) -> RunFolder:
        """What lies at a path.

        Raises ValueError where it is neither a run nor a folder of replicates, or one lies in the place of another.
        """
        path = absolute_path(path)
        return cls(path, open_replicates(path) or [Run(path)])

    @property
    def replicated(self) -> bool:
        """Whether `path` is a folder of replicates."""
        return self.runs[0].path != self.path

    @property
    def finished_rounds(self) -> int:
        """Number of finished rounds of all runs together."""
        return sum(len(stored.rounds()) for stored in self.runs)

    def write_report(self, html: str) -> Path:
        """Store the page over all replicates and return its path."""
        write_file(self.path / PAGE, html.encode("utf-8", "backslashreplace"))
        return self.path / PAGE

    def report(self) -> Path:
        """Measure what is not measured yet, write all pages, and return the path of the one over replicates.

        Raises ValueError where no round of any is finished.
        """
        # Pages stand above the store and are imported when they are asked for, the one exception to the direction.
        from siftnet.report.write import write_pages

        return write_pages(self)
