"""The baselines do the same work as siftnet: the same gradients as the reference, and they learn."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kernels.suite import Case, assert_agree, make_case
from siftnet.bench.contender import choose_entrants
from siftnet.network.layers import forward, loss_of
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation

HERE = Path(__file__).parent.parent.parent / "benchmarks"


def load(name: str) -> ModuleType:
    """A benchmark's module, by path."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


baselines = load("baselines")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def gradients(loop: Any) -> Iterator[tuple[str, Tensor]]:
    """Gradients by siftnet's parameter names; of CSR values, the weight's with zeros where nothing survives."""
    csr = isinstance(loop, baselines.CsrLoop)
    for number, layer in enumerate(loop.affine):
        norm = loop.norms[number]
        weight = loop.values[number] if csr else loop.linears[number].weight
        bias = loop.biases[number] if csr else loop.linears[number].bias
        pattern = loop.patterns[number] if csr else None
        yield f"{layer.name}.weight", weight.grad if pattern is None else pattern.weight(weight.grad).to_dense()
        yield f"{layer.name}.bias", bias.grad
        yield f"{layer.name}.norm.weight", norm.weight.grad
        yield f"{layer.name}.norm.bias", norm.bias.grad


def reference(given: Case, x_BI: Tensor, labels_B: Tensor) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients of siftnet's reference forward pass, in float64."""
    leaves = {name: value.double().requires_grad_() for name, value in given.state.parameters.items()}
    outputs, _ = forward(given.network, State(leaves), given.masks, x_BI.double(), training=True)
    loss = loss_of(given.network, outputs, labels_B)
    return float(loss.detach()), dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


# Where whole units are empty, what batch norm sees of them is rounding alone: bf16 is held to densities without.
@pytest.mark.parametrize(
    ("name", "density", "tolerance"),
    [(name, density, 1e-4) for name in ("torch fp32", "torch csr") for density in (1.0, 0.3, 0.02)]
    + [("torch bf16", 1.0, 0.05), ("torch bf16", 0.3, 0.05)],
)
def test_gradients_are_the_references(name: str, density: float, tolerance: float) -> None:
    given = make_case("f12:f8:x", density=density, batch=64)
    entrant = next(e for e in baselines.entrants(given.problem) if e.name == name)
    loop = entrant.build(given)
    x_BI, labels_B = given.batches.train(0)
    loss = loop.loss(x_BI, labels_B)
    loss.backward()
    expected_loss, expected = reference(given, x_BI, labels_B)
    assert float(loss.detach()) == pytest.approx(expected_loss, rel=tolerance)
    assert_agree({n: g.double() for n, g in gradients(loop)}, expected, tolerance)
    wrong = {n: g.double() * (1.2 if n == "layers.0.weight" else 1) for n, g in gradients(loop)}
    with pytest.raises(AssertionError, match=r"layers\.0\.weight"):
        assert_agree(wrong, expected, tolerance)


@pytest.mark.parametrize("name", ["torch fp32", "torch bf16", "torch csr"])
def test_training_learns(name: str) -> None:
    given = make_case("f12:f8:x", density=0.5, batch=32, lr=0.05)
    loop = next(e for e in baselines.entrants(given.problem) if e.name == name).build(given)
    losses = loop.advance(100)
    assert len(losses) == 100
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    found = loop.evaluate("validation")
    assert found.examples == len(given.batches.rows["validation"])
    assert found.score > 0.4


def test_batches_are_normalised_training_examples() -> None:
    given = make_case("f5:x", batch=50)
    x_BI, labels_B = baselines.MaskedLoop(given).next_batch()
    train = given.batches.rows["train"]
    everything = (given.batches.inputs_NI[train].float() - given.batches.center_I) * given.batches.scale_I
    at = torch.cdist(x_BI, everything).argmin(1)
    assert torch.allclose(x_BI, everything[at])
    assert torch.equal(labels_B, given.batches.labels_N[train[at]])
    assert len(set(at.tolist())) > 10


