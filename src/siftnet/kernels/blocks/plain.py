"""The products of rows.py and tiles.py in plain loops: what any engineer reads and any processor runs."""

# C columns of a block (128); a word is a float32 or a pair of bf16 (layout.py)

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from siftnet.host.compiling import njit
from siftnet.kernels.blocks.layout import PANEL, WIDTH

VECTOR, PLAIN = 0, 1
"""The two tiers: vectors of sixteen (and tiles, where the processor has them), or the loops of this file."""


def load_feature(stored: Any, s: int, f: int, row_C: Any) -> None:
    """row_C, float32 (128,) = feature f of block s, of either storage; for compiled code."""


@overload(load_feature)
def _load_feature(stored: Any, s: Any, f: Any, row_C: Any) -> Any:
    def paired(stored: Any, s: Any, f: Any, row_C: Any) -> None:
        bits_C = row_C.view(np.uint32)
        for k in range(4):
            for lane in range(16):
                word = stored[s, f, 16 * k + lane]
                bits_C[32 * k + lane] = np.uint32(word << np.uint32(16))
                bits_C[32 * k + 16 + lane] = np.uint32(word & np.uint32(0xFFFF0000))

    def single(stored: Any, s: Any, f: Any, row_C: Any) -> None:
        for c in range(WIDTH):
            row_C[c] = stored[s, f, c]

    return paired if stored.dtype == types.uint32 else single


def multiply_words(a: Any, b: Any) -> Any:
    """The product of two float32, or of two pairs of bf16, added up: what one word adds to a dot product."""


@overload(multiply_words)
def _multiply_words(a: Any, b: Any) -> Any:
    def paired(a: Any, b: Any) -> Any:
        half = np.uint32(0xFFFF0000)
        lower = np.uint32(a << np.uint32(16)).view(np.float32) * np.uint32(b << np.uint32(16)).view(np.float32)
        return lower + np.uint32(a & half).view(np.float32) * np.uint32(b & half).view(np.float32)

    def single(a: Any, b: Any) -> Any:
        return a * b

    return paired if a == types.uint32 else single


@njit(cache=True, error_model="numpy")
def product_row(z, s, columns, values, first, end, row_C):  # type: ignore[no-untyped-def]  # compiled
    """row_C = sum over k in [first, end) of values[k] * feature columns[k] of block s; see rows.product_row."""
    feature_C = np.empty(WIDTH, np.float32)
    row_C[:WIDTH] = 0
    for k in range(first, end):
        load_feature(z, s, columns[k], feature_C)
        for c in range(WIDTH):
            row_C[c] += values[k] * feature_C[c]


# Without fastmath: reordered sums came out otherwise from the cache than freshly compiled.
@njit(cache=True, error_model="numpy")
def dots_row(z, s, columns, first, end, d, o, sums):  # type: ignore[no-untyped-def]  # compiled
    """sums[k] += output gradient d[s, o] dot feature columns[k] of block s, for k in [first, end)."""
    own_C, feature_C = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    load_feature(d, s, o, own_C)
    for k in range(first, end):
        load_feature(z, s, columns[k], feature_C)
        total = np.float32(0)
        for c in range(WIDTH):
            total += own_C[c] * feature_C[c]
        sums[k] += total


@njit(cache=True, error_model="numpy")
def panel_product(a, a_at, b, b_at, c, c_at, words, repeats):  # type: ignore[no-untyped-def]  # compiled
    """c[32, 32] = sum over r < repeats of A_r B_r; see tile_product.panel_product, also for what is where."""
    a, b = a.reshape(-1), b.reshape(-1)
    a_base, a_stride, a_half, a_chunk, a_step = a_at
    b_base, b_stride, b_step = b_at
    c_base, c_stride = c_at
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
