"""What every way of training a masked network offers, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from siftnet.config.fields import TrainConfig
from siftnet.data.batches import Batches
from siftnet.network.layers import Network
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class Problem:
    """What is trained, how and on what: all of a training but its weights and masks.

    training.precision is fp32 or bf16, never auto. A `Problem` lies on the device of its batches.
    """

    network: Network
    training: TrainConfig
    batches: Batches

    @property
    def device(self) -> str:
        """cpu, cuda or cuda:N."""
        return str(self.batches.device)


class Kernel(Protocol):
    """A network being trained under fixed masks."""

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates and return the training loss of each; the bits do not depend on how calls are cut."""
        ...

    def evaluate(self, split: str) -> Evaluation:
        """Loss and score on a split, with batch norm's running statistics; changes nothing."""
        ...

    def export(self) -> State:
        """The state, canonical: dense tensors on the processor, pruned entries exactly 0."""
        ...


class KernelKind(Protocol):
    """A way of training, before it is given a network."""

    name: str

    def supports(self, problem: Problem) -> str | None:
        """None, or the reason why not."""
        ...

    def compile(self, problem: Problem, state: State, masks: Masks) -> Kernel:
        """A kernel that continues from `state`."""
        ...

    def memory(self, problem: Problem) -> int:
        """Bytes that training takes at most, beside the data and the states that were exported."""
        ...

    def rounding(self, problem: Problem) -> frozenset[str]:
        """What of a processor decides the last bits, by its names in `registry.FEATURES`; empty where nothing does."""
        ...


@runtime_checkable
class ReplicatingKind(KernelKind, Protocol):
    """A way of training that also takes several networks of one shape at once."""

    def compile_together(
        self, problems: Sequence[Problem], states: Sequence[State], masks: Sequence[Masks]
    ) -> list[Kernel]:
        """One kernel for each replicate, which are computed together: they have to advance in turn, by equal numbers.

        problems: alike but for the seed of their batches, on one data set; states: all at one step. A replicate may be
        left behind, and need not be asked again.
        """
        ...
