"""Trains siftnet's own networks, each round with the kernel that the plan names for its density."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from siftnet.host.torch_state import own_torch
from siftnet.kernels.interface import Kernel, KernelKind, Problem, ReplicatingKind
from siftnet.kernels.plan import Plan
from siftnet.kernels.registry import candidates
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation, MaskChange, Record
from siftnet.pruning.training import Assignment, History, Progress, Trained


@dataclass(frozen=True)
class Pace:
    """How often a training looks up from its updates."""

    updates: int = 25
    """Between two looks at the clock and at the signals, at first."""
    seconds: float = 0.05
    """They are doubled while they take less than this."""
    checkpoint_seconds: float = 30.0
    """Between two checkpoints; well under the 60 s that one may be old, as a slow machine's updates come on top."""


@dataclass(frozen=True)
class Trainer:
    """Trains siftnet's own networks, each round with the kernel that the plan names for its density."""

    problem: Problem
    plan: Plan
    pace: Pace = Pace()

    @property
    def mask_change(self) -> MaskChange:
        """What it may do to masks."""
        return "none"

    def kind(self, density: float) -> KernelKind:
        """The kernel planned for a density. Raises ValueError where it does not work on this machine."""
        return candidates(self.plan.kernel(density), self.problem)[0]

    def __call__(self, assignment: Assignment) -> Trained:
        """See `Training`; masks stay as they are."""
        return train_together([self], [assignment])[0]

    @own_torch()
    def evaluate(self, state: State, masks: Masks, split: str) -> Evaluation:
        """Score of given weights under masks, with their own running statistics."""
        return self.kind(masks.density).compile(self.problem, state, masks).evaluate(split)


@own_torch()
def train_together(trainers: Sequence[Trainer], assignments: Sequence[Assignment]) -> list[Trained]:
    """Make several trainings of one network side by side, slice by slice; what each `Training` would return.

    trainers: alike but for their batches; assignments: one for each, all of one density and at the same step. Where a
    watch raises, the others are told first. Raises ValueError where the kernel trains one network at a time.
    """
    clock = time.perf_counter()
    courses = _set_off(trainers, assignments)
    _share_out(clock, courses)
    _tell_of_diverged(courses)
    pace = trainers[0].pace
    live, updates = courses, pace.updates
    while live := [course for course in live if not course.ended]:
        clock = time.perf_counter()
        for course in live:
            made = course.proceed(updates)
        elapsed = _share_out(clock, live)
        # A slice that a validation cut short says nothing of longer ones.
        updates *= 2 if made == updates and elapsed < pace.seconds else 1
        _tell_of_diverged(live)
        _tell([course for course in live if course.history.diverged_at is None])
    return [course.trained() for course in courses]


def _set_off(trainers: Sequence[Trainer], assignments: Sequence[Assignment]) -> list[_Course]:
    kind = trainers[0].kind(assignments[0].masks.density)
    begins = [a.resume.state if a.resume else a.state.weights_only() for a in assignments]
    problems = [_of_round(t.problem, a.round_number) for t, a in zip(trainers, assignments, strict=True)]
    masks = [a.masks for a in assignments]
    if len(trainers) == 1:
        kernels = [kind.compile(problems[0], begins[0], masks[0])]
    elif isinstance(kind, ReplicatingKind):
        kernels = kind.compile_together(problems, begins, masks)
    else:
        raise ValueError(f"kernel {kind.name} trains one network at a time: take --kernel batched")
    return [_Course(t, a, k, kind.name) for t, a, k in zip(trainers, assignments, kernels, strict=True)]


def _of_round(problem: Problem, round_number: int) -> Problem:
    return replace(problem, batches=problem.batches.for_round(round_number))


def _share_out(clock: float, courses: Sequence[_Course]) -> float:
    """Add each course's share of the seconds since `clock` to its history, and return the seconds."""
    elapsed = time.perf_counter() - clock
    for course in courses:
        course.history.seconds += elapsed / len(courses)
    return elapsed


