"""The first layer's inputs: examples picked from the resident data, augmented, and laid out in blocks (layout.py).

uint8 inputs become pixel - 128, exact in bf16; float inputs (x - center) * scale, rounded as they are stored. Dead
inputs are left out: place_I says which feature an input is, -1 for none.
"""

# S blocks, F features, N examples of the data set, B batch, I inputs, C columns of a block (128)

from __future__ import annotations

import numpy as np
import torch
from numba import prange

from siftnet.data.batches import Batches
from siftnet.geometry import Grid
from siftnet.host.compiling import njit
from siftnet.kernels.blocks.augment import augment_rows
from siftnet.kernels.blocks.layout import WIDTH, blocks_of, row_moments, store_row
from siftnet.kernels.blocks.transpose import MIDDLE, finish_sums, gather_bytes, gather_floats, prefetch

# Inputs of a task, counted in parts of all of them: enough that two threads share an odd number of blocks evenly.
PARTS = 4
# Bytes of a cache line, which is read whole or not at all; inputs of a tile, which is transposed at once.
LINE, TILE = 64, 16
# Columns that a tile fills.
PAIR = 32


class Gatherer:
    """Writes batches of one data set into blocks.

    batches: on the processor; place_I: int32 (I,), the feature of each input, -1 for inputs that are dead.
    """

    def __init__(self, batches: Batches, place_I: np.ndarray) -> None:
        self.batches = batches
        self.inputs_NI = _contiguous(batches.inputs_NI)
        self.labels_N = _contiguous(batches.labels_N)
        self.place_I = np.array(place_I, np.int32)
        inputs = self.inputs_NI.shape[1]
        assert self.place_I.shape == (inputs,)
        self.bytes = self.inputs_NI.dtype == np.uint8
        self.blank_I = np.full(inputs, MIDDLE, np.uint8)
        self.center_I = np.full(inputs, MIDDLE, np.float32) if self.bytes else _contiguous(batches.center_I)
        self.scale_I = np.ones(inputs, np.float32) if self.bytes else _contiguous(batches.scale_I)
        self.augmented_BI: np.ndarray | None = None
        if batches.flip or batches.shift:
            self.augmented_BI = np.empty((batches.batch, inputs), self.inputs_NI.dtype)
        self.every_B = np.arange(batches.batch)

    def fill(self, step: int, out: np.ndarray, moments: np.ndarray) -> np.ndarray:
        """Write the batch of update `step`, augmented; returns its labels (B,). See `fill_rows`."""
        rows_B = self.batches.rows_at(step).numpy()
        if self.augmented_BI is None:
            return self.fill_rows(rows_B, out, moments)
        self._augment(rows_B, step, self.augmented_BI)
        self._fill(self.augmented_BI, self.every_B, out, moments)
        labels_B: np.ndarray = self.labels_N[rows_B]
        return labels_B

    def fill_rows(self, rows_B: np.ndarray, out: np.ndarray, moments: np.ndarray) -> np.ndarray:
        """Write these rows of the data set, int64 (B,), as they are; returns their labels (B,).

        out: float32 (S, F, 128) or pairs of bf16 (S, F, 64), of which the first blocks and the features that have an
        input are written; moments: float64 (S, F, 2), of every block the sum of what was stored and the sum of squared
        deviations from the block's own mean.
        """
        self._fill(self.inputs_NI, rows_B, out, moments)
        labels_B: np.ndarray = self.labels_N[rows_B]
        return labels_B

    def _fill(self, inputs: np.ndarray, rows_B: np.ndarray, out: np.ndarray, moments: np.ndarray) -> None:
        blocks = blocks_of(len(rows_B))
        assert min(len(out), len(moments)) >= blocks
        assert min(out.shape[1], moments.shape[1]) > self.place_I.max(initial=-1)
        tables = self.place_I, self.center_I, self.scale_I
        if self.bytes:
            fill_bytes(inputs, rows_B, *tables, self.blank_I, out, moments)
        else:
            fill_floats(inputs, rows_B, *tables, out, moments)

    def _augment(self, rows_B: np.ndarray, step: int, out_BI: np.ndarray) -> None:
        grid = self.batches.dataset.geometry
        assert isinstance(grid, Grid), "the configuration refuses augmentation without a grid"
        moved_BA, mirrored_B = self.batches.moves(step)
        # Empty arrays for what is not asked for: None would be another type, and compiled again.
        moved = np.empty((0, grid.ndim), np.int64) if moved_BA is None else moved_BA.numpy()
        mirrored = np.empty(0, np.bool_) if mirrored_B is None else mirrored_B.numpy()
        shape_A = np.array(grid.shape, np.int64)
        augment_rows(self.inputs_NI, rows_B, moved, mirrored, shape_A, grid.channels, grid.periodic, out_BI)


