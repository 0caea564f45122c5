"""Near pairs against the pair-count maps they are the centre of."""

from __future__ import annotations

import numpy as np
import pytest

from siftnet.analysis.near import is_near, near_pairs, near_share, near_total
from siftnet.analysis.pairs import pair_counts
from siftnet.geometry import Grid

GRIDS = [
    Grid((7, 6), 2),
    Grid((7, 6), 2, periodic=True),
    Grid((9,), 3),
    Grid((4, 3, 5)),
    *(Grid((n, 3), 1, periodic=True) for n in range(1, 6)),
]


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.describe())
def test_near_pairs_are_the_centre_of_the_map_node_by_node(grid: Grid) -> None:
    mask_JI = np.random.default_rng(0).random((5, grid.size)) < 0.5
    near_J = near_pairs(mask_JI, grid)
    assert near_J.dtype == np.int64
    for j, row_I in enumerate(mask_JI):
        assert near_J[j] == near_total(pair_counts(row_I[None], grid), grid)
    assert near_J.sum() > 0 or grid.sites == 1


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.describe())
def test_share_of_near_pairs_is_that_of_the_full_node(grid: Grid) -> None:
    full_JI = np.ones((1, grid.size), dtype=bool)
    assert near_share(grid) == pytest.approx(near_pairs(full_JI, grid)[0] / (grid.size * (grid.size - 1)))


def test_near_means_up_to_two_sites() -> None:
    assert is_near(Grid((5, 5))).sum() == 12
    assert is_near(Grid((5,))).sum() == 4
    assert is_near(Grid((5, 5, 5))).sum() == 32
    assert is_near(Grid((4,), periodic=True)).sum() == 3


def test_two_inputs_near_and_far() -> None:
    grid = Grid((1, 8))
    for apart, near in ((1, 2), (2, 2), (3, 0)):
        mask_JI = np.zeros((1, 8), dtype=bool)
        mask_JI[0, [1, 1 + apart]] = True
        assert near_pairs(mask_JI, grid).tolist() == [near]
