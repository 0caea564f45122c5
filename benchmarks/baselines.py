"""Training under masks as a user writes it today in plain PyTorch: what siftnet's kernels are held against.

- fp32: every product with weight * mask, by autograd;
- bf16: the same with the forward pass under bf16 autocast, the loss in fp32;
- csr: surviving weights as torch.sparse CSR values, fp32.

All gather a batch by random rows from resident uint8 images, normalise each affine layer's input by BatchNorm1d, and
train with cross entropy and torch.optim.SGD (AdamW where the problem says so). Each is written for speed. What did not
make it: `F.linear` with a CSR weight and CSC weights (3 times slower than CSR times a transposed batch), `inputs[rows]`
(twice as slow as index_select), boolean masks (5 times slower to multiply with than float ones), a CSR parameter
differentiated by autograd itself, for which torch has no optimiser step.

B batch, I inputs, O outputs, K classes, N examples, S survivors.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from siftnet.bench.contender import Entrant
from siftnet.kernels.instance import Instance
from siftnet.kernels.interface import Problem
from siftnet.network.layers import Affine, Network
from siftnet.pruning.evaluation import Evaluation


class Loop(nn.Module):
    """A training loop around a network of affine layers; what differs between baselines is the forward pass."""

    def __init__(self, instance: Instance) -> None:
        super().__init__()
        problem = instance.problem
        self.training_config, self.batches = problem.training, problem.batches
        self.affine = affine_layers(problem.network)
        device = problem.batches.device
        self.build(instance)
        self.norms = nn.ModuleList(_norm(problem.network, layer) for layer in self.affine)
        for layer, norm in zip(self.affine, self.norms, strict=True):
            norm.weight.data.copy_(instance.state.parameters[f"{layer.name}.norm.weight"])
            norm.bias.data.copy_(instance.state.parameters[f"{layer.name}.norm.bias"])
        self.to(device)
        self.optimiser = self._make_optimiser()

    @abstractmethod
    def build(self, instance: Instance) -> None:
        """Make the layers."""

    @abstractmethod
    def outputs(self, x_BI: Tensor) -> Tensor:
        """Outputs (B, K) in fp32."""

    def loss(self, x_BI: Tensor, labels_B: Tensor) -> Tensor:
        """Cross entropy of a batch."""
        return F.cross_entropy(self.outputs(x_BI), labels_B)

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates and return the loss of each."""
        self.train()
        losses = []
        for _ in range(updates):
            x_BI, labels_B = self.next_batch()
            self.optimiser.zero_grad()
            loss = self.loss(x_BI, labels_B)
            loss.backward()
            self.optimiser.step()
            losses.append(loss.detach())
        return torch.stack(losses).tolist()

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """A batch of random training examples, normalised."""
        data, train = self.batches, self.batches.rows["train"]
        rows = train[torch.randint(len(train), (self.training_config.batch,), device=train.device)]
        return self._normalise(rows), data.labels_N[rows]

    def _normalise(self, rows: Tensor) -> Tensor:
        x_BI = self.batches.inputs_NI.index_select(0, rows).float()
        return x_BI.sub_(self.batches.center_I).mul_(self.batches.scale_I)

    @torch.no_grad()
    def evaluate(self, split: str) -> Evaluation:
        """Loss and accuracy on a split, a thousand examples at a time."""
        self.eval()
        loss, right, count = 0.0, 0, 0
        for rows in self.batches.rows[split].split(1000):
            labels_B = self.batches.labels_N[rows]
            outputs_BK = self.outputs(self._normalise(rows))
            loss += float(F.cross_entropy(outputs_BK, labels_B, reduction="sum"))
            right += int((outputs_BK.argmax(1) == labels_B).sum())
            count += len(rows)
        return Evaluation(loss / count, right / count, None, count)

    def _make_optimiser(self) -> torch.optim.Optimizer:
        training = self.training_config
        if training.optimiser == "adamw":
            return torch.optim.AdamW(self.parameters(), lr=training.lr, weight_decay=training.weight_decay, fused=True)
        return torch.optim.SGD(
            self.parameters(),
            lr=training.lr,
            momentum=training.momentum,
            nesterov=training.nesterov,
            weight_decay=training.weight_decay,
            fused=True,
        )


