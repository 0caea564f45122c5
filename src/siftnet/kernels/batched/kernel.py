"""Training of R networks of one shape side by side: dense products, one batched operation for all of them.

The data set, what is drawn of it, learning rates and losses stay on the device, so that a GPU makes many updates,
captured as one graph, without the processor. The same code runs on the processor, uncaptured.
"""

# R replicates, B batch, I inputs, K network outputs, U updates

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from siftnet.kernels.batched.draw import drawn
from siftnet.kernels.batched.graph import Replayed
from siftnet.kernels.batched.layers import Tape, backward, forward, input_gradient, standardise
from siftnet.kernels.batched.layout import Layout
from siftnet.kernels.batched.losses import mean_loss, summed_loss
from siftnet.kernels.batched.parameters import StackedParameters
from siftnet.kernels.batched.update import rates_at
from siftnet.kernels.dense import PRECISIONS, library_rounding, rank_of_label
from siftnet.kernels.interface import Kernel, Problem
from siftnet.kernels.memory import training_bytes
from siftnet.network.layers import Affine
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation

# Updates in one graph: what is drawn for all of them at once costs little for each.
UPDATES = 25
# Examples that are scored at once on a GPU, by all replicates together: fewer would leave it waiting for launches.
SCORED_AT_ONCE = 2**14


