"""Path counts against counting, on thin and thick masks."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from siftnet.analysis.paths import path_counts, path_weights


def counted(masks: Any, top: Any, bottom: Any) -> Any:
    """Paths from one node of the last layer to one input, by trying every node between."""
    between = [range(len(mask)) for mask in masks[:-1]]
    total = 0
    for nodes in product(*between):
        chain = (bottom, *nodes, top)
        total += all(mask[chain[layer + 1], chain[layer]] for layer, mask in enumerate(masks))
    return total


@pytest.mark.parametrize("density", [0.02, 0.3, 1.0])
def test_counts_equal_brute_force(density: Any) -> None:
    rng = np.random.default_rng(0)
    masks = [rng.random(shape) < density for shape in ((5, 7), (4, 5), (3, 4))]
    counts = path_counts(masks)
    assert [count.shape for count in counts] == [(5, 7), (4, 7), (3, 7)]
    assert all(count.dtype == np.int64 for count in counts)
    assert np.array_equal(counts[0], masks[0])
    for layer in (2, 3):
        for top, bottom in product(range(len(masks[layer - 1])), range(7)):
            assert counts[layer - 1][top, bottom] == counted(masks[:layer], top, bottom)


def test_thin_and_thick_products_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    masks = [rng.random(shape) < 0.03 for shape in ((60, 80), (50, 60), (40, 50))]
    thin = path_counts(masks)
    monkeypatch.setattr("siftnet.analysis.paths.THIN", 0.0)
    thick = path_counts(masks)
    assert thin[2].any()
    assert all(np.array_equal(a, b) for a, b in zip(thin, thick, strict=True))


def test_counts_beyond_exactness_stay_floating() -> None:
    counts = path_counts([np.ones((2**11, 1), bool)] + [np.ones((2**11, 2**11), bool)] * 5)
    assert [count.dtype.kind for count in counts] == ["i"] * 5 + ["f"]
    assert counts[4][0, 0] == 2**44
    assert counts[5][0, 0] == 2.0**55


def test_path_weights_are_products_of_weights() -> None:
    first, second = np.array([[1.0, 0.0], [2.0, 3.0]], np.float32), np.array([[-1.0, 0.5]], np.float32)
    assert path_weights([first, second])[1].tolist() == [[0.0, 1.5]]


def test_layers_must_fit() -> None:
    with pytest.raises(ValueError, match=r"layer 2 of shape \(3, 4\) does not fit the layer below it, \(5, 7\)"):
        path_counts([np.ones((5, 7), bool), np.ones((3, 4), bool)])
    with pytest.raises(ValueError, match="layer 1"):
        path_counts([np.ones(5, bool)])
    assert path_counts([]) == []
