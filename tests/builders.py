"""Data sets, configurations, set-ups, runs and results for tests, small and made by hand. N examples, I inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from siftnet.analysis.index import Index
from siftnet.config.fields import RunConfig
from siftnet.config.load import from_dict
from siftnet.data.dataset import Dataset
from siftnet.data.raw import Raw
from siftnet.geometry import Geometry, Grid, Points, Unknown
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import Kernel, Problem
from siftnet.kernels.plan import Plan, Timing
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation, Record
from siftnet.pruning.training import Assignment, History
from siftnet.runs.setup import Setup, set_up
from siftnet.runs.single import run
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from siftnet.studies.measure_run import measure_rounds
from siftnet.studies.measured_layer import Indices
from siftnet.studies.seeds import (
    Divergence,
    Gain,
    Metric,
    RoundOverSeeds,
    SeedRun,
    SeedsSummary,
    over_seeds,
    tested_over_seeds,
)

Settings = dict[str, Any]
Values = Sequence[float | None]

SMALL: Settings = {
    "device": "cpu",
    "threads": 1,
    # Which kernel auto takes is a matter of timing, and tests compare bits.
    "kernel": "dense",
    "network": {"layers": "f12:f8:x"},
    "train": {"steps": 20, "batch": 16, "lr": 0.2, "rewind": 3, "validate_every": 5, "precision": "fp32"},
    "prune": {"rounds": 3, "fraction": 0.3, "min_connected": 0.0},
}
"""Trains on `dataset()` in milliseconds."""

MEASURED: Settings = {
    "threads": 1,
    "kernel": "dense",
    "data": {"format": "nlgp", "synthetic": {"shape": [8, 8], "xi": [0.5, 1.5], "examples": 600, "test": 200}},
    "network": {"layers": "f24:f20:x", "init_scale": 0.25},
    "train": {"steps": 30, "batch": 50, "lr": 0.3, "rewind": 5, "validate_every": 15, "precision": "fp32"},
    "prune": {"rounds": 2, "fraction": 0.5},
    "analysis": {"samples": 5, "samples_other": 3, "bootstrap": 100, "ablation": False},
}
"""Has data of its own, with locality to be found, and is measured in a second."""

EVENTFUL: Settings = {
    "prune__rounds": 2,
    "train__momentum": 0.9,
    "prune__at_step": 17,
    "train__validate_every": 7,
}
"""Changes of SMALL with which buffers, snapshots and scored weights have to come through an interruption as well."""

HOSTILE = "</script><script>alert('x')</script><img src=http://evil.example/x.png>"
"""A name that nobody should give."""


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


def points_of(grid: Grid, step: float = 1.0, origin: float = 0.0) -> Points:
    """The inputs of a grid without its numbering, `step` apart, those of one site at one place."""
    sites_SA = np.stack([axis.ravel() for axis in np.indices(grid.shape)], axis=1)
    return Points(np.tile(sites_SA, (grid.channels, 1)) * step + origin)


def raw_of(count: int, held_out_N: np.ndarray | None = None, **more: Any) -> Raw:
    """What a reader hands over: `count` examples of one input and two classes."""
    labels_N = np.arange(count) % 2
    values: dict[str, Any] = {"labels_N": labels_N, "classes": 2, "held_out_N": held_out_N} | more
    return Raw(name="raw", inputs_NI=np.zeros((count, 1), np.uint8), geometry=Unknown(1), **values)


def with_targets_alike(*splits: str, value: float = 0.0, examples: int = 240) -> Dataset:
    """Numeric targets that are all `value` on some splits, whose R squared is undefined."""
    made = dataset(classes=None, examples=examples)
    for name in splits:
        made.labels_N[made.splits[name]] = value
    return made


def config(base: Settings = SMALL, /, **changes: Any) -> RunConfig:
    """A configuration; `changes` of `base` by field path with __ for the dots."""
    nested: dict[str, Any] = {}
    for path, value in changes.items():
        *groups, name = path.split("__")
        here = nested
        for group in groups:
            here = here.setdefault(group, {})
        here[name] = value
    return from_dict(nested, from_dict(base))


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


def measured_run(path: Path, config: RunConfig, data: Dataset | None = None) -> Run:
    """A run of the configuration's data, or of others, with all its rounds measured."""
    found = run(config, path, dataset=data)
    measure_rounds(found, config.analysis, set_up(found.config, data))
    return found


