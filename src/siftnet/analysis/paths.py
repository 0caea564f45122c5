"""What a deeper layer sees of the inputs: the paths that its nodes have to them through the masks below."""

# J nodes of a layer, L nodes of the layer below, I inputs

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse

# Below this density of the layer's own mask a sparse product is the quicker one.
THIN = 0.05
# Floating-point sums of integers are exact up to here.
EXACT = 2.0**53


def path_counts(masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Number of paths from each layer's nodes down to the inputs, P_l = M_l P_{l-1}.

    masks: bool (nodes of the layer, nodes of the layer below), the first layer first. Returns one (J, I) array a layer:
    int64 and exact while every count is below 2^53, float64 beyond. The support, counts > 0, is the layer's mask.
    Raises ValueError where a layer does not fit the one below.
    """
    counts = _products(masks, [mask.astype(np.float64) for mask in masks])
    return [count.astype(np.int64) if count.max(initial=0.0) < EXACT else count for count in counts]


def path_weights(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Products of masked weights summed over the paths to the inputs: each layer as if no nonlinearity lay below it.

    weights: float (nodes of the layer, nodes of the layer below), 0 where pruned, the first layer first. Returns one
    float64 (J, I) array a layer, for pictures. Raises ValueError where a layer does not fit the one below.
    """
    return _products(weights, [weight.astype(np.float64) for weight in weights])


def _products(given: Sequence[np.ndarray], factors: list[np.ndarray]) -> list[np.ndarray]:
    """Running matrix products from the first layer up."""
    for layer, factor in enumerate(given):
        if factor.ndim != 2 or (layer and factor.shape[1] != given[layer - 1].shape[0]):
            below = given[layer - 1].shape if layer else "the inputs"
            raise ValueError(f"layer {layer + 1} of shape {factor.shape} does not fit the layer below it, {below}")
    products = factors[:1]
    for factor in factors[1:]:
        thin = factor.size and np.count_nonzero(factor) < THIN * factor.size
        left = scipy.sparse.csr_array(factor) if thin else factor
        products.append(np.asarray(left @ products[-1]))
    return products
