"""The plan: which kernel it names at which density, and that it survives being written."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from siftnet.kernels import plan as plan_module
from siftnet.kernels.plan import Plan, Timing


def timing(kernel: str, density: float, p20: float) -> Timing:
    return Timing(kernel=kernel, density=density, p20=p20, p50=1.1 * p20, updates=5)


def plan(**kernels: dict[float, float]) -> Plan:
    """A plan from milliseconds by kernel and density."""
    timings = tuple(timing(name, d, ms) for name, times in kernels.items() for d, ms in times.items())
    return Plan(why="the fastest at each density", threads=1, timings=timings)


def test_the_fastest_kernel_at_each_density_is_taken() -> None:
    found = plan(dense={1.0: 40, 0.1: 40, 0.01: 40}, sparse={1.0: 160, 0.1: 20, 0.01: 5})
    assert [found.kernel(d) for d in (1.0, 0.5, 0.1, 0.05, 0.01)] == ["dense", "dense", "sparse", "sparse", "sparse"]
    # 160 -> 20 over one decade: 40 is two thirds of the way.
    crossover = 10 ** (-2 / 3)
    assert found.kernel(crossover * 1.01) == "dense"
    assert found.kernel(crossover * 0.99) == "sparse"
    assert found.choices() == [(1.0, "dense"), (pytest.approx(crossover), "sparse")]


def test_times_are_straight_lines_between_logarithms_and_held_beyond_the_ends() -> None:
    found = plan(sparse={0.5: 50, 0.05: 5})
    assert found.milliseconds("sparse", 0.1) == pytest.approx(10)
    assert found.milliseconds("sparse", 0.05**0.5 * 0.5**0.5) == pytest.approx(250**0.5)
    assert [found.milliseconds("sparse", d) for d in (1.0, 0.01, 0.0)] == pytest.approx([50, 5, 5])
    with pytest.raises(ValueError, match="kernel dense was not timed; the plan has sparse"):
        found.milliseconds("dense", 0.1)


def test_density_0_takes_the_kernel_of_the_lowest() -> None:
    assert plan(dense={1.0: 1, 0.1: 5}, sparse={1.0: 2, 0.1: 3}).kernel(0.0) == "sparse"


def test_of_equals_the_first_is_taken() -> None:
    assert plan(b={1.0: 3, 0.1: 3}, a={1.0: 3, 0.1: 3}).kernel(0.5) == "b"


def test_a_kernel_that_was_not_timed_near_is_no_candidate_there() -> None:
    # Held beyond its end, sparse would win at density 1; dense at 0.01.
    found = plan(dense={1.0: 50, 0.1: 4}, fused={1.0: 60, 0.1: 30, 0.01: 30}, sparse={0.1: 20, 0.01: 6})
    assert found.kernel(1.0) == "dense"
    assert found.kernel(0.01) == "sparse"
    assert found.kernel(0.05) == "dense", "timed at 0.1, which is near"


def test_three_kernels_take_turns() -> None:
    found = plan(
        fused={1.0: 40, 0.3: 40, 0.1: 40, 0.03: 40},
        block={1.0: 80, 0.3: 30, 0.1: 20, 0.03: 18},
        sparse={1.0: 200, 0.3: 60, 0.1: 19, 0.03: 9},
    )
    assert [name for _, name in found.choices()] == ["fused", "block", "sparse"]
    for (density, after), (_, before) in zip(found.choices()[1:], found.choices(), strict=False):
        assert found.milliseconds(before, density) == pytest.approx(found.milliseconds(after, density))


def test_a_kernel_that_is_fastest_at_no_timed_density_is_seen_between() -> None:
    found = plan(a={1.0: 1, 0.01: 10}, b={1.0: 10, 0.01: 1}, c={1.0: 2, 0.01: 2})
    # 1 -> 10 over two decades is 2 after 0.6 of a decade, and so from below.
    crossings = [10 ** (-2 * np.log10(2)), 10 ** (-2 * (1 - np.log10(2)))]
    assert found.choices() == [(1.0, "a"), (pytest.approx(crossings[0]), "c"), (pytest.approx(crossings[1]), "b")]
    assert found.kernel(0.1) == "c"
    # Also where the same kernel is fastest above and below: c was not timed there, as if it were hopeless.
    found = plan(a={1.0: 1, 0.01: 10, 0.001: 1}, c={1.0: 2, 0.001: 2})
    assert [name for _, name in found.choices()] == ["a", "c", "a", "c", "a"]
    assert [found.kernel(d) for d in (1.0, 0.02, 0.01, 0.009, 0.001)] == ["a", "c", "a", "c", "a"]


def test_choices_name_every_kernel_that_is_taken_and_where() -> None:
    draws = np.random.default_rng(0)
    densities = [1.0, 0.3, 0.1, 0.01]
    for _ in range(200):
        times = {
            name: {d: float(draws.uniform(1, 9)) for d in densities if draws.random() < 0.7} or {0.1: 5.0}
            for name in "abcd"
        }
        found = plan(**times)
        choices = found.choices()
        assert [d for d, _ in choices] == sorted((d for d, _ in choices), reverse=True)
        for density in np.geomspace(found.densities[0], found.densities[-1], 101)[1:-1]:
            if min(abs(np.log(density / d)) for d in [*found.densities, *(d for d, _ in choices)]) > 1e-9:
                assert found.kernel(density) == [name for d, name in choices if d >= density][-1]


def test_a_given_kernel_is_taken_everywhere() -> None:
    found = Plan(given="dense", why="asked for by name", threads=2)
    assert [found.kernel(d) for d in (1.0, 0.5, 0.0)] == ["dense"] * 3
    assert (found.names, found.choices()) == (["dense"], [(1.0, "dense")])


@pytest.mark.parametrize(
    "found",
    [
        plan(dense={1.0: 40.123456789, 0.01: 1 / 3}, sparse={1.0: 160, 0.01: 5}),
        replace(plan(dense={1.0: 40}), processor="a processor"),
        Plan(given="dense", why="asked for by name", threads=2),
    ],
)
def test_a_plan_survives_json(found: Plan) -> None:
    assert Plan.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found


def test_reading_a_plan_takes_neither_torch_nor_numba() -> None:
    code = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('plan', sys.argv[1])\n"
        "sys.modules['plan'] = module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "assert not {'torch', 'numba', 'siftnet'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, plan_module.__file__], check=True)
