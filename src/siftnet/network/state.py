"""State: everything that training changes, as named tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from siftnet.foreign import shown

Buffers = dict[str, dict[str, Tensor]]
"""An optimiser's buffers: kind, as PyTorch names it -> parameter name -> tensor."""


@dataclass(frozen=True, eq=False)
class State:
    """A network in training after `step` updates; the tensors are keyed by `state_dict` names.

    parameters: weights, biases, gamma and beta, float32, pruned entries exactly 0;
    statistics: batch norm's running mean and variance, absent before the first update;
    optimiser: the optimiser's buffers, by kind and then by parameter, absent before the first update.
    """

    parameters: dict[str, Tensor]
    statistics: dict[str, Tensor] = field(default_factory=dict)
    optimiser: Buffers = field(default_factory=dict)
    step: int = 0

    def __post_init__(self) -> None:
        for kind, own in (("parameters", self.parameters), ("statistics", self.statistics)):
            if not isinstance(own, dict) or not all(isinstance(value, Tensor) for value in own.values()):
                raise ValueError(f"a state's {kind} are a dictionary of tensors by name, got {shown(own)}")

    def __repr__(self) -> str:
        count = sum(value.numel() for value in self.parameters.values())
        return f"State({count:,} parameters in {len(self.parameters)} tensors after {self.step} updates)"

    def tensors(self) -> Iterator[tuple[tuple[str, ...], Tensor]]:
        """All tensors: ('parameters', name), ('statistics', name) and ('optimiser', kind, name), each with its own."""
        for name, value in self.parameters.items():
            yield ("parameters", name), value
        for name, value in self.statistics.items():
            yield ("statistics", name), value
        for kind, own in self.optimiser.items():
            for name, value in own.items():
                yield ("optimiser", kind, name), value

    def clone(self) -> State:
        """A copy that shares no memory, on the processor."""
        buffers = {kind: _copied(own) for kind, own in self.optimiser.items()}
        return State(_copied(self.parameters), _copied(self.statistics), buffers, self.step)

    def weights_only(self) -> State:
        """The same parameters as a training begins with them: no statistics, no optimiser buffers, step 0."""
        return State(self.parameters)

    def is_finite(self) -> bool:
        """Whether no parameter is NaN or infinite."""
        return all(bool(torch.isfinite(t).all()) for t in self.parameters.values())

    def content_hash(self) -> str:
        """sha256 over names and bits of the parameters."""
        sha = hashlib.sha256()
        for name, value in sorted(self.parameters.items()):
            sha.update(f"{name}{tuple(value.shape)}".encode())
            sha.update(value.contiguous().numpy().data)
        return sha.hexdigest()

    def equals(self, other: State) -> bool:
        """Whether names, step and every bit agree."""
        mine, theirs = dict(self.tensors()), dict(other.tensors())
        return (
            self.step == other.step
            and mine.keys() == theirs.keys()
            and all(torch.equal(mine[k], theirs[k]) for k in mine)
        )


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in tensors.items()}
