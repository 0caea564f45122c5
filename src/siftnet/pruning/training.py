"""The contract of a training: what the loop of imp.py hands over and what it gets back.

siftnet's own networks (`siftnet.kernels.trainer.Trainer`) are one implementation of it, a user's function is another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation, Record


@dataclass
class History:
    """What happened in one training, and the states that were to be kept of it."""

    records: list[Record] = field(default_factory=list)
    best: State | None = None
    """Parameters and statistics with the highest validation score so far, the earliest of equals; the last validated
    where scores are undefined."""
    best_masks: Masks | None = None
    """The masks of `best`, where a training that changes masks had others then than those it ended with."""
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
        return best_of(self.records)


def best_of(records: Sequence[Record]) -> Record | None:
    """The validation with the highest score, the earliest of equals; the last one where no score is defined."""
    scored = [(r.validation.score, -r.step, r) for r in records if r.validation.score is not None]
    if scored:
        return max(scored, key=lambda found: found[:2])[2]
    return records[-1] if records else None


@dataclass(frozen=True)
class Progress:
    """A training that is under way: all that it takes to continue it to the same bits."""

    state: State
    history: History
    masks: Masks | None = None
    """Those that it has changed its own to; None where they are still what the assignment gave."""


Watch = Callable[[int, History, Callable[[], Progress]], None]
"""Told the updates made, what happened so far, and how to get the present progress, which is costly."""


def unwatched(step: int, history: History, progress: Callable[[], Progress]) -> None:
    """A `Watch` that looks away."""


@dataclass(frozen=True)
class Trained:
    """What a training returns: the state after its last update, the masks that it ended with, and what happened."""

    state: State
    masks: Masks
    history: History


@dataclass(frozen=True)
class Assignment:
    """One training that is to be made."""

    state: State
    """Where it begins."""
    masks: Masks
    round_number: int
    snapshots: tuple[int, ...] = ()
    """Steps whose parameters the history is to keep."""
    resume: Progress | None = None
    """Where an interrupted training of this round stands."""
    watch: Watch = unwatched
    """Called often; may raise to stop."""
    diverged: Callable[[Trained], None] = lambda trained: None
    """Told at once where the loss is no number, since others that are trained together may go on for long."""


@runtime_checkable
class Training(Protocol):
    """Train as assigned; what the loop of imp.py calls."""

    def __call__(self, assignment: Assignment) -> Trained:
        """Train from the assignment's state, or from where it was interrupted, to the end."""
        ...


@dataclass(frozen=True)
class Subject:
    """What is sifted: a way of training, and how it is drawn afresh."""

    training: Training
    draw: Callable[[int], State]
    """Fresh initial parameters for a round."""