class Stack:
    """R networks in training, which advance together."""

    def __init__(self, problems: Sequence[Problem], states: Sequence[State], masks: Sequence[Masks]) -> None:
        self.network, self.training = problems[0].network, problems[0].training
        self.batches = [problem.batches for problem in problems]
        self.data, self.step = self.batches[0], states[0].step
        assert all(state.step == self.step for state in states), "replicates stand at one step"
        assert all(own.dataset is self.data.dataset for own in self.batches), "replicates are trained on one data set"
        device, self.low = self.data.device, PRECISIONS[self.training.precision]
        self.layers = [layer for layer in self.network.layers if isinstance(layer, Affine)]
        self.parameters = StackedParameters(problems[0], states, masks)
        self.own = [self.parameters.of_layer(layer.name) for layer in self.layers]
        self._open_statistics(states, device)
        self.at = torch.tensor(self.step, device=device)
        changing = [*self.parameters.changing, self.statistics_RP, self.fresh, self.at]
        self.replayed = Replayed(changing) if device.type == "cuda" else None
        self.waiting: list[deque[float]] = [deque() for _ in states]
        self.scores: dict[str, list[Evaluation]] = {}

    def _open_statistics(self, states: Sequence[State], device: torch.device) -> None:
        """Running means and variances; `fresh` is 1 until there are any, and then 0."""
        layers = self.layers if self.network.norm else []
        names = [f"{layer.name}.norm.running_{kind}" for layer in layers for kind in ("mean", "var")]
        counts = [layer.inputs for layer in layers for _ in ("mean", "var")]
        self.statistics_layout = Layout.of({name: (count,) for name, count in zip(names, counts, strict=True)})
        self.statistics_RP = self.statistics_layout.pack([state.statistics for state in states]).to(device)
        self.statistics = self.statistics_layout.views(self.statistics_RP)
        self.measured = bool(states[0].statistics)
        self.fresh = torch.tensor(float(not self.measured), device=device)

    def advance(self, replicate: int, updates: int) -> list[float]:
        """The losses of one network's next updates, which are made for all of them when the first one asks."""
        waiting = self.waiting[replicate]
        if not waiting and updates:
            for own, losses in zip(self.waiting, self._advance(updates).T.tolist(), strict=True):
                own.extend(losses)
        assert len(waiting) >= updates, "replicates advance in turn, by equal numbers"
        return [waiting.popleft() for _ in range(updates)]

    @torch.no_grad()
    def _advance(self, updates: int) -> Tensor:
        """Make updates of all networks; their losses (U, R) on the processor."""
        sizes = [UPDATES] * (updates // UPDATES) + [1] * (updates % UPDATES)
        # Copied, as a graph leaves the losses of its next replay in the same place.
        losses = [self._replay(size).clone() for size in sizes]
        self.step, self.measured = self.step + updates, True
        self.scores.clear()
        return torch.cat(losses).cpu()

    def _replay(self, count: int) -> Tensor:
        return self.replayed(self._updates, count) if self.replayed else self._updates(count)

    def _updates(self, count: int) -> Tensor:
        """Updates of all networks, with nothing that waits for the device; their losses (U, R)."""
        steps_U = self.at + torch.arange(count, device=self.data.device)
        rates_U3 = rates_at(self.training, steps_U)
        batches = zip(rates_U3, drawn(self.batches, steps_U), strict=True)
        losses = [self.descend(x_RBI, labels_RB, rates_3) for rates_3, (x_RBI, labels_RB) in batches]
        self.at += count
        return torch.stack(losses)

    def descend(self, x_RBI: Tensor, labels_RB: Tensor, rates_3: Tensor) -> Tensor:
        """One update of all networks on a batch each; their losses (R,)."""
        outputs_RBK, tapes, inputs = self._forward(x_RBI, training=True)
        loss_R, d_RBK = mean_loss(self.network.loss, outputs_RBK, labels_RB)
        self._backward(d_RBK, tapes, inputs)
        self.parameters.update(rates_3)
        return loss_R

    def _forward(self, x_RBI: Tensor, *, training: bool) -> tuple[Tensor, list[Tape], list[Tensor]]:
        """Outputs (R, B, K), and each layer's tape and input."""
        tapes, inputs = [], []
        for layer, (own, _) in zip(self.layers, self.own, strict=True):
            inputs.append(x_RBI)
            rstd_R1I = None
            if self.network.norm:
                x_RBI, rstd_R1I = self._normalise(layer.name, x_RBI, training)
            x_RBI, tape = forward(x_RBI, rstd_R1I, own, self.low)
            tapes.append(tape)
            if layer.hidden:
                x_RBI = x_RBI.relu_()
        if self.network.norm and training:
            self.fresh.zero_()
        return x_RBI, tapes, inputs

    def _normalise(self, name: str, x_RBI: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        mean_RI, var_RI = (self.statistics[f"{name}.norm.running_{kind}"] for kind in ("mean", "var"))
        if not training:
            rstd_R1I = torch.rsqrt(var_RI + self.network.norm_epsilon)[:, None]
            return (x_RBI - mean_RI[:, None]) * rstd_R1I, rstd_R1I
        x_hat_RBI, mean_R1I, var_R1I, rstd_R1I = standardise(x_RBI, self.network.norm_epsilon)
        # The first batch's own values, later a moving average.
        share = self.fresh.clamp(min=1 - self.network.norm_decay)
        mean_RI.lerp_(mean_R1I[:, 0], share)
        var_RI.lerp_(var_R1I[:, 0], share)
        return x_hat_RBI, rstd_R1I

    def _backward(self, d_RBO: Tensor, tapes: Sequence[Tape], inputs: Sequence[Tensor]) -> None:
        """Write the gradients of all parameters, given that of the outputs."""
        for number in reversed(range(len(tapes))):
            own, gradients = self.own[number]
            backward(d_RBO, tapes[number], own, gradients)
            if number:
                d_RBO = input_gradient(d_RBO, tapes[number], own, gradients)
                d_RBO.masked_fill_(inputs[number] <= 0, 0.0)

    def evaluate(self, replicate: int, split: str) -> Evaluation:
        """One network's loss and score on a split, which are computed for all of them when the first one asks."""
        if split not in self.scores:
            self.scores[split] = self._evaluate(split)
        return self.scores[split][replicate]

    @torch.no_grad()
    def _evaluate(self, split: str) -> list[Evaluation]:
        assert self.measured or not self.network.norm, "batch norm has no running statistics before the first update"
        count = len(self.batches)
        sums_3R = torch.zeros(3, count, dtype=torch.float64, device=self.data.device)
        chunk = 1000 if self.replayed is None else max(1000, SCORED_AT_ONCE // count)
        for x_BI, labels_B in self.data.split(split, chunk):
            outputs_RBK, _, _ = self._forward(x_BI.expand(count, -1, -1), training=False)
            sums_3R[0] += summed_loss(self.network.loss, outputs_RBK, labels_B)
            if self.network.loss == "cross_entropy":
                ranks_RB = rank_of_label(outputs_RBK.flatten(0, 1), labels_B.repeat(count)).view(count, -1)
                sums_3R[1] += (ranks_RB == 0).sum(1)
                sums_3R[2] += (ranks_RB < 5).sum(1)
        examples, classes = len(self.data.rows[split]), self.layers[-1].outputs
        if self.network.loss == "squared_error":
            spread = self.data.target_spreads[split]
            return [Evaluation.of_numbers(loss, spread, examples) for loss in sums_3R[0].tolist()]
        return [Evaluation.of_classes(loss, first, five, examples, classes) for loss, first, five in sums_3R.T.tolist()]

    def export(self, replicate: int) -> State:
        """One network's state, canonical."""
        assert not self.waiting[replicate], "a replicate is exported where all of them stand"
        parameters, buffers = self.parameters.export(replicate, self.step)
        statistics = {}
        if self.network.norm and self.measured:
            statistics = self.statistics_layout.unpack(self.statistics_RP[replicate].cpu())
        return State(parameters, statistics, buffers, self.step)


class StackedKernel:
    """One of the networks of a stack, as a kernel."""

    def __init__(self, stack: Stack, number: int) -> None:
        self.stack, self.number = stack, number

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates and return the training loss of each."""
        return self.stack.advance(self.number, updates)

    def evaluate(self, split: str) -> Evaluation:
        """Loss and score on a split."""
        return self.stack.evaluate(self.number, split)

    def export(self) -> State:
        """The state, canonical."""
        return self.stack.export(self.number)


class Batched:
    """A way of training several networks of one shape at once, or a single one."""

    name = "batched"

    def supports(self, problem: Problem) -> str | None:
        """Fully connected networks, on any device."""
        if not all(isinstance(layer, Affine) for layer in problem.network.layers):
            return "convolution and pooling are for the kernel dense"
        return None

    def compile(self, problem: Problem, state: State, masks: Masks) -> Kernel:
        """A kernel that continues from `state`."""
        return self.compile_together([problem], [state], [masks])[0]

    def compile_together(
        self, problems: Sequence[Problem], states: Sequence[State], masks: Sequence[Masks]
    ) -> list[Kernel]:
        """One kernel for each replicate; see `ReplicatingKind`."""
        stack = Stack(problems, states, masks)
        return [StackedKernel(stack, number) for number in range(len(states))]

    def memory(self, problem: Problem) -> int:
        """Of one network; see `KernelKind`."""
        return training_bytes(problem)

    def rounding(self, problem: Problem) -> frozenset[str]:
        """See `library_rounding`."""
        return library_rounding(problem)
