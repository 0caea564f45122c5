"""The loop: the rewind point, fresh starts, controls, stop rules, a user's own training, divergence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch

from builders import random_masks, setup, train
from siftnet.config.fields import PruneConfig
from siftnet.kernels.interface import Problem
from siftnet.network.layers import initialise
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation, MaskChange, Record
from siftnet.pruning.imp import Position, Procedure, Round, connected_share, first_position, foreseen_densities, sift
from siftnet.pruning.training import Assignment, History, Progress, Subject, Trained
from siftnet.runs.setup import Setup


def nothing(position: Position, step: int, history: History, progress: Callable[[], Progress]) -> None:
    pass


def rounds(s: Setup, masks: Masks | None = None, rewind: State | None = None) -> list[Round]:
    position = first_position(s.subject, s.procedure, masks, rewind)
    return list(sift(s.subject, s.procedure, position, nothing))


def of_round(s: Setup, number: int) -> Problem:
    """The problem with the batches of a round."""
    return replace(s.trainer.problem, batches=s.trainer.problem.batches.for_round(number))


def after(s: Setup, updates: int) -> State:
    """The parameters after so many updates of the dense round, by a kernel of its own."""
    state = initialise(s.network, s.config.seed, 0)
    masks = Masks.dense(state, s.network.prunable_names)
    kernel = s.trainer.kind(1.0).compile(of_round(s, 0), state, masks)
    for _ in range(updates):
        kernel.advance(1)
    return kernel.export().weights_only()


@pytest.mark.parametrize("k", [0, 1, 3, 20])
def test_every_round_begins_with_exactly_the_state_after_k_updates_of_round_0(k: int) -> None:
    s = setup(train__rewind=k)
    exact, off = after(s, k), [after(s, other) for other in (k - 1, k + 1) if other >= 0]
    found = rounds(s)
    assert len(found) == 4
    for finished in found:
        assert finished.rewind.equals(exact)
        assert not any(finished.rewind.equals(state) for state in off), "one step off is seen"
    for finished in found[1:]:
        assert finished.begin.equals(finished.masks.apply(exact))
        assert not any(finished.begin.equals(finished.masks.apply(state)) for state in off)
    assert found[0].begin.equals(initialise(s.network, 0, 0))


def test_rewinding_to_0_is_the_initialisation() -> None:
    s = setup(train__rewind=0)
    assert rounds(s)[2].rewind.equals(initialise(s.network, 0, 0))


def test_every_round_starts_afresh_with_a_batch_order_of_its_own() -> None:
    s = setup(train__momentum=0.9, train__weight_decay=0.01)
    for finished in rounds(s):
        state = State({name: value.clone() for name, value in finished.begin.parameters.items()})
        kernel = s.trainer.kind(1.0).compile(of_round(s, finished.number), state, finished.masks)
        kernel.advance(20)
        assert kernel.export().equals(finished.trained)
        kernel = s.trainer.kind(1.0).compile(of_round(s, finished.number + 1), state, finished.masks)
        kernel.advance(20)
        assert not kernel.export().equals(finished.trained)


def test_masks_are_nested_exact_and_lowest_first() -> None:
    s = setup()
    found = rounds(s)
    for before, following in pairwise(found):
        assert before.next_masks is not None
        assert following.masks.equals(before.next_masks)
        assert following.masks.within(before.masks)
        for names in s.network.prunable.values():
            n = sum(before.masks[name].numel() for name in names)
            left = sum(int(following.masks[name].sum()) for name in names)
            assert n - left == (n * (10**following.number - 7**following.number)) // 10**following.number
            kept = torch.cat([before.trained.parameters[m][following.masks[m]].abs() for m in names])
            gone = torch.cat([before.trained.parameters[m][before.masks[m] & ~following.masks[m]].abs() for m in names])
            assert gone.max() <= kept.min()


def test_movement_keeps_what_moved_most_since_the_rewind_point() -> None:
    found = rounds(setup(prune__score="movement"))
    for before, following in pairwise(found):
        moved = {
            m: (before.trained.parameters[m] - before.rewind.parameters[m]).abs()
            for m in ("layers.0.weight", "layers.0.bias")
        }
        kept = torch.cat([moved[m][following.masks[m]] for m in moved])
        gone = torch.cat([moved[m][before.masks[m] & ~following.masks[m]] for m in moved])
        assert gone.max() <= kept.min()


def test_the_mask_can_be_taken_from_an_earlier_step() -> None:
    s = setup(prune__at_step=7)
    found = rounds(s)
    assert found[0].scored.equals(after(s, 7))
    short = rounds(setup(train__steps=7))
    late = rounds(setup())
    assert found[1].masks.equals(short[1].masks)
    assert not found[1].masks.equals(late[1].masks)
    assert found[0].trained.equals(late[0].trained), "training goes on to its end"


def test_redrawing_gives_each_round_weights_of_its_own() -> None:
    s = setup(prune__reset="redraw")
    found = rounds(s)
    for finished in found:
        assert finished.begin.equals(finished.masks.apply(initialise(s.network, 0, finished.number)))
    assert found[1].masks.equals(rounds(setup())[1].masks), "round 0 is the same"


def test_a_random_first_mask_is_trained_under_and_pruned_from() -> None:
    s = setup(prune__init_density=0.5)
    found = rounds(s)
    n = 12 * 16 + 12
    kept = [sum(int(r.masks[f"layers.0.{part}"].sum()) for part in ("weight", "bias")) for r in found]
    assert kept == [n // 2, *(n - (n * 10**t - n // 2 * 7**t) // 10**t for t in (1, 2, 3))]
    assert found[0].masks.apply(found[0].trained).equals(found[0].trained)


@pytest.mark.parametrize("weights", ["rewind", "redraw"])
def test_another_runs_round_can_be_started_from(weights: str) -> None:
    source = rounds(setup())[2]
    s = setup(seed=1)
    found = rounds(s, source.masks, source.rewind if weights == "rewind" else None)
    assert found[0].masks.equals(source.masks)
    if weights == "rewind":
        assert all(r.rewind.equals(source.rewind) for r in found)
        assert found[0].begin.equals(source.begin)
    else:
        assert found[0].begin.equals(source.masks.apply(initialise(s.network, 1, 0)))
    survivors = sum(int(source.masks[f"layers.0.{part}"].sum()) for part in ("weight", "bias"))
    left = sum(int(found[1].masks[f"layers.0.{part}"].sum()) for part in ("weight", "bias"))
    assert 204 - left == (204 * 10 - survivors * 7) // 10


def test_the_same_run_continued_from_its_own_ticket_repeats_it_but_for_the_batch_order() -> None:
    source = rounds(setup())
    same_order = source[1].begin
    s = setup()
    again, _ = train(s, same_order, source[1].masks, round_number=1)
    assert again.equals(source[1].trained)


@pytest.mark.parametrize(
    ("changes", "last", "reason"),
    [
        ({"prune__rounds": 2}, 2, "all 2 pruned rounds are done"),
        ({"prune__rounds": 0}, 0, "all 0 pruned rounds are done"),
        ({"prune__rounds": 50, "prune__min_density": 0.5}, 2, "has reached prune.min_density = 0.5"),
        ({"prune__rounds": 50, "prune__min_density": 0.49}, 3, "has reached prune.min_density = 0.49"),
        ({"prune__rounds": 5, "prune__fraction": 0.999, "prune__min_connected": 0.3}, 0, "would keep an input"),
    ],
)
def test_stop_rules(changes: dict[str, Any], last: int, reason: str) -> None:
    found = rounds(setup(**changes))
    assert found[-1].number == last
    assert reason in str(found[-1].stop)
    assert found[-1].next_masks is None
    assert all(r.stop is None for r in found[:-1])


def test_connected_is_the_share_of_units_with_any_input() -> None:
    weight = torch.zeros(4, 3, dtype=torch.bool)
    weight[1, 2] = weight[3] = True
    assert connected_share(Masks({"w": weight}), "w") == 0.5
    taps = torch.zeros(5, 2, 3, 3, dtype=torch.bool)
    taps[0, 1, 2, 2] = True
    assert connected_share(Masks({"w": taps}), "w") == pytest.approx(0.2)


def test_a_diverged_round_is_the_last_and_its_masks_are_never_ranked() -> None:
    found = rounds(setup(train__lr=1e30))
    assert len(found) == 1
    assert found[0].history.diverged_at is not None
    assert str(found[0].stop) == f"round 0 diverged at step {found[0].history.diverged_at}: lower train.lr"
    assert found[0].next_masks is None


# A user's own way of training: gradient descent on a quadratic, y = W x + b with targets it was given, no batches.


def own_training(given: Assignment, *, steps: int = 6, spoil: str = "") -> Trained:
    history, masks = History(), given.masks
    state = given.state
    parameters = state.parameters if spoil == "in place" else {k: v.clone() for k, v in state.parameters.items()}
    for step in range(steps + 1):
        if step in given.snapshots and spoil != "no snapshots":
            history.snapshots[step] = State({name: value.clone() for name, value in parameters.items()})
        if step == steps // 2 and spoil in CHANGES:
            masks = CHANGES[spoil](masks)
        if step < steps:
            for name, value in parameters.items():
                value -= 0.1 * (value - torch.arange(value.numel()).reshape(value.shape).cos())
                if name in masks and spoil != "revived":
                    value *= masks[name]
            given.watch(step + 1, history, partial(Progress, State(parameters), history, masks))
    history.records.append(Record(steps, 0.0, Evaluation(0.0, 1.0, None, 1)))
    return Trained(State(parameters, step=steps), masks, history)


def prune_one(masks: Masks) -> Masks:
    """The first survivor goes."""
    kept = {name: mask.clone() for name, mask in masks.items()}
    kept["w"].view(-1)[kept["w"].view(-1).int().argmax()] = False
    return Masks(kept)


def move_one(masks: Masks) -> Masks:
    """The first survivor goes, and the last pruned entry comes back."""
    kept = {name: mask.clone() for name, mask in prune_one(masks).items()}
    pruned = (~masks["w"].view(-1)).nonzero()
    if len(pruned):
        kept["w"].view(-1)[pruned[-1]] = True
    return Masks(kept)


CHANGES: dict[str, Callable[[Masks], Masks]] = {"pruned one": prune_one, "moved one": move_one}


def own(spoil: str = "", declared: MaskChange = "none") -> tuple[list[Round], list[tuple[int, int]]]:
    seen: list[tuple[int, int]] = []
    subject = Subject(
        lambda given: own_training(given, spoil=spoil),
        lambda t: State({"w": torch.full((3, 4), 0.5), "b": torch.zeros(3), "free": torch.ones(2)}),
    )
    config = PruneConfig(rounds=3, fraction=0.3, min_connected=0.0)
    procedure = Procedure({"w": ["w", "b"]}, config, 2, 0, declared)
    position = first_position(subject, procedure, None, None)
    found = sift(subject, procedure, position, lambda at, step, *_: seen.append((at.round_number, step)))
    return list(found), seen


def test_a_users_own_training_is_sifted() -> None:
    found, seen = own()
    assert [r.masks.survivors for r in found] == [15, 11, 8, 6]
    assert seen == [(t, step) for t in range(4) for step in range(1, 7)]
    target = torch.arange(12).reshape(3, 4).cos()
    expected = target + (0.5 - target) * 0.9**2
    torch.testing.assert_close(found[0].rewind.parameters["w"], expected)
    assert all(r.begin.equals(r.masks.apply(found[0].rewind)) for r in found[1:])


def test_a_training_that_works_in_place_does_not_move_the_rewind_point() -> None:
    careful, _ = own()
    careless, _ = own("in place")
    for one, other in zip(careful, careless, strict=True):
        assert other.rewind.equals(careful[0].rewind)
        assert other.begin.equals(one.begin)
        assert other.trained.equals(one.trained)


def test_a_training_that_keeps_no_snapshot_is_refused_instead_of_rewound_to_the_start() -> None:
    with pytest.raises(ValueError, match="round 0: the history has no snapshot after 2 updates"):
        own("no snapshots")


def test_a_training_that_revives_pruned_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="round 1: w has pruned entries that are not 0"):
        own("revived")


def test_a_training_may_prune_further_if_it_says_so() -> None:
    found, _ = own("pruned one", "shrink")
    assert [r.masks.survivors for r in found] == [14, 10, 7, 5], "of 15, 11, 8, 6 one more went in each round"
    assert all(r.masks.within(r.begin_masks) for r in found)
    assert all(after.begin_masks.within(before.masks) for before, after in pairwise(found))
    with pytest.raises(ValueError, match="round 0: its masks are not those it was given"):
        own("pruned one")


def test_a_training_may_let_entries_grow_if_it_says_so() -> None:
    found, _ = own("moved one", "any")
    assert [r.begin_masks.survivors for r in found] == [15, 11, 8, 6]
    grown = found[1].masks["w"] & ~found[1].begin_masks["w"]
    assert int(grown.sum()) == 1
    assert bool((found[1].trained.parameters["w"][grown] != 0).all())
    with pytest.raises(ValueError, match="round 1: 1 pruned entries came back, and it declares that masks shrink"):
        own("moved one", "shrink")


def test_a_training_that_returns_other_masks_altogether_is_refused() -> None:
    fresh = State({"w": torch.ones(3)})
    subject = Subject(lambda given: own_training(replace(given, masks=Masks({}))), lambda t: fresh)
    procedure = Procedure({"w": ["w"]}, PruneConfig(rounds=1, fraction=0.5, min_connected=0.0), 0, 0)
    position = first_position(subject, procedure, None, None)
    with pytest.raises(ValueError, match="other names or shapes"):
        list(sift(subject, procedure, position, nothing))


def test_densities_to_come_follow_the_stop_rules() -> None:
    s = setup(network__layers="f100:x")
    dense = Masks.dense(s.subject.draw(0), s.network.prunable_names)
    many: dict[str, Any] = {"rounds": 50, "fraction": 0.5, "min_connected": 0.0}
    rules: list[tuple[dict[str, Any], float]] = [
        ({"rounds": 3}, 0.125),
        ({"min_density": 0.3}, 0.25),
        ({"min_connected": 0.5}, 0.03125),  # 1700 entries: fewer than 50 cannot connect 50 units
        ({}, 2.0**-10),
    ]
    for rule, last in rules:
        found = foreseen_densities(replace(s.procedure, prune=PruneConfig(**many | rule)), dense)
        assert found[0] == 1.0
        assert found[-1] == last
        assert all(b == a / 2 for a, b in pairwise(found))
    half = random_masks(s.subject.draw(0), s.network.prunable_names, 0.5)
    assert foreseen_densities(replace(s.procedure, prune=PruneConfig(rounds=0)), half) == [half.density]
