"""Every contender at every density, in one process, taking turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from siftnet.bench.config import BenchConfig
from siftnet.bench.contender import AUTO, Entrant
from siftnet.bench.floor import Peak, Work, work_of
from siftnet.bench.timing import StepTime, time_in_turns
from siftnet.kernels.instance import Instance
from siftnet.kernels.plan import Plan
from siftnet.kernels.timing import Clock

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One contender at one density. kernel: what computed it, which for auto is the plan's choice."""

    contender: str
    kernel: str
    precision: str
    density: float
    timing: StepTime
    dense_floor_ms: float
    sparse_floor_ms: float


@dataclass(frozen=True)
class Measured:
    """All contenders at one density, before the floor is known: it takes the machine's rates from before and after."""

    density: float
    work: Work
    timings: dict[str, StepTime]


def measure(
    dense: Instance, entrants: Sequence[Entrant], config: BenchConfig, tell: Tell, clock: Clock
) -> list[Measured]:
    """Every entrant at every density of the sweep and of the schedule, the densest first."""
    measured = []
    for number, density in enumerate(config.visited, 1):
        instance = dense.at_density(density)
        contenders = {entrant.name: (entrant.build(instance), entrant.every) for entrant in entrants}
        timings = time_in_turns(contenders, config.slices, config.seconds, clock)
        problem = instance.problem
        input_bytes = problem.batches.inputs_NI.element_size()
        work = work_of(problem.network, instance.masks, problem.training.batch, input_bytes)
        measured.append(Measured(density, work, timings))
        said = ", ".join(f"{name} {timing.p50_ms:.1f}" for name, timing in timings.items())
        tell(f"{number} of {len(config.visited)}: density {100 * density:.3g}%: {said} ms a step")
    return measured


def rows_of(measured: Sequence[Measured], entrants: Sequence[Entrant], peak: Peak, plan: Plan | None) -> list[Row]:
    """Timings with their floors; auto repeats the row of the kernel that the plan names at that density."""
    rows = []
    for at in measured:
        floors = (at.work.dense_floor_ms(peak), at.work.sparse_floor_ms(peak))
        here = [Row(e.name, e.name, e.precision, at.density, at.timings[e.name], *floors) for e in entrants]
        if plan is not None:
            chosen = plan.kernel(at.density)
            here += [replace(row, contender=AUTO) for row in here if row.kernel == chosen]
        rows += here
    return rows
