"""Products cut for processors with fewer or narrower registers than this one has."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from siftnet.kernels.blocks import rows, tile_product
from siftnet.kernels.blocks.layout import PANEL, WIDTH, Storage, from_blocks, to_blocks

WORDS = 48


@pytest.mark.parametrize("cut", [(8, 2), (4, 1)])
@pytest.mark.parametrize("storage", ["float32", "paired"])
def test_a_panel_product_in_any_cut(cut: tuple[int, int], storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_product, "ROWS_AT_ONCE", cut[0])
    monkeypatch.setattr(tile_product, "VECTORS_AT_ONCE", cut[1])

    @njit
    def multiply(a, b, c):  # type: ignore[no-untyped-def]  # compiled
        tile_product.panel_product(False, a, (0, WORDS, 16 * WORDS, 16, 0), b, (0, PANEL, 0), c, (0, PANEL), WORDS, 1)

    rng = np.random.default_rng(5)
    if storage == "float32":
        a, b = rng.standard_normal((2, PANEL * WORDS), np.float32)
        a_IK, b_KJ = a.reshape(PANEL, WORDS), b.reshape(WORDS, PANEL)
    else:
        a, b = rng.standard_normal((2, 2 * PANEL * WORDS), np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        a_IK = a.view(np.float32).reshape(PANEL, 2 * WORDS)
        b_KJ = b.view(np.float32).reshape(2 * WORDS, PANEL)
        a = (a.reshape(PANEL, WORDS, 2) >> np.array([16, 0], np.uint32)).sum(2, dtype=np.uint32).reshape(-1)
        b = b.reshape(WORDS, 2, PANEL)
        b = ((b[:, 0] >> np.uint32(16)) | b[:, 1]).reshape(-1)
    c = np.full(PANEL * PANEL, np.nan, np.float32)
    multiply(a, b, c)
    np.testing.assert_allclose(c.reshape(PANEL, PANEL), a_IK.astype(np.float64) @ b_KJ, atol=2e-5)


@pytest.mark.parametrize("at_once", [8, 4, 2])
@pytest.mark.parametrize("storage", ["float32", "paired"])
def test_a_sparse_row_in_any_cut(at_once: int, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", at_once)

    @njit
    def multiply(x, columns, values, first, end, row):  # type: ignore[no-untyped-def]  # compiled
        rows.product_row(x, 0, columns, values, first, end, row)

    rng = np.random.default_rng(6)
    x = to_blocks(rng.standard_normal((WIDTH, 9), np.float32), storage)
    columns, values = np.array([8, 2, 5, 0, 3], np.uint16), rng.standard_normal(5, np.float32)
    row = np.full(WIDTH, np.nan, np.float32)
    multiply(x, columns, values, 1, 5, row)
    expected = from_blocks(x, WIDTH).astype(np.float64)[:, columns[1:]] @ values[1:]
    np.testing.assert_allclose(row, expected, atol=1e-5)
