"""Making a plan: every kernel timed on random masks at a few of the densities that a run will visit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from math import inf, log

import numpy as np

from siftnet.kernels.instance import Instance
from siftnet.kernels.interface import KernelKind, Problem
from siftnet.kernels.plan import Plan, Timing, log_density
from siftnet.kernels.timing import Clock, Percentiles, Stopwatch, order_of_turn

# Densities timed at first, and added afterwards where one kernel overtakes another.
DENSITIES, REFINEMENTS = 6, 2
# A kernel this many times slower than the fastest is measured no further there.
HOPELESS = 3.0
# And where it is this many times slower at first sight, there is no second look.
FAR = 10.0
# Seconds of a slice, and the most updates in it.
SLICE_SECONDS, SLICE_UPDATES = 0.008, 16
# Slices of each kernel at a density: at least, at most, and as many as fit into some seconds in between; where updates
# take so long that the least already takes several seconds, FEWEST are enough.
LEAST, MOST, FEWEST = 7, 15, 3
SECONDS, SEVERAL_SECONDS = 0.15, 2.0
# Densities closer than this factor are not worth another one between them.
NEAR = 1.2


def make_plan(
    kinds: Sequence[KernelKind],
    problem: Problem,
    densities: Sequence[float],
    *,
    threads: int,
    processor: str,
    clock: Clock = time.perf_counter,
) -> Plan:
    """Time the kernels where there is a choice.

    kinds: kernels that support the problem; densities: those of the run's rounds, in any order; threads and processor:
    written down. Nothing that a run computes depends on how long this takes or what it draws.
    """
    if len(kinds) == 1:
        return Plan(given=kinds[0].name, why="no other kernel supports this network", threads=threads)
    timings = time_kernels(kinds, problem, densities_to_time(densities), clock=clock)
    plan = Plan(why="the fastest at each density", threads=threads, timings=tuple(timings), processor=processor)
    # One kernel seems to overtake another there.
    crossovers = [
        density
        for density, _ in plan.choices()[1:]
        if all(abs(log_density(density) - log_density(known)) > log(NEAR) for known in plan.densities)
    ]
    timings = time_kernels(kinds, problem, crossovers[:REFINEMENTS], clock=clock, known=plan.timings)
    return replace(plan, timings=tuple(timings))


def extend_plan(
    plan: Plan,
    kinds: Sequence[KernelKind],
    problem: Problem,
    densities: Sequence[float],
    *,
    processor: str,
    clock: Clock = time.perf_counter,
) -> Plan:
    """The plan, timed further down where `densities` reach well below those that it was made for.

    What it says of the densities that it was made for stays as it is, so that a run that is prolonged keeps its rounds.
    So does all of a plan that was timed on another processor: times of two machines cannot be held against each other.
    """
    if plan.processor not in (None, processor):
        return plan
    lowest = plan.densities[-1] if plan.timings else 0.0
    further = [density for density in densities if density * NEAR < lowest]
    if not further:
        return plan
    timings = time_kernels(kinds, problem, densities_to_time(further), clock=clock, known=plan.timings)
    return replace(plan, timings=tuple(timings))


def densities_to_time(densities: Sequence[float], most: int = DENSITIES) -> list[float]:
    """At most so many of the densities, the highest and the lowest among them, evenly between: highest first."""
    ordered = sorted(set(densities), reverse=True)
    at = np.linspace(0, len(ordered) - 1, min(most, len(ordered))).round().astype(int)
    return [ordered[i] for i in at]


def time_kernels(
    kinds: Sequence[KernelKind],
    problem: Problem,
    densities: Sequence[float],
    *,
    clock: Clock = time.perf_counter,
    known: Sequence[Timing] = (),
) -> list[Timing]:
    """`known` and the timings at further densities: the lowest, the highest, then between where it is worth it."""
    dense = Instance.dense(problem, 0, "plan")
    timings = list(known)
    ordered = sorted(densities, reverse=True)
    # The lowest first: a kernel's cost does not fall with density, so that what is slow there need not be tried above.
    for density in dict.fromkeys([*ordered[-1:], *ordered]):
        live = [kind for kind in kinds if not _is_hopeless(kind.name, density, timings)]
        floors = {kind.name: _floor(kind.name, density, timings) for kind in live}
        timings += _time_side_by_side(live, dense.at_density(density), density, floors, clock)
    order = list(dict.fromkeys([*(t.kernel for t in known), *(kind.name for kind in kinds)]))
    return sorted(timings, key=lambda t: (-t.density, order.index(t.kernel)))


def _is_hopeless(kernel: str, density: float, timings: Sequence[Timing]) -> bool:
    """Whether the kernel was too slow at the next densities above and below, or not even tried there."""
    best: dict[float, float] = {}
    for t in timings:
        best[t.density] = min(best.get(t.density, inf), t.p20)
    mine = {t.density: t.p20 for t in timings if t.kernel == kernel}
    above = min((d for d in best if d > density), default=None)
    below = max((d for d in best if d < density), default=None)
    return (
        above is not None and below is not None and all(mine.get(d, inf) > HOPELESS * best[d] for d in (above, below))
    )


def _floor(kernel: str, density: float, timings: Sequence[Timing]) -> float:
    """Seconds that an update takes at least, from what it took at lower densities."""
    return max((t.p20 for t in timings if t.kernel == kernel and t.density < density), default=0.0) / 1000


def _time_side_by_side(
    kinds: Sequence[KernelKind], instance: Instance, density: float, floors: dict[str, float], clock: Clock
) -> list[Timing]:
    """Slices of all kernels in turn.

    Those that a look shows to be hopeless have no slices, and those that `floors` show so are not tried.
    """
    watches, looks = _look_at(kinds, instance, floors, clock)
    slowest = HOPELESS * min(looks.values())
    found = [_timing(name, density, [1000 * look], 1) for name, look in looks.items() if look > slowest]
    names = [name for name, look in looks.items() if look <= slowest]
    for name in list(watches):
        if name in names:
            watches[name].cut_slices(looks[name], SLICE_SECONDS, SLICE_UPDATES)
        else:
            # Its arrays are not needed any more.
            del watches[name]
    start = clock()
    for turn in count():
        if _enough(turn, clock() - start):
            break
        for name in order_of_turn(names, turn):
            watches[name].turn(1)
    slices = {name: [found.step_ms for found in watches[name].slices] for name in names}
    return found + [_timing(name, density, slices[name], watches[name].made) for name in names]


def _look_at(
    kinds: Sequence[KernelKind], instance: Instance, floors: dict[str, float], clock: Clock
) -> tuple[dict[str, Stopwatch], dict[str, float]]:
    """Compiled kernels, and seconds of an update of each, the better of two; none of those that `floors` rule out."""
    watches: dict[str, Stopwatch] = {}
    looks: dict[str, float] = {}
    for kind in sorted(kinds, key=lambda kind: floors[kind.name]):
        best = min(looks.values(), default=inf)
        if floors[kind.name] > HOPELESS * best:
            continue
        watch = watches[kind.name] = Stopwatch(instance.compile(kind).advance, clock)
        # Compilation and first allocations.
        watch.look(1)
        look = watch.look(1)
        looks[kind.name] = look if look > FAR * best else min(look, watch.look(1))
    return watches, looks


def _timing(kernel: str, density: float, step_ms: Sequence[float], updates: int) -> Timing:
    found = Percentiles.of(step_ms)
    return Timing(kernel=kernel, density=density, p20=found.p20, p50=found.p50, updates=updates)


def _enough(turns: int, elapsed: float) -> bool:
    if turns < LEAST:
        return turns >= FEWEST and elapsed >= SEVERAL_SECONDS
    return turns >= MOST or elapsed >= SECONDS
