"""An affine layer, with batch norm on its input, forward and backward, for several networks at once.

Batch norm's gradients follow from the weight gradient, as norm_affine.py has it for one network.
"""

# R replicates, B batch, I inputs, O outputs

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Affines(NamedTuple):
    """One layer of R networks, its parameters or their gradients; no gamma and beta without batch norm."""

    weight_ROI: Tensor
    bias_RO: Tensor
    gamma_RI: Tensor | None
    beta_RI: Tensor | None


class Tape(NamedTuple):
    """What the way back needs of the way forth."""

    x_low_RBI: Tensor
    """The product's input: standardised where there is batch norm."""
    weight_low_ROI: Tensor
    """The product's weights: times gamma where there is batch norm."""
    rstd_R1I: Tensor | None


def product(left_RMK: Tensor, right_RKN: Tensor) -> Tensor:
    """R matrix products (R, M, N); a single one takes the way of single ones, which libraries tune more."""
    if len(left_RMK) == 1:
        return (left_RMK[0] @ right_RKN[0])[None]
    return torch.bmm(left_RMK, right_RKN)


def standardise(x_RBI: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x_hat (R, B, I), and (R, 1, I) each: mean, biased variance, 1 / sqrt(variance + epsilon) of the batch."""
    var_R1I, mean_R1I = torch.var_mean(x_RBI, 1, correction=0, keepdim=True)
    rstd_R1I = torch.rsqrt(var_R1I + epsilon)
    return (x_RBI - mean_R1I) * rstd_R1I, mean_R1I, var_R1I, rstd_R1I


def forward(x_RBI: Tensor, rstd_R1I: Tensor | None, own: Affines, low: torch.dtype) -> tuple[Tensor, Tape]:
    """W (gamma x + beta) + b as (R, B, O), and the tape.

    x_RBI: standardised by rstd_R1I where there is batch norm; low: what products are computed in.
    """
    weight_ROI, shift_RO = own.weight_ROI, own.bias_RO
    if own.gamma_RI is not None and own.beta_RI is not None:
        shift_RO = shift_RO + product(weight_ROI, own.beta_RI[..., None])[..., 0]
        weight_ROI = weight_ROI * own.gamma_RI[:, None]
    x_low_RBI, weight_low_ROI = x_RBI.to(low), weight_ROI.to(low)
    out_RBO = product(x_low_RBI, weight_low_ROI.mT).to(torch.float32)
    return out_RBO.add_(shift_RO[:, None]), Tape(x_low_RBI, weight_low_ROI, rstd_R1I)


def backward(d_RBO: Tensor, tape: Tape, own: Affines, gradients: Affines) -> None:
    """Write the gradients of the layer's parameters, given that of its output."""
    sums_RO = d_RBO.sum(1)
    correlation_ROI = product(d_RBO.to(tape.x_low_RBI.dtype).mT, tape.x_low_RBI).to(torch.float32)
    gradients.bias_RO.copy_(sums_RO)
    if own.gamma_RI is None or own.beta_RI is None:
        gradients.weight_ROI.copy_(correlation_ROI)
        return
    assert gradients.gamma_RI is not None
    assert gradients.beta_RI is not None
    gradients.gamma_RI.copy_((own.weight_ROI * correlation_ROI).sum(1))
    gradients.beta_RI.copy_(product(own.weight_ROI.mT, sums_RO[..., None])[..., 0])
    correlation_ROI.mul_(own.gamma_RI[:, None])
    gradients.weight_ROI.copy_(correlation_ROI.addcmul_(sums_RO[..., None], own.beta_RI[:, None]))


def input_gradient(d_RBO: Tensor, tape: Tape, own: Affines, gradients: Affines) -> Tensor:
    """Gradient (R, B, I) of the layer's input, once `backward` has written those of its parameters."""
    d_RBI = product(d_RBO.to(tape.weight_low_ROI.dtype), tape.weight_low_ROI).to(torch.float32)
    if tape.rstd_R1I is None:
        return d_RBI
    assert own.gamma_RI is not None
    assert gradients.gamma_RI is not None
    assert gradients.beta_RI is not None
    share_RI = own.gamma_RI / -d_RBO.shape[1]
    d_RBI.add_((share_RI * gradients.beta_RI)[:, None])
    d_RBI.addcmul_(tape.x_low_RBI, (share_RI * gradients.gamma_RI)[:, None])
    return d_RBI.mul_(tape.rstd_R1I)
