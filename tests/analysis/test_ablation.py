"""Ablation with an evaluation whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from siftnet.analysis.ablation import ablation

DEGREE_J = np.array([3, 7, 7, 0, 1])


def test_nodes_fall_by_connections_and_ties_by_index() -> None:
    removed = []

    def evaluate(keep_J: Any) -> Any:
        removed.append(np.flatnonzero(~keep_J).tolist())
        return float(DEGREE_J[keep_J].sum())

    found = ablation(DEGREE_J, evaluate, [0, 1, 3, 5], np.random.default_rng(0), draws=4)
    assert removed[:4] == [[], [1], [0, 1, 2], [0, 1, 2, 3, 4]]
    assert [3] in removed
    assert [0, 3, 4] in removed
    assert found.most.tolist() == [18, 11, 1, 0]
    assert found.least.tolist() == [18, 18, 14, 0]
    assert found.random.shape == (4, 4)
    np.testing.assert_allclose(found.random_mean, found.random.mean(axis=0))
    assert found.random_deviation[[0, 3]].tolist() == [0, 0]
    assert (found.most <= found.random).all()
    assert (found.random <= found.least).all()


def test_the_same_nodes_are_evaluated_once() -> None:
    calls: list[bytes] = []

    def score(keep_J: np.ndarray) -> float:
        calls.append(keep_J.tobytes())
        return 0.0

    ablation(DEGREE_J, score, [0, 5], np.random.default_rng(0))
    assert len(calls) == len(set(calls)) == 2


def test_random_order_is_decided_by_the_generator() -> None:
    curves = [
        ablation(DEGREE_J, lambda keep_J: float(DEGREE_J[keep_J].sum()), [2], np.random.default_rng(seed)).random
        for seed in (0, 0)
    ]
    assert np.array_equal(*curves)


def test_counts_must_exist() -> None:
    with pytest.raises(ValueError, match="between 0 and the layer's 5 nodes"):
        ablation(DEGREE_J, lambda _: 0.0, [6], np.random.default_rng(0))
    with pytest.raises(ValueError, match="draws must be at least 1"):
        ablation(DEGREE_J, lambda _: 0.0, [1], np.random.default_rng(0), draws=0)
