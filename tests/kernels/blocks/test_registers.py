"""Products cut for processors with fewer or narrower registers than this one has, and of very wide layers."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from siftnet.kernels.blocks import rows, sparse, tile_product
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


@pytest.mark.parametrize("storage", ["float32", "paired"])
def test_columns_of_more_inputs_than_sixteen_bits_count(storage: Storage) -> None:
    """The two products that read columns by address, without compiling all of a kernel for the wider type."""
    inputs, columns = 70_000, np.array([3, 65_535, 65_536, 69_999])
    found = sparse._columns(columns, inputs)
    assert found.dtype == np.uint32
    assert sparse._columns(columns[:2], 1 << 16).dtype == np.uint16

    @njit
    def multiply(x, d, columns, values, row, sums):  # type: ignore[no-untyped-def]  # compiled
        rows.product_row(x, 0, columns, values, 0, 4, row)
        words = x.shape[2]
        rows.dots_row(x, 0, x.shape[1] * words, columns, 0, 4, d, 0, words, 1, sums)

    rng = np.random.default_rng(7)
    x_BI, d_BO = np.zeros((WIDTH, inputs), np.float32), rng.standard_normal((WIDTH, 1), np.float32)
    x_BI[:, columns] = rng.standard_normal((WIDTH, 4), np.float32)
    x, d = to_blocks(x_BI, storage), to_blocks(d_BO, storage)
    values, row = rng.standard_normal(4, np.float32), np.full(WIDTH, np.nan, np.float32)
    sums = np.zeros(4 + rows.PADDING, np.float32)
    multiply(x, d, found, values, row, sums)
    stored_BK, stored_B1 = from_blocks(x, WIDTH)[:, columns].astype(np.float64), from_blocks(d, WIDTH)[:, :1]
    np.testing.assert_allclose(row, stored_BK @ values, atol=1e-5)
    np.testing.assert_allclose(sums[:4], (stored_B1 * stored_BK).sum(0), atol=1e-4)
