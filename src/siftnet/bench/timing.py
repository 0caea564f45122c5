"""Milliseconds a step of several contenders that take turns, so that the machine's noise hits all alike.

A turn is one update that does not count (the caches and the threads come from another contender), then a few timed
slices. A slice is one update, or as many as fill 5 ms. The order of turns is reversed every other time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np

from siftnet.bench.contender import Contender

SLICE_MS = 5.0
SLICES_A_TURN = 3
# Updates before any is timed: compilation, allocation, the first touch of memory; the second half says how long one is.
WARM_UP = 3

Clock = Callable[[], float]


@dataclass(frozen=True)
class Timing:
    """Milliseconds a step over the timed slices: 20th, 50th and 80th percentile; the updates behind them; milliseconds
    of one validation."""

    p20_ms: float
    p50_ms: float
    p80_ms: float
    steps: int
    evaluate_ms: float


@dataclass(frozen=True)
class Slice:
    """A few updates in a row and the seconds they took."""

    updates: int
    seconds: float

    @property
    def step_ms(self) -> float:
        """Milliseconds an update."""
        return 1000 * self.seconds / self.updates


def summarise(slices: list[Slice], evaluate_ms: float) -> Timing:
    """Percentiles over slices, linearly interpolated (NumPy's default)."""
    p20, p50, p80 = np.percentile([s.step_ms for s in slices], [20, 50, 80]).tolist()
    return Timing(p20, p50, p80, sum(s.updates for s in slices), evaluate_ms)


class Stopwatch:
    """One contender, warmed up, and its slices so far."""

    def __init__(self, contender: Contender, clock: Clock = time.perf_counter) -> None:
        self.contender, self.clock = contender, clock
        self.slices: list[Slice] = []
        contender.advance(WARM_UP)
        contender.evaluate("validation")
        self.evaluate_ms = 1000 * self._seconds(lambda: contender.evaluate("validation"))
        self.contender.advance(1)
        self.step_seconds = self._seconds(lambda: contender.advance(1))
        self.updates = max(1, ceil(SLICE_MS / 1000 / max(self.step_seconds, 1e-6)))

    def turn(self, slices: int) -> None:
        """One update that does not count, then `slices` timed ones."""
        self.contender.advance(1)
        for _ in range(slices):
            self.slices.append(Slice(self.updates, self._seconds(lambda: self.contender.advance(self.updates))))

    @property
    def turn_seconds(self) -> float:
        """What a full turn takes."""
        return self.step_seconds * (1 + SLICES_A_TURN * self.updates)

    def _seconds(self, call: Callable[[], object]) -> float:
        start = self.clock()
        call()
        return self.clock() - start


def time_in_turns(
    contenders: Mapping[str, tuple[Contender, int]],
    slices: int,
    seconds: float,
    clock: Clock = time.perf_counter,
) -> dict[str, Timing]:
    """Timings by name.

    contenders: each with the number of turns of which it takes part in one. slices: timed slices of one that always
    takes part; seconds: longest time for each, for which slow ones take part less often, once at least.
    """
    watches = {name: Stopwatch(contender, clock) for name, (contender, _) in contenders.items()}
    turns = ceil(slices / SLICES_A_TURN)
    every = {
        name: max(contenders[name][1], ceil(turns * watch.turn_seconds / seconds)) for name, watch in watches.items()
    }
    for turn in range(turns):
        names = list(watches) if turn % 2 == 0 else list(reversed(watches))
        for name in names:
            if turn % every[name] == 0:
                watches[name].turn(min(SLICES_A_TURN, slices - turn * SLICES_A_TURN))
    return {name: summarise(watch.slices, watch.evaluate_ms) for name, watch in watches.items()}
