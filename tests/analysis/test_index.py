"""Index, z, p and interval on numbers small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from siftnet.analysis.index import bootstrap_interval, permutation_index


def test_p_counts_ties_and_the_observation_itself() -> None:
    null_S = np.array([1.0, 2.0, 3.0, 4.0])
    index = permutation_index(3.0, 2.5, null_S, (1.0, 1.5), "")
    assert index.p == pytest.approx(3 / 5)
    assert index.value == pytest.approx(1.2)
    assert index.z == pytest.approx(0.5 / null_S.std(ddof=1))
    assert (index.low, index.high, index.samples, index.note) == (1.0, 1.5, 4, "")


def test_p_takes_sums_that_differ_by_rounding_for_ties() -> None:
    assert permutation_index(0.3, 0.2, np.array([0.1 + 0.2 - 1e-16, 0.1]), None, "").p == pytest.approx(2 / 3)


def test_199_samples_all_below_give_p_of_one_in_200() -> None:
    assert permutation_index(9.0, 1.0, np.arange(199) / 100, None, "").p == pytest.approx(0.005)


def test_a_null_without_spread_is_not_testable() -> None:
    index = permutation_index(6.0, 6.0, np.full(9, 6.0), (1.0, 1.0), "every connection is present")
    assert (index.z, index.p, index.samples) == (None, None, 9)
    assert index.note == "not testable: every connection is present"
    assert index.value == 1.0


def test_an_observation_outside_a_constant_null_has_p_but_no_z() -> None:
    index = permutation_index(4.0, 2.0, np.full(19, 2.0), (1.0, 3.0), "")
    assert (index.z, index.p) == (None, 0.05)
    assert "alike" in index.note


def test_nothing_expected_gives_no_index() -> None:
    index = permutation_index(2.0, 0.0, np.zeros(19), (1.0, 3.0), "the null has none")
    assert (index.value, index.low, index.high, index.p) == (None, None, None, 0.05)
    assert "nothing is expected" in index.note


def test_without_samples_there_is_the_closed_form_alone() -> None:
    index = permutation_index(3.0, 2.0, np.zeros(0), (1.0, 2.0), "")
    assert (index.value, index.z, index.p, index.samples, index.note) == (1.5, None, None, 0, "")


def test_bootstrap_agrees_with_the_normal_interval_of_a_mean() -> None:
    rng = np.random.default_rng(0)
    observed_J = rng.normal(5.0, 1.0, 400)
    low, high = bootstrap_interval(observed_J, np.ones(400), 4000, rng)
    error = observed_J.std() / 20
    assert low == pytest.approx(observed_J.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(observed_J.mean() + 1.96 * error, abs=0.2 * error)


def test_bootstrap_works_in_chunks_and_leaves_out_the_undefined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("siftnet.analysis.index.CHUNK", 7)
    low, high = bootstrap_interval(np.array([0.0, 2.0]), np.array([0.0, 1.0]), 50, np.random.default_rng(1))
    assert (low, high) == (2.0, 2.0)
    assert bootstrap_interval(np.ones(3), np.zeros(3), 20, np.random.default_rng(1)) is None
    assert bootstrap_interval(np.zeros(0), np.zeros(0), 20, np.random.default_rng(1)) is None
