"""What the machine is resolved to, and the devices it refuses."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

import numba
import pytest
import torch

from siftnet.config.fields import RunConfig, TrainConfig
from siftnet.kernels.blocks import tile_product
from siftnet.runs import machine as environment
from siftnet.runs.machine import (
    available_threads,
    check_device,
    describe_machine,
    numba_threads,
    prepare_threads,
    resolve_machine,
)


@pytest.mark.parametrize("device", ["gpu", "CPU", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda:0:1", "", "auto:0"])
def test_words_that_are_no_device_are_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"device must be auto, cpu, cuda or cuda:N, got '{device}'"):
        check_device(device)


def test_a_gpu_that_is_not_there_is_refused_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"device 'cuda' is not there \(0 CUDA devices found\): take --device cpu"):
        check_device("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device("cuda")
    check_device("cuda:1")
    with pytest.raises(ValueError, match=r"device 'cuda:2' is not there \(2 CUDA devices found\)"):
        check_device("cuda:2")


def test_threads_are_those_that_the_process_may_use() -> None:
    assert available_threads() == len(os.sched_getaffinity(0))
    assert resolve_machine(RunConfig(device="cpu")).threads == min(available_threads(), numba_threads())
    assert resolve_machine(RunConfig(device="cpu", threads=7)).threads == 7


def test_auto_becomes_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for native, precision in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(environment, "has_native_bf16", lambda device, native=native: native)
        found = resolve_machine(RunConfig())
        assert (found.device, found.train.precision) == ("cpu", precision)


def test_what_is_asked_for_is_kept_and_resolving_twice_changes_nothing() -> None:
    asked = RunConfig(device="cpu", threads=1, train=TrainConfig(precision="bf16"))
    assert resolve_machine(asked) == asked
    once = resolve_machine(RunConfig(device="cpu"))
    assert resolve_machine(once) == once
    assert once.train.precision in ("fp32", "bf16")


@pytest.fixture
def threads_restored() -> Iterator[None]:
    before = torch.get_num_threads(), numba.get_num_threads()
    yield
    torch.set_num_threads(before[0])
    numba.set_num_threads(before[1])


def test_threads_hold_for_torch_and_numba(threads_restored: None) -> None:
    for threads in (1, numba_threads()):
        prepare_threads(RunConfig(device="cpu", threads=threads))
        assert torch.get_num_threads() == numba.get_num_threads() == threads
        assert describe_machine(RunConfig(device="cpu", threads=threads))["threads of numba"] == threads


def test_more_threads_than_numba_may_start_are_refused_on_the_processor(threads_restored: None) -> None:
    most, before = numba_threads(), torch.get_num_threads()
    asked = most + 5
    message = (
        f"threads is {asked}, but NUMBA_NUM_THREADS lets Numba start no more than {most}: take --threads {most} for a "
        f"new run, or set NUMBA_NUM_THREADS={asked} in the environment"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        prepare_threads(RunConfig(device="cpu", threads=asked))
    assert torch.get_num_threads() == before
    prepare_threads(RunConfig(device="cuda", threads=asked))
    assert (torch.get_num_threads(), numba.get_num_threads()) == (asked, most)


def test_threads_that_are_not_asked_for_are_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "available_threads", lambda: 64)
    monkeypatch.setattr(environment, "numba_threads", lambda: 3)
    assert resolve_machine(RunConfig(device="cpu")).threads == 3
    monkeypatch.setattr(environment, "numba_threads", lambda: 99)
    assert resolve_machine(RunConfig(device="cpu")).threads == 64


def test_the_machine_is_described_for_json() -> None:
    found = describe_machine(resolve_machine(RunConfig(device="cpu", threads=3)))
    assert json.loads(json.dumps(found)) == found
    assert (found["torch"], found["threads"], found["gpu"]) == (torch.__version__, 3, None)
    assert found["processor"]
    assert found["amx"] is tile_product.has_amx()
