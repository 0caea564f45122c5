"""A layer as rows of surviving weights."""

# O outputs and I inputs that vary, N surviving weights, T parts or tasks

from __future__ import annotations

import numpy as np

from siftnet.kernels.blocks import rows
from siftnet.kernels.blocks.layout import places
from siftnet.kernels.blocks.products import Terms
from siftnet.kernels.blocks.rule import Rule, Slots
from siftnet.kernels.blocks.workspace import Array, Workspace, cuts
from siftnet.kernels.compaction import Part

PARTS = 16
"""Parts that a layer's rows are cut into, each with about as many nonzeros; more threads than that find no work."""


class Sparse:
    """`Products` with compressed rows, in the order of the mask; turned: with the transposed pattern too, which
    `backward` needs."""

    def __init__(self, part: Part, space: Workspace, *, turned: bool) -> None:
        self.space = space
        self.positions = part.live.numpy()
        outputs, inputs = np.divmod(self.positions, part.layer.inputs)
        outputs = places(part.outputs.numpy(), part.layer.outputs)[outputs]
        inputs = places(part.inputs.numpy(), part.layer.inputs)[inputs]
        O, I = part.shape  # noqa: E741 the letters of the legend
        self.columns = _columns(inputs, I)
        self.pointers = _pointers(outputs, O)
        # A row counts as one weight more in the gradient, as four in the products, which also finish it.
        self.parts = cuts(np.bincount(outputs, minlength=O) + 1, PARTS)
        self.tasks = cuts(np.bincount(outputs, minlength=O) + 4, space.split)
        self.values = np.zeros(self.size, np.float32)
        self.dots = np.zeros((rows.HALVES, self.size), np.float32)
        self.by_input = np.zeros((PARTS, 2, I), np.float32)
        if turned:
            self.order = np.argsort(inputs, kind="stable")
            self.turned_columns = _columns(outputs[self.order], O)
            self.turned_pointers = _pointers(inputs, I)
            self.turned_tasks = cuts(np.bincount(inputs, minlength=I) + 4, space.split)

    @property
    def size(self) -> int:
        """N."""
        return len(self.positions)

    def put(self, dense: Array) -> Array:
        """The survivors of a flat (outputs x inputs) parameter or buffer: (N,)."""
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

    def update(self, rule: Rule, d: Array, z: Array, terms: Terms, slots: Slots) -> Array:
        """See rows.dots_rows and rows.update_rows; by_input: (16, 2, I)."""
        space = self.space
        rows.dots_rows(space.tier, space.threads, d, z, self.pointers, self.columns, self.parts, self.dots)
        rows.update_rows(rule, self.pointers, self.columns, self.parts, *terms, self.dots, *slots, self.by_input)
        return self.by_input

    def backward(self, d: Array, offsets: Array, slopes: Array, centres: Array, z: Array, sums: Array) -> None:
        """See rows.backward_rows."""
        rows.backward_rows(
            self.space.tier, d, self.turned_pointers, self.turned_columns, self.order, self.values, self.turned_tasks,
            offsets, slopes, centres, self.space.counts, z, sums,
        )  # fmt: skip


def _columns(index: Array, count: int) -> Array:
    # 16 bits where they suffice: columns are a third of what a sparse product reads of its weights.
    kind = np.uint16 if count <= 1 << 16 else np.uint32
    return np.concatenate([index, np.zeros(rows.PADDING, np.int64)]).astype(kind)


def _pointers(index: Array, count: int) -> Array:
    return np.concatenate([[0], np.cumsum(np.bincount(index, minlength=count))]).astype(np.int64)
