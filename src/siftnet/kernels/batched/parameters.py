"""The parameters of several networks of one shape, their buffers and statistics, as vectors on the device."""

# R replicates, P entries of a vector

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from siftnet.kernels.batched.layers import Affines
from siftnet.kernels.batched.layout import Layout
from siftnet.kernels.batched.update import Vectors, update_vectors
from siftnet.kernels.interface import Problem
from siftnet.kernels.update_rule import buffers_of
from siftnet.network.masks import Masks
from siftnet.network.state import Buffers, State


class StackedParameters:
    """Values, gradients and optimiser buffers (R, P) of R networks; pruned entries are 0 in all of them."""

    def __init__(self, problem: Problem, states: Sequence[State], masks: Sequence[Masks]) -> None:
        self.training = training = problem.training
        device = problem.batches.device
        self.layout = Layout.of({name: tuple(value.shape) for name, value in states[0].parameters.items()})
        applied = [own.apply(state) for own, state in zip(masks, states, strict=True)]
        self.values_RP = self.layout.pack([state.parameters for state in applied]).to(device)
        self.gradients_RP = torch.zeros_like(self.values_RP)
        self.buffers = {
            kind: self.layout.pack([state.optimiser.get(kind, {}) for state in states]).to(device)
            for kind in buffers_of(training)
        }
        pruned_RP = self.layout.pack([{name: ~mask for name, mask in own.items()} for own in masks], torch.bool)
        # A full mask changes nothing, so it costs nothing.
        self.pruned_RP = pruned_RP.to(device) if bool(pruned_RP.any()) else None
        decaying = {
            name: torch.full(shape, training.weight_decay)
            for name, shape in self.layout.shapes.items()
            if name not in problem.network.undecayed
        }
        self.decay_P = self.layout.pack([decaying])[0].to(device) if training.weight_decay else None
        self.values, self.gradients = self.layout.views(self.values_RP), self.layout.views(self.gradients_RP)

    @property
    def changing(self) -> list[Tensor]:
        """The tensors that an update changes."""
        return [self.values_RP, self.gradients_RP, *self.buffers.values()]

    def of_layer(self, name: str) -> tuple[Affines, Affines]:
        """A layer's parameters and their gradients, as they lie in the vectors."""
        names = [f"{name}.{part}" for part in ("weight", "bias", "norm.weight", "norm.bias")]
        return Affines(*map(self.values.get, names)), Affines(*map(self.gradients.get, names))  # type: ignore[arg-type]

    def update(self, rates_3: Tensor) -> None:
        """One update by the gradients, at the rates of `rates_at`."""
        vectors = Vectors(self.values_RP, self.gradients_RP, self.buffers, self.pruned_RP, self.decay_P)
        update_vectors(self.training, rates_3, vectors)

    def export(self, replicate: int, step: int) -> tuple[dict[str, Tensor], Buffers]:
        """Parameters and optimiser buffers of one network as the canonical state has them after `step` updates."""
        buffers: Buffers = {}
        for kind, flat_RP in self.buffers.items() if step else ():
            buffers[kind] = self.layout.unpack(flat_RP[replicate].cpu())
        if step and self.training.optimiser == "adamw":
            buffers["step"] = {name: torch.tensor(float(step)) for name in self.layout.shapes}
        return self.layout.unpack(self.values_RP[replicate].cpu()), buffers
