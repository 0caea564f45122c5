"""How long the paper's schedule takes, from trainings as a run makes them: losses read, validations, best weights kept.

Two trainings of different length at one density give what an update costs, its share of a validation included, and what
a round costs besides: moving weights, capturing graphs, the test at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch

from gpu.timing import Measured, Tell, reason, steady_memory
from siftnet.kernels.instance import Instance
from siftnet.kernels.plan import Plan
from siftnet.kernels.registry import KERNELS
from siftnet.kernels.timing import device_clock, durations
from siftnet.kernels.trainer import Trainer
from siftnet.pruning.training import Assignment

ROUNDS, UPDATES, EVERY = 21, 100_000, 100
"""The paper's schedule: rounds, updates in each, updates between validations."""
DENSITIES = (1.0, 0.01)
# Trainings of each length: the fastest counts.
LOOKS = 2
# Exports whose times are averaged.
EXPORTS = 3


@dataclass(frozen=True, kw_only=True)
class Slice:
    """What training costs at a density. update_ms: with its share of a validation; round_seconds: besides updates;
    export_ms: bringing the weights to the processor, once for each validation that is the best so far; updates: of the
    longer training; best: validations of it that were the best so far, all that is said None where `failure` says why.
    """

    density: float
    update_ms: float | None = None
    round_seconds: float | None = None
    export_ms: float | None = None
    updates: int = 0
    best: int = 0
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Minutes of a schedule: as measured, and at most, were every validation the best so far; None without figures."""

    who: str
    minutes: float | None
    minutes_at_most: float | None
    update_us: float | None
    """Microseconds an update, everything included."""


def measure_slices(dense: Instance, lengths: tuple[int, int], every: int, tell: Tell) -> list[Slice]:
    """Trainings with the batched kernel in bf16 at each density; lengths: updates of the shorter and the longer one."""
    found = []
    training = replace(dense.problem.training, precision="bf16", validate_every=every, rewind=0)
    dense = replace(dense, problem=replace(dense.problem, training=training))
    for density in DENSITIES:
        try:
            with steady_memory(dense.problem.device):
                found.append(_slice(dense.at_density(density), density, lengths))
            tell(f"schedule at density {density:g}: {found[-1].update_ms:.4g} ms an update with validations")
        except Exception as error:
            found.append(Slice(density=density, failure=reason(error)))
            tell(f"schedule at density {density:g}: FAILED: {found[-1].failure}")
    return found


def _slice(instance: Instance, density: float, lengths: tuple[int, int]) -> Slice:
    # What the first training of a process compiles and loads is nobody's round.
    _train(instance, lengths[0])
    looks = [[_train(instance, length) for length in lengths] for _ in range(LOOKS)]
    short, long = (min(seconds for seconds, _ in column) for column in zip(*looks, strict=True))
    update = (long - short) / (lengths[1] - lengths[0])
    if update <= 0:
        raise ArithmeticError(f"{lengths[1]} updates took no longer than {lengths[0]}: too few to tell their time")
    return Slice(
        density=density,
        update_ms=1000 * update,
        round_seconds=max(0.0, short - lengths[0] * update),
        export_ms=_export_ms(instance),
        updates=lengths[1],
        best=looks[-1][1][1],
    )


def _train(instance: Instance, updates: int) -> tuple[float, int]:
    """Seconds of a round of so many updates, and how many of its validations were the best so far."""
    problem = replace(instance.problem, training=replace(instance.problem.training, steps=updates))
    plan = Plan(given="batched", why="what is measured", threads=torch.get_num_threads())
    clock, assignment = device_clock(problem.device), Assignment(instance.state, instance.masks, round_number=1)
    start = clock()
    history = Trainer(problem, plan)(assignment).history
    seconds = clock() - start
    if history.diverged_at is not None:
        raise ArithmeticError(f"the training diverged after {history.diverged_at} updates")
    scores = [record.validation.score for record in history.records]
    return seconds, sum(score > max(scores[:at], default=-1.0) for at, score in enumerate(scores))


def _export_ms(instance: Instance) -> float:
    kernel = instance.compile(KERNELS["batched"])
    return 1000 * fmean(durations(kernel.export, EXPORTS, clock=device_clock(instance.problem.device)))


def estimate_schedule(who: str, slices: Sequence[Slice]) -> Estimate:
    """The paper's schedule from slices at density 1, which round 0 has, and lower, which all others have."""
    dense, sparse = slices
    if dense.update_ms is None or sparse.update_ms is None or dense.failure or sparse.failure:
        return Estimate(who=who, minutes=None, minutes_at_most=None, update_us=None)
    each = [dense] + [sparse] * (ROUNDS - 1)
    seconds = sum(1e-3 * (s.update_ms or 0.0) * UPDATES + (s.round_seconds or 0.0) for s in each)
    # The share of validations that were the best is in the slice's own updates already.
    more = sum((UPDATES // EVERY) * 1e-3 * (s.export_ms or 0.0) for s in each)
    return Estimate(
        who=who,
        minutes=seconds / 60,
        minutes_at_most=(seconds + more) / 60,
        update_us=1e6 * seconds / (ROUNDS * UPDATES),
    )


def estimate_eager(who: str, measured: Measured) -> Estimate:
    """The paper's schedule from an eager loop's own milliseconds an update and a validation every hundred."""
    if measured.p50_ms is None or measured.evaluate_ms is None:
        return Estimate(who=who, minutes=None, minutes_at_most=None, update_us=None)
    update_ms = measured.p50_ms + measured.evaluate_ms / EVERY
    minutes = ROUNDS * UPDATES * update_ms / 60_000
    return Estimate(who=who, minutes=minutes, minutes_at_most=None, update_us=1000 * update_ms)
