"""Connection counts on a hand-written mask, and rank correlation against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from siftnet.analysis.degrees import degrees, spearman
from siftnet.geometry import Grid, Unknown

MASK_JI = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)


def test_degrees_of_a_hand_written_mask() -> None:
    found = degrees(MASK_JI, Grid((2,), 2))
    assert found.in_degree.tolist() == [3, 0, 1, 1]
    assert found.input_degree.tolist() == [3, 1, 0, 1]
    assert found.input_map.tolist() == [[3, 1], [0, 1]]
    assert found.histogram_degree.tolist() == [0, 1, 3]
    assert found.histogram_nodes.tolist() == [1, 2, 1]
    assert (found.connected, found.unused, found.variance_spearman) == (0.75, 0.25, None)


def test_degrees_need_no_grid() -> None:
    assert degrees(MASK_JI, Unknown(4), np.array([4.0, 2.0, 1.0, 3.0])).input_map is None


def test_degrees_of_nothing() -> None:
    found = degrees(np.zeros((0, 4), bool), Unknown(4))
    assert (found.connected, found.unused) == (0.0, 1.0)
    assert found.histogram_degree.tolist() == []


def test_sizes_must_fit() -> None:
    with pytest.raises(ValueError, match="does not fit 5 inputs of unknown geometry"):
        degrees(MASK_JI, Unknown(5))
    with pytest.raises(ValueError, match="equal size, got 4 and 3"):
        degrees(MASK_JI, Unknown(4), np.ones(3))
    with pytest.raises(ValueError, match="finite"):
        degrees(MASK_JI, Unknown(4), np.array([1, 2, np.nan, 3]))


@pytest.mark.parametrize("seed", range(5))
def test_spearman_equals_scipy_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 8, 50), rng.normal(size=50).round(1)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert spearman(x, 2.0 * x**3) == pytest.approx(1.0)
    assert spearman(x, np.ones(50)) is None
    assert spearman(np.zeros(0), np.zeros(0)) is None
