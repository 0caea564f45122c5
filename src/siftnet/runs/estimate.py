"""What a run will take, before it is started."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from siftnet.config.fields import PruneConfig, require
from siftnet.foreign import is_whole, shown
from siftnet.kernels.instance import Instance
from siftnet.kernels.interface import Kernel, KernelKind, Problem, ReplicatingKind
from siftnet.kernels.plan import Plan
from siftnet.kernels.planning import densities_to_time, time_kernels
from siftnet.kernels.registry import KERNELS, candidates
from siftnet.kernels.timing import durations
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation
from siftnet.runs.machine import computing
from siftnet.runs.request import request_run
from siftnet.runs.setup import Setup
from siftnet.runs.single import plan_for


@dataclass(frozen=True, kw_only=True)
class RoundCost:
    """What one round is expected to take."""

    round: int
    density: float
    kernel: str
    milliseconds_a_step: float
    """An update."""
    seconds: float
    """Of training and validating."""


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """What a run, or replicates, are expected to take; measuring and the page come on top.

    Memory, disk and seconds are those of all replicates together; so are the times of a round where the kernel trains
    them side by side, and those of one replicate where they follow one another.
    """

    replicates: int
    side_by_side: bool
    parameters: int
    data_bytes: int
    memory_bytes: int
    disk_bytes: int
    training_seconds: float
    rounds: tuple[RoundCost, ...]
    """At most these: a layer that loses its connections, which nobody can foresee, ends a run earlier."""
    ending: str = ""
    """Why there are no more, and what may end it earlier, in a sentence."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        values = asdict(self)
        rounds = values.pop("rounds")
        return values | {
            "rounds": len(rounds),
            "milliseconds_a_step": rounds[0]["milliseconds_a_step"],
            "rounds_expected": list(rounds),
        }


def estimate_cost(setup: Setup, replicates: int = 1) -> RunCost:
    """What the run of a setup will take: each round that the stop rules let happen, and all of them together.

    Updates are timed on this machine at a few densities, as the plan of the run will be, and validation at the highest
    and the lowest.
    """
    require(isinstance(setup, Setup), f"a setup is what siftnet.set_up makes, got {shown(setup)}")
    require(
        is_whole(replicates) and replicates >= 1,
        f"the number of replicates must be a whole number, 1 or more, got {shown(replicates)}",
    )
    with computing(setup.config):
        return _estimate_cost(setup, replicates)


def _estimate_cost(setup: Setup, replicates: int) -> RunCost:
    config, request, parameters = setup.config, request_run(setup), setup.network.parameters
    densities = request.foreseen
    plan = plan_for(request)
    side_by_side = replicates > 1 and isinstance(KERNELS.get(plan.given or ""), ReplicatingKind)
    at_once = replicates if side_by_side else 1
    plan = _timed(setup, plan, densities, at_once)
    validating = _validation_seconds(setup.following(plan), densities)
    rounds = tuple(_round(config.train.steps, plan, t, d, at_once * validating[t]) for t, d in enumerate(densities))
    entries = request.first.masks.entries
    kept = sum(parameters - entries + entries * density for density in densities)
    # Last and best weights and an eighth of a byte of mask for each round, the rewind point, a checkpoint.
    disk = 8 * kept + len(rounds) * entries / 8 + 5 * 4 * parameters
    return RunCost(
        replicates=replicates,
        side_by_side=side_by_side,
        parameters=parameters,
        data_bytes=setup.dataset.inputs_NI.nbytes,
        memory_bytes=setup.dataset.inputs_NI.nbytes + at_once * _training_bytes(setup, parameters),
        disk_bytes=int(replicates * disk),
        training_seconds=round(replicates / at_once * sum(cost.seconds for cost in rounds), 1),
        rounds=rounds,
        ending=_ending(config.prune, densities),
    )