class MaskedLoop(Loop):
    """weight * mask in every pruned layer, its products in fp32 or, under autocast, in bf16."""

    autocast = False

    def build(self, instance: Instance) -> None:
        """nn.Linear layers and the masks of those that are pruned."""
        self.linears = nn.ModuleList(nn.Linear(layer.inputs, layer.outputs) for layer in self.affine)
        self.masks: list[tuple[Tensor, Tensor] | None] = []
        device, masks = instance.problem.batches.device, instance.masks
        for layer, linear in zip(self.affine, self.linears, strict=True):
            names = (f"{layer.name}.weight", f"{layer.name}.bias")
            linear.weight.data.copy_(instance.state.parameters[names[0]])
            linear.bias.data.copy_(instance.state.parameters[names[1]])
            kept = [masks[name].float().to(device) for name in names if name in masks]
            self.masks.append((kept[0], kept[1]) if kept else None)

    def outputs(self, x_BI: Tensor) -> Tensor:
        """Outputs (B, K) in fp32."""
        with torch.autocast(x_BI.device.type, dtype=torch.bfloat16, enabled=self.autocast):
            hidden = x_BI
            for layer, linear, norm, masks in zip(self.affine, self.linears, self.norms, self.masks, strict=True):
                weight, bias = linear.weight, linear.bias
                if masks is not None:
                    weight, bias = weight * masks[0], bias * masks[1]
                hidden = F.linear(norm(hidden), weight, bias)
                if layer.hidden:
                    hidden = F.relu(hidden)
        return hidden.float()


class AutocastLoop(MaskedLoop):
    """weight * mask with the forward pass under bf16 autocast."""

    autocast = True


class CsrProduct(torch.autograd.Function):
    """CSR weights times a batch (I, B): values_S and the structure of the weight and of its transpose."""

    @staticmethod
    def forward(ctx: Any, x_IB: Tensor, values_S: Tensor, pattern: CsrPattern) -> Tensor:
        ctx.save_for_backward(x_IB, values_S)
        ctx.pattern = pattern
        return pattern.weight(values_S) @ x_IB

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_OB: Tensor) -> tuple[Tensor | None, ...]:
        x_IB, values_S = ctx.saved_tensors
        pattern: CsrPattern = ctx.pattern
        zero = pattern.weight(torch.zeros_like(values_S))
        # (O, B) and (I, B) are both contiguous over the batch, which sampled_addmm reads three times faster.
        grad_values = torch.sparse.sampled_addmm(zero, grad_OB, x_IB.T, beta=0.0).values()
        grad_x = pattern.transposed(values_S) @ grad_OB if ctx.needs_input_grad[0] else None
        return grad_x, grad_values, None


class CsrPattern:
    """Where the survivors of a weight (O, I) stand, in int32, and the same for its transpose."""

    def __init__(self, mask_OI: Tensor, device: torch.device) -> None:
        outputs, inputs = mask_OI.shape
        rows_S, columns_S = mask_OI.nonzero(as_tuple=True)
        order_S = torch.argsort(columns_S, stable=True)
        self.shape = (outputs, inputs)
        self.rows_O, self.columns_S = _starts(rows_S, outputs).to(device), columns_S.int().to(device)
        self.columns_I, self.rows_S = _starts(columns_S, inputs).to(device), rows_S[order_S].int().to(device)
        self.order_S = order_S.to(device)

    def weight(self, values_S: Tensor) -> Tensor:
        """The weight (O, I) in CSR."""
        return _csr(self.rows_O, self.columns_S, values_S, self.shape)

    def transposed(self, values_S: Tensor) -> Tensor:
        """Its transpose (I, O) in CSR."""
        return _csr(self.columns_I, self.rows_S, values_S[self.order_S], self.shape[::-1])


