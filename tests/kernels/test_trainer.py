"""One training: validations on time, the best weights, snapshots, continuing, divergence."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import pytest

from builders import dataset, random_masks, setup, train, with_targets_alike
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation, Record
from siftnet.pruning.training import History, Progress


def trained(snapshots: tuple[int, ...] = (), **changes: Any) -> tuple[State, History]:
    s = setup(**changes)
    state = s.subject.draw(0)
    masks = random_masks(state, s.network.prunable_names, 0.6)
    return train(s, masks.apply(state), masks, round_number=0, snapshots=snapshots)


def test_validations_are_every_so_many_updates_and_after_the_last() -> None:
    for steps, every, expected in ((20, 5, [5, 10, 15, 20]), (20, 8, [8, 16, 20]), (7, 100, [7]), (60, 60, [60])):
        _, history = trained(train__steps=steps, train__validate_every=every)
        assert [record.step for record in history.records] == expected


def test_the_training_loss_is_the_mean_since_the_last_validation() -> None:
    s = setup()
    state = s.subject.draw(0)
    masks = Masks.dense(state, s.network.prunable_names)
    kernel = s.trainer.kind(1.0).compile(s.trainer.problem, state, masks)
    losses = kernel.advance(20)
    _, history = train(s, state, masks, round_number=0)
    expected = [sum(losses[i : i + 5]) / 5 for i in range(0, 20, 5)]
    assert [record.train_loss for record in history.records] == expected


def test_best_is_the_earliest_highest_score_and_its_weights_score_it() -> None:
    s = setup(train__steps=60, train__validate_every=1, train__lr=0.8)
    state = s.subject.draw(0)
    masks = Masks.dense(state, s.network.prunable_names)
    _, history = train(s, state, masks, round_number=0)
    scores = [record.validation.score for record in history.records]
    assert scores.count(max(scores)) > 1, "the case is a tie"
    first = scores.index(max(scores)) + 1
    assert history.best_record == history.records[first - 1]
    assert history.best is not None
    assert history.best.step == first < 60
    assert s.trainer.evaluate(history.best, masks, "validation") == history.records[first - 1].validation
    assert s.trainer.evaluate(history.best, masks, "test") == history.test_best
    exact = setup(train__steps=first, train__lr=0.8)
    again, _ = train(exact, state, masks, round_number=0)
    assert State(again.parameters, again.statistics, step=first).equals(history.best)


def test_the_last_weights_are_tested_too() -> None:
    s = setup()
    state = s.subject.draw(0)
    masks = Masks.dense(state, s.network.prunable_names)
    final, history = train(s, state, masks, round_number=0)
    assert s.trainer.evaluate(final, masks, "test") == history.test_last


@pytest.mark.parametrize("step", [0, 1, 3, 5, 19, 20])
def test_a_snapshot_is_what_a_training_of_so_many_updates_ends_with(step: int) -> None:
    _, history = trained((step,))
    assert list(history.snapshots) == [step]
    found = history.snapshots[step]
    assert (found.step, found.statistics, found.optimiser) == (0, {}, {})
    others = {n: trained(train__steps=n, train__rewind=0)[0].parameters for n in {max(step, 1), step + 1}}
    if step == 0:
        s = setup()
        state = s.subject.draw(0)
        expected = random_masks(state, s.network.prunable_names, 0.6).apply(state).parameters
    else:
        expected = others[step]
    assert found.equals(State(expected))
    assert not found.equals(State(others[step + 1])), "one step off is seen"


def test_a_training_begins_without_statistics_and_buffers() -> None:
    s = setup(train__momentum=0.9)
    state = s.subject.draw(0)
    masks = Masks.dense(state, s.network.prunable_names)
    final, _ = train(s, state, masks, round_number=0)
    assert final.optimiser
    assert final.statistics
    used = State(state.parameters, final.statistics, final.optimiser, step=11)
    again, _ = train(s, used, masks, round_number=0)
    assert again.equals(final)


class Stop(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("optimiser", [{"train__momentum": 0.9}, {"train__optimiser": "adamw", "train__lr": 0.01}])
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_an_interrupted_training_continues_to_the_same_bits(optimiser: dict[str, Any], stop: int) -> None:
    s = setup(train__validate_every=7, **optimiser)
    state = s.subject.draw(0)
    masks = random_masks(state, s.network.prunable_names, 0.6)
    expected, whole = train(s, masks.apply(state), masks, round_number=1, snapshots=(3, 15))
    seen: list[Progress] = []

    def watch(step: int, history: History, progress: Callable[[], Progress]) -> None:
        seen.append(progress())
        if len(seen) == stop:
            raise Stop

    with pytest.raises(Stop):
        train(s, masks.apply(state), masks, round_number=1, snapshots=(3, 15), watch=watch)
    assert 0 < seen[-1].state.step < 20
    found, history = train(s, masks.apply(state), masks, round_number=1, snapshots=(3, 15), resume=seen[-1])
    assert found.equals(expected)
    assert history.records == whole.records
    assert history.best is not None
    assert whole.best is not None
    assert history.best.equals(whole.best)
    assert all(history.snapshots[k].equals(whole.snapshots[k]) for k in (3, 15))


def test_another_round_has_another_batch_order() -> None:
    s = setup()
    state = s.subject.draw(0)
    masks = Masks.dense(state, s.network.prunable_names)
    first, second = (train(s, state, masks, round_number=t)[0] for t in (0, 1))
    assert not first.equals(second)
    assert train(s, state, masks, round_number=0)[0].equals(first)


@pytest.mark.parametrize("norm", [True, False])
def test_divergence_stops_the_training_and_says_where(norm: bool) -> None:
    _, history = trained(train__lr=1e30, network__norm=norm, train__steps=30)
    assert history.diverged_at is not None
    assert 1 <= history.diverged_at <= 30
    assert history.test_best is history.test_last is None
    assert all(abs(record.validation.loss) < float("inf") for record in history.records)


def test_a_loss_that_only_validation_finds_broken_counts_as_divergence() -> None:
    for steps in (1, 20):
        _, history = trained(train__lr=1e38, train__steps=steps, train__validate_every=1, train__rewind=0)
        assert history.diverged_at == 1
        assert history.records == []
        assert history.best is None


def test_a_loss_that_only_the_test_finds_broken_counts_as_divergence() -> None:
    s = setup(dataset(classes=None), network__norm=False)
    s.dataset.inputs_NI[s.dataset.splits["test"][0]] = 1e38
    state = s.subject.draw(0)
    masks = Masks.dense(state, s.network.prunable_names)
    _, history = train(s, state, masks, round_number=0)
    assert history.diverged_at == 20
    assert len(history.records) == 4


def test_records_survive_json() -> None:
    record = Record(5, 0.1, Evaluation(0.3, 0.5, None, 40))
    assert Record.from_dict(record.to_dict()) == record


def test_numeric_targets_are_chosen_by_r2() -> None:
    s = setup(dataset(classes=None), train__steps=100, train__lr=0.02, network__norm=False, network__layers="f12:x")
    state = s.subject.draw(0)
    _, history = train(s, state, Masks.dense(state, s.network.prunable_names), round_number=0)
    assert history.best_record is not None
    assert history.best_record.validation.score > 0.5
    assert history.records[0].validation.score < history.best_record.validation.score <= 1


def test_constant_targets_have_no_score_and_the_last_weights_stand() -> None:
    s = setup(with_targets_alike("validation", "test", value=1e3), network__norm=False, train__lr=1e-6)
    state = s.subject.draw(0)
    end, history = train(s, state, Masks.dense(state, s.network.prunable_names))
    assert [record.validation.score for record in history.records] == [None] * 4
    assert all(isfinite(record.validation.loss) for record in history.records)
    assert history.best_record is history.records[-1]
    assert history.best is not None
    assert history.best.equals(State(end.parameters, end.statistics, step=20))
    assert history.test_best == history.test_last
    assert history.test_best is not None
    assert history.test_best.score is None


def test_a_test_split_of_constant_targets_leaves_the_choice_to_validation() -> None:
    s = setup(with_targets_alike("test"), train__lr=0.01, train__validate_every=1)
    state = s.subject.draw(0)
    _, history = train(s, state, Masks.dense(state, s.network.prunable_names))
    scores = [record.validation.score or 0.0 for record in history.records]
    assert history.best_record is history.records[scores.index(max(scores))]
    assert history.test_best is not None
    assert history.test_best.score is None
