"""The dense kernel: dense products and masked gradients, for every network and device.

Its cost does not fall with density; every other kernel is held against it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from siftnet.config.fields import TrainConfig
from siftnet.kernels.interface import Problem
from siftnet.kernels.memory import training_bytes
from siftnet.kernels.norm_affine import NormAffine, PlainAffine, standardise
from siftnet.kernels.update_rule import learning_rate
from siftnet.network.layers import CONVOLVE, POOL, Affine, Convolution, Pooling, loss_of
from siftnet.network.masks import Masks
from siftnet.network.state import Buffers, State
from siftnet.pruning.evaluation import Evaluation

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def make_optimiser(
    training: TrainConfig, parameters: dict[str, Tensor], undecayed: Collection[str]
) -> torch.optim.Optimizer:
    """SGD or AdamW over named parameters; decay acts on all but those of the names `undecayed`."""
    decayed = [p for name, p in parameters.items() if name not in undecayed]
    lasting = [p for name, p in parameters.items() if name in undecayed]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": lasting, "weight_decay": 0.0}]
    if training.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=training.lr, weight_decay=training.weight_decay)
    return torch.optim.SGD(
        groups,
        lr=training.lr,
        momentum=training.momentum,
        nesterov=training.nesterov,
        weight_decay=training.weight_decay,
    )


def rank_of_label(outputs_BK: Tensor, labels_B: Tensor) -> Tensor:
    """How many classes are ranked before the true one: int64 (B,); ties go to the lower class number.

    An output that is NaN ranks before everything, so that a broken network scores 0 and equal outputs score by chance.
    """
    own_B1 = outputs_BK.gather(1, labels_B[:, None])
    index_K = torch.arange(outputs_BK.shape[1], device=outputs_BK.device)
    before = ~(outputs_BK <= own_B1) | ((outputs_BK == own_B1) & (index_K < labels_B[:, None]))
    return before.sum(1)


def library_rounding(problem: Problem) -> frozenset[str]:
    """What decides the last bits of PyTorch's products: on the processor its library takes AMX tiles for bf16 too."""
    tiles = problem.device == "cpu" and problem.training.precision == "bf16"
    return frozenset({"amx"}) if tiles else frozenset()


class Dense:
    """Dense products and masked gradients."""

    name = "dense"

    def supports(self, problem: Problem) -> str | None:
        """Everything is supported."""
        return None

    def compile(self, problem: Problem, state: State, masks: Masks) -> DenseKernel:
        """A dense kernel on the problem's device."""
        return DenseKernel(problem, state, masks)

    def memory(self, problem: Problem) -> int:
        """See `KernelKind`."""
        return training_bytes(problem)

    def rounding(self, problem: Problem) -> frozenset[str]:
        """See `library_rounding`."""
        return library_rounding(problem)


