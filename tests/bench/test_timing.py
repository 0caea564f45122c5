"""Turns, slices and percentiles, with contenders that take as long as they are told on a clock of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from siftnet.bench.schedule import ratios, schedule_rows, totals
from siftnet.bench.sweep import Row
from siftnet.bench.timing import SLICES_A_TURN, WARM_UP, StepTime, time_in_turns
from siftnet.pruning.evaluation import Evaluation


@dataclass
class Watch:
    """A clock that moves only when somebody works; calls: who worked, in order, with the number of updates."""

    now: float = 0.0
    calls: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now


@dataclass
class Worker:
    """Takes `seconds` an update, and 100 times that in the first `cold` updates."""

    name: str
    watch: Watch
    seconds: float
    cold: int = 1

    def advance(self, updates: int) -> list[float]:
        for _ in range(updates):
            self.watch.now += self.seconds * (100 if self.cold > 0 else 1)
            self.cold -= 1
        self.watch.calls.append((self.name, updates))
        return [0.0] * updates

    def evaluate(self, split: str) -> Evaluation:
        assert split == "validation"
        self.watch.now += 10 * self.seconds
        return Evaluation(0.0, 0.0, None, 1)


def test_warm_up_is_left_out_and_times_are_right() -> None:
    watch = Watch()
    fast, slow = Worker("fast", watch, 0.001, cold=WARM_UP), Worker("slow", watch, 0.02, cold=WARM_UP)
    found = time_in_turns({"fast": (fast, 1), "slow": (slow, 1)}, slices=7, seconds=1e9, clock=watch)
    for name, ms in (("fast", 1.0), ("slow", 20.0)):
        timing = found[name]
        assert (timing.p20_ms, timing.p50_ms, timing.p80_ms) == pytest.approx((ms, ms, ms))
        assert timing.evaluate_ms == pytest.approx(10 * ms)
    # Slices of 5 ms or of one update, seven of each.
    assert found["fast"].steps == pytest.approx(7 * 5, abs=7)
    assert found["slow"].steps == 7


def test_contenders_take_turns_in_both_orders() -> None:
    watch = Watch()
    workers = {name: (Worker(name, watch, 0.01), 1) for name in "ab"}
    time_in_turns(workers, slices=2 * SLICES_A_TURN, seconds=1e9, clock=watch)
    turns = [name for name, _ in watch.calls[-4 * (1 + SLICES_A_TURN) :]][:: 1 + SLICES_A_TURN]
    assert turns == ["a", "b", "b", "a"]


def test_the_slow_take_part_less_often_but_always_once() -> None:
    watch = Watch()
    workers = {"steady": (Worker("steady", watch, 0.01), 1), "seldom": (Worker("seldom", watch, 0.01), 2)}
    workers["slow"] = (Worker("slow", watch, 10.0), 1)
    found = time_in_turns(workers, slices=12, seconds=5.0, clock=watch)
    assert [found[name].steps for name in ("steady", "seldom", "slow")] == [12, 6, SLICES_A_TURN]


def test_schedule_adds_a_share_of_a_validation_and_compares_sums() -> None:
    def row(name: str, density: float, ms: float) -> Row:
        return Row(name, name, "fp32", density, StepTime(0.0, ms, 9e9, 1, 50.0), 0.0, 0.0)

    timed = [row("old", 1.0, 20.0), row("old", 0.5, 20.0), row("new", 1.0, 10.0), row("new", 0.5, 4.0)]
    rounds = schedule_rows(timed, [1.0, 0.5], validate_every=100)
    assert [(r.round, r.contender, r.update_ms) for r in rounds] == [
        (0, "old", 20.5),
        (0, "new", 10.5),
        (1, "old", 20.5),
        (1, "new", 4.5),
    ]
    sums = totals(rounds)
    assert sums == {"old": 41.0, "new": 15.0}
    assert ratios(sums, ["old"]) == {"old": {"old": 1.0}, "new": {"old": pytest.approx(41 / 15)}}
