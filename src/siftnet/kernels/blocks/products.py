"""What the products of one affine layer offer, whichever way its weights lie: `Sparse` rows or dense `Tiled` panels."""

# S blocks, F features, C words of a stored feature, O outputs and I inputs that vary, W entries of weights

from __future__ import annotations

from typing import NamedTuple, Protocol

from siftnet.kernels.blocks.rule import Rule, Slots
from siftnet.kernels.blocks.workspace import Array


class Terms(NamedTuple):
    """What a weight's gradient is made of beside D, the sum over the batch of d z: scale * D + shift * sum."""

    sums: Array
    """float64 (O,), those of the outputs' gradients d over the batch."""
    scales: Array
    """float32 (F,)."""
    shifts: Array
    """float32 (F,)."""


class Products(Protocol):
    """A layer's weights with batch norm folded in, and the three products of an update.

    Activations (S, F, C) are of the workspace's storage, F filled up with zeros to whole panels of 32, and so are
    scales, means and shifts (F,); the other vectors have one entry a unit.
    """

    @property
    def size(self) -> int:
        """W, the entries of the arrays that hold weights and their buffers."""
        ...

    def put(self, dense: Array) -> Array:
        """This layout (W,) of a parameter or buffer of the whole layer, flat (outputs x inputs)."""
        ...

    def take(self, own: Array, dense: Array) -> None:
        """The inverse of `put`, into the entries of `dense` that are kept here."""
        ...

    def fold(self, weights: Array, scales: Array, means: Array, shifts: Array, constants: Array, mean: Array) -> None:
        """Batch norm into the weights, float32 (W,), with scales, means and shifts, float32 (F,).

        constants, mean: float32 (O,), both come in as what is added to the outputs, and leave as what is added after
        the folded product, and as the mean over the batch that is predicted for the output.
        """
        ...

    def forward(self, z: Array, constants: Array, centres: Array, hidden: bool, out: Array, moments: Array) -> None:
        """The outputs of inputs z, stored in `out`; of a hidden layer relu less centres, with their moments.

        constants, centres: float32 (O,); moments: float64 (S, O, 2), see epilogue.finish_output.
        """
        ...

    def update(self, rule: Rule, d: Array, z: Array, terms: Terms, slots: Slots) -> Array:
        """One update of the weights. d: the outputs' gradients; z: the inputs.

        Returns by_input, float32 (T, 2, at least I): for each of T groups of outputs the sums over them of W D and of
        W sum.
        """
        ...

    def backward(self, d: Array, offsets: Array, slopes: Array, centres: Array, z: Array, sums: Array) -> None:
        """The inputs' gradients before their ReLU, from the outputs' d, stored over the inputs z themselves.

        offsets, slopes, centres: float32 (I,); sums: float64 (S, I), of what was stored; see epilogue.finish_input.
        """
        ...
