"""What a script has set in PyTorch and NumPy changes no bit of a run, and is there again afterwards."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import torch

import siftnet
from builders import MEASURED, config, dataset
from siftnet.config.fields import NetworkConfig, TrainConfig
from siftnet.host.torch_state import own_torch, process_settings
from siftnet.runs.events import Silent
from siftnet.runs.machine import computing
from siftnet.store.run import Run

Scene = Callable[[], AbstractContextManager[Any]]


def changed(change: Callable[[Any], object], ours: Any, theirs: Any) -> Scene:
    """A setting that is the caller's while a scene lasts."""

    @contextmanager
    def scene() -> Iterator[None]:
        change(theirs)
        try:
            yield
        finally:
            change(ours)

    return scene


def attribute(owner: Any, name: str, ours: Any, theirs: Any) -> Scene:
    return changed(lambda value: setattr(owner, name, value), ours, theirs)


SCENES: dict[str, Scene] = {
    "no gradients": torch.no_grad,
    "gradients off": changed(torch.set_grad_enabled, True, False),
    "inference": torch.inference_mode,
    "halves kept": lambda: torch.autograd.graph.saved_tensors_hooks(torch.Tensor.bfloat16, torch.Tensor.float),
    "autocast to bf16": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "autocast to fp16": lambda: torch.autocast("cpu", dtype=torch.float16),
    "float64": changed(torch.set_default_dtype, torch.float32, torch.float64),
    "bfloat16": changed(torch.set_default_dtype, torch.float32, torch.bfloat16),
    "float16": changed(torch.set_default_dtype, torch.float32, torch.float16),
    "another device": changed(torch.set_default_device, None, "meta"),
    "with another device": lambda: torch.device("meta"),
    "deterministic": changed(torch.set_deterministic_debug_mode, 0, 2),
    "deterministic or a warning": changed(torch.set_deterministic_debug_mode, 0, 1),
    "anomalies": changed(torch.autograd.set_detect_anomaly, False, True),
    "coarse products": changed(torch.set_float32_matmul_precision, "highest", "medium"),
    "no library": attribute(torch.backends.mkldnn, "enabled", True, False),
    "denormals flushed": changed(torch.set_flush_denormal, False, True),
    "exceptions of NumPy": lambda: np.errstate(all="raise"),
    "seeds": changed(torch.manual_seed, 0, 7),
}
if hasattr(torch.backends.mkldnn, "matmul"):
    SCENES["coarse products of a library"] = attribute(torch.backends.mkldnn.matmul, "fp32_precision", "none", "bf16")


TINY_BENCHMARK = siftnet.BenchConfig(
    device="cpu",
    threads=1,
    contenders=("dense",),
    densities=(0.5,),
    slices=1,
    seconds=0.1,
    rounds=0,
    shape=(4, 4),
    classes=3,
    examples=40,
    validation=20,
    network=NetworkConfig(layers="f8:x"),
    train=TrainConfig(batch=10, lr=0.01, precision="fp32"),
)