def _contiguous(tensor: torch.Tensor) -> np.ndarray:
    """A view as an array that numba knows as one type: contiguous, and writeable as every tensor is."""
    return np.ascontiguousarray(tensor.numpy())


@njit(cache=True, error_model="numpy")
def _part(task, inputs):  # type: ignore[no-untyped-def]  # compiled
    """Block, first and last input of a task; parts end where lines end."""
    step = -(-inputs // (PARTS * LINE)) * LINE
    first = min(task % PARTS * step, inputs)
    return task // PARTS, first, min(first + step, inputs)


@njit(cache=True, error_model="numpy", parallel=True)
def fill_bytes(inputs_NI, rows_B, place_I, center_I, scale_I, blank_I, out, moments):  # type: ignore[no-untyped-def]  # compiled
    """Blocks of pixel - 128, see `Gatherer.fill_rows`; center_I, scale_I and blank_I are 128, 1 and 128."""
    inputs = inputs_NI.shape[1]
    for task in prange(-(-len(rows_B) // WIDTH) * PARTS):
        s, first, end = _part(task, inputs)
        whole = end - (end - first) % TILE
        _gather_bytes(inputs_NI, rows_B, place_I, blank_I, s, first, whole, out, moments)
        gather_plain(inputs_NI, rows_B, place_I, center_I, scale_I, s, whole, end, out, moments)


@njit(cache=True, error_model="numpy", parallel=True)
def fill_floats(inputs_NI, rows_B, place_I, center_I, scale_I, out, moments):  # type: ignore[no-untyped-def]  # compiled
    """Blocks of (x - center) * scale, see `Gatherer.fill_rows`."""
    inputs = inputs_NI.shape[1]
    for task in prange(-(-len(rows_B) // WIDTH) * PARTS):
        s, first, end = _part(task, inputs)
        whole = end - (end - first) % TILE
        _gather_floats(inputs_NI, rows_B, place_I, center_I, scale_I, s, first, whole, out, moments)
        gather_plain(inputs_NI, rows_B, place_I, center_I, scale_I, s, whole, end, out, moments)


@njit(cache=True, error_model="numpy")
def gather_plain(inputs_NI, rows_B, place_I, center_I, scale_I, s, first, end, out, moments):  # type: ignore[no-untyped-def]  # compiled
    """Inputs first..end - 1 of block s in plain loops, bytes or floats."""
    count = min(len(rows_B) - WIDTH * s, WIDTH)
    tile = np.zeros((TILE, WIDTH), np.float32)
    for start in range(first, end, TILE):
        stop = min(start + TILE, end)
        for c in range(count):
            row = rows_B[WIDTH * s + c]
            for i in range(start, stop):
                tile[i - start, c] = (np.float32(inputs_NI[row, i]) - center_I[i]) * scale_I[i]
        _write_tile(tile, place_I[start:stop], count, out[s], moments[s])


@njit(cache=True, error_model="numpy")
def _gather_floats(inputs_NI, rows_B, place_I, center_I, scale_I, s, first, end, out, moments):  # type: ignore[no-untyped-def]  # compiled
    """Inputs first..end - 1 of block s, a whole number of tiles, from float32."""
    count = min(len(rows_B) - WIDTH * s, WIDTH)
    # Blank examples are equal to the center, so that 0 comes out.
    sources = _sources(inputs_NI, rows_B, center_I, s)
    tile = np.empty((TILE, WIDTH), np.float32)
    for start in range(first, end, TILE):
        if place_I[start : start + TILE].max() >= 0:
            for c in range(0, WIDTH, TILE):
                for example in range(c, c + TILE):
                    prefetch(sources[example] + 4 * (start + TILE))
                gather_floats(sources, c, start, center_I, scale_I, tile)
            _write_tile(tile, place_I[start : start + TILE], count, out[s], moments[s])


@njit(cache=True, error_model="numpy")
def _write_tile(tile, places, count, out_F, moments_F2):  # type: ignore[no-untyped-def]  # compiled
    """Store the rows of a tile in their places, with the moments of what was stored."""
    for t, place in enumerate(places):
        if place >= 0:
            store_row(tile[t], out_F[place])
            moments_F2[place, 0], moments_F2[place, 1] = row_moments(tile[t], count)


@njit(cache=True, error_model="numpy")
def _sources(inputs_NI, rows_B, blank_I, s):  # type: ignore[no-untyped-def]  # compiled
    """Where each example of block s begins in memory; those it is filled up with are blank."""
    sources = np.empty(WIDTH, np.int64)
    for c in range(WIDTH):
        if WIDTH * s + c < len(rows_B):
            sources[c] = inputs_NI.ctypes.data + rows_B[WIDTH * s + c] * inputs_NI.strides[0]
        else:
            sources[c] = blank_I.ctypes.data
    return sources


@njit(cache=True, error_model="numpy")
def _gather_bytes(inputs_NI, rows_B, place_I, blank_I, s, first, end, out, moments):  # type: ignore[no-untyped-def]  # compiled
    """Inputs first..end - 1 of block s, a whole number of tiles."""
    count = min(len(rows_B) - WIDTH * s, WIDTH)
    sources = _sources(inputs_NI, rows_B, blank_I, s)
    nowhere = np.empty(out.shape[2], out.dtype)
    targets = np.empty((LINE // TILE, TILE), np.int64)
    live = np.empty(LINE // TILE, np.bool_)
    sums = np.zeros((LINE // TILE, TILE, 2, TILE), np.float32)
    totals = np.empty((2, TILE), np.float32)
    for line in range(first, end, LINE):
        tiles = min(end - line, LINE) // TILE
        for j in range(tiles):
            live[j] = _aim(place_I, line + TILE * j, s, out, nowhere, targets[j])
        for k in range(WIDTH // PAIR):
            for c in range(PAIR * k, PAIR * (k + 1)):
                prefetch(sources[c] + line + LINE)
            for j in range(tiles):
                if live[j]:
                    gather_bytes(sources, k, line + TILE * j, targets[j], sums[j], out)
        for j in range(tiles):
            if live[j]:
                finish_sums(sums[j], totals)
                _write_moments(totals, place_I, line + TILE * j, count, moments[s])


@njit(cache=True, error_model="numpy")
def _aim(place_I, start, s, out, nowhere, targets):  # type: ignore[no-untyped-def]  # compiled
    """Set where in memory each of a tile's features begins, dead ones `nowhere`; whether any is alive."""
    live = False
    for t in range(TILE):
        place = place_I[start + t]
        live |= place >= 0
        row = np.int64(out.ctypes.data) + 4 * out.shape[2] * (s * out.shape[1] + place)
        targets[t] = row if place >= 0 else np.int64(nowhere.ctypes.data)
    return live


@njit(cache=True, error_model="numpy")
def _write_moments(totals, place_I, start, count, moments_F2):  # type: ignore[no-untyped-def]  # compiled
    """From sums of values and squares, which are whole numbers, as the difference below is: a constant gives 0."""
    for t in range(TILE):
        place = place_I[start + t]
        if place >= 0:
            total, squares = np.float64(totals[0, t]), np.float64(totals[1, t])
            moments_F2[place, 0] = total
            moments_F2[place, 1] = (squares * count - total * total) / count
