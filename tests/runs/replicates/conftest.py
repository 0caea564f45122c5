"""Kernels that take several networks, single runs to compare with, and processes that are killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import EVENTFUL, Several, config, dataset
from runs.replicates.alike import COUNT
from siftnet.kernels.registry import KERNELS
from siftnet.runs.single import run
from worker import Server, no_fsync


@pytest.fixture(autouse=True, scope="module")
def quick_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", no_fsync)
        yield


@pytest.fixture(autouse=True)
def several(monkeypatch: pytest.MonkeyPatch) -> Several:
    """A kernel that takes several networks."""
    kind = Several()
    monkeypatch.setitem(KERNELS, "several", kind)
    return kind


@pytest.fixture(scope="session")
def singles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Single runs with the seeds of the replicates, by the dense kernel."""
    out = tmp_path_factory.mktemp("singles")
    return [run(config(**EVENTFUL, seed=seed), out / str(seed), dataset=dataset()).path for seed in range(COUNT)]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started
