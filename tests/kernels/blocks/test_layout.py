"""Both storages against torch's own bf16 and against positions worked out by hand."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch

from siftnet.kernels.blocks.layout import (
    DTYPES,
    WIDTH,
    Storage,
    allocate,
    blocks_of,
    from_blocks,
    round_bf16,
    rounded,
    store_row,
    to_blocks,
)

# Intrinsics are called from compiled code only.
store = numba.njit(lambda row, target: store_row(row, target))
SIZES = [1, 9, 16, 127, 128, 129, 250]
STORAGES: list[Storage] = ["float32", "paired"]
SPECIAL = np.array(
    [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 3.4e38, -3.4e38, 1e-40, 1 + 2**-8, 1 + 3 * 2**-8], np.float32
)


def torch_bf16(x: np.ndarray) -> np.ndarray:
    return torch.from_numpy(x).to(torch.bfloat16).float().numpy()


def values(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal(shape) * np.exp(5 * rng.standard_normal(shape))).astype(np.float32)


def test_the_rounding_is_that_of_torch() -> None:
    # The last two specials lie halfway between two bf16.
    x = np.concatenate([values(10_000), SPECIAL])
    np.testing.assert_array_equal(round_bf16(x), torch_bf16(x))
    np.testing.assert_array_equal([rounded(value) for value in x[-500:]], torch_bf16(x)[-500:])


def test_a_nan_of_any_payload_stays_nan() -> None:
    x = np.array([0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0x7FC00000], np.uint32).view(np.float32)
    assert np.isnan(round_bf16(x)).all()
    assert all(np.isnan(rounded(value)) for value in x)
    row = np.resize(x, WIDTH)
    out = allocate(WIDTH, 1, "paired")
    store(row, out[0, 0])
    assert np.isnan(from_blocks(out, WIDTH)).all()


@pytest.mark.parametrize("examples", SIZES)
@pytest.mark.parametrize("storage", STORAGES)
def test_what_goes_in_comes_out(examples: int, storage: Storage) -> None:
    x_BF = values(examples, 5)
    blocks = to_blocks(x_BF, storage, multiple=4)
    assert blocks.dtype == DTYPES[storage]
    assert blocks.shape == (blocks_of(examples), 8, WIDTH if storage == "float32" else WIDTH // 2)
    expected = x_BF if storage == "float32" else torch_bf16(x_BF)
    np.testing.assert_array_equal(from_blocks(blocks, examples, 5), expected)
    everything = from_blocks(blocks, len(blocks) * WIDTH)
    assert not everything[examples:].any()
    assert not everything[:, 5:].any()


def test_every_column_is_where_the_drawing_shows_it() -> None:
    x_BF = np.arange(2 * WIDTH, dtype=np.float32)[:, None] - WIDTH
    single, paired = (to_blocks(x_BF, storage) for storage in STORAGES)
    for s, column in np.ndindex(2, WIDTH):
        value = s * WIDTH + column - WIDTH
        assert single[s, 0, column] == value
        k, upper, lane = column // 32, column % 32 // 16, column % 16
        half = int(paired[s, 0, 16 * k + lane]) >> 16 * upper & 0xFFFF
        assert np.array(half << 16, np.uint32).view(np.float32) == value


@pytest.mark.parametrize("storage", STORAGES)
def test_a_row_is_stored_as_the_conversion_stores_it(storage: Storage) -> None:
    x_BF = values(WIDTH, 3)
    x_BF[: len(SPECIAL), 1] = SPECIAL
    out = allocate(WIDTH, 3, storage)
    rows = np.ascontiguousarray(x_BF.T)
    for f, row in enumerate(rows):
        store(row, out[0, f])
    np.testing.assert_array_equal(out, to_blocks(x_BF, storage))
    np.testing.assert_array_equal(rows.T, from_blocks(out, WIDTH), "the row is left holding what was stored")


@pytest.mark.parametrize("storage", STORAGES)
def test_arrays_begin_on_cache_lines_and_are_zero(storage: Storage) -> None:
    for features in (1, 3, 32):
        array = allocate(300, features, storage, multiple=32)
        assert array.shape[:2] == (3, 32)
        assert array.ctypes.data % 64 == 0
        assert not array.any()
