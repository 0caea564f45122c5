"""What R squared is a share of, and where there is none: targets that are alike, or differ by rounding alone."""

from __future__ import annotations

import numpy as np
import pytest

from builders import dataset, with_targets_alike
from siftnet.data.dataset import Dataset
from siftnet.data.spread import score_notes, target_spread, target_spreads


def with_test_targets(values: np.ndarray, others: float = 1.0) -> Dataset:
    """Targets of a few test examples; those of the other splits are random, times `others`."""
    made = dataset(classes=None)
    made.labels_N[:] *= others
    made.splits["test"] = made.splits["test"][: len(values)]
    made.labels_N[made.splits["test"]] = values
    return made


@pytest.mark.parametrize("value", [0.0, 1.0, -1 / 3, 1e-30, 0.1 + 0.2, 1e15, -3.4e38])
def test_targets_that_are_all_one_number_have_no_spread(value: float) -> None:
    made = with_targets_alike("test", value=value)
    assert target_spread(made, "test") is None
    assert target_spread(made, "validation") is not None


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_targets_that_differ_by_rounding_have_no_spread_whatever_their_unit(scale: float) -> None:
    # 0.3 worked out in two ways, and one bit of float32 more and less.
    one = np.float32(0.3 * scale)
    near = np.array([one, np.nextafter(one, np.float32(1e30)), np.nextafter(one, np.float32(0)), one], np.float32)
    assert len(set(near.tolist())) == 3
    assert target_spread(with_test_targets(near, scale), "test") is None
    # A constant near zero, which rounding of the numbers that it was worked out from has torn apart.
    torn = np.array([1e-9, 2e-9, 1.5e-9], np.float32) * np.float32(scale)
    assert target_spread(with_test_targets(torn, scale), "test") is None


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e15])
def test_targets_that_differ_have_the_spread_of_the_textbook(scale: float) -> None:
    values = np.array([1.0, 1.0, 1.0, 1.001], np.float32) * np.float32(scale)
    exact = values.astype(np.float64)
    expected = float(((exact - exact.mean()) ** 2).sum())
    assert target_spread(with_test_targets(values, scale), "test") == pytest.approx(expected, rel=1e-9)


def test_one_example_has_no_spread() -> None:
    assert target_spread(with_test_targets(np.array([0.7], np.float32)), "test") is None
    assert target_spread(with_test_targets(np.array([0.7, 0.8], np.float32)), "test") is not None


def test_classes_have_no_spread_and_no_note() -> None:
    assert target_spreads(dataset()) == {}
    assert score_notes(dataset()) == ()


def test_a_note_says_which_split_it_is_and_what_becomes_of_it() -> None:
    assert score_notes(dataset(classes=None)) == ()
    [test] = score_notes(with_targets_alike("test"))
    assert test.startswith("all 40 test targets are alike, so that R² of test is undefined: a dash")
    validation, _ = score_notes(with_targets_alike("validation", "test"))
    assert "R² of validation is undefined: nothing can be chosen there, the last step's weights stand" in validation
    [single] = score_notes(with_test_targets(np.array([0.7], np.float32)))
    assert single.startswith("the test split has one example, so that")
