"""Tiny runs, measured, of every kind of geometry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import HOSTILE, MEASURED, config, dataset, measured_run
from siftnet.geometry import Grid, Unknown


@pytest.fixture(scope="session")
def torus_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return measured_run(tmp_path_factory.mktemp("torus") / "run", config(MEASURED, analysis__ablation=True))


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A table with names that nobody should have given."""
    data = replace(
        dataset(Unknown(12), classes=2),
        name=HOSTILE,
        class_names=(HOSTILE, "@accent"),
        input_names=(HOSTILE, *(f"column {i}" for i in range(1, 12))),
        notes=(HOSTILE,),
    )
    return measured_run(tmp_path_factory.mktemp("table") / "<b>run", config(MEASURED), data)


@pytest.fixture(scope="session")
def colour_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Three channels on a grid, inputs permuted."""
    data = replace(dataset(Grid((6, 5), 3), classes=2), permutation_I=np.random.default_rng(1).permutation(90))
    return measured_run(tmp_path_factory.mktemp("colour") / "run", config(MEASURED), data)


@pytest.fixture
def measure(tmp_path: Path) -> Any:
    """Make and measure a run of other data or other settings."""

    def make(data: Any = None, **changes: Any) -> Any:
        return measured_run(tmp_path / "run", config(MEASURED, **changes), data)

    return make
