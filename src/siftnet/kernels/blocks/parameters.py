"""Parameters and optimiser buffers as the block kernels keep them, to and from the canonical state.

Each layer's live weights lie as its products want them. Everything else is in two vectors, one that decays (biases,
weights of constant and dead units) and one that does not (gamma and beta), so that each is updated in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from siftnet.config import TrainConfig
from siftnet.kernels.blocks.layer import Array, Products
from siftnet.kernels.blocks.rule import Rule, buffers_of, rule_at, step_weights
from siftnet.kernels.compaction import Part
from siftnet.masks import Masks
from siftnet.state import State


@dataclass
class Slots:
    """One array of each kind (value, first and second buffer), and room for gradients."""

    size: int
    buffers: int
    gradients: Array = field(init=False)
    arrays: list[Array] = field(init=False)

    def __post_init__(self) -> None:
        self.gradients = np.zeros(self.size, np.float32)
        kinds = 1 + self.buffers
        self.arrays = [np.zeros(self.size if kind < kinds else 0, np.float32) for kind in range(3)]

    def step(self, rule: Rule) -> None:
        """One update of all of it."""
        step_weights(rule, self.arrays[0], self.gradients, self.arrays[1], self.arrays[2])


@dataclass(frozen=True)
class Views:
    """Where a layer's parameters lie in the two vectors."""

    bias: slice
    steady: slice
    dead: slice
    gamma: slice
    beta: slice


class Parameters:
    """Everything that training changes but batch norm's running statistics."""

    def __init__(
        self, parts: Sequence[Part], products: Sequence[Products], state: State, masks: Masks, training: TrainConfig,
        *, norm: bool,
    ) -> None:  # fmt: skip
        self.parts, self.products, self.norm = parts, products, norm
        self.names = buffers_of(training)
        self.views: list[Views] = []
        decaying, lasting = 0, 0
        for part in parts:
            ends = np.cumsum([decaying, part.layer.outputs, len(part.steady), len(part.dead)]).tolist()
            bias, steady, dead = (slice(a, b) for a, b in zip(ends, ends[1:], strict=False))
            gamma, beta = (
                slice(lasting + k * part.layer.inputs, lasting + (k + 1) * part.layer.inputs) for k in (0, 1)
            )
            self.views.append(Views(bias, steady, dead, gamma, beta))
            decaying, lasting = ends[-1], beta.stop
        self.decaying, self.lasting = Slots(decaying, len(self.names)), Slots(lasting, len(self.names))
        self.weights: list[list[Array]] = []
        keys: list[Callable[[str], Tensor | None]] = [lambda name: state.parameters[name]]
        keys += [lambda name, kind=kind: state.optimiser.get(f"{kind}.{name}") for kind in self.names]  # type: ignore[misc]
        for number, (part, own) in enumerate(zip(parts, products, strict=True)):
            self.weights.append([self._load(kind, number, own, get, masks) for kind, get in enumerate(keys)])
            self.weights[-1] += [np.zeros(0, np.float32)] * (3 - len(keys))
        self.kept = [_kept(masks, f"{part.layer.name}.bias", part.layer.outputs) for part in parts]

    def _load(self, kind: int, number: int, own: Products, get: Callable[[str], Tensor | None], masks: Masks) -> Array:
        part, views, name = self.parts[number], self.views[number], self.parts[number].layer.name
        weight = self._given(get(f"{name}.weight"), part.layer.outputs * part.layer.inputs, masks, f"{name}.weight")
        bias = self._given(get(f"{name}.bias"), part.layer.outputs, masks, f"{name}.bias")
        decaying, lasting = self.decaying.arrays[kind], self.lasting.arrays[kind]
        decaying[views.bias] = bias
        decaying[views.steady], decaying[views.dead] = weight[part.steady.numpy()], weight[part.dead.numpy()]
        if self.norm:
            lasting[views.gamma] = self._given(get(f"{name}.norm.weight"), part.layer.inputs, masks, "")
            lasting[views.beta] = self._given(get(f"{name}.norm.bias"), part.layer.inputs, masks, "")
        return own.put(weight)

    @staticmethod
    def _given(tensor: Tensor | None, size: int, masks: Masks, name: str) -> Array:
        if tensor is None:
            return np.zeros(size, np.float32)
        if name in masks:
            tensor = torch.where(masks[name], tensor, torch.zeros(()))
        return tensor.detach().reshape(-1).numpy()

    def update_vectors(self, training: TrainConfig, step: int) -> None:
        """Update what is not live weights, whose layers do it themselves."""
        self.decaying.step(rule_at(training, step))
        self.lasting.step(rule_at(training, step, decays=False))

    def export(self, step: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and optimiser buffers as the canonical state has them after `step` updates."""
        parameters = dict(self._tensors(0))
        buffers: dict[str, Tensor] = {}
        if step:
            for kind, name in enumerate(self.names, 1):
                buffers |= {f"{name}.{key}": value for key, value in self._tensors(kind)}
            if len(self.names) == 2:
                buffers |= {f"step.{key}": torch.tensor(float(step)) for key in parameters}
        return parameters, buffers

    def _tensors(self, kind: int) -> list[tuple[str, Tensor]]:
        found = []
        for number, (part, own) in enumerate(zip(self.parts, self.products, strict=True)):
            name, views = part.layer.name, self.views[number]
            weight = np.zeros(part.layer.outputs * part.layer.inputs, np.float32)
            own.take(self.weights[number][kind], weight)
            decaying, lasting = self.decaying.arrays[kind], self.lasting.arrays[kind]
            weight[part.steady.numpy()], weight[part.dead.numpy()] = decaying[views.steady], decaying[views.dead]
            shape = part.layer.outputs, part.layer.inputs
            found.append((f"{name}.weight", torch.from_numpy(weight.reshape(shape))))
            found.append((f"{name}.bias", torch.from_numpy(decaying[views.bias].copy())))
            if self.norm:
                found.append((f"{name}.norm.weight", torch.from_numpy(lasting[views.gamma].copy())))
                found.append((f"{name}.norm.bias", torch.from_numpy(lasting[views.beta].copy())))
        return found


def _kept(masks: Masks, name: str, count: int) -> Array:
    return masks[name].numpy() if name in masks else np.ones(count, bool)
