"""Plans of any timings: what they list is what they take, at every density, also when read back."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siftnet.kernels.plan import Plan, Timing

pytestmark = pytest.mark.property

KERNELS = ("dense", "fused", "sparse")
DENSITIES = st.lists(st.floats(1e-4, 1), min_size=1, max_size=5, unique_by=lambda d: round(d, 4))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan of kernels timed at some densities each: at the highest all of them, further down some."""
    densities = sorted(draw(DENSITIES), reverse=True)
    timings = [
        Timing(kernel=kernel, density=density, p20=(p20 := draw(st.floats(0.1, 100))), p50=1.1 * p20, updates=5)
        for density in densities
        for kernel in KERNELS
        if kernel == KERNELS[0] or density == densities[0] or draw(st.booleans())
    ]
    return Plan(why="tests", threads=1, timings=tuple(timings), processor="this one")


@given(plans(), st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_choices_are_what_is_taken_at_every_density(plan: Plan, densities: list[float]) -> None:
    choices = plan.choices()
    assert [at for at, _ in choices] == sorted((at for at, _ in choices), reverse=True)
    assert all(one[1] != other[1] for one, other in pairwise(choices))
    for density in densities:
        taken = [name for at, name in choices if at >= density]
        expected = taken[-1] if taken else choices[0][1]
        if (found := plan.kernel(density)) != expected:
            # Only where two take equally long, or a choice begins.
            assert plan.milliseconds(found, density) == pytest.approx(plan.milliseconds(expected, density), rel=1e-9)


@given(plans())
def test_at_a_timed_density_the_fastest_is_taken(plan: Plan) -> None:
    for density in plan.densities:
        fastest = min(t.p20 for t in plan.timings if t.density == density)
        assert plan.milliseconds(plan.kernel(density), density) <= fastest * (1 + 1e-9)


@given(plans() | st.sampled_from(KERNELS).map(lambda name: Plan(why="asked for", threads=2, given=name)))
def test_a_plan_comes_back_from_json(plan: Plan) -> None:
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
