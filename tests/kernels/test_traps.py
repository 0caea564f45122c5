"""The traps of masked training, one named test each, for every kernel (the fifth, exact counts, is in test_prune)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kernels.suite import Case, assert_agree, changes, make_case, reference
from siftnet.kernels.interface import KernelKind
from siftnet.kernels.norm_affine import NormAffine, PlainAffine, standardise
from siftnet.network.state import State

UNIT = 4


def without_inputs(kept: dict[str, Tensor]) -> None:
    kept["layers.0.weight"][UNIT] = False
    kept["layers.0.bias"][UNIT] = False
    kept["layers.1.weight"][:, UNIT] = True


def without_outputs(kept: dict[str, Tensor]) -> None:
    kept["layers.0.weight"][UNIT] = True
    kept["layers.0.bias"][UNIT] = True
    kept["layers.1.weight"][:, UNIT] = False


def test_trap_1_a_unit_without_inputs_still_emits_its_beta(kind: KernelKind, device: str) -> None:
    p = make_case(device=device).with_masks(without_inputs)
    kernel = p.kernel(kind, lr=1.0)
    kernel.advance(1)
    changed = changes(kernel.export(), p.state)
    assert changed["layers.1.norm.bias"][UNIT].abs() > 1e-4
    assert changed["layers.1.weight"][:, UNIT].abs().max() > 1e-4
    assert_agree(changed, changes(reference(p, 1, lr=1.0)[0], p.state), 1e-4)
    state = kernel.export()
    silent = state.clone()
    silent.parameters["layers.1.norm.bias"][UNIT] = 0
    losses = [p.kernel(kind, s).evaluate("test").loss for s in (state, silent)]
    assert abs(losses[0] - losses[1]) > 1e-4


def test_trap_2_a_unit_without_outputs_gets_no_gradient_but_keeps_its_weights_and_decays(
    kind: KernelKind, device: str
) -> None:
    p = make_case(device=device).with_masks(without_outputs)
    for decay, factor in ((0.0, 1.0), (0.5, (1 - 0.1 * 0.5) ** 10)):
        kernel = p.kernel(kind, lr=0.1, weight_decay=decay)
        kernel.advance(10)
        found = kernel.export().parameters
        for name in ("layers.0.weight", "layers.0.bias"):
            torch.testing.assert_close(found[name][UNIT], factor * p.state.parameters[name][UNIT], rtol=1e-5, atol=0)
        assert found["layers.0.weight"][UNIT].abs().min() > 0
        assert torch.equal(found["layers.1.norm.bias"][UNIT], p.state.parameters["layers.1.norm.bias"][UNIT])


RULES = [
    {"momentum": 0.9, "weight_decay": 0.1},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    {"optimiser": "adamw", "weight_decay": 0.1},
]


@pytest.mark.parametrize("rule", RULES)
def test_trap_3_pruned_weights_stay_zero_and_out_of_momentum_and_decay(
    kind: KernelKind, device: str, rule: dict[str, Any]
) -> None:
    p = make_case(device=device, **rule)
    full = State({name: value + 1 for name, value in p.state.parameters.items()})
    kernel = p.kernel(kind, full)
    for _ in range(5):
        kernel.advance(2)
        state = kernel.export()
        for name, mask in p.masks.items():
            kept = state.parameters[name][~mask]
            assert not kept.any()
            assert not torch.signbit(kept).any(), "a pruned entry is +0, so that equal masks give equal bits"
            buffers = [own[name] for own in state.optimiser.values() if own[name].shape == mask.shape]
            assert buffers
            assert not any(buffer[~mask].any() for buffer in buffers)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_trap_3_decay_acts_on_weights_and_biases_but_not_on_gamma_and_beta(
    kind: KernelKind, device: str, optimiser: str
) -> None:
    def cut_layer_1(kept: dict[str, Tensor]) -> None:
        kept["layers.1.weight"][:] = False

    p = make_case(device=device, optimiser=optimiser, weight_decay=0.5).with_masks(cut_layer_1)
    kernel = p.kernel(kind)
    kernel.advance(10)
    before, after = p.state.parameters, kernel.export().parameters
    for name in ("layers.0.weight", "layers.0.bias"):  # no gradient reaches layer 0
        torch.testing.assert_close(after[name], (1 - 0.1 * 0.5) ** 10 * before[name], rtol=1e-5, atol=0)
    for name in ("layers.0.norm.weight", "layers.0.norm.bias", "layers.1.norm.weight", "layers.1.norm.bias"):
        assert torch.equal(after[name], before[name])


def test_trap_4_biases_are_pruned_and_gamma_and_beta_are_not(kind: KernelKind, device: str) -> None:
    p = make_case(device=device)
    assert set(p.masks) == {"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"}
    assert 0 < int(p.masks["layers.0.bias"].sum()) < 12
    kernel = p.kernel(kind, State({name: value + 1 for name, value in p.state.parameters.items()}))
    kernel.advance(10)
    found = kernel.export().parameters
    assert torch.equal(found["layers.0.bias"] != 0, p.masks["layers.0.bias"])
    assert all((found[f"layers.{i}.norm.{part}"] != 0).all() for i in range(3) for part in ("weight", "bias"))


def test_trap_6_gamma_of_zero_gives_finite_correct_gradients(kind: KernelKind, device: str) -> None:
    p = make_case(device=device)
    for name in ("layers.0.norm.weight", "layers.1.norm.weight", "layers.2.norm.weight"):
        p.state.parameters[name][::2] = 0
    kernel = p.kernel(kind, lr=1.0)
    kernel.advance(1)
    expected = changes(reference(p, 1, lr=1.0)[0], p.state)
    assert expected["layers.0.norm.weight"][::2].abs().max() > 1e-3, "gamma leaves 0 by its own gradient"
    assert_agree(changes(kernel.export(), p.state), expected, 1e-4)


@pytest.mark.parametrize("needed", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_trap_6_the_first_layer_computes_no_gradient_of_its_input(needed: bool, norm: bool) -> None:
    p, x, weight, bias, weighting = _affine_layer()
    gamma, beta = (p.state.parameters[f"layers.0.norm.{part}"] for part in ("weight", "bias"))
    leaves = [t.clone().requires_grad_() for t in ([gamma, beta, weight, bias] if norm else [weight, bias])]
    own = x.clone().requires_grad_(needed)
    if norm:
        with torch.no_grad():
            x_hat, _, rstd = standardise(own, 1e-5)
        out = NormAffine.apply(own, *leaves, x_hat, rstd, torch.float32)
    else:
        out = PlainAffine.apply(own, *leaves, torch.float32)
    (out * weighting).sum().backward()
    doubles = [t.detach().double().requires_grad_() for t in [x, *leaves]]
    if norm:
        x64, gamma64, beta64, weight64, bias64 = doubles
        hidden = gamma64 * (x64 - x64.mean(0)) * torch.rsqrt(x64.var(0, correction=0) + 1e-5) + beta64
    else:
        hidden, weight64, bias64 = doubles
    expected_out = hidden @ weight64.T + bias64
    (expected_out * weighting).sum().backward()
    torch.testing.assert_close(out.double(), expected_out, rtol=0, atol=1e-5)
    assert (own.grad is not None) == needed
    pairs = list(zip([own, *leaves], doubles, strict=True))
    for found, expected in pairs if needed else pairs[1:]:
        assert found.grad is not None
        assert expected.grad is not None
        scale = float(expected.grad.abs().max())
        torch.testing.assert_close(found.grad.double(), expected.grad, rtol=0, atol=1e-5 * scale)


def _affine_layer() -> tuple[Case, Tensor, Tensor, Tensor, Tensor]:
    p = make_case()
    weight, bias = (p.state.parameters[f"layers.0.{part}"] for part in ("weight", "bias"))
    draws = torch.Generator().manual_seed(1)
    x = torch.randn(9, weight.shape[1], generator=draws)
    return p, x, weight, bias, torch.randn(9, weight.shape[0], generator=draws)
