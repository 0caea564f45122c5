"""Every kernel against the float64 reference: loss, gradients, ten steps, evaluation, and the bits of continuing."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from builders import with_targets_alike
from kernels.suite import (
    CASES,
    Case,
    assert_agree,
    changes,
    elsewhere,
    make_case,
    read_statistics,
    reference,
    with_empty_rows_and_columns,
)
from siftnet.data.batches import Batches
from siftnet.kernels.blocks.tile_product import has_amx
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import KernelKind
from siftnet.kernels.registry import KERNELS, candidates, features_here, rounding_of
from siftnet.network.layers import forward, loss_of
from siftnet.network.state import State

GRADIENT = 1e-4
TEN_STEPS = 3e-4
RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "momentum": {"momentum": 0.9},
    "momentum and decay": {"momentum": 0.8, "weight_decay": 0.1},
    "nesterov and decay": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
    "cosine": {"schedule": "cosine"},
    "adamw": {"optimiser": "adamw", "lr": 0.01},
    "adamw, decay, cosine": {"optimiser": "adamw", "lr": 0.01, "weight_decay": 0.5, "schedule": "cosine"},
}


def supported(kind: KernelKind, case: Case) -> Case:
    reason = kind.supports(case.problem)
    if reason is not None:
        pytest.skip(reason)
    return case


@pytest.fixture(params=[*CASES, "empty rows and columns"])
def case(request: pytest.FixtureRequest, kind: KernelKind, device: str) -> Case:
    if request.param == "empty rows and columns":
        return supported(kind, with_empty_rows_and_columns(make_case(device=device, density=0.7)))
    return supported(kind, make_case(**CASES[request.param], device=device))


def test_the_checking_helper_sees_a_wrong_answer() -> None:
    right = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([1e-9])}
    assert_agree(right, right, 1e-6)
    assert_agree(right, right | {"b": torch.tensor([2e-9])}, 1e-6)  # nothing at this scale
    wrong = [
        right | {"a": torch.tensor([1.0, 2.001])},
        right | {"a": torch.tensor([1.0, float("nan")])},
        right | {"b": torch.tensor([1e-4])},
        right | {"c": torch.zeros(1)},
        {"a": torch.ones(1, 2), "b": right["b"]},
    ]
    for found in wrong:
        with pytest.raises(AssertionError):
            assert_agree(found, right, 1e-6)


def test_the_reference_sees_a_wrong_rule(kind: KernelKind) -> None:
    p = make_case(momentum=0.9, weight_decay=0.1)
    kernel = p.kernel(kind)
    kernel.advance(10)
    found = changes(kernel.export(), p.state)
    for wrong in ({"momentum": 0.8}, {"weight_decay": 0.0}, {"nesterov": True}, {"schedule": "cosine"}):
        with pytest.raises(AssertionError):
            assert_agree(found, changes(reference(p, 10, **wrong)[0], p.state), TEN_STEPS)


def test_loss_and_gradients_agree_with_float64_autograd(kind: KernelKind, case: Case) -> None:
    expected, losses = reference(case, 1, lr=1.0)
    kernel = case.kernel(kind, lr=1.0)
    assert kernel.advance(1) == pytest.approx(losses, rel=1e-5)
    assert_agree(changes(kernel.export(), case.state), changes(expected, case.state), GRADIENT)


def test_ten_steps_agree(kind: KernelKind, case: Case) -> None:
    expected, losses = reference(case, 10)
    kernel = case.kernel(kind)
    assert kernel.advance(10) == pytest.approx(losses, rel=1e-4)
    state = kernel.export()
    assert state.step == 10
    assert_agree(changes(state, case.state), changes(expected, case.state), TEN_STEPS)
    if case.network.norm:
        assert_agree(read_statistics(case, state.statistics), read_statistics(case, expected.statistics), TEN_STEPS)


@pytest.mark.parametrize("name", ["layers.1.norm.running_mean", "layers.1.norm.running_var"])
def test_a_wrong_statistic_of_an_input_is_noticed_if_something_reads_it(name: str) -> None:
    p = with_empty_rows_and_columns(make_case(density=0.7))
    right = reference(p, 2)[0].statistics
    for unit, read in ((0, True), (2, False), (5, True)):  # constant, without outputs, varying
        wrong = right[name].clone()
        wrong[unit] += 0.01 * right[name].abs().max()
        found, expected = (read_statistics(p, statistics) for statistics in (right | {name: wrong}, right))
        if read:
            with pytest.raises(AssertionError, match=name):
                assert_agree(found, expected, TEN_STEPS)
        else:
            assert_agree(found, expected, TEN_STEPS)


@pytest.mark.parametrize("rule", RULES)
def test_update_rules_agree_with_the_written_out_ones(kind: KernelKind, device: str, rule: str) -> None:
    p = supported(kind, with_empty_rows_and_columns(make_case(device=device, density=0.7, **RULES[rule])))
    kernel = p.kernel(kind)
    kernel.advance(10)
    assert_agree(changes(kernel.export(), p.state), changes(reference(p, 10)[0], p.state), TEN_STEPS)


def test_evaluation_agrees_with_the_reference_forward(kind: KernelKind, case: Case) -> None:
    kernel = case.kernel(kind)
    kernel.advance(3)
    state = kernel.export()
    state = State(
        {k: v.double() for k, v in state.parameters.items()}, {k: v.double() for k, v in state.statistics.items()}
    )
    x, labels = (torch.cat([part.cpu() for part in parts]) for parts in zip(*case.batches.split("test"), strict=True))
    outputs, _ = forward(case.network, state, case.masks, x.double(), training=False)
    found = kernel.evaluate("test")
    assert found.examples == len(labels) == 40
    if case.network.loss == "squared_error":
        residual = (outputs[:, 0] - labels).square().mean()
        assert found.loss == pytest.approx(float(residual), rel=1e-4)
        assert found.score == pytest.approx(1 - float(residual / labels.double().var(correction=0)), abs=1e-4)
        assert found.top5 is None
        return
    assert found.loss == pytest.approx(float(loss_of(case.network, outputs, labels)), rel=1e-4)
    # One example may stand on a tie that rounding decides.
    assert found.score == pytest.approx(float((outputs.argmax(1) == labels).double().mean()), abs=1.01 / 40)
    if outputs.shape[1] <= 5:
        assert found.top5 is None
    else:
        within = (outputs.topk(5).indices == labels[:, None]).any(1)
        assert found.top5 == pytest.approx(float(within.double().mean()), abs=1.01 / 40)


@pytest.mark.parametrize("value", [0.0, 1.7, -1e4])
def test_constant_targets_have_a_loss_and_no_score(kind: KernelKind, device: str, value: float) -> None:
    case = make_case(classes=None, device=device)
    data = with_targets_alike("test", value=value)
    case = supported(kind, case.changed(batches=Batches(data, 16, 0, 0, device=device)))
    kernel = case.kernel(kind)
    kernel.advance(1)
    for _ in range(2):
        found, other = kernel.evaluate("test"), kernel.evaluate("validation")
        assert (found.score, found.top5, found.examples) == (None, None, 40)
        assert 0 < found.loss < 1e9
        assert other.score is not None


def test_evaluation_changes_nothing(kind: KernelKind, device: str) -> None:
    p = make_case(device=device, momentum=0.9)
    watched, left = p.kernel(kind), p.kernel(kind)
    for _ in range(3):
        watched.advance(2)
        before = watched.export()
        first = watched.evaluate("validation")
        assert watched.evaluate("validation") == first
        assert watched.export().equals(before)
    left.advance(6)
    assert left.export().equals(watched.export())


CONTINUED: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.9, "weight_decay": 0.01},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "adamw": {"optimiser": "adamw", "lr": 0.01, "weight_decay": 0.1},
    "cosine": {"schedule": "cosine"},
    "bf16": {"precision": "bf16", "momentum": 0.9},
}


@pytest.mark.parametrize("rule", CONTINUED)
@pytest.mark.parametrize("cut", [1, 4])
def test_exporting_and_compiling_anew_continues_to_the_same_bits(
    kind: KernelKind, device: str, rule: str, cut: int
) -> None:
    p = make_case(device=device, **CONTINUED[rule])
    whole = p.kernel(kind)
    losses = whole.advance(10)
    first = p.kernel(kind)
    found = first.advance(cut)
    second = p.kernel(kind, first.export())
    found += second.advance(10 - cut)
    assert found == losses
    assert second.export().equals(whole.export())


@pytest.mark.parametrize("cuts", [[10], [1] * 10, [0, 3, 0, 7], [9, 1]])
def test_the_bits_do_not_depend_on_how_the_updates_are_cut(kind: KernelKind, device: str, cuts: list[int]) -> None:
    p = make_case(device=device, momentum=0.9)
    whole, cut = p.kernel(kind), p.kernel(kind)
    losses = whole.advance(10)
    assert [loss for updates in cuts for loss in cut.advance(updates)] == losses
    assert cut.export().equals(whole.export())


def test_an_export_shares_no_memory_and_lies_on_the_processor(kind: KernelKind, device: str) -> None:
    p = make_case(device=device, momentum=0.9)
    before = p.state.clone()
    kernel = p.kernel(kind)
    kernel.advance(1)
    taken = kernel.export()
    kept = taken.clone()
    kernel.advance(1)
    assert taken.equals(kept)
    assert p.state.equals(before), "the state that a kernel is made from is left alone"
    assert all(tensor.device.type == "cpu" for _, tensor in taken.tensors())
    for _, tensor in kernel.export().tensors():
        tensor.fill_(7)
    other = p.kernel(kind)
    other.advance(2)
    assert kernel.export().equals(other.export())


def test_bf16_agrees_with_fp32_within_its_precision(kind: KernelKind, case: Case) -> None:
    found = case.kernel(kind, lr=1.0, precision="bf16")
    expected = case.kernel(kind, lr=1.0)
    assert found.advance(1) == pytest.approx(expected.advance(1), rel=0.02)
    low, full = changes(found.export(), case.state), changes(expected.export(), case.state)
    assert_agree(low, full, 0.1, floor=0.2)
    if case.masks.survivors:
        with pytest.raises(AssertionError):
            assert_agree(low, full, 1e-4)
    assert all(value.dtype == torch.float32 for value in found.export().parameters.values())


def test_a_network_learns(kind: KernelKind, device: str) -> None:
    p = make_case(density=0.8, device=device, batch=40, steps=80)
    kernel = p.kernel(kind)
    losses = kernel.advance(80)
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    assert kernel.evaluate("test").score > 0.6


def test_a_kernel_is_taken_by_name_and_never_silently() -> None:
    p = make_case()
    assert [kind.name for kind in candidates("dense", p.problem)] == ["dense"]
    assert all(kind.supports(p.problem) is None for kind in candidates("auto", p.problem))
    with pytest.raises(ValueError, match="there is no kernel 'dence'; take auto or one of dense"):
        candidates("dence", p.problem)


def test_a_kernel_that_does_not_support_the_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    there = elsewhere(make_case(), "cuda:1")
    monkeypatch.setattr(Dense, "supports", lambda self, problem: f"it has no wings for {problem.device}")
    message = "kernel dense cannot train this network: it has no wings for cuda:1; take --kernel auto"
    with pytest.raises(ValueError, match=message):
        candidates("dense", there)
    assert "dense" not in [kind.name for kind in candidates("auto", there)]


def test_a_kernel_says_what_memory_it_takes(kind: KernelKind) -> None:
    # 16-12-8-3 and a batch that fills one block of 128: parameters six times, and what goes in and out of layers.
    p = make_case()
    parameters = sum(value.numel() for value in p.state.parameters.values())
    assert kind.memory(p.problem) == 4 * (6 * parameters + 128 * (16 + 12 + 12 + 8 + 8 + 3))
    assert kind.memory(make_case(batch=129).problem) > kind.memory(p.problem) == kind.memory(make_case(batch=2).problem)


def test_what_decides_the_last_bits_is_named_where_it_does() -> None:
    single, low = make_case().problem, make_case(precision="bf16").problem
    assert rounding_of(KERNELS, single) == []
    found = {name for name in KERNELS if rounding_of([name], low)}
    assert found == {"dense", "fused", "sparse", "batched"}, "plain has loops alone"
    assert rounding_of(["gone", "plain"], low) == []
    assert rounding_of(["gone", "plain", "fused"], low) == ["amx"]
    assert rounding_of(["dense"], elsewhere(make_case(precision="bf16"), "cuda")) == []
    assert features_here() == {"amx": has_amx()}
