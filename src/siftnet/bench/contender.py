"""Who is timed: anything that trains an instance of a problem: every kernel, and what a benchmark adds of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from siftnet.kernels.instance import Instance
from siftnet.kernels.interface import KernelKind, Problem
from siftnet.kernels.registry import KERNELS, candidates
from siftnet.pruning.evaluation import Evaluation

AUTO = "auto"


class Contender(Protocol):
    """A network in training: what the timing needs of a kernel."""

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates, on the device finished when this returns, and return the loss of each."""
        ...

    def evaluate(self, split: str) -> Evaluation:
        """Loss and score on a split."""
        ...


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A way of training, before it is given weights and masks.

    precision: of its products, fp32 or bf16; baseline: whether others are compared with it; every: takes part in one
    turn of so many, for what is slow and known not to depend on density.
    """

    name: str
    precision: str
    build: Callable[[Instance], Contender]
    baseline: bool = False
    every: int = 1


def choose_entrants(
    problem: Problem, others: Sequence[Entrant], names: Sequence[str], *, native_bf16: bool, tell: Callable[[str], None]
) -> list[Entrant]:
    """The entrants of these names, `others` first; without names all that can train the problem, and that need not
    emulate bf16 unless the problem itself asks for it.

    Raises ValueError for an unknown name and for a kernel that cannot, with its reason.
    """
    own = {entrant.name: entrant for entrant in others}
    for name in names:
        if name not in {AUTO, *KERNELS, *own}:
            known = ", ".join([*KERNELS, *own])
            raise ValueError(f"there is no contender {name!r}; take {AUTO} or some of {known}")
    kernels = [name for name in names if name not in own]
    if names:
        return [*(e for e in others if e.name in names), *(kernel_entrants(problem, kernels) if kernels else [])]
    emulated = [e for e in others if e.precision == "bf16" != problem.training.precision and not native_bf16]
    if emulated:
        tell(f"left out, since this processor would emulate bf16: {', '.join(e.name for e in emulated)} (name to time)")
    return [*(e for e in others if e not in emulated), *kernel_entrants(problem)]


def kernel_entrants(problem: Problem, names: Sequence[str] = ()) -> list[Entrant]:
    """The kernels of these names, or all that can train the problem; auto among the names asks for all.

    Raises ValueError for a kernel that cannot, with its reason.
    """
    chosen = [kind for name in names or (AUTO,) for kind in candidates(name, problem)]
    return [_entrant(kind, problem.training.precision) for kind in dict.fromkeys(chosen)]


def _entrant(kind: KernelKind, precision: str) -> Entrant:
    return Entrant(name=kind.name, precision=precision, build=lambda instance: instance.compile(kind))