def test_networks_that_are_not_written_out_are_refused() -> None:
    given = make_case("f5:x", norm=False)
    with pytest.raises(ValueError, match="leave network"):
        baselines.entrants(given.problem)


def test_an_unknown_contender_ends_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(HERE)
    small = ["--shape", "4", "4", "--classes", "3", "--examples", "20", "--validation", "5", "--network.layers", "f5:x"]
    with pytest.raises(SystemExit) as ended:
        load("bench_kernels").main([*small, "--threads", "1", "--contenders", "dense", "torch magic"])
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("bench_kernels: there is no contender 'torch magic'; take auto or some of dense, ")
    assert "torch bf16" in printed


def test_emulated_bf16_is_left_out_unless_named() -> None:
    given = make_case("f5:x")
    everybody, told = baselines.entrants(given.problem), list[str]()

    def names(asked: list[str], native: bool, **training: Any) -> list[str]:
        problem = given.changed(training=replace(given.training, **training)).problem
        found = choose_entrants(problem, everybody, asked, native_bf16=native, tell=told.append)
        return [entrant.name for entrant in found if entrant.name.startswith("torch")]

    assert names([], True) == ["torch fp32", "torch bf16", "torch csr"]
    assert told == []
    assert names([], False) == ["torch fp32", "torch csr"]
    assert told == ["left out, since this processor would emulate bf16: torch bf16 (name to time)"]
    assert names(["torch bf16", "dense"], False) == ["torch bf16"]
    assert "torch bf16" in names([], False, precision="bf16"), "asked for with the problem"


def test_a_row_is_added_to_a_csv_and_a_file_with_other_columns_is_left_alone(tmp_path: Path) -> None:
    memory = load("bench_memory")
    path = tmp_path / "results" / "memory.csv"
    for row in ({"a": 1, "b": 2}, {"a": 3, "b": 4}):
        memory.append(row, path)
    assert path.read_text() == "a,b\n1,2\n3,4\n"
    with pytest.raises(SystemExit, match=r"memory\.csv has other columns: move it away"):
        memory.append({"a": 5, "c": 6}, path)
    assert path.read_text() == "a,b\n1,2\n3,4\n"


def test_a_stopped_run_without_a_checkpoint_ends_the_memory_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = load("bench_memory")
    monkeypatch.setattr(memory, "expected", lambda arguments: {})
    monkeypatch.setattr(memory, "siftnet", lambda arguments, stop_in=None: memory.Finished(0, 10))
    with pytest.raises(SystemExit, match=r"ended with status 0 and left no checkpoint: .* take more --steps"):
        memory.measure(["run", "images"], tmp_path / "run", 1)


def test_a_seed_is_not_compared_with_itself() -> None:
    agreement = load("bench_agreement")
    masks = Masks({"w": torch.tensor([True, True, False, False])})
    other = Masks({"w": torch.tensor([True, False, True, False])})
    score = Evaluation(0.1, 0.5, None, 10)
    summary = SimpleNamespace(density=0.5, kernel="dense", validation=score, test_best=score)
    machine = {"processor": "p", "threads": 1, "torch": "2", "numba": "0", "siftnet": "0"}

    def made(masks: Masks) -> SimpleNamespace:
        return SimpleNamespace(masks=lambda number: masks, summary=lambda number: summary, environment=machine)

    line = agreement.row(1, 0, made(masks), made(other), None, None)
    assert (line["density"], line["kernel"], line["validation_auto"], line["test_dense_fp32"]) == (
        0.5,
        "dense",
        0.5,
        0.5,
    )
    assert line["kept_by_dense_fp32_too"] == 0.5
    assert line["kept_by_another_seed_too"] is line["kept_by_dense_in_two_precisions"] is None
    assert line["numba"] == "0"
    line = agreement.row(1, 0, made(masks), made(other), made(other), made(masks))
    assert (line["kept_by_another_seed_too"], line["kept_by_dense_in_two_precisions"]) == (1.0, 1.0)
