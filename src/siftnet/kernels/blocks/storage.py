"""One feature of one block to and from float32, for both storages (see layout.py), and rounding to what is stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from siftnet.kernels.blocks.layout import WIDTH


@njit(cache=True, inline="always")
def round_to_bf16(bits: Any) -> Any:
    """The bits of a float32, as uint32, rounded to the nearest bf16, ties to even; the lower half is 0."""
    # Numba widens sums of uint32 to 64 bits, which keeps loops from becoming vectors: cut after every step.
    odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
    return np.uint32(np.uint32(np.uint32(bits + np.uint32(0x7FFF)) + odd) & np.uint32(0xFFFF0000))


def load_feature(stored: Any, s: int, f: int, row: Any, base: int) -> None:
    """row[base : base + 128] = feature f of block s."""


@overload(load_feature)
def _load_feature(stored: Any, s: Any, f: Any, row: Any, base: Any) -> Any:
    def paired(stored: Any, s: Any, f: Any, row: Any, base: Any) -> None:
        bits = row.view(np.uint32)
        for k in range(4):
            for lane in range(16):
                word = stored[s, f, 16 * k + lane]
                bits[base + 32 * k + lane] = np.uint32(word << np.uint32(16))
                bits[base + 32 * k + 16 + lane] = np.uint32(word & np.uint32(0xFFFF0000))

    def single(stored: Any, s: Any, f: Any, row: Any, base: Any) -> None:
        for c in range(WIDTH):
            row[base + c] = stored[s, f, c]

    return paired if stored.dtype == types.uint32 else single


def store_feature(row: Any, base: int, stored: Any, s: int, f: int) -> None:
    """Feature f of block s = row[base : base + 128], and the row itself becomes what was stored."""


@overload(store_feature)
def _store_feature(row: Any, base: Any, stored: Any, s: Any, f: Any) -> Any:
    def paired(row: Any, base: Any, stored: Any, s: Any, f: Any) -> None:
        bits = row.view(np.uint32)
        for k in range(4):
            for lane in range(16):
                lower = round_to_bf16(bits[base + 32 * k + lane])
                upper = round_to_bf16(bits[base + 32 * k + 16 + lane])
                bits[base + 32 * k + lane] = lower
                bits[base + 32 * k + 16 + lane] = upper
                stored[s, f, 16 * k + lane] = np.uint32(np.uint32(lower >> np.uint32(16)) | upper)

    def single(row: Any, base: Any, stored: Any, s: Any, f: Any) -> None:
        for c in range(WIDTH):
            stored[s, f, c] = row[base + c]

    return paired if stored.dtype == types.uint32 else single


def as_stored(value: Any, stored: Any) -> Any:
    """A float32 as this storage would hold it."""


@overload(as_stored)
def _as_stored(value: Any, stored: Any) -> Any:
    def paired(value: Any, stored: Any) -> Any:
        return round_to_bf16(np.float32(value).view(np.uint32)).view(np.float32)

    def single(value: Any, stored: Any) -> Any:
        return np.float32(value)

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
