"""What every kernel is held against: networks to train, a float64 reference, and comparison by scale.

The reference differentiates `network.forward` with autograd, multiplies masks in, and updates by the rules below.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor

from builders import dataset, random_masks
from siftnet.config.fields import NetworkConfig, TrainConfig
from siftnet.data.batches import Batches
from siftnet.geometry import Geometry, Grid, Unknown, ring, torus, volume
from siftnet.kernels.compaction import compact
from siftnet.kernels.instance import Instance
from siftnet.kernels.interface import Kernel, KernelKind, Problem
from siftnet.network.layers import Affine, Loss, Network, build, forward, initialise, loss_of
from siftnet.network.masks import Masks
from siftnet.network.state import State

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
"""Where the suite runs: also on the GPU where there is one."""


@dataclass(frozen=True, eq=False)
class Case(Instance):
    """A network with awkward values everywhere, under masks, and its batches."""

    @property
    def network(self) -> Network:
        """The problem's network."""
        return self.problem.network

    @property
    def training(self) -> TrainConfig:
        """How it is trained."""
        return self.problem.training

    @property
    def batches(self) -> Batches:
        """What it is trained on."""
        return self.problem.batches

    def kernel(self, kind: KernelKind, state: State | None = None, **training: Any) -> Kernel:
        """A kernel of this case, from another state or trained otherwise."""
        case = self.changed(training=replace(self.training, **training))
        return replace(case, state=state or self.state).compile(kind)

    def changed(self, **changes: Any) -> Case:
        """The same with other parts of the problem."""
        return replace(self, problem=replace(self.problem, **changes))

    def with_masks(self, edit: Callable[[dict[str, Tensor]], None]) -> Case:
        """The same, with masks edited in place."""
        kept = {name: mask.clone() for name, mask in self.masks.items()}
        edit(kept)
        masks = Masks(kept)
        return replace(self, masks=masks, state=masks.apply(awkward_state(self.network)))


def make_case(
    layers: str = "f12:f8:x",
    geometry: Geometry | None = None,
    *,
    classes: int | None = 3,
    norm: bool = True,
    density: float = 0.4,
    device: str = "cpu",
    **training: Any,
) -> Case:
    """A case with random weights, biases, gammas and betas (none at its initial value)."""
    data = dataset(geometry, classes=classes)
    loss: Loss = "cross_entropy" if classes else "squared_error"
    network = build(NetworkConfig(layers=layers, norm=norm), data.geometry, data.outputs, loss)
    state = awkward_state(network)
    masks = random_masks(state, network.prunable_names, density)
    settings: dict[str, Any] = {"batch": 16, "lr": 0.1, "precision": "fp32", "steps": 10, "rewind": 0} | training
    batches = Batches(data, settings["batch"], 0, 0, device=device)
    return Case(Problem(network, TrainConfig(**settings), batches), masks.apply(state), masks)


def elsewhere(case: Case, device: str) -> Problem:
    """The problem as if it lay on a device that need not be there."""
    batches = copy(case.batches)
    batches.device = torch.device(device)
    return replace(case.problem, batches=batches)


def awkward_state(network: Network) -> State:
    """Random values of every parameter, larger than initial ones, so that nothing hides behind a 0 or a 1."""
    rng = np.random.default_rng(5)
    parameters = {}
    for name, value in initialise(network, 0).parameters.items():
        noise = torch.from_numpy(rng.standard_normal(tuple(value.shape), dtype=np.float32))
        parameters[name] = value * 1.5 if value.ndim > 1 else value + 0.4 * noise
    return State(parameters)


CASES: dict[str, dict[str, Any]] = {
    "fully connected": {},
    "odd shapes": {"layers": "f13:f3:f7:x", "geometry": Grid((7, 5), 3), "classes": 2, "batch": 9, "density": 0.7},
    "unknown geometry": {"layers": "f5:x", "geometry": Unknown(11), "classes": 7},
    "dense": {"density": 1.0},
    "all pruned": {"density": 0.0},
    "no hidden layer": {"layers": "x"},
    "norm off": {"norm": False},
    "numeric targets": {"classes": None},
    "numeric targets, norm off": {"classes": None, "norm": False},
    "convolution and pooling in 1-D": {"layers": "c3-4:p2:f6:x", "geometry": ring(17, 2)},
    "convolutions and pooling in 2-D": {"layers": "c3-4:c2-5-2:p2:f6:x", "geometry": torus(11, 10, 2)},
    "convolution in 3-D, norm off": {"layers": "c2-3:p2:f5:x", "geometry": volume(4, 5, 5), "norm": False},
}


