"""Making a plan: what is timed and what not, and that timing changes nothing. Clocks are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from kernels.suite import Case, make_case
from siftnet.kernels.instance import random_masks
from siftnet.kernels.interface import Problem
from siftnet.kernels.plan import Plan
from siftnet.kernels.planning import densities_to_time, extend_plan, make_plan, time_kernels
from siftnet.kernels.registry import candidates
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation

DENSITIES = [0.7**t for t in range(19)]


class Watch:
    """A clock that only kernels move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Made:
    """A kernel that takes a made-up time and computes nothing."""

    def __init__(self, clock: Watch, seconds: float) -> None:
        self.clock, self.seconds, self.updates = clock, seconds, 0

    def advance(self, updates: int) -> list[float]:
        # The first update compiles.
        self.clock.now += self.seconds * updates + (0 if self.updates else 30)
        self.updates += updates
        return [0.0] * updates

    def evaluate(self, split: str) -> Evaluation:
        raise AssertionError

    def export(self) -> State:
        raise AssertionError


class MadeKind:
    """Its updates take `seconds(density)`; it notes what was asked of it."""

    def __init__(self, name: str, clock: Watch, seconds: Callable[[float], float]) -> None:
        self.name, self.clock, self.seconds = name, clock, seconds
        self.densities: list[float] = []
        self.kernels: list[Made] = []

    def supports(self, problem: Problem) -> str | None:
        return None

    def memory(self, problem: Problem) -> int:
        return 0

    def rounding(self, problem: Problem) -> frozenset[str]:
        return frozenset()

    def compile(self, problem: Problem, state: State, masks: Masks) -> Made:
        assert masks.apply(state).equals(state)
        self.densities.append(masks.density)
        self.kernels.append(Made(self.clock, self.seconds(masks.density)))
        return self.kernels[-1]


def made(**seconds: Callable[[float], float]) -> tuple[list[MadeKind], Watch]:
    clock = Watch()
    return [MadeKind(name, clock, cost) for name, cost in seconds.items()], clock


BIG = {"dense": lambda d: 0.06, "fused": lambda d: 0.045, "sparse": lambda d: 0.005 + 0.17 * d}


def planned(kinds: list[MadeKind], clock: Watch, densities: list[float] | None = None, p: Case | None = None) -> Plan:
    p = p or make_case("f60:f60:x")
    densities = densities or DENSITIES
    return make_plan(kinds, p.problem, densities, threads=1, processor="made", clock=clock)


def test_the_plan_is_within_5_percent_of_the_fastest_everywhere() -> None:
    kinds, clock = made(**BIG)
    found = planned(kinds, clock)
    for density in np.geomspace(1, DENSITIES[-1], 200):
        times = {kind.name: kind.seconds(density) for kind in kinds}
        assert times[found.kernel(density)] <= 1.05 * min(times.values())


def test_a_crossover_is_timed_as_well() -> None:
    kinds, clock = made(**BIG | {"fused": lambda d: 0.03})
    found = planned(kinds, clock)
    crossover = (0.03 - 0.005) / 0.17
    assert len(found.densities) == 7
    assert set(densities_to_time(DENSITIES)) < set(found.densities)
    assert min(abs(np.log(d / crossover)) for d in found.densities) < 0.1
    assert found.choices()[1][0] == pytest.approx(crossover, rel=0.05)


def test_hopeless_kernels_are_not_timed_further() -> None:
    kinds, clock = made(**BIG)
    found = planned(kinds, clock)
    timed = {name: [t.density for t in found.timings if t.kernel == name] for name in found.names}
    # At 0.7% and 0.1% density dense products take ten times as long; between the two nobody asks again.
    assert DENSITIES[14] not in timed["dense"]
    assert DENSITIES[14] in timed["sparse"]
    # Found hopeless by a look, not by a measurement.
    looks = [t for t in found.timings if t.kernel == "sparse" and t.density == 1.0]
    assert [t.updates for t in looks] == [1]
    assert clock.now - 30 * sum(len(kind.kernels) for kind in kinds) < 8, "a few seconds"


def test_a_kernel_that_is_slow_even_where_least_is_left_is_not_tried_above() -> None:
    kinds, clock = made(**BIG, plain=lambda d: 0.2 + 10 * d)
    found = planned(kinds, clock)
    assert [t.density for t in found.timings if t.kernel == "plain"] == [DENSITIES[-1]]
    assert len(kinds[-1].kernels) == 1
    assert "plain" not in {found.kernel(d) for d in DENSITIES}


def test_small_networks_are_timed_in_slices_and_soon_done() -> None:
    kinds, clock = made(dense=lambda d: 0.0011, fused=lambda d: 0.0006, sparse=lambda d: 0.0004 + 0.002 * d)
    found = planned(kinds, clock)
    assert all(t.updates >= 7 * 7 for t in found.timings if t.p20 < 3 * 0.4)
    assert clock.now - 30 * sum(len(kind.kernels) for kind in kinds) < 2


