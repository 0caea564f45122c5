"""One training under fixed masks: (State, Masks) -> (State, History).

The loop in imp.py knows nothing but `Training`; siftnet's own networks (`Trainer`) are one implementation of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Protocol

from siftnet.config import TrainConfig
from siftnet.data.batches import Batches
from siftnet.kernels import Evaluation, Kernel, KernelKind, Plan, candidates
from siftnet.masks import Masks
from siftnet.network import Network
from siftnet.state import State


@dataclass(frozen=True)
class Record:
    """One validation: after `step` updates, the mean training loss since the last one, and the validation split."""

    step: int
    train_loss: float
    validation: Evaluation

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Record:
        """The inverse of `to_dict`."""
        return cls(values["step"], values["train_loss"], Evaluation(**values["validation"]))


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


# Updates between two looks at the clock and at the signals: 0.1 s at 4 ms a step.
SLICE = 25


@dataclass(frozen=True)
class Trainer:
    """Trains siftnet's own networks, each round with the kernel that the plan names for its density."""

    network: Network
    training: TrainConfig
    plan: Plan
    batches: Batches

    def kind(self, density: float) -> KernelKind:
        """The kernel planned for a density. Raises ValueError where it does not work on this machine."""
        name = self.plan.kernel(density)
        return candidates(name, self.network, self.training, str(self.batches.device))[0]

    def __call__(
        self,
        state: State,
        masks: Masks,
        *,
        round_number: int,
        snapshots: tuple[int, ...] = (),
        resume: Progress | None = None,
        watch: Watch = lambda step, history, progress: None,
    ) -> tuple[State, History]:
        """See `Training`."""
        history, kind = resume.history if resume else History(), self.kind(masks.density)
        history.kernel = kind.name
        begin = resume.state if resume else state.weights_only()
        batches = self.batches.for_round(round_number)
        kernel = kind.compile(self.network, begin, masks, self.training, batches)
        done, seconds, clock = begin.step, history.seconds, time.perf_counter()

        def progress() -> Progress:
            return Progress(kernel.export(), history)

        while True:
            if done in snapshots and done not in history.snapshots:
                history.snapshots[done] = kernel.export().weights_only()
            if done >= self.training.steps:
                break
            done = self._advance(kernel, history, done, self._until_next_event(done, snapshots))
            if history.diverged_at is not None:
                break
            history.seconds = seconds + time.perf_counter() - clock
            watch(done, history, progress)
        final = kernel.export()
        if history.diverged_at is None and not self._test(kernel, masks, history):
            history.diverged_at = done
        history.seconds = seconds + time.perf_counter() - clock
        return final, history

    def _until_next_event(self, done: int, snapshots: tuple[int, ...]) -> int:
        every = self.training.validate_every
        events = [self.training.steps, done + SLICE, (done // every + 1) * every, *(s for s in snapshots if s > done)]
        return min(events) - done

    def _advance(self, kernel: Kernel, history: History, done: int, updates: int) -> int:
        """Make updates, validate where that is due, note a loss that is no number; returns the updates made so far."""
        losses = kernel.advance(updates)
        history.pending += losses
        if not all(map(isfinite, losses)):
            history.diverged_at = done + next(i for i, x in enumerate(losses, 1) if not isfinite(x))
            return done + updates
        done += updates
        due = done % self.training.validate_every == 0 or done == self.training.steps
        if due and not self._validate(kernel, history, done):
            history.diverged_at = done
        return done

    def _validate(self, kernel: Kernel, history: History, done: int) -> bool:
        """Add a validation and keep the best weights; False where the loss is not a number."""
        before = history.best_record
        record = Record(done, sum(history.pending) / len(history.pending), kernel.evaluate("validation"))
        if not isfinite(record.validation.loss):
            return False
        history.records.append(record)
        history.pending = []
        if before is None or record.validation.score > before.validation.score:
            state = kernel.export()
            history.best = State(state.parameters, state.statistics, step=state.step)
        return True

    def _test(self, kernel: Kernel, masks: Masks, history: History) -> bool:
        """Test the last and the best weights; False where a loss is not a number."""
        assert history.best is not None
        last, best = kernel.evaluate("test"), self.evaluate(history.best, masks, "test")
        if not (isfinite(last.loss) and isfinite(best.loss)):
            return False
        history.test_last, history.test_best = last, best
        return True

    def evaluate(self, state: State, masks: Masks, split: str) -> Evaluation:
        """Score of given weights under masks, with their own running statistics."""
        kernel = self.kind(masks.density).compile(self.network, state, masks, self.training, self.batches)
        return kernel.evaluate(split)
