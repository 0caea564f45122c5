"""Tiny runs of any data, measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from siftnet.analysis.index import Index
from siftnet.config.fields import RunConfig
from siftnet.config.load import from_dict
from siftnet.data.dataset import Dataset
from siftnet.geometry import Geometry
from siftnet.pruning.evaluation import Evaluation, Record
from siftnet.runs.setup import set_up
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

Values = Sequence[float | None]
HOSTILE = "</script><script>alert('x')</script><img src=http://evil.example/x.png>"


def configuration(**changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "threads": 1,
        "kernel": "dense",
        "data": {"format": "nlgp", "synthetic": {"shape": [8, 8], "xi": [0.5, 1.5], "examples": 600, "test": 200}},
        "network": {"layers": "f24:f20:x", "init_scale": 0.25},
        "train": {"steps": 30, "batch": 50, "lr": 0.3, "rewind": 5, "validate_every": 15, "precision": "fp32"},
        "prune": {"rounds": 2, "fraction": 0.5},
        "analysis": {"samples": 5, "samples_other": 3, "bootstrap": 100, "ablation": False},
    }
    for path, value in changes.items():
        group, name = path.split("__")
        values[group] = values[group] | {name: value}
    return from_dict(values)


def dataset(geometry: Geometry, **changes: Any) -> Dataset:
    """Random inputs whose first feature alone says the class."""
    rng = np.random.default_rng(0)
    inputs_NI = rng.standard_normal((300, geometry.size)).astype(np.float32)
    rows = np.arange(300)
    values: dict[str, Any] = {
        "name": "made up",
        "inputs_NI": inputs_NI,
        "labels_N": (inputs_NI[:, 0] > 0).astype(np.int64),
        "classes": 2,
        "geometry": geometry,
        "splits": {"train": rows[:200], "validation": rows[200:250], "test": rows[250:]},
        "center_I": np.zeros(geometry.size, np.float32),
        "scale_I": np.ones(geometry.size, np.float32),
    }
    return Dataset(**(values | changes))


def evaluation(score: float, examples: int = 100) -> Evaluation:
    """On a split, of which the score alone matters."""
    return Evaluation(loss=0.1, score=score, top5=None, examples=examples)


def validated(score: float, step: int = 5, examples: int = 100) -> Record:
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


def measured_run(path: Path, config: RunConfig, data: Dataset | None = None) -> Run:
    found = run(config, path, dataset=data)
    measure_rounds(found, config.analysis, set_up(found.config, data))
    return found
