"""Examples moved and mirrored as `Batches` does it, on the data's own bytes or floats."""

# N examples of the data set, B batch, I inputs, A axes

from __future__ import annotations

import numpy as np
from numba import prange

from siftnet.host.compiling import njit
from siftnet.kernels.blocks.transpose import swap_reversed
from siftnet.kernels.blocks.vectors import LANES


@njit(cache=True, error_model="numpy", parallel=True)
def augment_rows(inputs_NI, rows_B, moved_BA, mirrored_B, shape_A, channels, periodic, out_BI):  # type: ignore[no-untyped-def]  # compiled
    """Write inputs_NI[rows_B] to out_BI, moved along every axis and then mirrored along the last.

    moved_BA: int64 (B, A), or (0, A) to move nothing; mirrored_B: bool (B,), or (0,) to mirror nothing; shape_A, int64
    (A,), channels and periodic as in `Grid`. What comes in is 0 on a free grid, the other end on a periodic one.
    """
    still_A = np.zeros(len(shape_A), np.int64)
    for b in prange(len(rows_B)):
        moved_A = moved_BA[b] if len(moved_BA) else still_A
        mirrored = len(mirrored_B) > 0 and mirrored_B[b]
        _augment_one(inputs_NI[rows_B[b]], moved_A, mirrored, shape_A, channels, periodic, out_BI[b])


@njit(cache=True, error_model="numpy")
def _augment_one(image_I, moved_A, mirrored, shape_A, channels, periodic, out_I):  # type: ignore[no-untyped-def]  # compiled
    """One example, moved channel by channel or line by line, then mirrored."""
    n = shape_A[-1]
    sites = len(image_I) // channels
    sources = np.empty(sites // n, np.int64)
    _find_sources(moved_A, shape_A, periodic, sources)
    for start in range(0, len(image_I), sites):
        old, out = image_I[start : start + sites], out_I[start : start + sites]
        if periodic:
            _turn(old, sources, moved_A[-1] % n, n, out)
        else:
            _move(old, sources, moved_A, shape_A, out)
    if mirrored:
        for start in range(0, len(out_I), n):
            _mirror(out_I, start, start + n)


@njit(cache=True, error_model="numpy")
def _find_sources(moved_A, shape_A, periodic, sources):  # type: ignore[no-untyped-def]  # compiled
    """Set, for every line along the last axis in C order, the line that moves there; -1 for one from outside."""
    sources[0] = 0
    count = 1
    for axis in range(len(shape_A) - 1):
        n, moved = shape_A[axis], moved_A[axis]
        if periodic:
            moved %= n
        # From the last to the first, since a line's sources on the axes so far lie before those it is split into.
        for line in range(count - 1, -1, -1):
            before = sources[line]
            for place in range(n - 1, -1, -1):
                source = place - moved
                if periodic and source < 0:
                    source += n
                inside = before >= 0 and 0 <= source < n
                sources[line * n + place] = before * n + source if inside else -1
        count *= n


@njit(cache=True, error_model="numpy")
def _move(old, sources, moved_A, shape_A, out):  # type: ignore[no-untyped-def]  # compiled
    """Move one channel of a free grid: all at once, as sites are numbered, then clear what came from elsewhere."""
    n, moved = shape_A[-1], moved_A[-1]
    offset, stride = 0, 1
    for axis in range(len(shape_A) - 1, -1, -1):
        offset += moved_A[axis] * stride
        stride *= shape_A[axis]
    _copy(old, -offset, out, max(offset, 0), min(len(out), len(out) + offset))
    first, end = min(max(moved, 0), n), max(min(n + moved, n), 0)
    for line in range(len(sources)):
        if sources[line] < 0:
            _clear(out, line * n, line * n + n)
        else:
            _clear(out, line * n, line * n + first)
            _clear(out, line * n + end, line * n + n)


@njit(cache=True, error_model="numpy")
def _turn(old, sources, moved, n, out):  # type: ignore[no-untyped-def]  # compiled
    """Move one channel of a periodic grid, line by line."""
    for line in range(len(sources)):
        start = line * n
        offset = sources[line] * n - start - moved
        _copy(old, offset, out, start + moved, start + n)
        _copy(old, offset + n, out, start, start + moved)


@njit(cache=True, error_model="numpy")
def _clear(out, first, end):  # type: ignore[no-untyped-def]  # compiled
    for i in range(first, end):
        out[i] = 0


@njit(cache=True, error_model="numpy")
def _copy(old, offset, out, first, end):  # type: ignore[no-untyped-def]  # compiled
    """out[i] = old[i + offset] for i from first to end."""
    if first >= end:
        return
    # Indices that start at 0 cannot be negative, which numba would look after byte by byte.
    source, target = old[first + offset : end + offset], out[first:end]
    for i in range(len(target)):
        target[i] = source[i]


@njit(cache=True, error_model="numpy")
def _mirror(out, first, end):  # type: ignore[no-untyped-def]  # compiled
    """Reverse a line in place, sixteen elements from either end at a time."""
    last = end - 1
    while last - first >= 2 * LANES - 1:
        swap_reversed(out, first, last - LANES + 1)
        first += LANES
        last -= LANES
    while first < last:
        out[first], out[last] = out[last], out[first]
        first += 1
        last -= 1
