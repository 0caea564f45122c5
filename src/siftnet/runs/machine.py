"""The machine: what to compute on, and what to write down about it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch

from siftnet.config.fields import RunConfig
from siftnet.host.forks import refuse_after_fork
from siftnet.host.torch_state import own_torch
from siftnet.kernels.registry import features_here
from siftnet.version import __version__


def resolve_machine(config: RunConfig) -> RunConfig:
    """The configuration with device, threads and precision decided, so that a resumed run computes the same way.

    Without a number of threads, those that the process may use, on the processor as many as Numba may start at most.
    Raises ValueError for a device that this machine does not have.
    """
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    check_device(device)
    most = numba_threads() if device == "cpu" else available_threads()
    threads = config.threads or min(available_threads(), most)
    precision = config.train.precision
    if precision == "auto":
        precision = "bf16" if has_native_bf16(device) else "fp32"
    return replace(config, device=device, threads=threads, train=replace(config.train, precision=precision))


@contextmanager
def computing(config: RunConfig) -> Iterator[None]:
    """While this lasts PyTorch and Numba compute as a resolved configuration says, whatever the caller has set.

    Then the caller's settings are back. Raises ValueError in a child made by a fork that would wait for ever, and for
    more threads on the processor than Numba may start.
    """
    refuse_after_fork(config.threads)
    with own_torch():
        before = numba.get_num_threads()
        try:
            prepare_threads(config)
            yield
        finally:
            numba.set_num_threads(before)


def prepare_threads(config: RunConfig) -> None:
    """Set the number of threads of PyTorch and Numba, within `computing`, which puts them back.

    Raises ValueError for more threads on the processor than Numba may start.
    """
    most = numba_threads()
    # On a GPU no kernel is Numba's.
    if config.device == "cpu" and config.threads > most:
        raise ValueError(
            f"threads is {config.threads}, but NUMBA_NUM_THREADS lets Numba start no more than {most}: take "
            f"--threads {most} for a new run, or set NUMBA_NUM_THREADS={config.threads} in the environment"
        )
    # First, because starting them sets OpenMP's number of threads, which is PyTorch's too.
    numba.set_num_threads(min(config.threads, most))
    torch.set_num_threads(config.threads)


def check_device(device: str) -> None:
    """Raise ValueError, with what there is, unless `device` can be computed on."""
    match = re.fullmatch(r"cpu|cuda(?::([0-9]+))?", device)
    if not match:
        raise ValueError(f"device must be auto, cpu, cuda or cuda:N, got {device!r}")
    if device != "cpu":
        count = torch.cuda.device_count()
        if int(match[1] or 0) >= count:
            raise ValueError(f"device {device!r} is not there ({count} CUDA devices found): take --device cpu")


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def numba_threads() -> int:
    """The most threads that Numba can use: the process's processors, or what NUMBA_NUM_THREADS says."""
    return int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def has_native_bf16(device: str) -> bool:
    """Whether bf16 products are native there; emulated ones are slower than fp32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def describe_machine(config: RunConfig) -> dict[str, Any]:
    """Versions, processor, threads and precision, for environment.json, once `prepare_threads` has set the threads."""
    gpu = torch.cuda.get_device_name(config.device) if config.device.startswith("cuda") else None
    return {
        "siftnet": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "system": platform.platform(),
        "processor": processor_name(),
        **features_here(),
        "gpu": gpu,
        "device": config.device,
        "threads": config.threads,
        "threads of numba": numba.get_num_threads(),
        "threading layer of numba": numba.threading_layer(),  # type: ignore[attr-defined]
        "precision": config.train.precision,
    }


def processor_name() -> str:
    """The processor's model name where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
