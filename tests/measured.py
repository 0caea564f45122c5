"""Tiny runs of any data, measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from siftnet.config.load import from_dict
from siftnet.data.dataset import Dataset
from siftnet.runs.setup import set_up
from siftnet.runs.single import run
from siftnet.studies.measure_run import survey

HOSTILE = "</script><script>alert('x')</script><img src=http://evil.example/x.png>"


def configuration(**changes: Any) -> Any:
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


def dataset(geometry: Any, **changes: Any) -> Any:
    """Random inputs whose first feature alone says the class."""
    rng = np.random.default_rng(0)
    inputs_NI = rng.standard_normal((300, geometry.size)).astype(np.float32)
    rows = np.arange(300)
    values = {
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


def measured_run(path: Path, config: Any, data: Any = None) -> Any:
    found = run(config, path, dataset=data)
    survey(found, config.analysis, set_up(found.config, data))
    return found
