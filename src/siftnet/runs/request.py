"""The run that is asked for: its setup, the digest that names it, the run it starts from, and its round 0."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from packaging.version import Version

from siftnet.config.fields import RunConfig, StartConfig
from siftnet.config.identity import differing, digest
from siftnet.config.load import absolute_path, flatten, to_dict
from siftnet.data.dataset import Dataset
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.imp import Position, first_position, foreseen_densities
from siftnet.runs.setup import Setup
from siftnet.store.run import Run

READ_OTHERWISE = {"npz": "0.5.0", "table": "0.5.0", "folder": "0.5.0", "idx": "0.5.0"}
"""Formats that are read otherwise since a version: tables and arrays centred in double precision, arrays without a
geometry scaled input by input, images turned as their camera says, folders without what is hidden in them, and labels
with gaps numbered without."""


@dataclass(frozen=True)
class Source:
    """Another run's round that a run begins with, read once."""

    run: Run
    masks: Masks
    rewind: State | None
    """Its rewind point, unless weights are drawn afresh."""


def read_source(start: StartConfig) -> Source | None:
    """The round to start from; None for a dense network."""
    if start.run is None:
        return None
    run = Run(start.run)
    return Source(run, run.masks(start.round), run.rewind() if start.weights == "rewind" else None)


@dataclass(frozen=True)
class RunRequest:
    """A run that is asked for: where, what it computes, and the digest that names it."""

    path: Path
    setup: Setup
    digest: str
    source: Source | None
    first: Position
    """Where round 0 begins: dense, under a random mask, or from another run's round."""

    @property
    def foreseen(self) -> list[float]:
        """Density of each round that the stop rules let happen, as far as one can tell beforehand."""
        return foreseen_densities(self.setup.procedure, self.first.masks)

    def with_setup(self, setup: Setup) -> RunRequest:
        """The same with another plan, other stop rules or threads, none of which names a run."""
        return replace(self, setup=setup)


def named_folder(preset_or_file: str | Path) -> Path:
    """Where a run lies that is asked for by a preset's name or a file."""
    return Path("runs") / Path(preset_or_file).stem


def request_run(setup: Setup, out: Path | str | None = None, source: Source | None = None) -> RunRequest:
    """The run of a setup at `out`, or under runs/ by its digest; source: as `read_source` has it, where it is read.

    Raises ValueError where there is nothing to prune, and where the run to start from is not one of this network.
    """
    config = setup.config
    if not setup.procedure.prunable:
        raise ValueError(
            f"network.layers = {config.network.layers!r} has nothing to prune, as the output layer never is: "
            "add a hidden layer, as in 'f1024:x'"
        )
    source = source or read_source(config.start)
    if source:
        _check_fits(source, setup)
    named = digest(config, setup.dataset.content_hash(), source.run.digest if source else "")
    masks, rewind = (source.masks, source.rewind) if source else (None, None)
    first = first_position(setup.subject, setup.procedure, masks, rewind)
    path = Path("runs") / named[:12] if out is None else out
    return RunRequest(absolute_path(path), setup, named, source, first)


def _check_fits(source: Source, setup: Setup) -> None:
    """Raise ValueError where the masks or weights to start from do not fit this network."""
    place = source.run.path
    found = {name: tuple(mask.shape) for name, mask in source.masks.items()}
    fresh = {name: tuple(value.shape) for name, value in setup.subject.draw(0).parameters.items()}
    wanted = {name: fresh[name] for name in setup.network.prunable_names}
    if source.rewind is not None:
        found, wanted = {name: tuple(value.shape) for name, value in source.rewind.parameters.items()}, fresh
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise ValueError(
                f"start.run {place} has {name} of shape {found.get(name)}, this network has {wanted.get(name)}: "
                "use its layers"
            )
    theirs, mine = source.run.inputs().get("permutation_I"), setup.dataset.permutation_I
    if not np.array_equal(_indices(theirs), _indices(mine)):
        raise ValueError(f"start.run {place} permuted its inputs otherwise: use its data.permute and data.seed")


def _indices(permutation_I: np.ndarray | None) -> np.ndarray:
    return np.array(()) if permutation_I is None else permutation_I


def check_headline(config: RunConfig) -> None:
    """Raise ValueError where the round that the verdict is to be about will not be made."""
    headline, rounds = config.analysis.headline, config.prune.rounds
    if headline > rounds:
        raise ValueError(
            f"analysis.headline = {headline} lies beyond the last round, prune.rounds = {rounds}: take one of 0 to "
            f"{rounds}, or -1, which lets the rule choose"
        )


def read_otherwise(stored: Run, dataset: Dataset) -> str | None:
    """Why a run's data are other ones than the data set that its configuration gives now, where an older siftnet read
    the same files otherwise; None where that is not the reason."""
    made_by, kind = str(stored.environment.get("siftnet", "0.1.0")), stored.config.data.format
    since = READ_OTHERWISE.get(kind)
    if since is None or Version(made_by) >= Version(since) or dataset.content_hash() == stored.data.hash:
        return None
    return (
        f"siftnet {made_by} made {stored.path} and read data of format {kind} otherwise than siftnet {since} and later"
    )


def check_same(stored: Run, request: RunRequest) -> None:
    """Raise ValueError, with what differs, unless the stored run is the one that is asked for."""
    if stored.digest == request.digest:
        return
    mine, theirs = request.setup.config, stored.config
    here, there = flatten(to_dict(mine)), flatten(to_dict(theirs))
    names = differing(mine, theirs)
    if not names and (why := read_otherwise(stored, request.setup.dataset)):
        raise ValueError(
            f"{why}: show, report, analyze and verify open it, but to go on would train on other numbers, so make it "
            "anew, with siftnet run --out"
        )
    if not names and request.setup.dataset.content_hash() != stored.data.hash:
        raise ValueError(
            f"{stored.path} was trained on other data ({stored.data.name!r} there, {request.setup.dataset.name!r} "
            "here): bring those back, a data set of your own as siftnet.resume(..., dataset=...), or choose another "
            "directory"
        )
    said = [f"{name} {json.dumps(there[name])} there, {json.dumps(here[name])} here" for name in names[:3]]
    reason = "; ".join(said) or "the run started from or the algorithm changed"
    raise ValueError(f"{stored.path} holds another run ({reason}): choose another directory, with siftnet run --out")