class CsrLoop(Loop):
    """Pruned layers in CSR, activations kept as (features, batch) between layers; the output layer is dense."""

    def build(self, instance: Instance) -> None:
        """Surviving values, their patterns, and biases."""
        state, masks, device = instance.state, instance.masks, instance.problem.batches.device
        self.values, self.biases, self.patterns, self.bias_masks = nn.ParameterList(), nn.ParameterList(), [], []
        for layer in self.affine:
            weight_OI = state.parameters[f"{layer.name}.weight"]
            mask_OI = masks.get(f"{layer.name}.weight")
            self.values.append(nn.Parameter(weight_OI.clone() if mask_OI is None else weight_OI[mask_OI]))
            self.biases.append(nn.Parameter(state.parameters[f"{layer.name}.bias"].clone()))
            self.patterns.append(None if mask_OI is None else CsrPattern(mask_OI, device))
            kept = masks.get(f"{layer.name}.bias")
            self.bias_masks.append(None if kept is None else kept.float().to(device))

    def outputs(self, x_BI: Tensor) -> Tensor:
        """Outputs (B, K) in fp32."""
        hidden = x_BI.T.contiguous()
        layers = zip(self.affine, self.norms, self.values, self.biases, self.patterns, self.bias_masks, strict=True)
        for layer, norm, values, bias, pattern, bias_mask in layers:
            # One example of `I` channels and a batch of places is the same normalisation, without a transposition.
            hidden = norm(hidden[None])[0]
            if pattern is None:
                hidden = torch.addmm(bias[:, None], values, hidden)
            else:
                hidden = CsrProduct.apply(hidden, values, pattern) + (bias * bias_mask)[:, None]
            if layer.hidden:
                hidden = F.relu(hidden)
        return hidden.T


def entrants(problem: Problem) -> list[Entrant]:
    """The baselines, in every other turn: they are slow, and the masked ones do the same work at every density.

    Raises ValueError for a network that they do not write out, and where this PyTorch has no sparse products.
    """
    affine_layers(problem.network)
    check_sparse_products(problem.device)
    return [
        Entrant(name="torch fp32", precision="fp32", build=MaskedLoop, baseline=True, every=2),
        Entrant(name="torch bf16", precision="bf16", build=AutocastLoop, baseline=True, every=2),
        Entrant(name="torch csr", precision="fp32", build=CsrLoop, baseline=True, every=2),
    ]


def check_sparse_products(device: str) -> None:
    """Raise ValueError where PyTorch is built without what the CSR baseline multiplies with (MKL, on a processor)."""
    one = torch.ones(1, 1, device=device)
    try:
        torch.sparse.sampled_addmm(_csr(torch.tensor([0, 1]), torch.tensor([0]), one[0], (1, 1)).to(device), one, one)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"this PyTorch has no sparse products on {device} ({reason}): take siftnet bench") from None


def affine_layers(network: Network) -> list[Affine]:
    """The layers. Raises ValueError for a network that the baselines do not write out."""
    layers = [layer for layer in network.layers if isinstance(layer, Affine)]
    if len(layers) < len(network.layers) or not network.norm or network.loss != "cross_entropy":
        raise ValueError("the baselines train affine layers with batch norm on classes: leave network.norm true")
    return layers


def _norm(network: Network, layer: Affine) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(layer.inputs, eps=network.norm_epsilon, momentum=1 - network.norm_decay)


def _starts(numbers_S: Tensor, count: int) -> Tensor:
    """Where each of `count` rows begins and the last one ends: int32 (count + 1,)."""
    return F.pad(torch.bincount(numbers_S, minlength=count).cumsum(0), (1, 0)).int()


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    with warnings.catch_warnings():
        # Once a process: "Sparse CSR tensor support is in beta state".
        warnings.filterwarnings("ignore", message="Sparse CSR")
        return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)
