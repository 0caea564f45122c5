"""Parameters and optimiser buffers as the block kernels keep them, to and from the canonical state.

Each layer's live weights lie as its products want them. Everything else is in two vectors, one that decays (biases,
weights of constant and dead units) and one that does not (gamma and beta), so that each is updated in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from siftnet.config.fields import TrainConfig
from siftnet.kernels.blocks.products import Products
from siftnet.kernels.blocks.rule import Rule, Slots, rule_at, step_weights
from siftnet.kernels.blocks.workspace import Array
from siftnet.kernels.compaction import Part
from siftnet.kernels.interface import Problem
from siftnet.kernels.update_rule import buffers_of
from siftnet.network.masks import Masks
from siftnet.network.state import Buffers, State


class Vector:
    """Parameters of all layers in one row, float32, with their buffers and room for their gradients."""

    def __init__(self, size: int, buffers: int) -> None:
        self.slots = Slots(*(np.zeros(size if kind <= buffers else 0, np.float32) for kind in range(3)))
        self.gradients = np.zeros(size, np.float32)

    def step(self, rule: Rule) -> None:
        """One update of all of it."""
        values, first, second = self.slots
        step_weights(rule, values, self.gradients, first, second)


@dataclass(frozen=True)
class Views:
    """Where a layer's parameters lie: bias, steady and dead weights in what decays, gamma and beta in what does not."""

    bias: slice
    steady: slice
    dead: slice
    gamma: slice
    beta: slice


class Parameters:
    """Everything that training changes but batch norm's running statistics.

    weights: the live weights of each layer, as its products lay them out; decaying, lasting: the rest, which `views`
    finds; kept: which biases are not pruned, bool (outputs,) a layer.
    """

    def __init__(
        self, problem: Problem, parts: Sequence[Part], products: Sequence[Products], state: State, masks: Masks
    ) -> None:
        self.parts, self.products, self.norm = parts, products, problem.network.norm
        self.buffers = buffers_of(problem.training)
        self.views = lay_out(parts)
        self.decaying = Vector(self.views[-1].dead.stop, len(self.buffers))
        self.lasting = Vector(self.views[-1].beta.stop, len(self.buffers))
        sources = [state.parameters, *(_buffer(state, kind) for kind in self.buffers)]
        self.weights = [self._load(number, sources, masks) for number in range(len(parts))]
        self.kept = [_kept(masks, f"{part.layer.name}.bias", part.layer.outputs) for part in parts]

    def _load(self, number: int, sources: Sequence[Mapping[str, Tensor]], masks: Masks) -> Slots:
        """One layer's parameters and buffers into the two vectors; returns its live weights and theirs."""
        part, views, name = self.parts[number], self.views[number], self.parts[number].layer.name
        own = []
        for source, decaying, lasting in zip(sources, self.decaying.slots, self.lasting.slots, strict=False):
            weight = _flat(source, f"{name}.weight", masks)
            decaying[views.bias] = _flat(source, f"{name}.bias", masks)
            decaying[views.steady], decaying[views.dead] = weight[part.steady.numpy()], weight[part.dead.numpy()]
            if self.norm:
                lasting[views.gamma] = _flat(source, f"{name}.norm.weight", masks)
                lasting[views.beta] = _flat(source, f"{name}.norm.bias", masks)
            own.append(self.products[number].put(weight))
        return Slots(*own, *[np.zeros(0, np.float32)] * (3 - len(own)))

    def update_vectors(self, training: TrainConfig, step: int) -> None:
        """Update what is not live weights, whose layers do it themselves."""
        self.decaying.step(rule_at(training, step))
        self.lasting.step(rule_at(training, step, decays=False))

    def export(self, step: int) -> tuple[dict[str, Tensor], Buffers]:
        """Parameters and optimiser buffers as the canonical state has them after `step` updates."""
        parameters = self._tensors(0)
        buffers: Buffers = {}
        if step:
            buffers |= {kind: self._tensors(slot) for slot, kind in enumerate(self.buffers, 1)}
            if len(self.buffers) == 2:
                buffers["step"] = {name: torch.tensor(float(step)) for name in parameters}
        return parameters, buffers

    def _tensors(self, slot: int) -> dict[str, Tensor]:
        """Parameters (0) or buffers (1, 2) of all layers."""
        found = {}
        decaying, lasting = self.decaying.slots[slot], self.lasting.slots[slot]
        for part, views, own, weights in zip(self.parts, self.views, self.products, self.weights, strict=True):
            layer = part.layer
            weight = np.zeros(layer.outputs * layer.inputs, np.float32)
            own.take(weights[slot], weight)
            weight[part.steady.numpy()], weight[part.dead.numpy()] = decaying[views.steady], decaying[views.dead]
            found[f"{layer.name}.weight"] = torch.from_numpy(weight.reshape(layer.outputs, layer.inputs))
            found[f"{layer.name}.bias"] = torch.from_numpy(decaying[views.bias].copy())
            if self.norm:
                found[f"{layer.name}.norm.weight"] = torch.from_numpy(lasting[views.gamma].copy())
                found[f"{layer.name}.norm.bias"] = torch.from_numpy(lasting[views.beta].copy())
        return found


def lay_out(parts: Sequence[Part]) -> list[Views]:
    """Where each layer's parameters lie, one layer after the other."""
    views, decaying, lasting = [], 0, 0
    for part in parts:
        bias = slice(decaying, decaying + part.layer.outputs)
        steady = slice(bias.stop, bias.stop + len(part.steady))
        dead = slice(steady.stop, steady.stop + len(part.dead))
        gamma = slice(lasting, lasting + part.layer.inputs)
        beta = slice(gamma.stop, gamma.stop + part.layer.inputs)
        views.append(Views(bias, steady, dead, gamma, beta))
        decaying, lasting = dead.stop, beta.stop
    return views


def _buffer(state: State, kind: str) -> dict[str, Tensor]:
    """The optimiser's buffers of this kind, by parameter; zeros where there are none yet."""
    found = state.optimiser.get(kind, {})
    return {name: found[name] if name in found else torch.zeros_like(own) for name, own in state.parameters.items()}


def _flat(source: Mapping[str, Tensor], name: str, masks: Masks) -> Array:
    """A parameter or buffer, pruned entries 0."""
    tensor = source[name]
    if name in masks:
        tensor = torch.where(masks[name], tensor, torch.zeros(()))
    return tensor.detach().reshape(-1).numpy()


def _kept(masks: Masks, name: str, count: int) -> Array:
    return masks[name].numpy() if name in masks else np.ones(count, bool)
