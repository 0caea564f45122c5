"""Examples moved and mirrored as `Batches` does it, on the data's own bytes or floats."""

# N examples of the data set, B batch, I inputs, A axes

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True, error_model="numpy", parallel=True)
def augment(inputs_NI, rows_B, moved_BA, mirrored_B, shape_A, channels, periodic, out_BI):  # type: ignore[no-untyped-def]  # compiled
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
    """One example, line by line along the last axis."""
    length = shape_A[-1]
    lines = len(image_I) // (channels * length)
    for line in range(lines):
        source = _source_line(line, moved_A, shape_A, periodic)
        for channel in range(channels):
            start = (channel * lines + line) * length
            out = out_I[start : start + length]
            if source < 0:
                out[:] = 0
                continue
            start = (channel * lines + source) * length
            _move_line(image_I[start : start + length], moved_A[-1], periodic, out)
            if mirrored:
                _mirror(out)


@njit(cache=True, error_model="numpy")
def _source_line(line, moved_A, shape_A, periodic):  # type: ignore[no-untyped-def]  # compiled
    """The line that moves to `line`, counted in C order over all axes but the last; -1 if it lies outside."""
    source, stride, rest = 0, 1, line
    for axis in range(len(shape_A) - 2, -1, -1):
        n = shape_A[axis]
        place = rest % n - moved_A[axis]
        rest //= n
        if periodic:
            place %= n
        elif place < 0 or place >= n:
            return -1
        source += place * stride
        stride *= n
    return source


@njit(cache=True, error_model="numpy")
def _move_line(line, moved, periodic, out):  # type: ignore[no-untyped-def]  # compiled
    """out[i] = line[i - moved]."""
    n = len(line)
    if periodic:
        moved %= n
        out[:moved] = line[n - moved :]
        out[moved:] = line[: n - moved]
        return
    first, end = min(max(moved, 0), n), max(min(n + moved, n), 0)
    out[:first] = 0
    if first < end:
        out[first:end] = line[first - moved : end - moved]
    out[end:] = 0


@njit(cache=True, error_model="numpy")
def _mirror(line):  # type: ignore[no-untyped-def]  # compiled
    """Reverse a line in place."""
    last = len(line) - 1
    for i in range(len(line) // 2):
        line[i], line[last - i] = line[last - i], line[i]