def timed_plan(**kernels: Mapping[float, float]) -> Plan:
    """A plan by the clock; kernels: of each its milliseconds an update at each density."""
    timings = [
        Timing(kernel=name, density=d, p20=ms, p50=ms, updates=9)
        for name, at in kernels.items()
        for d, ms in at.items()
    ]
    return Plan(why="the fastest at each density", threads=1, timings=tuple(timings))


def evaluation(score: float | None, examples: int = 100) -> Evaluation:
    """On a split, of which the score alone matters."""
    return Evaluation(loss=0.1, score=score, top5=None, examples=examples)


def validated(score: float | None, step: int = 5, examples: int = 100) -> Record:
    """A validation, of which score and step matter."""
    return Record(step, 0.1, evaluation(score, examples))


def round_summary(number: int = 0, density: float = 1.0, **changes: Any) -> RoundSummary:
    """A finished round with usual numbers."""
    values: dict[str, Any] = {
        "round": number,
        "density": density,
        "density_effective": density,
        "survivors": round(1000 * density),
        "entries": 1000,
        "layers": {},
        "metric": "accuracy",
        "best": validated(0.5),
        "last": validated(0.5, 9),
        "test_best": evaluation(0.5),
        "test_last": evaluation(0.5),
        "seconds": 1.0,
        "kernel": "dense",
        "diverged_at": None,
        "begin_sha256": "",
        "stop": None,
    }
    return RoundSummary(**(values | changes))


def index(value: float | None, low: float | None = None, high: float | None = None, p: float | None = None) -> Index:
    """Without what depends on the null."""
    return Index(value, low, high, None, p, 19)


def indices(uniform: Index, degree: Index | None) -> Indices:
    """Of a layer's locality, the same with every node weighing 1."""
    return Indices(
        index_uniform=uniform,
        index_degree=degree,
        index_uniform_node=uniform,
        index_degree_node=degree,
        correlation_length=None,
        correlation_length_degree=None,
    )


def seed_run(
    seed: int,
    *,
    diverged: tuple[int, int] | None = None,
    reached: int | None = 9,
    stop: str | None = "all 9 pruned rounds are done",
    asked: int = 9,
) -> SeedRun:
    """One run among others; diverged: round and step."""
    lost = None if diverged is None else Divergence(round=diverged[0], step=diverged[1])
    return SeedRun(
        path=f"runs/seed-{seed}",
        seed=seed,
        digest=f"digest {seed}",
        headline=None,
        diverged=lost,
        reached=reached,
        stop=stop,
        asked=asked,
    )


def round_over_seeds(
    number: int = 0, density: float = 1.0, p: Values | None = None, **quantities: Values
) -> RoundOverSeeds:
    """A round of several seeds; quantities: values of each seed, those not given of none."""
    count = max(map(len, quantities.values()))
    values = {name: quantities.get(name, [None] * count) for name in ("validation", "test", "last_validation")}
    return RoundOverSeeds(
        round=number,
        density=density,
        runs=count,
        **{name: over_seeds(found) for name, found in values.items()},
        index_uniform=over_seeds(quantities.get("index_uniform", [None] * count)),
        index_degree=tested_over_seeds(quantities.get("index_degree", [None] * count), p or [None] * count),
    )


def seeds_summary(
    rounds: Sequence[RoundOverSeeds],
    *,
    runs: Sequence[SeedRun],
    gains: Values = (),
    metric: Metric = "accuracy",
    headline: int | None = None,
) -> SeedsSummary:
    """Several seeds together; gains: of each on validation and test alike."""
    gains = gains or [None] * len(runs)
    found = over_seeds(gains)
    gain = Gain(
        runs=found.n,
        validation=found,
        test=found,
        gained_on_test=sum(g is not None and g > 0 for g in gains),
        chosen=(None,) * len(gains),
    )
    return SeedsSummary(runs=tuple(runs), metric=metric, rounds=tuple(rounds), headline=headline, gain=gain)