def state_here() -> list[Any]:
    """All that a caller could find changed."""

    def told(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except RuntimeError:
            return "not told"

    return [
        [told(setting.read) for setting in process_settings()],
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
        torch.empty(0).device,
        torch.get_num_threads(),
        numba.get_num_threads(),
        sys.float_info.min / 2,
        np.geterr(),
        torch.random.get_rng_state().tolist(),
        [np.asarray(part).tolist() for part in np.random.get_state(legacy=True)],  # noqa: NPY002 the caller's own
    ]


def stored_bits(path: Path) -> dict[str, bytes]:
    """All that a run stored but the seconds that it took."""
    kept = [*path.rglob("*.safetensors"), *path.glob("analysis/*"), path / "config.json", path / "data.json"]
    return {str(file.relative_to(path)): file.read_bytes() for file in kept}


def all_of_it(path: Path, kernel: str = "dense") -> dict[str, bytes]:
    """Every public call that computes, on one run; what it stored."""
    asked = config(MEASURED, kernel=kernel, analysis__ablation=True, prune__rounds=1)
    setup = siftnet.set_up(asked)
    stored = siftnet.run(config(MEASURED, kernel=kernel, prune__rounds=0), path)
    stored = siftnet.run(asked, path)
    siftnet.measure_rounds(stored, setup=setup)
    assert stored.report().is_file()
    assert all(check.passed for check in siftnet.verify(path, with_data=True))
    ticket = siftnet.resume(path).ticket()
    siftnet.locality(ticket.mask_JI(ticket.first_layer), stored.geometry, samples=3)
    siftnet.mask_mosaic(stored)
    assert "density" in repr(ticket) + repr(stored)
    return stored_bits(path)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    found = all_of_it(tmp_path_factory.mktemp("usual") / "run")
    assert len(found) > 8, "the check sees what is stored"
    return found


@pytest.mark.parametrize("name", SCENES)
def test_what_the_caller_has_set_changes_nothing_and_is_kept(
    name: str, tmp_path: Path, usual: dict[str, bytes]
) -> None:
    with SCENES[name]():
        before = state_here()
        found = all_of_it(tmp_path / "run")
        after = state_here()
    assert found == usual
    assert after == before


@pytest.mark.parametrize("kernel", ["fused", "batched"])
def test_no_kernel_hangs_on_what_the_caller_has_set(kernel: str, tmp_path: Path) -> None:
    expected = all_of_it(tmp_path / "usual", kernel)
    with SCENES["float64"](), SCENES["another device"](), SCENES["inference"](), SCENES["autocast to bf16"]():
        assert all_of_it(tmp_path / "run", kernel) == expected


def test_replicates_costs_and_benchmarks_are_computed_alike(tmp_path: Path) -> None:
    asked = config(prune__rounds=1)
    expected = [stored_bits(r.path) for r in siftnet.run_replicates(asked, tmp_path / "usual", 2, dataset=dataset())]
    with SCENES["float64"](), SCENES["another device"](), SCENES["inference"](), SCENES["exceptions of NumPy"]():
        before = state_here()
        siftnet.run_replicates(config(prune__rounds=0), tmp_path / "own", 2, dataset=dataset())
        siftnet.run_replicates(asked, tmp_path / "own", 2, dataset=dataset())
        found = [stored_bits(r.path) for r in siftnet.resume_replicates(tmp_path / "own", dataset=dataset())]
        assert siftnet.estimate_cost(siftnet.set_up(asked, dataset())).rounds
        siftnet.run_benchmark(TINY_BENCHMARK)
        after = state_here()
    assert found == expected
    assert after == before


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_has_its_own_threads_and_the_caller_his(threads: int, tmp_path: Path) -> None:
    class Counting(Silent):
        def finished(self, summary: object) -> None:
            seen.append((torch.get_num_threads(), numba.get_num_threads()))

    seen: list[tuple[int, int]] = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        siftnet.run(config(prune__rounds=0), tmp_path / "run", dataset=dataset(), observer=Counting())
        assert seen == [(1, 1)]
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_what_a_run_raised_is_no_reason_to_keep_its_settings(tmp_path: Path) -> None:
    with SCENES["float64"](), SCENES["gradients off"]():
        before = state_here()
        with pytest.raises(ValueError, match="lr must be"):
            siftnet.run(config(train__lr=-1.0), tmp_path / "run", dataset=dataset())
        with pytest.raises(KeyError), own_torch():
            raise KeyError
        assert state_here() == before


def test_runs_in_threads_at_once_leave_the_process_as_it_was(tmp_path: Path) -> None:
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with own_torch():
            inside.set()
            leave.wait(60)

    with SCENES["float64"]():
        other = threading.Thread(target=first)
        other.start()
        assert inside.wait(60)
        with own_torch():
            # The first to come is the first to go, and who stays still computes as siftnet does.
            leave.set()
            other.join()
            assert torch.get_default_dtype() == torch.float32
        assert torch.get_default_dtype() == torch.float64


def test_a_run_may_be_made_beside_the_main_thread_and_within_a_loop(tmp_path: Path) -> None:
    async def in_the_loop() -> Run:
        return siftnet.run(config(), tmp_path / "loop", dataset=dataset())

    async def beside_it() -> Run:
        return await asyncio.to_thread(siftnet.run, config(), tmp_path / "thread", dataset=dataset())

    expected = stored_bits(siftnet.run(config(), tmp_path / "usual", dataset=dataset()).path)
    for made in (in_the_loop, beside_it):
        assert stored_bits(asyncio.run(made()).path) == expected


def test_a_ticket_is_read_as_it_was_written(tmp_path: Path) -> None:
    stored = siftnet.run(config(), tmp_path / "run", dataset=dataset())
    expected = stored.ticket()
    for name in ("another device", "float64", "inference"):
        with SCENES[name]():
            ticket = Run(stored.path).ticket()
        assert ticket.masks.equals(expected.masks)
        assert ticket.trained.equals(expected.trained)
        assert not any(value.is_inference() for value in ticket.trained.parameters.values())


def test_a_training_that_diverges_is_no_error_where_anomalies_are(tmp_path: Path) -> None:
    with SCENES["anomalies"]():
        stored = siftnet.run(config(train__lr=1e30, prune__rounds=0), tmp_path / "run", dataset=dataset())
    assert stored.summary(0).diverged


def test_a_setting_of_the_process_is_siftnets_while_it_computes_and_then_the_callers() -> None:
    with SCENES["coarse products"](), SCENES["deterministic"]():
        with computing(config()):
            assert torch.get_float32_matmul_precision() == "highest"
            assert torch.get_deterministic_debug_mode() == 0
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.get_deterministic_debug_mode() == 2
