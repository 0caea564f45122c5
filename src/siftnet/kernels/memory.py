"""How many bytes a kernel takes while it trains, as an upper bound that is known before anything is allocated."""

from __future__ import annotations

from math import prod

from siftnet.kernels.interface import Problem
from siftnet.network.layers import Affine, Layer

FLOAT_BYTES = 4
WEIGHT_ARRAYS = 6
"""Weights, gradient, the optimiser's two buffers at most, weights folded with batch norm and those transposed."""
WHOLE = 128
"""Activations are counted by so many examples for every kernel, not for those on blocks alone, so that what a run is
foretold does not hang on which kernel its plan names."""


def training_bytes(problem: Problem, whole: int = WHOLE) -> int:
    """Bytes of parameters and activations in training, at most; whole: examples that a batch is filled up to multiples
    of. For the preset images this and what lies beside it are 626 MB, where 673 MB beyond data and libraries were
    measured (benchmarks/results/memory.csv).
    """
    network = problem.network
    examples = -(-problem.training.batch // whole) * whole
    return FLOAT_BYTES * (WEIGHT_ARRAYS * network.parameters + examples * sum(map(_values, network.layers)))


def _values(layer: Layer) -> int:
    """Inputs and outputs of a layer, for one example."""
    if isinstance(layer, Affine):
        return layer.inputs + layer.outputs
    return prod(layer.in_shape) + prod(layer.out_shape)
