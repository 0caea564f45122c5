"""The loss of several networks on a batch each, and its gradient."""

# R replicates, B batch, K network outputs

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from siftnet.network.layers import Loss


def mean_loss(loss: Loss, outputs_RBK: Tensor, labels_RB: Tensor) -> tuple[Tensor, Tensor]:
    """Each network's mean loss (R,), and its gradient (R, B, K) by the outputs.

    labels_RB: class numbers int64 for cross entropy, float32 targets for squared error of outputs (R, B, 1).
    """
    batch = outputs_RBK.shape[1]
    if loss == "squared_error":
        error_RB = outputs_RBK[..., 0] - labels_RB
        return error_RB.square().mean(1), (error_RB * (2 / batch))[..., None]
    log_RBK = F.log_softmax(outputs_RBK, 2)
    true_RB1 = labels_RB[..., None]
    chosen_RB1 = log_RBK.gather(2, true_RB1)
    gradient_RBK = log_RBK.exp().scatter_(2, true_RB1, chosen_RB1.exp() - 1)
    return -chosen_RB1.mean((1, 2)), gradient_RBK.div_(batch)


def summed_loss(loss: Loss, outputs_RBK: Tensor, labels_B: Tensor) -> Tensor:
    """Each network's loss summed over the same examples: float64 (R,)."""
    labels_RB = labels_B.expand(len(outputs_RBK), -1)
    if loss == "squared_error":
        return (outputs_RBK[..., 0] - labels_RB).double().square().sum(1)
    chosen_RB1 = torch.log_softmax(outputs_RBK, 2).gather(2, labels_RB[..., None])
    return -chosen_RB1.double().sum((1, 2))
