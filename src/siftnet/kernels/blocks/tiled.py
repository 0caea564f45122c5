"""A layer as a dense matrix in panels."""

# S blocks, C words of a stored feature, O outputs and I inputs that vary, each filled up to whole panels of 32

from __future__ import annotations

import numpy as np

from siftnet.kernels.blocks import pack, rows, tiles
from siftnet.kernels.blocks.layout import PANEL, WIDTH, padded, zeros
from siftnet.kernels.blocks.products import Terms
from siftnet.kernels.blocks.rule import Rule, Slots
from siftnet.kernels.blocks.workspace import Array, Workspace, cuts
from siftnet.kernels.compaction import Part


class Tiled:
    """`Products` with a dense matrix, pruned entries 0; turned: with its transpose too, which `backward` needs."""

    def __init__(self, part: Part, space: Workspace, *, turned: bool) -> None:
        self.space = space
        self.whole = (part.layer.outputs, part.layer.inputs)
        self.outputs, self.inputs = part.outputs.numpy(), part.inputs.numpy()
        O, I = self.shape = padded(len(self.outputs)), padded(len(self.inputs))  # noqa: E741 the letters of the legend
        pairs = 2 if space.paired else 1
        self.input_words, self.output_words = I // pairs, O // pairs
        self.values = zeros((O, self.input_words), space.word)
        self.turned = zeros((I if turned else 0, self.output_words), space.word)
        self.tasks = cuts(np.ones(O // PANEL), space.split)
        self.turned_tasks = cuts(np.ones(I // PANEL), space.split)
        # So many inputs, transposed, as a second cache holds.
        parts = -(-4 * I * space.width * space.blocks // rows.CACHED)
        self.parts = cuts(np.ones(I // PANEL), min(I // PANEL, -(-parts // space.threads) * space.threads))
        self.by_input = np.zeros((1, 2, I), np.float32)
        kept = np.zeros(self.whole[0] * self.whole[1], bool)
        kept[part.live.numpy()] = True
        self.kept = self.put(kept)

    @property
    def size(self) -> int:
        """O I."""
        return self.shape[0] * self.shape[1]

    def put(self, dense: Array) -> Array:
        """What of a flat (outputs x inputs) parameter or buffer varies, filled up with zeros: flat (O x I)."""
        own = zeros(self.shape, dense.dtype)
        own[: len(self.outputs), : len(self.inputs)] = dense.reshape(self.whole)[np.ix_(self.outputs, self.inputs)]
        return own.reshape(-1)

    def take(self, own: Array, dense: Array) -> None:
        """The inverse of `put`, into `dense`."""
        kept = own.reshape(self.shape)[: len(self.outputs), : len(self.inputs)]
        dense.reshape(self.whole)[np.ix_(self.outputs, self.inputs)] = kept

    def fold(self, weights: Array, scales: Array, means: Array, shifts: Array, constants: Array, mean: Array) -> None:
        """See pack.fold_tiles."""
        pack.fold_tiles(weights, scales, means, shifts, self.values, self.turned, constants, mean)

    def forward(self, z: Array, constants: Array, centres: Array, hidden: bool, out: Array, moments: Array) -> None:
        """See tiles.forward_tiles."""
        space = self.space
        tiles.forward_tiles(
            space.tier, space.amx, space.together, z, self._packed(z, self.input_words), self.values, self.tasks,
            constants, centres, hidden, space.counts, out, moments,
        )  # fmt: skip

    def update(self, rule: Rule, d: Array, z: Array, terms: Terms, slots: Slots) -> Array:
        """See tiles.gradient_tiles; by_input: (1, 2, I)."""
        space = self.space
        turned = space.room(self.shape[1] // PANEL, space.blocks * space.width, PANEL)
        tiles.gradient_tiles(
            space.tier, space.amx, rule, d, z, turned, self.parts, *terms, slots.values, self.kept,
            slots.first, slots.second, self.by_input,
        )  # fmt: skip
        return self.by_input

    def backward(self, d: Array, offsets: Array, slopes: Array, centres: Array, z: Array, sums: Array) -> None:
        """See tiles.backward_tiles."""
        space = self.space
        tiles.backward_tiles(
            space.tier, space.amx, space.together, d, self._packed(d, self.output_words), self.turned,
            self.turned_tasks, offsets, slopes, centres, space.counts, z, sums,
        )  # fmt: skip

    def _packed(self, z: Array, words: int) -> Array:
        """Room for activations with words along features; float32 is used as it lies."""
        return self.space.room(self.space.blocks, words, WIDTH) if self.space.paired else z
