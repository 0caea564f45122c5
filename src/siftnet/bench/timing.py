"""Milliseconds a step of several contenders that take turns (kernels/timing.py has the clock).

A turn is one update that does not count (the caches and the threads come from another contender), then a few timed
slices. A slice is one update, or as many as fill 5 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from siftnet.bench.contender import Contender
from siftnet.kernels.timing import Clock, Stopwatch, durations, order_of_turn

SLICE_SECONDS = 0.005
SLICES_A_TURN = 3
# Updates before any is timed: compilation, allocation, the first touch of memory.
WARM_UP = 3


@dataclass(frozen=True)
class StepTime:
    """Milliseconds a step over the timed slices: 20th, 50th and 80th percentile; the updates behind them; milliseconds
    of one validation."""

    p20_ms: float
    p50_ms: float
    p80_ms: float
    steps: int
    evaluate_ms: float


@dataclass(frozen=True)
class _Warm:
    """A contender that is warmed up: its stopwatch, milliseconds of a validation, seconds of a turn."""

    watch: Stopwatch
    evaluate_ms: float
    turn_seconds: float

    @classmethod
    def up(cls, contender: Contender, clock: Clock) -> _Warm:
        watch = Stopwatch(contender.advance, clock)
        contender.advance(WARM_UP)
        (evaluating,) = durations(lambda: contender.evaluate("validation"), 1, clock=clock)
        contender.advance(1)
        step = watch.look(1)
        watch.cut_slices(step, SLICE_SECONDS)
        return cls(watch, 1000 * evaluating, step * (1 + SLICES_A_TURN * watch.updates))

    def summary(self) -> StepTime:
        found = self.watch.step_ms()
        return StepTime(found.p20, found.p50, found.p80, self.watch.made, self.evaluate_ms)


def time_in_turns(
    contenders: Mapping[str, tuple[Contender, int]], slices: int, seconds: float, clock: Clock
) -> dict[str, StepTime]:
    """Step times by name.

    contenders: each with the number of turns of which it takes part in one. slices: timed slices of one that always
    takes part; seconds: longest time for each, for which slow ones take part less often, once at least.
    """
    warm = {name: _Warm.up(contender, clock) for name, (contender, _) in contenders.items()}
    turns = ceil(slices / SLICES_A_TURN)
    every = {name: max(contenders[name][1], ceil(turns * own.turn_seconds / seconds)) for name, own in warm.items()}
    for turn in range(turns):
        for name in order_of_turn(list(warm), turn):
            if turn % every[name] == 0:
                warm[name].watch.turn(min(SLICES_A_TURN, slices - turn * SLICES_A_TURN), settle=1)
    return {name: own.summary() for name, own in warm.items()}
