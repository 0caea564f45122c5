"""Batch norm on a layer's inputs, as the few numbers a feature that the products fold in.

With z what is stored of input i, its normalised value is scale_i (z - mean_i) + beta_i: scale = gamma * deviation, where
deviation = unit / sqrt(var unit^2 + epsilon) and unit is the size of one step of z in the network's own units.
"""

# S blocks, F features, T parts of the outputs

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

CONSTANT = 1e-12
"""A feature whose variance is below this share of its squared mean is constant but for rounding."""


@njit(parallel=True, cache=True, error_model="numpy")
def normalise_batch(
    moments: Any, counts: Any, units: Any, centres: Any, index: Any, gammas: Any, betas: Any, epsilon: float,
    running_mean: Any, running_var: Any, keep: float, scales: Any, means: Any, shifts: Any, deviations: Any,
) -> None:  # fmt: skip
    """scales, means, shifts (betas), deviations (F,) from the batch's moments (S, F, 2); moves the running statistics.

    centres: what is to be added to z * unit; index: the features' places in gammas, betas and the running statistics;
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
        # What rounding makes of a constant must not be divided by sqrt(epsilon); an exact constant has nothing to divide.
        if 0 < variance <= CONSTANT * max(position * position, mean * mean * unit * unit):
            deviation = 0.0
        means[f], deviations[f] = mean, deviation
        scales[f], shifts[f] = gammas[i] * deviation, betas[i]
        running_mean[i] = keep * running_mean[i] + (1 - keep) * position
        running_var[i] = keep * running_var[i] + (1 - keep) * variance


@njit(cache=True, error_model="numpy")
def normalise_running(
    units: Any, centres: Any, index: Any, gammas: Any, betas: Any, epsilon: float, running_mean: Any, running_var: Any,
    scales: Any, means: Any, shifts: Any,
) -> None:  # fmt: skip
    """The same from the running statistics, for evaluation."""
    for f in range(index.shape[0]):
        i = index[f]
        unit = np.float64(units[f])
        scales[f] = gammas[i] * unit / np.sqrt(np.float64(running_var[i]) + epsilon)
        # An input whose unit is 0 has no value but its centre.
        means[f] = (running_mean[i] - centres[f]) / unit if unit != 0 else 0.0
        shifts[f] = (
            betas[i]
            if unit != 0
            else betas[i] + gammas[i] * (centres[f] - running_mean[i]) / np.sqrt(np.float64(running_var[i]) + epsilon)
        )


@njit(parallel=True, cache=True, error_model="numpy")
def backward_norm(
    by_input: Any, index: Any, batch: int, scales: Any, means: Any, deviations: Any, gamma_gradients: Any,
    beta_gradients: Any, offsets: Any, slopes: Any,
) -> None:  # fmt: skip
    """Gradients of gamma and beta, and what the input's own gradient needs: d z = V^T d a + offset + slope z.

    by_input (T, 2, F): sums over each part's outputs of W_oi D_oi and W_oi s_o, with D = sum over the batch of d a z.
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


@njit(cache=True, error_model="numpy")
def settle_constants(
    rows: Any, columns: Any, entries: Any, weights: Any, normalised: Any, predicted: Any
) -> None:  # fmt: skip
    """What constant inputs, whose normalised values are given, add to each output: predicted[rows] += W * value."""
    for k in range(rows.shape[0]):
        predicted[rows[k]] += weights[entries[k]] * normalised[columns[k]]


@njit(cache=True, error_model="numpy")
def constant_gradients(
    rows: Any, columns: Any, entries: Any, weights: Any, normalised: Any, output_sums: Any, gradients: Any, index: Any,
    beta_gradients: Any,
) -> None:  # fmt: skip
    """Gradients of the weights of constant inputs and of their betas; frozen outputs, the later rows, have none."""
    for c in range(index.shape[0]):
        beta_gradients[index[c]] = 0
    for k in range(rows.shape[0]):
        if rows[k] < output_sums.shape[0]:
            gradients[entries[k]] = normalised[columns[k]] * output_sums[rows[k]]
            beta_gradients[index[columns[k]]] += weights[entries[k]] * output_sums[rows[k]]


@njit(cache=True, error_model="numpy")
def begin_outputs(bias: Any, outputs: Any, frozen: Any, predicted: Any) -> None:
    """predicted = the biases of active outputs, then of frozen ones."""
    for o in range(outputs.shape[0]):
        predicted[o] = bias[outputs[o]]
    for o in range(frozen.shape[0]):
        predicted[outputs.shape[0] + o] = bias[frozen[o]]


@njit(cache=True, error_model="numpy")
def end_outputs(sums: Any, outputs: Any, kept: Any, totals: Any, gradients: Any) -> None:
    """totals (O,) = sums (S, O) over the blocks: the gradients of the biases that were kept."""
    for o in range(outputs.shape[0]):
        total = 0.0
        for s in range(sums.shape[0]):
            total += sums[s, o]
        totals[o] = total
        gradients[outputs[o]] = total if kept[outputs[o]] else 0.0
