"""A data set in words: what was read as what, counts of classes, ranges of targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from builders import HOSTILE, dataset
from siftnet.geometry import Grid, Unknown
from siftnet.report.data_words import by_split, facts, head_lines, plain_number, titles, values
from siftnet.runs.describe import describe_data, draw_examples
from siftnet.store.shown import ShownExamples
from siftnet.store.summary import DataSummary, NumericTargets, Spread


def described(counts: list[int] | None = None, **changes: Any) -> DataSummary:
    """A data set with so many training examples of each class, as a table of three columns."""
    counts = counts or [7, 5, 9]
    data = describe_data(dataset(Unknown(16)))
    summary = replace(
        data,
        name="trees",
        classes=len(counts),
        class_counts={"train": counts, "validation": [1] * len(counts), "test": [2] * len(counts)},
        examples={"train": sum(counts), "validation": len(counts), "test": 2 * len(counts)},
        source="table trees.csv",
        target="column kind, read as classes",
        left_over=0,
    )
    return replace(summary, **changes)


NUMBERS = NumericTargets(
    taken_off=-22.5, divisor=9.1877, spread={"train": Spread(low=-50, high=5.25, mean=-22.5, deviation=9.1877)}
)


@pytest.mark.parametrize(
    ("value", "beside", "text"),
    [
        (13.2, 0, "13.2"),
        (1700000123000.0, 0, "1700000123000"),
        (2459000.5, 0, "2459000.5"),
        (-0.0001, 0, "-0.0001"),
        (5.953679e-08, 0, "5.953679e-08"),
        (12.93654321, 0.8127, "12.9365"),
        (1000001626.23, 1146, "1000001626"),
        (3.0, 0, "3"),
        (-0.0, 0, "0"),
        (-0.001, 100.0, "0"),
        (1e300, 1e-300, "1e+300"),
    ],
)
def test_numbers_are_written_as_in_a_file(value: float, beside: float, text: str) -> None:
    assert plain_number(value, beside) == text


def test_a_run_begins_with_what_was_read_as_what_and_the_classes() -> None:
    assert head_lines(described()) == [
        "trees: table trees.csv, 16 inputs of unknown geometry, 3 classes; 21 train, 3 validation, 6 test examples",
        "targets: column kind, read as classes: training examples 0 7, 1 5, 2 9",
    ]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([4] * 50, "4 training examples of each"),
        ([4] * 20 + [9] + [4] * 10 + [2], "2 (31) to 9 (20) training examples of each"),
    ],
)
def test_many_classes_take_one_line(counts: list[int], said: str) -> None:
    assert head_lines(described(counts))[1].endswith(f": {said}")


def test_numeric_targets_are_told_with_their_range_and_how_they_are_fitted() -> None:
    data = described(classes=None, class_counts={}, numeric_targets=NUMBERS, target="column price, read as a number")
    line = head_lines(data)[1]
    assert "training examples from -50 to 5.25" in line
    assert line.endswith("; fitted as (target + 22.5) / 9.188, their mean and deviation")
    assert dict(facts(data))["targets"] == (
        "a number: column price, read as a number; fitted as (target + 22.5) / 9.188"
    )
    table = by_split(data)
    assert table is not None
    assert table.rows == [["train", "-50", "5.25", "-22.5", "9.188"]]


def test_targets_that_were_not_scaled_are_not_said_to_be() -> None:
    data = described(classes=None, class_counts={}, numeric_targets=replace(NUMBERS, taken_off=0, divisor=1))
    assert head_lines(data)[1].endswith("from -50 to 5.25, mean -22.5, deviation 9.188")
    assert "fitted" not in dict(facts(data))["targets"]


def test_few_classes_are_all_counted() -> None:
    found = by_split(described())
    assert found is not None
    assert found.columns == ("class", "train", "validation", "test")
    assert found.rows == [["0", "7", "1", "2"], ["1", "5", "1", "2"], ["2", "9", "1", "2"]]


def test_of_many_classes_the_most_and_the_least_frequent_are_counted() -> None:
    counts = np.random.default_rng(0).permutation(40) + 1
    found = by_split(described(counts.tolist()))
    assert found is not None
    order = np.argsort(-counts)
    shown = [*order[:5], *order[-5:]]
    assert [row[0] for row in found.rows if row[1]] == [str(c) for c in shown]
    assert [int(row[1]) for row in found.rows if row[1]] == [40, 39, 38, 37, 36, 5, 4, 3, 2, 1]
    assert [row[0] for row in found.rows if not row[1]] == ["30 between them"]


def test_what_was_left_out_shuffled_or_flipped_is_said() -> None:
    said = dict(facts(described(left_over=1200, permuted=True, augmented=True)))
    assert said["examples"].endswith(", 1,200 in none of them")
    assert said["inputs"].endswith("; shuffled, by one permutation")
    assert "tell the network about geometry" in said["augmentation"]
    assert dict(facts(described(scrambled=True)))["inputs"].endswith("each example by a permutation of its own")


def test_what_an_older_run_did_not_write_is_not_told() -> None:
    data = described(source="", target="", division="", scaling="", class_counts={}, left_over=None)
    assert [name for name, _ in facts(data)] == ["examples", "inputs", "targets"]
    assert head_lines(data) == [
        "trees: 16 inputs of unknown geometry, 3 classes; 21 train, 3 validation, 6 test examples"
    ]
    assert by_split(data) is None


def test_names_stay_on_their_line_and_are_cut() -> None:
    data = described(class_names=("a\nb", "\x1b[31m", HOSTILE * 9), input_names=("x" * 99, *map(str, range(15))))
    text = "\n".join([*head_lines(data), *(value for _, value in facts(data)), *by_split(data).rows[2]])
    assert "\x1b" not in text
    assert "x" * 41 not in text
    assert len(text.splitlines()) == 2 + len(facts(data)) + 4


def shown_of(inputs: int, names: tuple[str, ...] = (), **changes: Any) -> tuple[DataSummary, ShownExamples]:
    """Two examples whose values are the numbers of their inputs, and ten times those."""
    inputs_EI = np.arange(inputs) * np.array([[1.0], [10.0]])
    shown = ShownExamples(rows_E=np.array([4, 1300]), labels_E=np.array([0, 2]), inputs_EI=inputs_EI)
    return described(geometry=Unknown(inputs), input_names=names, **changes), shown


def test_values_are_listed_by_name() -> None:
    data, shown = shown_of(3, ("height", "girth", "age"))
    assert titles(data, shown) == [("class 0", "example 4"), ("class 2", "example 1,300")]
    found = values(data, shown)
    assert found.columns == ("input", "class 0\nexample 4", "class 2\nexample 1,300")
    assert found.rows == [["height", "0", "0"], ["girth", "1", "10"], ["age", "2", "20"]]


def test_a_permuted_value_keeps_the_name_of_its_input() -> None:
    data, shown = shown_of(3, ("height", "girth", "age"), permuted=True)
    assert [row[0] for row in values(data, shown, np.array([2, 0, 1])).rows] == ["age", "height", "girth"]


def test_where_each_example_is_shuffled_no_value_has_a_name() -> None:
    data, shown = shown_of(3, ("height", "girth", "age"), scrambled=True)
    assert [row[0] for row in values(data, shown).rows] == ["input 0", "input 1", "input 2"]


def test_ten_values_are_listed_and_the_rest_counted() -> None:
    rows = values(*shown_of(1234)).rows
    assert (len(rows), rows[9][0], rows[10]) == (11, "input 9", ["and 1,224 more", "", ""])


def test_titles_of_numbers_are_targets() -> None:
    data = dataset(Grid((4, 4)), classes=None)
    summary, shown = describe_data(data), draw_examples(data, 0)
    assert [title for title, _ in titles(summary, shown)] == [f"target {plain_number(v)}" for v in shown.labels_E]
