"""The update rules on the vectors of several networks; what changes from update to update lies on the device."""

# R replicates, P entries of a vector, K updates

from __future__ import annotations

from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

from siftnet.config.fields import TrainConfig
from siftnet.kernels.update_rule import BETA_1, BETA_2, EPSILON


def rates_at(training: TrainConfig, steps_K: Tensor) -> Tensor:
    """float32 (K, 3): learning rate and AdamW's two bias corrections of the updates (from 0) whose int64 numbers lie
    on the device."""
    steps = steps_K.double()
    rate = torch.full_like(steps, training.lr)
    if training.schedule == "cosine":
        rate = rate * 0.5 * (1 + torch.cos(steps * (pi / training.steps)))
    corrections = [1 - beta ** (steps + 1) for beta in (BETA_1, BETA_2)]
    return torch.stack([rate, *corrections], 1).float()


class Vectors(NamedTuple):
    """What an update reads and changes."""

    values_RP: Tensor
    gradients_RP: Tensor
    buffers: dict[str, Tensor]
    """(R, P) each, by PyTorch's names."""
    pruned_RP: Tensor | None
    """True where values stay 0; None where nothing is pruned."""
    decay_P: Tensor | None
    """Weight decay of each entry; None where there is none."""


def update_vectors(training: TrainConfig, rates_3: Tensor, vectors: Vectors) -> None:
    """One update in place, of values and buffers; the gradients are used up. rates_3: a row of `rates_at`."""
    values_RP, gradients_RP, buffers, pruned_RP, decay_P = vectors
    if pruned_RP is not None:
        # Not a product: a pruned entry's gradient may be infinite, and 0 * inf is not 0.
        gradients_RP.masked_fill_(pruned_RP, 0.0)
    rate, correction_1, correction_2 = rates_3.unbind()
    if training.optimiser == "adamw":
        if decay_P is not None:
            values_RP.mul_(1 - rate * decay_P)
        first_RP, second_RP = buffers["exp_avg"], buffers["exp_avg_sq"]
        first_RP.lerp_(gradients_RP, 1 - BETA_1)
        second_RP.mul_(BETA_2).addcmul_(gradients_RP, gradients_RP, value=1 - BETA_2)
        root_RP = second_RP.sqrt().div_(correction_2.sqrt()).add_(EPSILON)
        values_RP.sub_(first_RP.div(root_RP).mul_(rate / correction_1))
        return
    if decay_P is not None:
        gradients_RP.addcmul_(values_RP, decay_P)
    if training.momentum:
        velocity_RP = buffers["momentum_buffer"].mul_(training.momentum).add_(gradients_RP)
        if training.nesterov:
            gradients_RP.add_(velocity_RP, alpha=training.momentum)
        else:
            gradients_RP = velocity_RP
    values_RP.addcmul_(gradients_RP, rate, value=-1)
