"""Small data sets and configurations for tests, made by hand. N examples, I inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from siftnet.config.fields import RunConfig
from siftnet.config.load import from_dict
from siftnet.data.dataset import Dataset
from siftnet.geometry import Geometry, Grid
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import Kernel, Problem
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.training import Assignment, History
from siftnet.runs.setup import Setup, set_up


def dataset(
    geometry: Geometry | None = None,
    *,
    classes: int | None = 3,
    integers: bool = False,
    examples: int = 240,
    seed: int = 0,
) -> Dataset:
    """Random inputs whose labels are the largest of a few random projections (or one of them, without classes)."""
    geometry = geometry or Grid((4, 4))
    rng = np.random.default_rng(seed)
    inputs_NI = rng.standard_normal((examples, geometry.size)).astype(np.float32)
    projected = inputs_NI @ rng.standard_normal((geometry.size, classes or 1))
    labels_N = projected.argmax(1) if classes else projected[:, 0].astype(np.float32)
    if integers:
        inputs_NI = np.clip(128 + 40 * inputs_NI, 0, 255).astype(np.uint8)
    center, scale = (128, 1 / 40) if integers else (0, 1)
    rows = rng.permutation(examples)
    ends = [examples * 2 // 3, examples * 5 // 6]
    parts = zip(("train", "validation", "test"), np.split(rows, ends), strict=True)
    return Dataset(
        name="small",
        inputs_NI=inputs_NI,
        labels_N=labels_N,
        classes=classes,
        geometry=geometry,
        splits={name: np.sort(part) for name, part in parts},
        center_I=np.full(geometry.size, center, np.float32),
        scale_I=np.full(geometry.size, scale, np.float32),
    )


SMALL: dict[str, Any] = {
    "device": "cpu",
    "threads": 1,
    # Which kernel auto takes is a matter of timing, and tests compare bits.
    "kernel": "dense",
    "network": {"layers": "f12:f8:x"},
    "train": {"steps": 20, "batch": 16, "lr": 0.2, "rewind": 3, "validate_every": 5, "precision": "fp32"},
    "prune": {"rounds": 3, "fraction": 0.3, "min_connected": 0.0},
}


def config(**changes: Any) -> RunConfig:
    """A configuration that trains in milliseconds; `changes` by field path with __ for the dots."""
    base = from_dict(SMALL)
    nested: dict[str, Any] = {}
    for path, value in changes.items():
        *groups, name = path.split("__")
        here = nested
        for group in groups:
            here = here.setdefault(group, {})
        here[name] = value
    return from_dict(nested, base)


def setup(data: Dataset | None = None, **changes: Any) -> Setup:
    """Data, network and trainer of a small configuration."""
    return set_up(config(**changes), data or dataset())


def train(setup: Setup, state: State, masks: Masks, *, round_number: int = 0, **more: Any) -> tuple[State, History]:
    """One training by the setup's trainer: the state that it ends with, and what happened."""
    ended = setup.trainer(Assignment(state, masks, round_number, **more))
    assert ended.masks is masks
    return ended.state, ended.history


def random_masks(state: State, names: list[str], density: float, seed: int = 0) -> Masks:
    """Each entry kept with probability `density`."""
    rng = np.random.default_rng(seed)
    kept = {n: rng.random(tuple(state.parameters[n].shape)) < density for n in names}
    return Masks({name: torch.from_numpy(mask) for name, mask in kept.items()})


class Several(Dense):
    """The dense kernel as one that takes several networks: to the bits of single runs, so that tests can compare."""

    name = "several"

    def __init__(self) -> None:
        self.groups: list[list[tuple[int, int, int]]] = []
        """Of each group that was trained together: (seed, round, step) of its members."""

    def compile_together(
        self, problems: Sequence[Problem], states: Sequence[State], masks: Sequence[Masks]
    ) -> list[Kernel]:
        """One dense kernel for each."""
        drawn = [problem.batches for problem in problems]
        self.groups.append([(b.seed, b.round, s.step) for s, b in zip(states, drawn, strict=True)])
        return [self.compile(*each) for each in zip(problems, states, masks, strict=True)]