def _ending(prune: PruneConfig, densities: Sequence[float]) -> str:
    """Which stop rule ends a run after these densities, and that one of them may end it earlier."""
    asked, count = prune.rounds + 1, len(densities)
    connected = f"prune.min_connected = {prune.min_connected:g}"
    if count == asked:
        return f"{connected} may end it earlier" if count > 1 else ""
    if densities[-1] <= prune.min_density:
        why = f"prune.min_density = {prune.min_density:g} is reached then, and {connected} may end it earlier"
    else:
        why = f"fewer connections would be left than {connected} asks for, which may end it earlier still"
    return f"prune.rounds = {prune.rounds} asks for {asked}, but {why}"


def _round(steps: int, plan: Plan, number: int, density: float, validating: float) -> RoundCost:
    """What one round will take; validating: seconds of it."""
    kernel = plan.kernel(density)
    update = plan.milliseconds(kernel, density)
    seconds = round(steps * update / 1000 + validating, 2)
    return RoundCost(
        round=number, density=density, kernel=kernel, milliseconds_a_step=round(update, 2), seconds=seconds
    )


def _training_bytes(setup: Setup, parameters: int) -> int:
    """Bytes that training takes beside the data, at most; interpreter and libraries, about 400 MB, come on top."""
    problem = setup.trainer.problem
    # The plan holds every kernel that it times at once. Beside them: what is drawn, best, rewind, export, and their
    # copies in a checkpoint.
    return sum(kind.memory(problem) for kind in candidates(setup.config.kernel, problem)) + 8 * 4 * parameters


@dataclass(frozen=True)
class _Together:
    """Some equal networks as one kernel, so that an update of all of them can be timed."""

    kernels: Sequence[Kernel]

    def advance(self, updates: int) -> list[float]:
        losses = [kernel.advance(updates) for kernel in self.kernels]
        return losses[0]

    def evaluate(self, split: str) -> Evaluation:
        return self.kernels[0].evaluate(split)

    def export(self) -> State:
        return self.kernels[0].export()


class _TogetherKind:
    """A kind whose kernels are several equal networks at once."""

    def __init__(self, kind: ReplicatingKind, count: int) -> None:
        self.name, self.kind, self.count = kind.name, kind, count

    def supports(self, problem: Problem) -> str | None:
        return self.kind.supports(problem)

    def compile(self, problem: Problem, state: State, masks: Masks) -> Kernel:
        several = self.kind.compile_together([problem] * self.count, [state] * self.count, [masks] * self.count)
        return _Together(several)

    def memory(self, problem: Problem) -> int:
        return self.count * self.kind.memory(problem)

    def rounding(self, problem: Problem) -> frozenset[str]:
        return self.kind.rounding(problem)


def _timed(setup: Setup, plan: Plan, densities: list[float], at_once: int) -> Plan:
    """The plan of the run, with timings also where there is nothing to choose; of so many networks at once."""
    if plan.timings:
        return plan
    trainer = setup.following(plan).trainer
    kind: KernelKind = trainer.kind(densities[0])
    if at_once > 1 and isinstance(kind, ReplicatingKind):
        kind = _TogetherKind(kind, at_once)
    timings = time_kernels([kind], trainer.problem, densities_to_time(densities))
    return Plan(why=plan.why, threads=plan.threads, timings=tuple(timings))


def _validation_seconds(setup: Setup, densities: list[float]) -> list[float]:
    """Seconds that validating takes in each round, timed in the first and the last and evenly between."""
    trainer, timed = setup.trainer, []
    dense = Instance.dense(trainer.problem, setup.config.seed)
    for density in (densities[0], densities[-1]):
        kernel = dense.at_density(density).compile(trainer.kind(density))
        # Running statistics.
        kernel.advance(1)
        timed += durations(lambda kernel=kernel: kernel.evaluate("validation"), 1, clock=time.perf_counter)  # type: ignore[misc]
    training = trainer.problem.training
    validations = -(-training.steps // training.validate_every)
    return [validations * float(seconds) for seconds in np.geomspace(timed[0], timed[1], len(densities))]
