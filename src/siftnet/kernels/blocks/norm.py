"""Batch norm on a layer's inputs, as the few numbers a feature that the products fold in.

With z what is stored of input i, its normalised value is scale_i (z - mean_i) + beta_i, with scale = gamma * deviation,
deviation = unit / sqrt(var unit^2 + epsilon), and unit the size of one step of z in the network's own units. Whatever
has one entry a feature is float32, moments and sums are float64; a feature's own parameters are found by its index.
"""

# S blocks, F features, T parts of the outputs

from __future__ import annotations

import numpy as np
from numba import prange

from siftnet.host.compiling import njit

CONSTANT = 1e-12
"""A feature whose variance is below this share of its squared mean is constant but for rounding."""


@njit(parallel=True, cache=True, error_model="numpy")
def normalise_batch(  # type: ignore[no-untyped-def]  # compiled
    moments, counts, units, centres, index, gammas, betas, epsilon, running_mean, running_var, keep, scales, means,
    shifts, deviations,
):  # fmt: skip
    """scales, means, shifts (betas), deviations (F,) from the batch's moments (S, F, 2); moves the running statistics.

    moments: see `Level`; counts: int64 (S,), examples of each block; centres: what is to be added to z * unit; index:
    the features' places in gammas, betas and the running statistics, which have an entry for every input of the layer;
    keep: share of the old running statistics that stays.
    """
    batch = counts.sum()
    for f in prange(index.shape[0]):
        i = index[f]
        total = 0.0
        for s in range(moments.shape[0]):
            total += moments[s, f, 0]
        mean = total / batch
        spread = 0.0
        for s in range(moments.shape[0]):
            away = moments[s, f, 0] / counts[s] - mean
            spread += moments[s, f, 1] + counts[s] * away * away
        unit = np.float64(units[f])
        variance, position = spread / batch * unit * unit, mean * unit + centres[f]
        deviation = unit / np.sqrt(variance + epsilon)
        # What rounding makes of a constant must not be divided by sqrt(epsilon); an exact one has nothing to divide.
        if 0 < variance <= CONSTANT * max(position * position, mean * mean * unit * unit):
            deviation = 0.0
        means[f], deviations[f] = mean, deviation
        scales[f], shifts[f] = gammas[i] * deviation, betas[i]
        running_mean[i] = keep * running_mean[i] + (1 - keep) * position
        running_var[i] = keep * running_var[i] + (1 - keep) * variance


@njit(cache=True, error_model="numpy")
def normalise_running(  # type: ignore[no-untyped-def]  # compiled
    units, centres, index, gammas, betas, epsilon, running_mean, running_var, scales, means, shifts
):  # fmt: skip
    """scales, means, shifts (F,) from the running statistics, for evaluation; arguments as in `normalise_batch`."""
    for f in range(index.shape[0]):
        i = index[f]
        unit = np.float64(units[f])
        scales[f] = gammas[i] * unit / np.sqrt(np.float64(running_var[i]) + epsilon)
        # An input whose unit is 0 has no value but its centre.
        means[f] = (running_mean[i] - centres[f]) / unit if unit != 0 else 0.0
        shifts[f] = betas[i]
        if unit == 0:
            away = gammas[i] * (centres[f] - running_mean[i])
            shifts[f] = betas[i] + away / np.sqrt(np.float64(running_var[i]) + epsilon)


@njit(parallel=True, cache=True, error_model="numpy")
def backward_norm(  # type: ignore[no-untyped-def]  # compiled
    by_input, index, batch, scales, means, deviations, gamma_gradients, beta_gradients, offsets, slopes
):  # fmt: skip
    """Gradients of gamma and beta, and what the input's own gradient needs: d z = V^T d a + offset + slope z.

    by_input, float32 (T, 2, F): sums over each part's outputs of W_oi D_oi and W_oi s_o, with D = sum over the batch of
    d a z and s that of d a; V: the folded weights; batch: the number of examples; offsets, slopes (F,).
    """
    for f in prange(index.shape[0]):
        products, sums = 0.0, 0.0
        for part in range(by_input.shape[0]):
            products += by_input[part, 0, f]
            sums += by_input[part, 1, f]
        gradient = deviations[f] * (products - means[f] * sums)
        gamma_gradients[index[f]], beta_gradients[index[f]] = gradient, sums
        slope = -scales[f] * deviations[f] * gradient / batch
        slopes[f], offsets[f] = slope, -scales[f] * sums / batch - slope * means[f]
