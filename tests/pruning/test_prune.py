"""Pruning: exact counts, ties by index, groups, scores."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import setup
from siftnet.config.fields import PruneConfig
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.imp import Position, Procedure, first_position, masks_after
from siftnet.pruning.prune import group_sizes, prune, prune_groups, pruned_after

TWO_LAYERS = {"a": ["a.weight", "a.bias"], "b": ["b.weight"]}


def masks(**kept: object) -> Masks:
    return Masks({name.replace("_", "."): torch.tensor(value, dtype=torch.bool) for name, value in kept.items()})


def scores(**values: object) -> dict[str, torch.Tensor]:
    return {name.replace("_", "."): torch.tensor(value, dtype=torch.float32) for name, value in values.items()}


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.4, 0.7])
@pytest.mark.parametrize("entries", [1, 7, 10, 1000, 1_049_600, 3_146_752])
def test_counts_are_the_papers_floor_in_exact_arithmetic(entries: int, fraction: float) -> None:
    exact = PruneConfig(fraction=fraction).exact_fraction
    assert exact == Fraction(round(fraction * 10), 10), "0.3 means 3/10, not the float nearest to it"
    before = 0
    for t in range(61):
        # 10^t n (1 - (1 - f)^t) is a whole number
        ten, keep = 10**t, (10 - round(fraction * 10)) ** t
        expected = entries * (ten - keep) // ten
        assert pruned_after(entries, entries, exact, t) == expected
        assert before <= expected <= entries
        before = expected


def test_counts_in_floating_point_would_be_wrong() -> None:
    wrong = [n for n in range(1, 2000) if floor(n * (1 - (1 - 0.7) ** 2)) != pruned_after(n, n, Fraction(7, 10), 2)]
    assert wrong, "the case for exact arithmetic"


def test_counts_start_from_what_round_0_kept() -> None:
    assert pruned_after(100, 40, Fraction(1, 2), 0) == 60
    assert pruned_after(100, 40, Fraction(1, 2), 1) == 80
    assert pruned_after(100, 41, Fraction(1, 2), 1) == 79  # 100 - 20.5 = 79.5


def test_trap_5_exactly_the_number_asked_for_is_removed_ties_by_index() -> None:
    equal = scores(a_weight=[[1, 1, 1], [1, 1, 1]], a_bias=[1, 1])
    full = masks(a_weight=[[1, 1, 1], [1, 1, 1]], a_bias=[1, 1])
    for count in range(9):
        found = prune(full, equal, [["a.weight", "a.bias"]], [count])
        order = torch.cat([found["a.weight"].reshape(-1), found["a.bias"]])
        assert order.tolist() == [False] * count + [True] * (8 - count)


def test_a_mask_written_by_hand() -> None:
    before = masks(a_weight=[[1, 0, 1], [1, 1, 1]], a_bias=[1, 0])
    values = scores(a_weight=[[3, 0, 2], [5, 2, 9]], a_bias=[2, 0])
    group = [["a.weight", "a.bias"]]
    assert prune(before, values, group, [2]).equals(before)
    assert prune(before, values, group, [3]).equals(masks(a_weight=[[1, 0, 0], [1, 1, 1]], a_bias=[1, 0]))
    assert prune(before, values, group, [4]).equals(masks(a_weight=[[1, 0, 0], [1, 0, 1]], a_bias=[1, 0]))
    assert prune(before, values, group, [5]).equals(masks(a_weight=[[1, 0, 0], [1, 0, 1]], a_bias=[0, 0]))
    assert prune(before, values, group, [6]).equals(masks(a_weight=[[0, 0, 0], [1, 0, 1]], a_bias=[0, 0]))
    assert before.survivors == 6, "the masks given are left alone"


def test_the_order_of_a_group_decides_between_ties_in_different_tensors() -> None:
    full, equal = masks(a_weight=[[1]], a_bias=[1]), scores(a_weight=[[1]], a_bias=[1])
    assert prune(full, equal, [["a.weight", "a.bias"]], [1]).equals(masks(a_weight=[[0]], a_bias=[1]))
    assert prune(full, equal, [["a.bias", "a.weight"]], [1]).equals(masks(a_weight=[[1]], a_bias=[0]))


def test_layerwise_ranks_within_layers_and_global_over_all() -> None:
    full = masks(a_weight=[[1, 1]], a_bias=[1], b_weight=[[1, 1, 1]])
    values = scores(a_weight=[[1, 2]], a_bias=[3], b_weight=[[10, 20, 30]])
    layerwise, overall = prune_groups(TWO_LAYERS, "layerwise"), prune_groups(TWO_LAYERS, "global")
    assert layerwise == [["a.weight", "a.bias"], ["b.weight"]]
    assert overall == [["a.weight", "a.bias", "b.weight"]]
    assert group_sizes(full, layerwise) == ([3, 3], [3, 3])
    assert group_sizes(full, overall) == ([6], [6])
    assert prune(full, values, layerwise, [1, 1]).equals(masks(a_weight=[[0, 1]], a_bias=[1], b_weight=[[0, 1, 1]]))
    assert prune(full, values, overall, [2]).equals(masks(a_weight=[[0, 0]], a_bias=[1], b_weight=[[1, 1, 1]]))


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_pruning_agrees_with_sorting(values: list[int], kept: list[bool], data: st.DataObject) -> None:
    kept = kept[: len(values)]
    target = data.draw(st.integers(kept.count(False), len(values)))
    found = prune(masks(a_weight=kept), scores(a_weight=values), [["a.weight"]], [target])["a.weight"]
    alive = sorted((v, i) for i, (v, k) in enumerate(zip(values, kept, strict=True)) if k)
    gone = {i for _, i in alive[: target - kept.count(False)]}
    assert found.tolist() == [k and i not in gone for i, k in enumerate(kept)]
    assert int((~found).sum()) == target


def test_impossible_counts_are_refused() -> None:
    before, values = masks(a_weight=[1, 0, 0]), scores(a_weight=[1, 2, 3])
    for target in (1, 4):
        with pytest.raises(ValueError, match=f"a.weight: {target} of 3 entries cannot be pruned, 2 already are"):
            prune(before, values, [["a.weight"]], [target])


def test_scores_that_are_nan_are_refused_where_they_count() -> None:
    nan = float("nan")
    with pytest.raises(ValueError, match=r"a\.weight: some scores are NaN"):
        prune(masks(a_weight=[1, 1, 1]), scores(a_weight=[1, nan, 3]), [["a.weight"]], [1])
    found = prune(masks(a_weight=[1, 0, 1]), scores(a_weight=[1, nan, 3]), [["a.weight"]], [2])
    assert found.equals(masks(a_weight=[0, 0, 1]))


def test_nothing_revives_over_many_rounds() -> None:
    rng = np.random.default_rng(0)
    config = PruneConfig(fraction=0.3)
    names = [name for group in TWO_LAYERS.values() for name in group]
    sizes = {"a.weight": (13, 17), "a.bias": (13,), "b.weight": (7, 13)}
    now = Masks({name: torch.ones(sizes[name], dtype=torch.bool) for name in names})
    kept = group_sizes(now, prune_groups(TWO_LAYERS, "layerwise"))[1]
    for t in range(12):
        state = State({n: torch.from_numpy(rng.standard_normal(sizes[n]).astype(np.float32)) for n in names})
        following = masks_after(Procedure(TWO_LAYERS, config, 0, 0), Position(t, now, kept, state), state)
        assert following.within(now)
        pruned = [int(234 * (1 - 0.7 ** (t + 1)) + 1e-9), int(91 * (1 - 0.7 ** (t + 1)) + 1e-9)]
        sizes_now = group_sizes(following, prune_groups(TWO_LAYERS, "layerwise"))
        assert [n - left for n, left in zip(*sizes_now, strict=True)] == pruned
        now = following


def test_one_shot_is_one_round_with_a_large_fraction() -> None:
    s = setup()
    state = s.subject.draw(0)
    names = s.network.prunable_names
    one = PruneConfig(fraction=1 - 0.7**3, rounds=1)
    dense = Masks.dense(state, names)
    kept = group_sizes(dense, prune_groups(s.network.prunable, "layerwise"))[1]
    at_once = masks_after(replace(s.procedure, prune=one), Position(0, dense, kept, state), state)
    step_by_step = dense
    for t in range(3):
        position = Position(t, step_by_step, kept, state)
        step_by_step = masks_after(s.procedure, position, state)
    assert at_once.equals(step_by_step)


@pytest.mark.parametrize("scope", ["layerwise", "global"])
def test_a_random_first_mask_has_exactly_the_density_asked_for(scope: str) -> None:
    s = setup(prune__init_density=0.3, prune__scope=scope)
    position = first_position(s.subject, s.procedure, None, None)
    groups = prune_groups(s.network.prunable, s.config.prune.scope)
    entries, kept = group_sizes(position.masks, groups)
    assert kept == position.kept_at_start == [n - n * 7 // 10 for n in entries]
    again = first_position(s.subject, s.procedure, None, None).masks
    other = first_position(s.subject, replace(s.procedure, seed=1), None, None).masks
    assert again.equals(position.masks)
    assert not other.equals(position.masks)
