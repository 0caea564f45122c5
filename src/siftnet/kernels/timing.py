"""The one clock of plans and benchmarks: slices of updates, turns of those who are compared, percentiles.

A single update of a small network drowns in the clock's noise, so updates are timed in slices. Those who are compared
take turns, so that what slows the machine down for a while slows all of them down; the order is reversed every other
time, since each one finds the caches as the one before left them. The clock is an argument everywhere: on a GPU it
waits for the device, in a test it is made up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

import numpy as np

Clock = Callable[[], float]
"""Seconds from some beginning."""
Advance = Callable[[int], Sequence[float]]
"""Makes updates and returns their losses, on the device finished."""

T = TypeVar("T")


def device_clock(device: str) -> Clock:
    """The time once the device (cpu, cuda or cuda:N) has done all that it was given."""
    if not device.startswith("cuda"):
        return time.perf_counter
    # Here, because a plan on the processor is timed without.
    import torch

    def finished() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return finished


def seconds_of(call: Callable[[], object], clock: Clock) -> float:
    """Seconds that a call takes."""
    start = clock()
    call()
    return clock() - start


def durations(call: Callable[[], object], repeats: int, *, clock: Clock, warm_up: int = 1) -> list[float]:
    """Seconds of each of `repeats` calls, after some that do not count: they compile, allocate and fill caches."""
    for _ in range(warm_up):
        call()
    return [seconds_of(call, clock) for _ in range(repeats)]


@dataclass(frozen=True)
class Percentiles:
    """20th, 50th and 80th percentile, linearly interpolated (NumPy's default), and the least."""

    p20: float
    p50: float
    p80: float
    best: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Percentiles:
        """Of one value at least."""
        p20, p50, p80 = (float(value) for value in np.percentile(values, [20, 50, 80]))
        return cls(p20, p50, p80, min(values))


def order_of_turn(contenders: Sequence[T], turn: int) -> list[T]:
    """Who goes first in turn `turn` (from 0), and who next: every other turn is in reverse."""
    return list(contenders) if turn % 2 == 0 else list(reversed(contenders))


@dataclass(frozen=True)
class Slice:
    """Updates in a row, and the seconds that they took together."""

    updates: int
    seconds: float

    @property
    def step_ms(self) -> float:
        """Milliseconds an update."""
        return 1000 * self.seconds / self.updates


class Stopwatch:
    """One of those who are compared, and its slices so far. quantum: updates are made in multiples of it."""

    def __init__(self, advance: Advance, clock: Clock, *, quantum: int = 1) -> None:
        self.advance, self.clock, self.quantum = advance, clock, quantum
        self.slices: list[Slice] = []
        self.updates = quantum
        """Updates of a slice."""

    def look(self, updates: int) -> float:
        """Seconds an update over some updates, which are not kept as a slice."""
        return seconds_of(lambda: self.advance(updates), self.clock) / updates

    def cut_slices(self, step_seconds: float, slice_seconds: float, most: int | None = None) -> None:
        """Make slices as many updates long as fill `slice_seconds`, one quantum at least and `most` at most."""
        quanta = max(1, ceil(slice_seconds / max(step_seconds, 1e-9) / self.quantum))
        self.updates = self.quantum * quanta if most is None else min(most, self.quantum * quanta)

    def turn(self, slices: int, settle: int = 0) -> Sequence[float]:
        """Make `settle` updates that do not count and then timed slices; the losses of the last slice."""
        if settle:
            self.advance(settle)
        losses: Sequence[float] = ()
        for _ in range(slices):
            start = self.clock()
            losses = self.advance(self.updates)
            self.slices.append(Slice(self.updates, self.clock() - start))
        return losses

    @property
    def made(self) -> int:
        """Updates in all slices together."""
        return sum(found.updates for found in self.slices)

    def step_ms(self) -> Percentiles:
        """Milliseconds an update, over the slices."""
        return Percentiles.of([found.step_ms for found in self.slices])
