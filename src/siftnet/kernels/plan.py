"""The plan: which kernel trains at which density, because it was the fastest there on this machine.

Kernels are timed on random masks at a few of the densities that a run will visit. Between those, log(time) is
interpolated in log(density): products over survivors and fixed costs are both straight lines there, nearly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations, pairwise
from math import exp, inf, log
from typing import Any

import numpy as np
import torch

from siftnet.config.fields import TrainConfig
from siftnet.data.batches import Batches
from siftnet.kernels.interface import Kernel, KernelKind
from siftnet.network.layers import Network, initialise
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.seeds import generator

# Densities timed at first, and added afterwards where one kernel overtakes another.
DENSITIES, REFINEMENTS = 6, 2
# A kernel this many times slower than the fastest is measured no further there.
HOPELESS = 3.0
# And where it is this many times slower at first sight, there is no second look.
FAR = 10.0
# Updates are timed in slices about this long, because a single update of a small network drowns in the clock's noise.
SLICE_SECONDS, SLICE_UPDATES = 0.008, 16
# Slices of each kernel at a density: at least, at most, and as many as fit into some seconds in between; where updates
# take so long that the least already takes several seconds, FEWEST are enough.
LEAST, MOST, FEWEST = 7, 15, 3
SECONDS, SEVERAL_SECONDS = 0.15, 2.0
# Densities closer than this factor are not worth another one between them.
NEAR = 1.2

Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """One kernel at one density: milliseconds an update, 20th and 50th percentile over slices of `updates` in all."""

    kernel: str
    density: float
    p20: float
    p50: float
    updates: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Kernel by density, with the timings that chose it."""

    why: str
    """Why these kernels, in a few words."""
    threads: int
    """Processor threads that it holds for."""
    given: str | None = None
    """The one kernel, where there was nothing to choose and nothing was timed."""
    timings: tuple[Timing, ...] = ()
    processor: str | None = None
    """The processor that was timed, by its name; None where nothing was, or where an older siftnet timed."""

    def __post_init__(self) -> None:
        assert (self.given is None) == bool(self.timings), "a plan is given or timed"

    @property
    def names(self) -> list[str]:
        """The kernels that were timed, or the one that was given."""
        return [self.given] if self.given else list(dict.fromkeys(t.kernel for t in self.timings))

    @property
    def densities(self) -> list[float]:
        """The densities at which anything was timed, highest first."""
        return sorted({t.density for t in self.timings}, reverse=True)

    def kernel(self, density: float) -> str:
        """The kernel with the least time at a density in [0, 1]; of equals, the one that is listed first."""
        if self.given:
            return self.given
        return min(self._near(density), key=lambda name: self.milliseconds(name, density))

    def milliseconds(self, kernel: str, density: float) -> float:
        """An update's time, interpolated between the densities at which this kernel was timed and held beyond them.

        Raises ValueError where it was never timed.
        """
        known = sorted((t.density, t.p20) for t in self.timings if t.kernel == kernel)
        if not known:
            raise ValueError(f"kernel {kernel} was not timed; the plan has {', '.join(self.names)}")
        at, times = zip(*known, strict=True)
        return exp(float(np.interp(_log(density), [_log(d) for d in at], np.log(times))))

    def _near(self, density: float) -> list[str]:
        """The kernels that were timed at the next timed density above or below: the others were hopeless there."""
        above = min((d for d in self.densities if d >= density), default=self.densities[0])
        below = max((d for d in self.densities if d <= density), default=self.densities[-1])
        near = {t.kernel for t in self.timings if t.density in (above, below)}
        return [name for name in self.names if name in near]

    def choices(self) -> list[tuple[float, str]]:
        """Which kernel takes over at which density, from the highest timed density down; (1.0, name) where given."""
        if self.given:
            return [(1.0, self.given)]
        highest = self.densities[0]
        found = [(highest, self.kernel(highest))]
        for above, below in pairwise(self.densities):
            # Which one is fastest changes only where two lines cross, so one look between crossings sees all of them,
            # also a kernel that is fastest at no timed density.
            edges = [above, *self._crossings(above, below), below]
            looks = [(upper, self.kernel(_between(upper, lower))) for upper, lower in pairwise(edges)]
            for density, name in [*looks, (below, self.kernel(below))]:
                if name != found[-1][1]:
                    found.append((density, name))
        return found

    def _crossings(self, above: float, below: float) -> list[float]:
        """The densities strictly between two timed neighbours at which two kernels are equally fast, highest first."""
        found = set()
        for one, other in combinations(self._near(_between(above, below)), 2):
            at_above, at_below = (log(self.milliseconds(one, d) / self.milliseconds(other, d)) for d in (above, below))
            if at_above * at_below < 0:
                found.add(_between(above, below, at_above / (at_above - at_below)))
        return sorted(found, reverse=True)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `kernels` says in what order they take over, for people, and is not read back."""
        kernels = [{"from_density": density, "kernel": name} for density, name in self.choices()]
        timings = [asdict(timing) for timing in self.timings]
        return {
            "given": self.given, "why": self.why, "threads": self.threads, "processor": self.processor,
            "kernels": kernels, "milliseconds_an_update": timings,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Plan:
        """The inverse of `to_dict`."""
        timings = tuple(Timing(**timing) for timing in values["milliseconds_an_update"])
        return cls(
            given=values["given"],
            why=values["why"],
            threads=values["threads"],
            timings=timings,
            processor=values.get("processor"),
        )


def _log(density: float) -> float:
    return log(max(density, 1e-12))


def _between(above: float, below: float, share: float = 0.5) -> float:
    """The density a share of the way down, by logarithms."""
    return exp(_log(above) + share * (_log(below) - _log(above)))


def make_plan(
    kinds: Sequence[KernelKind],
    network: Network,
    training: TrainConfig,
    batches: Batches,
    densities: Sequence[float],
    *,
    threads: int,
    processor: str,
    clock: Clock = time.perf_counter,
) -> Plan:
    """Time the kernels where there is a choice.

    kinds: kernels that support the network; densities: those of the run's rounds, in any order; threads and processor:
    written down.
    Nothing that a run computes depends on how long this takes or what it draws.
    """
    if len(kinds) == 1:
        return Plan(given=kinds[0].name, why="no other kernel supports this network", threads=threads)
    timings = time_kernels(kinds, network, training, batches, spread(densities), clock=clock)
    why = "the fastest at each density"
    plan = Plan(why=why, threads=threads, timings=tuple(timings), processor=processor)
    return _refined(plan, kinds, network, training, batches, clock)


def extend_plan(
    plan: Plan,
    kinds: Sequence[KernelKind],
    network: Network,
    training: TrainConfig,
    batches: Batches,
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
    timings = time_kernels(kinds, network, training, batches, spread(further), clock=clock, known=plan.timings)
    return replace(plan, timings=tuple(timings))


def _refined(
    plan: Plan, kinds: Sequence[KernelKind], network: Network, training: TrainConfig, batches: Batches, clock: Clock
) -> Plan:
    """The plan with the densities timed too at which one kernel seems to overtake another."""
    crossovers = [
        density
        for density, _ in plan.choices()[1:]
        if all(abs(_log(density) - _log(known)) > log(NEAR) for known in plan.densities)
    ]
    chosen = crossovers[:REFINEMENTS]
    timings = time_kernels(kinds, network, training, batches, chosen, clock=clock, known=plan.timings)
    return replace(plan, timings=tuple(timings))


def spread(densities: Sequence[float], count: int = DENSITIES) -> list[float]:
    """At most `count` of the densities, the highest and the lowest among them, evenly between: highest first."""
    ordered = sorted(set(densities), reverse=True)
    at = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return [ordered[i] for i in at]


def time_kernels(
    kinds: Sequence[KernelKind],
    network: Network,
    training: TrainConfig,
    batches: Batches,
    densities: Sequence[float],
    *,
    clock: Clock = time.perf_counter,
    known: Sequence[Timing] = (),
) -> list[Timing]:
    """`known` and the timings at further densities: the lowest, the highest, then between where it is worth it."""
    state = initialise(network, 0, "plan")
    timings = list(known)
    ordered = sorted(densities, reverse=True)
    # The lowest first: a kernel's cost does not fall with density, so that what is slow there need not be tried above.
    for density in dict.fromkeys([*ordered[-1:], *ordered]):
        live = [kind for kind in kinds if not _is_hopeless(kind.name, density, timings)]
        floors = {kind.name: _floor(kind.name, density, timings) for kind in live}
        masks = random_masks(state, network, density)
        begin = masks.apply(state)
        timings += _time_side_by_side(
            live, lambda kind: kind.compile(network, begin, masks, training, batches), floors, density, clock  # noqa: B023
        )  # fmt: skip
    order = list(dict.fromkeys([*(t.kernel for t in known), *(kind.name for kind in kinds)]))
    return sorted(timings, key=lambda t: (-t.density, order.index(t.kernel)))


def random_masks(state: State, network: Network, density: float) -> Masks:
    """Each prunable entry kept with the same probability, from a seed of its own."""
    draws = generator(0, "plan", repr(density))
    kept = {
        name: torch.from_numpy(draws.random(tuple(state.parameters[name].shape), dtype=np.float32) < density)
        for name in network.prunable_names
    }
    return Masks(kept)


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
    kinds: Sequence[KernelKind],
    compile_kernel: Callable[[KernelKind], Kernel],
    floors: dict[str, float],
    density: float,
    clock: Clock,
) -> list[Timing]:
    """Slices of all kernels in turn, so that what slows the machine down for a while slows all of them down.

    Those that a look, the better of two updates, shows to be hopeless have no slices, and those that `floors` show so
    are not tried.
    """
    kernels: dict[str, Kernel] = {}

    def seconds(name: str, updates: int) -> float:
        start = clock()
        kernels[name].advance(updates)
        return (clock() - start) / updates

    looks: dict[str, float] = {}
    for kind in sorted(kinds, key=lambda kind: floors[kind.name]):
        if floors[kind.name] > HOPELESS * min(looks.values(), default=inf):
            continue
        kernels[kind.name] = compile_kernel(kind)
        # Compilation and first allocations.
        seconds(kind.name, 1)
        best, look = min(looks.values(), default=inf), seconds(kind.name, 1)
        looks[kind.name] = look if look > FAR * best else min(look, seconds(kind.name, 1))
    slowest = HOPELESS * min(looks.values())
    found = [_timing(name, density, [look], 1) for name, look in looks.items() if look > slowest]
    kernels = {name: kernel for name, kernel in kernels.items() if looks[name] <= slowest}
    slices = {name: max(1, min(SLICE_UPDATES, round(SLICE_SECONDS / max(looks[name], 1e-9)))) for name in kernels}
    samples: dict[str, list[float]] = {name: [] for name in kernels}
    start, count, names = clock(), 0, list(kernels)
    while not _enough(count, clock() - start):
        # Another one begins each time, as each finds the caches as the one before left them.
        for name in names[count % len(names) :] + names[: count % len(names)]:
            samples[name].append(seconds(name, slices[name]))
        count += 1
    return found + [_timing(name, density, samples[name], slices[name] * count) for name in names]


def _timing(kernel: str, density: float, seconds: list[float], updates: int) -> Timing:
    p20, p50 = (1000 * float(x) for x in np.quantile(seconds, [0.2, 0.5]))
    return Timing(kernel=kernel, density=density, p20=p20, p50=p50, updates=updates)


def _enough(count: int, elapsed: float) -> bool:
    if count < LEAST:
        return count >= FEWEST and elapsed >= SEVERAL_SECONDS
    return count >= MOST or elapsed >= SECONDS
