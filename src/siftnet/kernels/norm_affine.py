"""Batch norm and affine layer as one differentiable step, with the matrix products in fp32 or bf16.

B batch, I inputs, O outputs. With G = dA^T x_hat and s = sum over the batch of dA, everything that batch norm needs on
the way back follows from the weight gradient: dW_oi = gamma_i G_oi + beta_i s_o, d gamma_i = sum_o W_oi G_oi,
d beta_i = sum_o W_oi s_o. So a first layer costs two products and not three, and nothing is divided by gamma.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def standardise(x_BI: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """x_hat (B, I), mean (I,) and 1 / sqrt(var + epsilon) (I,) with the batch's biased variance."""
    # native_batch_norm is ten times faster on the processor than var_mean over the batch axis (0.5 ms against 4.8).
    x_hat, mean, rstd = torch.native_batch_norm(x_BI, None, None, None, None, True, 0.0, epsilon)
    return x_hat, mean, rstd


class NormAffine(torch.autograd.Function):
    """a = W (gamma * x_hat + beta) + b, given x_hat and 1 / sqrt(var + epsilon) of x_BI."""

    @staticmethod
    def forward(
        ctx: Any, x_BI: Tensor, gamma_I: Tensor, beta_I: Tensor, weight_OI: Tensor, bias_O: Tensor, x_hat_BI: Tensor,
        rstd_I: Tensor, dtype: torch.dtype,
    ) -> Tensor:  # fmt: skip
        x_hat_BI = x_hat_BI.to(dtype)
        folded_OI = (weight_OI * gamma_I).to(dtype)
        ctx.save_for_backward(gamma_I, beta_I, weight_OI, x_hat_BI, rstd_I, folded_OI)
        out_BO = (x_hat_BI @ folded_OI.T).to(torch.float32)
        return out_BO.add_(torch.mv(weight_OI, beta_I).add_(bias_O))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BO: Tensor) -> tuple[Tensor | None, ...]:
        gamma_I, beta_I, weight_OI, x_hat_BI, rstd_I, folded_OI = ctx.saved_tensors
        grad_low_BO = grad_BO.to(x_hat_BI.dtype)
        correlation_OI = (grad_low_BO.T @ x_hat_BI).to(torch.float32)
        sums_O = grad_BO.sum(0)
        gamma_grad_I = (weight_OI * correlation_OI).sum(0)
        beta_grad_I = torch.mv(weight_OI.T, sums_O)
        grad_x_BI = None
        if ctx.needs_input_grad[0]:
            count = len(grad_BO)
            grad_x_BI = (grad_low_BO @ folded_OI).to(torch.float32)
            grad_x_BI.sub_(gamma_I * beta_grad_I / count).addcmul_(x_hat_BI, gamma_I * gamma_grad_I / -count)
            grad_x_BI.mul_(rstd_I)
        weight_grad_OI = correlation_OI.mul_(gamma_I).addcmul_(sums_O[:, None], beta_I)
        return grad_x_BI, gamma_grad_I, beta_grad_I, weight_grad_OI, sums_O, None, None, None


class PlainAffine(torch.autograd.Function):
    """a = W x + b."""

    @staticmethod
    def forward(ctx: Any, x_BI: Tensor, weight_OI: Tensor, bias_O: Tensor, dtype: torch.dtype) -> Tensor:
        x_low_BI, weight_low_OI = x_BI.to(dtype), weight_OI.to(dtype)
        ctx.save_for_backward(x_low_BI, weight_low_OI)
        return (x_low_BI @ weight_low_OI.T).to(torch.float32).add_(bias_O)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BO: Tensor) -> tuple[Tensor | None, ...]:
        x_low_BI, weight_low_OI = ctx.saved_tensors
        grad_low_BO = grad_BO.to(x_low_BI.dtype)
        grad_x_BI = (grad_low_BO @ weight_low_OI).to(torch.float32) if ctx.needs_input_grad[0] else None
        return grad_x_BI, (grad_low_BO.T @ x_low_BI).to(torch.float32), grad_BO.sum(0), None
