"""The contract of a training: what the loop of imp.py hands over and what it gets back.

siftnet's own networks (`siftnet.kernels.trainer.Trainer`) are one implementation of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation, Record


@dataclass
class History:
    """What happened in one training, and the states that were to be kept of it."""

    records: list[Record] = field(default_factory=list)
    best: State | None = None
    """Parameters and statistics with the highest validation score so far, the earliest of equals."""
    snapshots: dict[int, State] = field(default_factory=dict)
    """Parameters after the updates asked for."""
    pending: list[float] = field(default_factory=list)
    """Training losses since the last validation."""
    diverged_at: int | None = None
    """Updates after which the loss was no longer a number."""
    seconds: float = 0.0
    kernel: str | None = None
    """What computed it, where that has a name."""
    test_best: Evaluation | None = None
    """The test split with the weights that validation chose."""
    test_last: Evaluation | None = None
    """The test split with the last weights."""

    @property
    def best_record(self) -> Record | None:
        """The validation that `best` stands for."""
        return max(self.records, key=lambda r: (r.validation.score, -r.step), default=None)


@dataclass(frozen=True)
class Progress:
    """A training that is under way: all that it takes to continue it to the same bits."""

    state: State
    history: History


Watch = Callable[[int, History, Callable[[], Progress]], None]
"""Told the updates made, what happened so far, and how to get the present progress, which is costly."""


class Training(Protocol):
    """Train under fixed masks; what the loop of imp.py calls."""

    def __call__(
        self,
        state: State,
        masks: Masks,
        *,
        round_number: int,
        snapshots: tuple[int, ...],
        resume: Progress | None,
        watch: Watch,
    ) -> tuple[State, History]:
        """The state after the last update, and what happened.

        state: where training begins; snapshots: steps whose parameters the history is to keep; resume: where an
        interrupted training of this round stands; watch: called often; may raise to stop.
        """
        ...


@dataclass(frozen=True)
class Assignment:
    """One training that is to be made; its fields are the arguments of `Training`, and one for those made together."""

    state: State
    masks: Masks
    round_number: int
    snapshots: tuple[int, ...] = ()
    resume: Progress | None = None
    watch: Watch = lambda step, history, progress: None
    diverged: Callable[[State, History], None] = lambda state, history: None
    """Told of the last state at once where the loss is no number, since others may go on for long."""


@dataclass(frozen=True)
class Subject:
    """What is sifted: a way of training, what of it is pruned, and how it is drawn afresh."""

    training: Training
    prunable: Mapping[str, Sequence[str]]
    """Layer -> names of its parameters that are ranked together."""
    draw: Callable[[int], State]
    """Fresh initial parameters for a round."""
