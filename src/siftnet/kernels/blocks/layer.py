"""One affine layer on the block layout: its arrays, and the calls that train it. Sparse rows or dense tiles."""

# S blocks, O outputs, I inputs (active ones), Z frozen outputs, C constant inputs

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siftnet.kernels.blocks import pack, rows, tiles
from siftnet.kernels.blocks.layout import PANEL, zeros
from siftnet.kernels.compaction import Part

Array = NDArray[Any]
PARTS = 16
"""Parts that a layer's rows are cut into, each with about as many nonzeros; more threads than that find no work."""


def padded(count: int) -> int:
    """Whole panels that hold so many rows."""
    return max(1, -(-count // PANEL)) * PANEL


def balanced_parts(loads: Array, parts: int) -> Array:
    """Where to cut so that each of `parts` neighbouring groups carries about the same load: int64 (parts + 1,)."""
    total = np.concatenate([[0], np.cumsum(loads)])
    return np.searchsorted(total, np.linspace(0, total[-1], parts + 1)[1:-1], side="left").clip(0, len(loads))


def cuts(loads: Array, parts: int) -> Array:
    """`balanced_parts` with both ends."""
    return np.concatenate([[0], balanced_parts(loads, parts), [len(loads)]]).astype(np.int64)


@dataclass
class Workspace:
    """What all layers share: how products are computed, and how a batch lies in blocks."""

    tier: int
    amx: bool
    word: Any
    """dtype of what is stored: float32, or uint32 for pairs of bf16."""
    counts: Array
    """Examples in each block: int64 (S,)."""
    threads: int

    @property
    def width(self) -> int:
        """Words of a stored feature."""
        return 128 if self.word == np.float32 else 64

    @property
    def split(self) -> int:
        """Tasks that a block is cut into, so that every thread finds one."""
        return 1 if len(self.counts) % self.threads == 0 else 4

    @property
    def together(self) -> int:
        """Blocks that a thread multiplies by the same weights before it goes on to others."""
        return 2 if len(self.counts) % (2 * self.threads) == 0 else 1


class Sparse:
    """Rows of surviving weights."""

    def __init__(self, part: Part, space: Workspace, *, turned: bool) -> None:
        self.space = space
        live, shape = part.live.numpy(), (part.layer.outputs, part.layer.inputs)
        outputs, inputs = np.divmod(live, shape[1])
        place_O, place_I = _places(part.outputs.numpy(), shape[0]), _places(part.inputs.numpy(), shape[1])
        outputs, inputs = place_O[outputs], place_I[inputs]
        O, I = part.shape  # noqa: E741 the letters of the legend
        self.positions = live
        self.columns = _padded_columns(inputs, I)
        self.pointers = _pointers(outputs, O)
        self.parts = cuts(np.bincount(outputs, minlength=O) + 1, PARTS)
        self.tasks = cuts(np.bincount(outputs, minlength=O) + 4, space.split)
        self.values = np.zeros(len(live), np.float32)
        self.dots = np.zeros((rows.HALVES, len(live) + rows.PADDING), np.float32)
        self.by_input = np.zeros((PARTS, 2, I), np.float32)
        if turned:
            self.order = np.argsort(inputs, kind="stable")
            self.turned_columns = _padded_columns(outputs[self.order], O)
            self.turned_pointers = _pointers(inputs, I)
            self.turned_tasks = cuts(np.bincount(inputs, minlength=I) + 4, space.split)

    @property
    def size(self) -> int:
        """Entries of the arrays that hold weights and their buffers."""
        return len(self.positions)

    def put(self, dense: Array) -> Array:
        """This layout of a flat (O x I) parameter or buffer."""
        return np.ascontiguousarray(dense[self.positions])

    def take(self, own: Array, dense: Array) -> None:
        """The inverse of `put`, into `dense`."""
        dense[self.positions] = own

    def fold(self, weights: Array, scales: Array, means: Array, shifts: Array, constants: Array, mean: Array) -> None:
        """See rows.fold_rows."""
        rows.fold_rows(
            self.pointers, self.columns, weights, self.parts, scales, means, shifts, self.values, constants, mean
        )

    def forward(self, z: Array, constants: Array, centres: Array, hidden: bool, out: Array, moments: Array) -> None:
        """See rows.forward_rows."""
        rows.forward_rows(
            self.space.tier, z, self.pointers, self.columns, self.values, self.tasks, constants, centres, hidden,
            self.space.counts, out, moments,
        )  # fmt: skip

    def update(
        self, rule: Any, d: Array, z: Array, sums: Array, scales: Array, shifts: Array, weights: Array, first: Array,
        second: Array,
    ) -> Array:  # fmt: skip
        """See rows.dots_rows and rows.update_rows; returns by_input."""
        rows.dots_rows(
            self.space.tier, self.space.threads, d, z, self.pointers, self.columns, self.parts, self.dots
        )  # fmt: skip
        rows.update_rows(
            rule, self.pointers, self.columns, self.parts, sums, scales, shifts, self.dots, weights, first, second,
            self.by_input,
        )  # fmt: skip
        return self.by_input

    def backward(self, d: Array, offsets: Array, slopes: Array, centres: Array, z: Array, sums: Array) -> None:
        """See rows.backward_rows."""
        rows.backward_rows(
            self.space.tier, d, self.turned_pointers, self.turned_columns, self.order, self.values, self.turned_tasks,
            offsets, slopes, centres, self.space.counts, z, sums,
        )  # fmt: skip


class Tiled:
    """A dense matrix, pruned entries 0, products in panels."""

    def __init__(self, part: Part, space: Workspace, scratch: Scratch, *, turned: bool) -> None:
        self.space, self.scratch = space, scratch
        O, I = part.shape  # noqa: E741 the letters of the legend
        self.shape = (part.layer.outputs, part.layer.inputs)
        self.outputs, self.inputs = part.outputs.numpy(), part.inputs.numpy()
        self.padded = padded(O), padded(I)
        O_, I_ = self.padded
        words = 2 if space.word == np.uint32 else 1
        self.values = zeros((O_, I_ // words), space.word)
        self.turned = zeros((I_ if turned else 0, O_ // words), space.word)
        self.tasks = cuts(np.ones(O_ // PANEL), space.split)
        self.turned_tasks = cuts(np.ones(I_ // PANEL), space.split)
        # So many inputs, transposed, as a second cache holds.
        parts = -(-4 * I_ * space.width * len(space.counts) // rows.CACHED)
        self.parts = cuts(np.ones(I_ // PANEL), min(I_ // PANEL, -(-parts // space.threads) * space.threads))
        self.by_input = np.zeros((1, 2, I_), np.float32)
        self.packed = (len(space.counts), I_ // words), (len(space.counts), O_ // words)
        kept = np.zeros(self.shape[0] * self.shape[1], bool)
        kept[part.live.numpy()] = True
        self.kept = self.put(kept)

    @property
    def size(self) -> int:
        """Entries of the arrays that hold weights and their buffers."""
        return self.padded[0] * self.padded[1]

    def put(self, dense: Array) -> Array:
        """This layout of a flat (O x I) parameter or buffer."""
        own = zeros(self.padded, dense.dtype)
        own[: len(self.outputs), : len(self.inputs)] = dense.reshape(self.shape)[np.ix_(self.outputs, self.inputs)]
        return own.reshape(-1)

    def take(self, own: Array, dense: Array) -> None:
        """The inverse of `put`, into `dense`."""
        kept = own.reshape(self.padded)[: len(self.outputs), : len(self.inputs)]
        dense.reshape(self.shape)[np.ix_(self.outputs, self.inputs)] = kept

    def fold(self, weights: Array, scales: Array, means: Array, shifts: Array, constants: Array, mean: Array) -> None:
        """See pack.fold_tiles."""
        pack.fold_tiles(weights, scales, means, shifts, self.values, self.turned, constants, mean)

    def forward(self, z: Array, constants: Array, centres: Array, hidden: bool, out: Array, moments: Array) -> None:
        """See tiles.forward_tiles."""
        tiles.forward_tiles(
            self.space.tier, self.space.amx, self.space.together, z, self._room(z, self.packed[0]), self.values, self.tasks, constants,
            centres, hidden, self.space.counts, out, moments,
        )  # fmt: skip

    def update(
        self, rule: Any, d: Array, z: Array, sums: Array, scales: Array, shifts: Array, weights: Array, first: Array,
        second: Array,
    ) -> Array:  # fmt: skip
        """See tiles.gradient_tiles; returns by_input."""
        turned = self.scratch.take((self.padded[1] // PANEL, len(z) * self.space.width, PANEL))
        tiles.gradient_tiles(
            self.space.tier, self.space.amx, rule, d, z, turned, self.parts, sums, scales, shifts, weights, self.kept,
            first, second, self.by_input,
        )  # fmt: skip
        return self.by_input

    def backward(self, d: Array, offsets: Array, slopes: Array, centres: Array, z: Array, sums: Array) -> None:
        """See tiles.backward_tiles."""
        tiles.backward_tiles(
            self.space.tier, self.space.amx, self.space.together, d, self._room(d, self.packed[1]), self.turned, self.turned_tasks, offsets,
            slopes, centres, self.space.counts, z, sums,
        )  # fmt: skip

    def _room(self, z: Array, shape: tuple[int, int]) -> Array:
        return z if self.space.word == np.float32 else self.scratch.take((*shape, 128))


class Scratch:
    """Room that one product uses and the next one uses again."""

    def __init__(self, word: Any) -> None:
        self.words = np.zeros(0, word)

    def take(self, shape: tuple[int, ...]) -> Array:
        """An array of this shape, whose contents do not last."""
        count = int(np.prod(shape))
        if count > len(self.words):
            self.words = zeros((count,), self.words.dtype)
        return self.words[:count].reshape(shape)


def _places(index: Array, count: int) -> Array:
    place = np.full(count, -1, np.int64)
    place[index] = np.arange(len(index))
    return place


def _padded_columns(columns: Array, count: int) -> Array:
    # 16 bits where they suffice: columns are a third of what a sparse product reads of its weights.
    kind = np.uint16 if count <= 1 << 16 else np.uint32
    return np.concatenate([columns, np.zeros(rows.PADDING, np.int64)]).astype(kind)


def _pointers(outputs: Array, count: int) -> Array:
    return np.concatenate([[0], np.cumsum(np.bincount(outputs, minlength=count))]).astype(np.int64)


Products = Sparse | Tiled
