"""Whether runs may be told of together: seeds of one configuration on the same data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from siftnet.config.identity import identifying
from siftnet.store.run import Run


def check_alike(runs: Sequence[Run]) -> None:
    """Raise ValueError unless the runs, one at least, are different seeds of one configuration on the same data.

    Threads, paths, stop rules and analysis may differ.
    """
    if not runs:
        raise ValueError("there is no run to summarise: give at least one run's directory")
    first, seen = runs[0], {runs[0].config.seed: runs[0].path}
    mine = _alike(first)
    for run in runs[1:]:
        theirs = _alike(run)
        for name in mine:
            if mine[name] != theirs[name]:
                raise ValueError(
                    f"{name} is {mine[name]!r} in {first.path} and {theirs[name]!r} in {run.path}: "
                    "take runs that differ in their seed alone"
                )
        if run.config.seed in seen:
            raise ValueError(
                f"{seen[run.config.seed]} and {run.path} have the same seed, {run.config.seed}, and count as one: "
                "leave one of them out"
            )
        seen[run.config.seed] = run.path


def _alike(run: Run) -> dict[str, Any]:
    """What must be the same in all runs: everything that changes results but the seed, and the data themselves."""
    return identifying(run.config, leaving_out=("seed",)) | {"the data's content hash": run.data.hash}
