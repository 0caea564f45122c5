"""Every test here that takes `kind` runs for each kernel, on each device."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from kernels.suite import DEVICES
from siftnet.kernels.interface import KernelKind
from siftnet.kernels.registry import KERNELS


@pytest.fixture(params=KERNELS)
def kind(request: pytest.FixtureRequest) -> KernelKind:
    return KERNELS[request.param]


@pytest.fixture(params=[pytest.param(d, marks=pytest.mark.gpu) if d != "cpu" else d for d in DEVICES])
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
