"""The update rules as the block kernels apply them: SGD with or without momentum, AdamW."""

# N weights

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from siftnet.config.fields import TrainConfig
from siftnet.host.compiling import njit
from siftnet.kernels.update_rule import BETA_1, BETA_2, EPSILON, learning_rate

Rule = tuple[float, float, float, float, float, float, float]
"""One update's numbers: AdamW (1) or SGD (0), rate, decay, momentum, nesterov (1 or 0), AdamW's two bias corrections.

A plain tuple, which Numba takes more quickly than a named one.
"""


class Slots(NamedTuple):
    """Weights and the buffers of their updates, float32 (N,) each, or (0,) for buffers that the rule does not have."""

    values: NDArray[Any]
    first: NDArray[Any]
    second: NDArray[Any]


def rule_at(training: TrainConfig, step: int, *, decays: bool = True) -> Rule:
    """The rule of update `step` (from 0), for what decays or for what does not."""
    return (
        float(training.optimiser == "adamw"),
        learning_rate(training, step),
        training.weight_decay if decays else 0.0,
        training.momentum,
        float(training.nesterov),
        1 - BETA_1 ** (step + 1),
        1 - BETA_2 ** (step + 1),
    )


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def step_weights(rule, weights, gradients, first, second):  # type: ignore[no-untyped-def]  # compiled
    """One update, in place, of float32 weights (N,) with float32 gradients (N,).

    first: momentum, or AdamW's first moment; second: its second moment; empty where the rule has none. SGD as PyTorch
    writes it, AdamW after Loshchilov & Hutter (2019), algorithm 2.
    """
    adamw, wide_rate, wide_decay, wide_momentum, nesterov, correction_1, correction_2 = rule
    rate, decay, momentum = np.float32(wide_rate), np.float32(wide_decay), np.float32(wide_momentum)
    if adamw:
        keep_1, keep_2 = np.float32(BETA_1), np.float32(BETA_2)
        root, corrected = np.float32(np.sqrt(correction_2)), np.float32(wide_rate / correction_1)
        for k in range(weights.shape[0]):
            g = gradients[k]
            first[k] = keep_1 * first[k] + np.float32(1 - BETA_1) * g
            second[k] = keep_2 * second[k] + np.float32(1 - BETA_2) * g * g
            change = corrected * first[k] / (np.sqrt(second[k]) / root + np.float32(EPSILON))
            weights[k] -= rate * decay * weights[k] + change
    elif momentum == 0:
        for k in range(weights.shape[0]):
            weights[k] -= rate * (gradients[k] + decay * weights[k])
    else:
        ahead = nesterov > 0
        for k in range(weights.shape[0]):
            g = gradients[k] + decay * weights[k]
            first[k] = momentum * first[k] + g
            weights[k] -= rate * (g + momentum * first[k] if ahead else first[k])
