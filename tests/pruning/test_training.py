"""What a training tells: which validation is the best, and scores that are undefined, also of older runs."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from builders import evaluation, validated
from siftnet.pruning.evaluation import Evaluation, Record
from siftnet.pruning.training import History, best_of


def test_the_best_validation_is_the_earliest_highest_that_is_defined() -> None:
    records = [validated(score, step) for step, score in enumerate((0.1, None, 0.3, 0.3, 0.2, None))]
    assert best_of(records) is records[2]
    assert History(records=records).best_record is records[2]
    assert best_of([validated(None, 1), validated(-5.0, 2), validated(None, 3)]) == validated(-5.0, 2)


def test_without_a_defined_score_the_last_validation_stands() -> None:
    assert best_of([validated(None, 1), validated(None, 2)]) == validated(None, 2)
    assert best_of([]) is None


def test_targets_without_spread_have_no_r2() -> None:
    assert Evaluation.of_numbers(6.0, None, 3) == Evaluation(2.0, None, None, 3)
    assert Evaluation.of_numbers(6.0, 12.0, 3) == Evaluation(2.0, 0.5, None, 3)


@pytest.mark.parametrize("score", [0.5, -3.0, -2e6, None, 1.0])
def test_an_evaluation_survives_its_dictionary(score: float | None) -> None:
    for found in (evaluation(score), Evaluation(1e8, score, None, 30)):
        assert Evaluation.from_dict(asdict(found)) == found
    assert Record.from_dict(validated(score).to_dict()) == validated(score)


def test_what_siftnet_0_4_scored_of_targets_that_are_alike_is_undefined() -> None:
    # 1 - 0.17 * 30 / 1e-30, and one whose spread was that of rounding: (1e-16)^2 an example.
    for score in (1 - 0.17 * 30 / 1e-30, 1 - 0.17 / 1e-32):
        assert Evaluation.from_dict({"loss": 0.17, "score": score, "top5": None, "examples": 30}).score is None
