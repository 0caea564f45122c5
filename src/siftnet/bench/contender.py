"""Who is timed: anything that trains a problem. Every kernel does; a benchmark may add baselines of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from siftnet.bench.problem import Problem
from siftnet.kernels.interface import KernelKind
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
    """A way of training, before it is given a problem.

    precision: of its products, fp32 or bf16; baseline: whether others are compared with it; every: takes part in one
    turn of so many, for what is slow and known not to depend on density.
    """

    name: str
    precision: str
    build: Callable[[Problem], Contender]
    baseline: bool = False
    every: int = 1


def kernel_entrants(problem: Problem, device: str, names: Sequence[str] = ()) -> list[Entrant]:
    """The kernels of these names, or all that can train the problem; auto among the names asks for all.

    Raises ValueError for an unknown name and for a kernel that cannot, with its reason.
    """
    network, training = problem.network, problem.training
    for name in names:
        if name != AUTO and name not in KERNELS:
            raise ValueError(f"there is no contender {name!r}; take {AUTO} or some of {', '.join(KERNELS)}")
    chosen = [kind for name in names or (AUTO,) for kind in candidates(name, network, training, device)]
    return [_entrant(kind, training.precision) for kind in dict.fromkeys(chosen)]


def _entrant(kind: KernelKind, precision: str) -> Entrant:
    def build(problem: Problem) -> Contender:
        return kind.compile(problem.network, problem.state, problem.masks, problem.training, problem.batches)

    return Entrant(name=kind.name, precision=precision, build=build)