def test_compilation_is_left_out_of_the_timings() -> None:
    kinds, clock = made(**BIG)
    for t in planned(kinds, clock).timings:
        assert t.p20 < 1000
        assert t.p20 == pytest.approx(t.p50)


def test_what_slows_the_machine_down_for_a_while_hits_all_alike() -> None:
    clock = Watch()
    order: list[str] = []

    class Noted(Made):
        def __init__(self, name: str) -> None:
            super().__init__(clock, 0.02)
            self.name = name

        def advance(self, updates: int) -> list[float]:
            order.append(self.name)
            return super().advance(updates)

    class NotedKind(MadeKind):
        def compile(self, problem: Problem, state: State, masks: Masks) -> Made:
            return Noted(self.name)

    p = make_case()
    kinds = [NotedKind(name, clock, lambda d: 0.02) for name in "ab"]
    time_kernels(kinds, p.problem, [1.0], clock=clock)
    slices = order[-14:]
    assert slices == list("abba" * 3 + "ab"), "in turns, and each goes first as often"


def test_one_kernel_is_not_timed() -> None:
    kinds, clock = made(dense=lambda d: 1.0)
    found = planned(kinds, clock)
    assert found == Plan(given="dense", why="no other kernel supports this network", threads=1)
    assert kinds[0].kernels == []


def test_one_density_is_enough_for_a_plan() -> None:
    kinds, clock = made(**BIG)
    found = planned(kinds, clock, [0.01])
    assert found.densities == [0.01]
    assert found.kernel(1.0) == found.kernel(0.0) == "sparse"


def test_a_run_that_goes_on_for_longer_is_planned_further_down_and_nothing_above_changes() -> None:
    kinds, clock = made(**BIG)
    p = make_case("f60:f60:x")
    before = planned(kinds, clock, DENSITIES[:4], p)
    arguments = kinds, p.problem
    assert before.kernel(0.001) == "fused"
    assert extend_plan(before, *arguments, DENSITIES[:4], processor="made", clock=clock) is before
    after = extend_plan(before, *arguments, DENSITIES, processor="made", clock=clock)
    assert after.processor == before.processor == "made"
    assert after.kernel(0.001) == "sparse"
    assert set(before.timings) < set(after.timings)
    assert all(after.kernel(d) == before.kernel(d) for d in np.geomspace(1, DENSITIES[3], 50))
    given = Plan(given="dense", why="", threads=1)
    assert extend_plan(given, *arguments, DENSITIES, processor="made", clock=clock) is given


def test_times_of_two_processors_are_not_mixed() -> None:
    kinds, clock = made(**BIG)
    p = make_case("f60:f60:x")
    before = planned(kinds, clock, DENSITIES[:4], p)
    arguments = kinds, p.problem, DENSITIES
    tried = [len(kind.kernels) for kind in kinds]
    assert extend_plan(before, *arguments, processor="another", clock=clock) is before
    assert [len(kind.kernels) for kind in kinds] == tried
    # A plan of an older siftnet does not say where it was made.
    values = {name: value for name, value in before.to_dict().items() if name != "processor"}
    old = Plan.from_dict(values)
    assert old == replace(before, processor=None)
    assert len(extend_plan(old, *arguments, processor="another", clock=clock).timings) > len(before.timings)


def test_densities_are_spread_evenly_between_the_first_and_the_last() -> None:
    assert densities_to_time(DENSITIES) == [DENSITIES[t] for t in (0, 4, 7, 11, 14, 18)]
    assert densities_to_time([0.5, 1.0, 0.25]) == [1.0, 0.5, 0.25]
    assert densities_to_time([0.3, 0.3]) == [0.3]


def numpy_state() -> np.ndarray:
    """That of NumPy's global generator."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    assert isinstance(state, dict)
    return np.array(state["state"]["key"])


def test_timing_draws_from_no_global_generator_and_leaves_batches_alone() -> None:
    p = make_case()
    kinds = candidates("dense", p.problem)
    before = torch.get_rng_state(), numpy_state(), p.batches.round
    time_kernels(kinds, p.problem, [1.0, 0.1])
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(numpy_state(), before[1])
    assert p.batches.round == before[2]
    expected = p.kernel(kinds[0])
    expected.advance(3)
    time_kernels(kinds, p.problem, [0.5])
    again = p.kernel(kinds[0])
    again.advance(3)
    assert again.export().equals(expected.export())


def test_random_masks_have_their_density_in_each_layer() -> None:
    p = make_case("f300:f200:x")
    masks = random_masks(p.state, p.network, 0.1)
    for names in p.network.prunable.values():
        assert Masks({name: masks[name] for name in names}).density == pytest.approx(0.1, abs=0.01)
    assert masks.equals(random_masks(p.state, p.network, 0.1))
