"""The products of rows.py and tiles.py in plain loops: what any engineer reads and any processor runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from siftnet.kernels.blocks.layout import WIDTH
from siftnet.kernels.blocks.storage import load_feature, multiply_words

VECTOR, PLAIN = 0, 1
"""The two tiers."""
PANEL = 32


@njit(cache=True, error_model="numpy")
def product_row(z: Any, s: int, columns: Any, values: Any, first: int, end: int, row: Any) -> None:
    """row[:128] = sum over k in [first, end) of values[k] * feature columns[k] of block s."""
    feature = np.empty(WIDTH, np.float32)
    row[:WIDTH] = 0
    for k in range(first, end):
        load_feature(z, s, columns[k], feature, 0)
        for c in range(WIDTH):
            row[c] += values[k] * feature[c]


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def dots_row(z: Any, s: int, columns: Any, first: int, end: int, d: Any, o: int, sums: Any) -> None:
    """sums[k] += output gradient d[s, o] dot feature columns[k] of block s, for k in [first, end)."""
    own, feature = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    load_feature(d, s, o, own, 0)
    for k in range(first, end):
        load_feature(z, s, columns[k], feature, 0)
        total = np.float32(0)
        for c in range(WIDTH):
            total += own[c] * feature[c]
        sums[k] += total


@njit(cache=True, error_model="numpy")
def panel_product(
    a: Any, a_base: int, a_stride: int, a_half: int, a_chunk: int, a_step: int, b: Any, b_base: int, b_stride: int,
    b_step: int, c: Any, c_base: int, c_stride: int, words: int, repeats: int,
) -> None:  # fmt: skip
    """c[32, 32] = sum over r < repeats of A_r B_r; see tile_product.panel_product."""
    a, b = a.reshape(-1), b.reshape(-1)
    for row in range(PANEL):
        line = c_base + row * c_stride
        c[line : line + PANEL] = 0
        for r in range(repeats):
            start = a_base + r * a_step + row // 16 * a_half + row % 16 * a_stride
            for k in range(words):
                own = a[start + k // 16 * a_chunk + k % 16]
                other = b_base + r * b_step + k * b_stride
                for column in range(PANEL):
                    c[line + column] += multiply_words(own, b[other + column])
