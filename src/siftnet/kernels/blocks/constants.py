"""What no example changes of a layer's outputs: the biases, and what constant inputs add.

An input that is constant over the batch leaves batch norm as its beta, whatever it is (compaction.py), so its weights,
the steady ones, add W beta to the outputs, and get their gradients from the outputs' sums alone.
"""

# S blocks, O outputs that vary, Z frozen ones, C constant inputs, W steady weights

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siftnet.host.compiling import njit
from siftnet.kernels.blocks.workspace import Array
from siftnet.kernels.compaction import Part


@dataclass(frozen=True)
class Steady:
    """Steady weights, int64 (W,) each: their row among O + Z outputs, their constant input, their decaying entry."""

    rows: Array
    columns: Array
    entries: Array

    @classmethod
    def of(cls, part: Part, first: int) -> Steady:
        """The steady weights of a layer, which lie in the vector of what decays from `first` on."""
        outputs, frozen = part.outputs.numpy(), part.frozen.numpy()
        wholly, inputs = np.divmod(part.steady.numpy(), part.layer.inputs)
        rows = np.searchsorted(outputs, wholly)
        fixed = np.isin(wholly, frozen)
        rows[fixed] = len(outputs) + np.searchsorted(frozen, wholly[fixed])
        columns = np.searchsorted(part.constants.numpy(), inputs)
        return cls(rows, columns, np.arange(first, first + len(rows)))


@njit(cache=True, error_model="numpy")
def begin_outputs(bias, outputs, frozen, predicted):  # type: ignore[no-untyped-def]  # compiled
    """predicted, float32 (O + Z,), = the biases of the outputs that vary, then of the frozen ones."""
    for o in range(outputs.shape[0]):
        predicted[o] = bias[outputs[o]]
    for o in range(frozen.shape[0]):
        predicted[outputs.shape[0] + o] = bias[frozen[o]]


@njit(cache=True, error_model="numpy")
def settle_constants(rows, columns, entries, weights, normalised, predicted):  # type: ignore[no-untyped-def]  # compiled
    """predicted[rows] += W * value: what constant inputs add to each output, float32 (O + Z,).

    rows, columns, entries: see `Steady`; weights: what decays; normalised: float32 (C,), the inputs after batch norm.
    """
    for k in range(rows.shape[0]):
        predicted[rows[k]] += weights[entries[k]] * normalised[columns[k]]


@njit(cache=True, error_model="numpy")
def constant_gradients(  # type: ignore[no-untyped-def]  # compiled
    rows, columns, entries, weights, normalised, output_sums, gradients, index, beta_gradients
):  # fmt: skip
    """Gradients of the weights of constant inputs and of their betas; frozen outputs, the later rows, have none.

    As in `settle_constants`, and output_sums: float64 (O,), the outputs' gradients over the batch; gradients: of what
    decays; index (C,): the constant inputs' places in beta_gradients.
    """
    for c in range(index.shape[0]):
        beta_gradients[index[c]] = 0
    for k in range(rows.shape[0]):
        if rows[k] < output_sums.shape[0]:
            gradients[entries[k]] = normalised[columns[k]] * output_sums[rows[k]]
            beta_gradients[index[columns[k]]] += weights[entries[k]] * output_sums[rows[k]]


@njit(cache=True, error_model="numpy")
def end_outputs(sums, outputs, kept, totals, gradients):  # type: ignore[no-untyped-def]  # compiled
    """totals, float64 (O,), = sums (S, O) over the blocks: the gradients of the biases that were kept.

    outputs (O,): their places in kept (bool) and gradients (float32), of all outputs of the layer.
    """
    for o in range(outputs.shape[0]):
        total = 0.0
        for s in range(sums.shape[0]):
            total += sums[s, o]
        totals[o] = total
        gradients[outputs[o]] = total if kept[outputs[o]] else 0.0