class DenseKernel:
    """One network in training; weights are kept with pruned entries at 0, so that products need no mask."""

    def __init__(self, problem: Problem, state: State, masks: Masks) -> None:
        self.network, self.training, self.batches = problem.network, problem.training, problem.batches
        device = self.batches.device
        self.dtype = PRECISIONS[self.training.precision]
        state = masks.apply(state)
        self.parameters = {
            name: value.to(device, torch.float32, copy=True).requires_grad_()
            for name, value in state.parameters.items()
        }
        self.statistics = {name: value.to(device, copy=True) for name, value in state.statistics.items()}
        # A full mask changes nothing, so it costs nothing.
        self.pruned = {name: ~mask.to(device) for name, mask in masks.items() if not bool(mask.all())}
        self.step = state.step
        self.optimiser = make_optimiser(self.training, self.parameters, self.network.undecayed)
        self._import_buffers(state.optimiser)

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates and return the training loss of each."""
        losses = []
        for _ in range(updates):
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(self.training, self.step)
            x_BI, labels_B = self.batches.train(self.step)
            self.optimiser.zero_grad()
            loss = loss_of(self.network, self._outputs(x_BI, training=True), labels_B)
            loss.backward()
            for name, pruned in self.pruned.items():
                gradient = self.parameters[name].grad
                assert gradient is not None
                # Not a product: a pruned entry's gradient may be infinite, and 0 * inf is not 0.
                gradient.masked_fill_(pruned, 0.0)
            self.optimiser.step()
            self.step += 1
            losses.append(loss.detach())
        return torch.stack(losses).tolist() if losses else []

    def _outputs(self, x_BI: Tensor, *, training: bool) -> Tensor:
        hidden = x_BI
        for layer in self.network.layers:
            if isinstance(layer, Pooling):
                hidden = POOL[len(layer.in_shape) - 1](hidden.reshape(-1, *layer.in_shape), layer.width)
            elif isinstance(layer, Convolution):
                hidden = F.relu(self._convolve(layer, hidden))
            else:
                hidden = self._affine(layer, hidden.reshape(len(hidden), layer.inputs), training)
                if layer.hidden:
                    hidden = F.relu(hidden, inplace=True)
        return hidden

    def _convolve(self, layer: Convolution, x: Tensor) -> Tensor:
        conv = CONVOLVE[len(layer.in_shape) - 1]
        weight = self.parameters[f"{layer.name}.weight"].to(self.dtype)
        return conv(x.reshape(-1, *layer.in_shape).to(self.dtype), weight, stride=layer.stride).to(torch.float32)

    def _affine(self, layer: Affine, x_BI: Tensor, training: bool) -> Tensor:
        weight, bias = self.parameters[f"{layer.name}.weight"], self.parameters[f"{layer.name}.bias"]
        out_BO: Tensor
        if not self.network.norm:
            out_BO = PlainAffine.apply(x_BI, weight, bias, self.dtype)
            return out_BO
        epsilon = self.network.norm_epsilon
        if training:
            with torch.no_grad():
                x_hat_BI, mean_I, rstd_I = standardise(x_BI, epsilon)
                self._move_statistics(layer.name, mean_I, rstd_I.pow(-2) - epsilon)
        else:
            rstd_I = torch.rsqrt(self.statistics[f"{layer.name}.norm.running_var"] + epsilon)
            x_hat_BI = (x_BI - self.statistics[f"{layer.name}.norm.running_mean"]).mul_(rstd_I)
        gamma, beta = self.parameters[f"{layer.name}.norm.weight"], self.parameters[f"{layer.name}.norm.bias"]
        out_BO = NormAffine.apply(x_BI, gamma, beta, weight, bias, x_hat_BI, rstd_I, self.dtype)
        return out_BO

    def _move_statistics(self, name: str, mean_I: Tensor, var_I: Tensor) -> None:
        for key, value in ((f"{name}.norm.running_mean", mean_I), (f"{name}.norm.running_var", var_I.clamp_(min=0))):
            if key in self.statistics:
                self.statistics[key].lerp_(value, 1 - self.network.norm_decay)
            else:
                self.statistics[key] = value.clone()

    @torch.no_grad()
    def evaluate(self, split: str) -> Evaluation:
        """Loss and score on a split."""
        loss = torch.zeros((), dtype=torch.float64, device=self.batches.device)
        first, top5 = torch.zeros_like(loss), torch.zeros_like(loss)
        classes = self.network.loss == "cross_entropy"
        count = 0
        for x_BI, labels_B in self.batches.split(split):
            outputs_BK = self._outputs(x_BI, training=False)
            loss += loss_of(self.network, outputs_BK, labels_B, "sum")
            if classes:
                ranks_B = rank_of_label(outputs_BK, labels_B)
                first += (ranks_B == 0).sum()
                top5 += (ranks_B < 5).sum()
            count += len(labels_B)
        if not classes:
            return Evaluation.of_numbers(float(loss), self.batches.target_spreads[split], count)
        return Evaluation.of_classes(float(loss), float(first), float(top5), count, outputs_BK.shape[1])

    def export(self) -> State:
        """The state on the processor."""
        buffers: Buffers = {}
        for name, parameter in self.parameters.items():
            for kind, value in self.optimiser.state.get(parameter, {}).items():
                if value is not None:
                    buffers.setdefault(kind, {})[name] = value
        return State(self.parameters, self.statistics, buffers, self.step).clone()

    def _import_buffers(self, buffers: Buffers) -> None:
        for kind, own in buffers.items():
            for name, value in own.items():
                device = value.device if kind == "step" else self.batches.device
                self.optimiser.state[self.parameters[name]][kind] = value.to(device, copy=True)