def _tell_of_diverged(courses: Sequence[_Course]) -> None:
    for course in courses:
        if course.history.diverged_at is not None:
            course.assignment.diverged(course.trained())


def _tell(courses: Sequence[_Course]) -> None:
    """Call every watch, and raise what the first of them raised."""
    raised: list[Exception] = []
    for course in courses:
        try:
            course.assignment.watch(course.done, course.history, course.progress)
        except Exception as error:
            raised.append(error)
    if raised:
        raise raised[0]


class _Course:
    """A training under way: a kernel, and what happened so far."""

    def __init__(self, trainer: Trainer, assignment: Assignment, kernel: Kernel, name: str) -> None:
        self.trainer, self.assignment, self.kernel = trainer, assignment, kernel
        if assignment.resume and assignment.resume.masks is not None:
            raise ValueError(
                f"round {assignment.round_number} was begun by a training that changes masks, which kernels do not: go "
                "on with that one, from Python"
            )
        self.history = assignment.resume.history if assignment.resume else History()
        self.history.kernel = name
        self.done = assignment.resume.state.step if assignment.resume else 0
        self.end: State | None = None
        self._keep_snapshot()
        if self.done >= trainer.problem.training.steps:
            self._finish()

    @property
    def ended(self) -> bool:
        """Whether all updates are made and tested, or the loss is no longer a number."""
        return self.end is not None

    def proceed(self, updates: int) -> int:
        """Make some updates, at most so many, up to the next validation or snapshot; how many."""
        made = min(updates, self._until_next_event())
        self._advance(made)
        if self.history.diverged_at is None:
            self._keep_snapshot()
        if self.history.diverged_at is not None or self.done >= self.trainer.problem.training.steps:
            self._finish()
        return made

    def progress(self) -> Progress:
        """What it takes to continue from here."""
        return Progress(self.kernel.export(), self.history)

    def trained(self) -> Trained:
        """What the training returns, once it has ended."""
        assert self.end is not None
        return Trained(self.end, self.assignment.masks, self.history)

    def _keep_snapshot(self) -> None:
        if self.done in self.assignment.snapshots and self.done not in self.history.snapshots:
            self.history.snapshots[self.done] = self.kernel.export().weights_only()

    def _until_next_event(self) -> int:
        training, done = self.trainer.problem.training, self.done
        every, snapshots = training.validate_every, self.assignment.snapshots
        return min(training.steps, (done // every + 1) * every, *(s for s in snapshots if s > done)) - done

    def _advance(self, updates: int) -> None:
        """Make updates, validate where that is due, note a loss that is no number."""
        losses, training = self.kernel.advance(updates), self.trainer.problem.training
        self.history.pending += losses
        if not all(map(isfinite, losses)):
            self.history.diverged_at = self.done + next(i for i, x in enumerate(losses, 1) if not isfinite(x))
        self.done += updates
        due = self.done % training.validate_every == 0 or self.done == training.steps
        if self.history.diverged_at is None and due and not self._validate():
            self.history.diverged_at = self.done

    def _validate(self) -> bool:
        """Add a validation and keep the best weights; False where the loss is not a number."""
        history = self.history
        loss = sum(history.pending) / len(history.pending)
        record = Record(self.done, loss, self.kernel.evaluate("validation"))
        if not isfinite(record.validation.loss):
            return False
        history.records.append(record)
        history.pending = []
        if history.best_record is record:
            state = self.kernel.export()
            history.best = State(state.parameters, state.statistics, step=state.step)
        return True

    def _finish(self) -> None:
        self.end = self.kernel.export()
        if self.history.diverged_at is None and not self._test():
            self.history.diverged_at = self.done

    def _test(self) -> bool:
        """Test the last and the best weights; False where a loss is not a number."""
        history = self.history
        assert history.best is not None
        last = self.kernel.evaluate("test")
        best = self.trainer.evaluate(history.best, self.assignment.masks, "test")
        if not (isfinite(last.loss) and isfinite(best.loss)):
            return False
        history.test_last, history.test_best = last, best
        return True
