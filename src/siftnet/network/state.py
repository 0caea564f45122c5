"""State: everything that training changes, as named tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class State:
    """A network in training after `step` updates; the tensors are keyed by `state_dict` names.

    parameters: weights, biases, gamma and beta, float32, pruned entries exactly 0;
    statistics: batch norm's running mean and variance, absent before the first update;
    optimiser: the optimiser's buffers, keyed 'kind.parameter', absent before the first update.
    """

    parameters: dict[str, Tensor]
    statistics: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All tensors, named 'parameters/...', 'statistics/...' and 'optimiser/...'."""
        for part in ("parameters", "statistics", "optimiser"):
            for name, tensor in getattr(self, part).items():
                yield f"{part}/{name}", tensor

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], step: int) -> State:
        """The inverse of `tensors`."""
        parts: dict[str, dict[str, Tensor]] = {"parameters": {}, "statistics": {}, "optimiser": {}}
        for key, tensor in tensors.items():
            part, name = key.split("/", 1)
            parts[part][name] = tensor
        return cls(**parts, step=step)

    def clone(self) -> State:
        """A copy that shares no memory, on the processor."""
        return State.from_tensors({k: t.detach().to("cpu", copy=True) for k, t in self.tensors()}, self.step)

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
