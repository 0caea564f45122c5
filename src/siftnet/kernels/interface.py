"""What every way of training a masked network offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from siftnet.config.fields import TrainConfig
from siftnet.data.batches import Batches
from siftnet.network.layers import Network
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation


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

    def supports(self, network: Network, training: TrainConfig, device: str) -> str | None:
        """None, or the reason why not; device: cpu, cuda or cuda:N, never auto."""
        ...

    def compile(self, network: Network, state: State, masks: Masks, training: TrainConfig, batches: Batches) -> Kernel:
        """A kernel that continues from `state`; `training.precision` is already fp32 or bf16."""
        ...


@runtime_checkable
class ReplicatingKind(KernelKind, Protocol):
    """A way of training that also takes several networks of one shape at once."""

    def compile_together(
        self,
        network: Network,
        states: Sequence[State],
        masks: Sequence[Masks],
        training: TrainConfig,
        batches: Sequence[Batches],
    ) -> list[Kernel]:
        """One kernel for each replicate, which are computed together: they have to advance in turn, by equal numbers.

        states: all at one step; batches: of one data set, with a seed each. A replicate may be left behind, and need
        not be asked again.
        """
        ...