def with_empty_rows_and_columns(case: Case) -> Case:
    """The first two units of every layer lose all inputs (and bias), the third and fourth all outputs."""

    def edit(kept: dict[str, Tensor]) -> None:
        weights = [name for name in kept if name.endswith(".weight")]
        for name in weights:
            kept[name][:2] = False
            kept[name.replace("weight", "bias")][:2] = False
        for name in weights[1:]:
            kept[name][:, 2:4] = False

    return case.with_masks(edit)


def reference(case: Case, steps: int, **training: Any) -> tuple[State, list[float]]:
    """State and losses after `steps` updates, in float64."""
    settings = replace(case.training, **training)
    parameters = {name: value.double() for name, value in case.state.parameters.items()}
    statistics: dict[str, Tensor] = {}
    buffers: dict[str, dict[str, Any]] = {}
    losses = []
    for step in range(steps):
        leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        x, labels = case.batches.train(step)
        targets = labels.cpu() if case.network.loss == "cross_entropy" else labels.cpu().double()
        state = State(leaves, statistics)
        outputs, statistics = forward(case.network, state, case.masks, x.cpu().double(), training=True)
        loss = loss_of(case.network, outputs, targets)
        losses.append(float(loss.detach()))
        gradients = torch.autograd.grad(loss, list(leaves.values()))
        rate = settings.lr
        if settings.schedule == "cosine":
            rate *= (1 + cos(pi * step / settings.steps)) / 2
        for (name, value), gradient in zip(parameters.items(), gradients, strict=True):
            mask = case.masks[name] if name in case.masks else torch.ones_like(value, dtype=torch.bool)
            decay = 0.0 if name in case.network.undecayed else settings.weight_decay
            own = buffers.setdefault(name, {})
            update = ADAMW if settings.optimiser == "adamw" else SGD
            parameters[name] = update(value, gradient * mask, own, rate, decay, settings) * mask
    return State(parameters, statistics, step=steps), losses


def SGD(value: Tensor, gradient: Tensor, own: dict[str, Any], rate: float, decay: float, t: TrainConfig) -> Tensor:
    """Momentum as Sutskever et al. (2013) in PyTorch's form: v = m v + g; w -= lr v, or lr (g + m v) for Nesterov."""
    gradient = gradient + decay * value
    velocity = own["velocity"] = t.momentum * own["velocity"] + gradient if own else gradient
    return value - rate * (gradient + t.momentum * velocity if t.nesterov else velocity)


def ADAMW(value: Tensor, gradient: Tensor, own: dict[str, Any], rate: float, decay: float, t: TrainConfig) -> Tensor:
    """Loshchilov & Hutter (2019), algorithm 2, betas 0.9 and 0.999, epsilon 1e-8."""
    zero = torch.zeros_like(value)
    updates: int = own.get("updates", 0) + 1
    first: Tensor = 0.9 * own.get("first", zero) + 0.1 * gradient
    second: Tensor = 0.999 * own.get("second", zero) + 0.001 * gradient**2
    own |= {"updates": updates, "first": first, "second": second}
    corrected = first / (1 - 0.9**updates), second / (1 - 0.999**updates)
    return value - rate * (corrected[0] / (corrected[1].sqrt() + 1e-8) + decay * value)


def assert_agree(
    found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float, *, floor: float = 0.01
) -> None:
    """Every tensor agrees to `tolerance` times its own largest value, or times `floor` of the largest of all."""
    assert found.keys() == expected.keys()
    overall = max(float(value.abs().max()) for value in expected.values())
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        assert torch.isfinite(found[name]).all(), f"{name} is not finite"
        scale = max(float(value.abs().max()), floor * overall)
        error = float((found[name].double() - value.double()).abs().max())
        assert error <= tolerance * scale, f"{name}: off by {error:.3g} at scale {scale:.3g}"


def read_statistics(case: Case, statistics: dict[str, Tensor]) -> dict[str, Tensor]:
    """The statistics, with mean 0 and variance 1 of inputs that nothing reads: a kernel need not keep theirs.

    In a network with other layers than affine ones all are left as they are.
    """
    if not all(isinstance(layer, Affine) for layer in case.network.layers):
        return statistics
    read = {p.layer.name: torch.cat([p.inputs, p.constants]) for p in compact(case.network, case.masks)}
    found = {}
    for name, value in statistics.items():
        layer, kind = name.split(".norm.")
        unread = torch.full_like(value, float(kind == "running_var"))
        found[name] = unread.index_copy(0, read[layer], value[read[layer]])
    return found


def changes(after: State, before: State) -> dict[str, Tensor]:
    """What training changed, in float64."""
    return {name: after.parameters[name].double() - value.double() for name, value in before.parameters.items()}
