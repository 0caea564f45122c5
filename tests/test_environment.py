"""What the machine is resolved to, and the devices it refuses."""

from __future__ import annotations

import json
import os

import numba
import pytest
import torch

from siftnet import environment
from siftnet.config import RunConfig, TrainConfig
from siftnet.environment import available_threads, check_device, describe_machine, prepare_torch, resolve_machine


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
    assert resolve_machine(RunConfig(device="cpu")).threads == available_threads()
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


def test_threads_hold_for_torch_and_numba_as_far_as_there_are_any() -> None:
    before, most = torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS
    try:
        for threads in (1, most, most + 5):
            prepare_torch(RunConfig(device="cpu", threads=threads))
            assert torch.get_num_threads() == threads
            assert numba.get_num_threads() == min(threads, most)
            assert describe_machine(RunConfig(device="cpu", threads=threads))["threads of numba"] == min(threads, most)
    finally:
        torch.set_num_threads(before)
        numba.set_num_threads(most)


def test_the_machine_is_described_for_json() -> None:
    found = describe_machine(resolve_machine(RunConfig(device="cpu", threads=3)))
    assert json.loads(json.dumps(found)) == found
    assert (found["torch"], found["threads"], found["gpu"]) == (torch.__version__, 3, None)
    assert found["processor"]
