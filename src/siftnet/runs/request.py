"""The run that is asked for: its setup, the digest that names it, the run it starts from, and its round 0."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from siftnet.config.identity import NOT_IN_DIGEST, digest
from siftnet.config.load import absolute_path, flatten, to_dict
from siftnet.pruning.imp import Position, first_position
from siftnet.runs.setup import Setup
from siftnet.store.run import Run


@dataclass(frozen=True)
class Wanted:
    """A run that is asked for: where, what it computes, and the digest that names it."""

    path: Path
    setup: Setup
    digest: str
    source: Run | None
    """The run whose masks it begins with."""


def want(setup: Setup, out: Path | str | None, data_hash: str) -> Wanted:
    """The run of a setup at `out`, or under runs/ by its digest; data_hash: of its data set.

    Raises ValueError where there is nothing to prune, and where the run to start from is not one of this network.
    """
    if not setup.subject.prunable:
        raise ValueError(
            f"network.layers = {setup.config.network.layers!r} has nothing to prune, as the output layer never is: "
            "add a hidden layer, as in 'f1024:x'"
        )
    source = _source(setup)
    identity = digest(setup.config, data_hash, source.digest if source else "")
    return Wanted(absolute_path(out or Path("runs") / identity[:12]), setup, identity, source)


def first_round(setup: Setup) -> Position:
    """Where round 0 begins: dense, under a random mask, or from another run's round."""
    start, source = setup.config.start, _source(setup)
    masks = source.masks(start.round) if source else None
    rewind = source.rewind() if source and start.weights == "rewind" else None
    return first_position(setup.subject, setup.config.prune, setup.config.seed, masks, rewind)


def _source(setup: Setup) -> Run | None:
    """The run to start from. Raises ValueError where its masks or weights do not fit this network."""
    start = setup.config.start
    if start.run is None:
        return None
    source = Run(start.run)
    found = {name: tuple(mask.shape) for name, mask in source.masks(start.round).items()}
    fresh = {name: tuple(value.shape) for name, value in setup.subject.draw(0).parameters.items()}
    wanted = {name: fresh[name] for name in setup.network.prunable_names}
    rewind = source.rewind() if start.weights == "rewind" else None
    if rewind is not None:
        found, wanted = {name: tuple(value.shape) for name, value in rewind.parameters.items()}, fresh
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise ValueError(
                f"start.run {start.run} has {name} of shape {found.get(name)}, this network has {wanted.get(name)}: "
                "use its layers"
            )
    if not np.array_equal(_given(source.inputs().get("permutation_I")), _given(setup.dataset.permutation_I)):
        raise ValueError(f"start.run {start.run} permuted its inputs otherwise: use its data.permute and data.seed")
    return source


def _given(permutation_I: np.ndarray | None) -> np.ndarray:
    return np.array(()) if permutation_I is None else permutation_I


def check_same(stored: Run, wanted: Wanted) -> None:
    """Raise ValueError, with what differs, unless the stored run is the one that is asked for."""
    if stored.digest == wanted.digest:
        return
    setup = wanted.setup
    mine, theirs = flatten(to_dict(setup.config)), flatten(to_dict(stored.config))
    differing = [
        f"{name} {json.dumps(theirs.get(name))} there, {json.dumps(mine.get(name))} here"
        for name in mine
        if mine[name] != theirs.get(name) and not name.startswith(NOT_IN_DIGEST)
    ]
    if not differing and setup.dataset.content_hash() != stored.data.hash:
        raise ValueError(
            f"{stored.path} was trained on other data ({stored.data.name!r} there, {setup.dataset.name!r} here): "
            "bring those back, a data set of your own as siftnet.resume(..., dataset=...), or choose another directory"
        )
    reason = "; ".join(differing[:3]) or "the run started from or the algorithm changed"
    raise ValueError(f"{stored.path} holds another run ({reason}): choose another directory, with siftnet run --out")
