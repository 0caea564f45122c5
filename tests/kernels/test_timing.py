"""The clock: slices, percentiles and the order of turns, by somebody whose updates move a made-up clock."""

from __future__ import annotations

import time

import pytest

from siftnet.kernels.timing import Percentiles, Slice, Stopwatch, device_clock, durations, order_of_turn, seconds_of


class Worker:
    """A clock that its own updates move, `seconds` each."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds
        self.calls: list[int] = []

    def __call__(self) -> float:
        return self.now

    def advance(self, updates: int) -> list[float]:
        self.now += self.seconds * updates
        self.calls.append(updates)
        return [float(update) for update in range(updates)]


def test_percentiles_are_those_of_the_slices_an_update() -> None:
    # 1, 2, 3, 4, 5 and 6 ms an update: the percentiles lie at 1 + 5 * (0.2, 0.5, 0.8).
    watch = Stopwatch(lambda updates: [], lambda: 0.0)
    watch.slices = [
        Slice(updates, updates * ms / 1000) for updates, ms in ((1, 6), (2, 5), (1, 4), (4, 3), (1, 2), (1, 1))
    ]
    found = watch.step_ms()
    assert (found.best, found.p20, found.p50, found.p80) == pytest.approx((1.0, 2.0, 3.5, 5.0))
    assert watch.made == 10
    assert Percentiles.of([3.0]) == Percentiles(3.0, 3.0, 3.0, 3.0)


def test_slices_are_as_many_updates_as_fill_them() -> None:
    for seconds, quantum, most, expected in (
        (0.001, 1, None, 5), (0.0011, 1, None, 5), (1.0, 1, None, 1), (0.001, 25, None, 25), (0.0001, 25, None, 50),
        (0.0001, 1, 16, 16), (0.0, 1, 16, 16),
    ):  # fmt: skip
        watch = Stopwatch(Worker(seconds).advance, lambda: 0.0, quantum=quantum)
        watch.cut_slices(seconds, 0.005, most)
        assert watch.updates == expected


def test_what_settles_and_what_is_looked_at_is_no_slice() -> None:
    worker = Worker(0.25)
    watch = Stopwatch(worker.advance, worker)
    assert watch.look(4) == 0.25
    watch.cut_slices(0.25, 0.5)
    assert list(watch.turn(3, settle=7)) == [0.0, 1.0]
    assert worker.calls == [4, 7, 2, 2, 2]
    assert watch.slices == [Slice(2, 0.5)] * 3
    assert watch.step_ms().p50 == 250


def test_every_other_turn_is_in_reverse() -> None:
    assert [order_of_turn("abc", turn) for turn in range(3)] == [list("abc"), list("cba"), list("abc")]


def test_calls_that_warm_up_do_not_count() -> None:
    worker = Worker(1.0)
    assert seconds_of(lambda: worker.advance(3), worker) == 3
    assert durations(lambda: worker.advance(2), 2, clock=worker, warm_up=3) == [2, 2]
    assert worker.calls == [3, 2, 2, 2, 2, 2]


def test_the_processors_clock_waits_for_nobody() -> None:
    assert device_clock("cpu") is time.perf_counter
