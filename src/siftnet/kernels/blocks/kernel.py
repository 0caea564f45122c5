"""Training of a fully connected network on the block layout (layout.py), one update after the other.

Hidden layers are dense tiles or sparse rows, the output layer is tiles; what is dead or constant over the batch has
left the arrays (compaction.py). Nothing here depends on the number of threads but the time it takes.
"""

# S blocks, B batch, K network outputs

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from siftnet.kernels.blocks.gather import Gatherer
from siftnet.kernels.blocks.layout import DTYPES, WIDTH, Storage, block_counts, places, zeros
from siftnet.kernels.blocks.level import Level
from siftnet.kernels.blocks.losses import cross_entropy, score_classes, score_numbers, squared_error
from siftnet.kernels.blocks.parameters import Parameters
from siftnet.kernels.blocks.plain import VECTOR
from siftnet.kernels.blocks.products import Products
from siftnet.kernels.blocks.rule import rule_at
from siftnet.kernels.blocks.sparse import Sparse
from siftnet.kernels.blocks.stage import Stage
from siftnet.kernels.blocks.tile_product import has_amx
from siftnet.kernels.blocks.tiled import Tiled
from siftnet.kernels.blocks.transpose import MIDDLE
from siftnet.kernels.blocks.workspace import Workspace
from siftnet.kernels.compaction import Part, compact
from siftnet.kernels.interface import Problem
from siftnet.kernels.memory import training_bytes
from siftnet.network.layers import Affine
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation

STORAGE: dict[str, Storage] = {"fp32": "float32", "bf16": "paired"}


class BlockKernel:
    """A network in training on blocks of 128 examples; `sparse` says how its hidden layers are multiplied."""

    def __init__(self, problem: Problem, state: State, masks: Masks, *, sparse: bool, tier: int) -> None:
        self.network, self.training, self.batches = problem.network, problem.training, problem.batches
        self.step = state.step
        word = DTYPES[STORAGE[self.training.precision]]
        self.space = Workspace(tier, has_amx(), word, block_counts(self.training.batch), torch.get_num_threads())
        parts = compact(self.network, masks)
        products: list[Products] = []
        for number, part in enumerate(parts):
            kind = Sparse if sparse and part.layer.hidden else Tiled
            products.append(kind(part, self.space, turned=number > 0))
        self.parameters = Parameters(problem, parts, products, state, masks)
        levels = make_levels(parts, self.space)
        self.inputs, self.outputs = levels[0], levels[-1]
        self.gradient = self.space.activations(len(self.outputs.varying))
        self.stages = [
            Stage(number, self.parameters, self.network, self.space, *levels[number : number + 2])
            for number in range(len(parts))
        ]
        self._open_data()
        self._import_statistics(state)

    def _open_data(self) -> None:
        data, read = self.batches.dataset, self.inputs.varying
        self.gatherer = Gatherer(self.batches, places(read, data.inputs_NI.shape[1]))
        if data.inputs_NI.dtype == np.uint8:
            # The gather stores pixel - 128.
            self.inputs.units[:] = data.scale_I[read]
            self.inputs.centres[:] = (MIDDLE - data.center_I[read]) * self.inputs.units

    @property
    def classes(self) -> bool:
        """Whether the outputs are logits of classes, and not one number."""
        return self.network.loss == "cross_entropy"

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates and return the training loss of each."""
        return [self._update() for _ in range(updates)]

    def _update(self) -> float:
        labels_B = self.gatherer.fill(self.step, self.inputs.z, self.inputs.moments)
        self._forward(training=True)
        loss_of = cross_entropy if self.classes else squared_error
        loss: float = loss_of(self.outputs.z, labels_B, self.gradient, self.outputs.sums)
        rule, d = rule_at(self.training, self.step), self.gradient
        for stage in reversed(self.stages):
            stage.backward(rule, d)
            d = stage.below.z
        self.parameters.update_vectors(self.training, self.step)
        self.step += 1
        self.measured = True
        return loss

    def _forward(self, *, training: bool) -> None:
        """Outputs of the batch that lies in the first level."""
        for stage in self.stages:
            stage.forward(training=training, first=not self.measured)

    def evaluate(self, split: str) -> Evaluation:
        """Loss and score on a split, batch by batch in the room of training."""
        assert self.measured or not self.network.norm, "batch norm has no running statistics before the first update"
        rows, training_counts = self.batches.rows[split].numpy(), self.space.counts
        room = WIDTH * self.space.blocks
        scores_3 = np.zeros(3)
        for begin in range(0, len(rows), room):
            chunk = rows[begin : begin + room]
            self.space.counts = block_counts(len(chunk), self.space.blocks)
            labels_B = self.gatherer.fill_rows(chunk, self.inputs.z, self.inputs.moments)
            self._forward(training=False)
            if self.classes:
                scores_3 += score_classes(self.outputs.z, labels_B)
            else:
                scores_3[0] += score_numbers(self.outputs.z, labels_B)
        self.space.counts = training_counts
        loss, first, five = scores_3.tolist()
        if self.classes:
            return Evaluation.of_classes(loss, first, five, len(rows), len(self.outputs.varying))
        return Evaluation.of_numbers(loss, self.batches.target_spreads[split], len(rows))

    def export(self) -> State:
        """The state, canonical."""
        parameters, buffers = self.parameters.export(self.step)
        return State(parameters, self._export_statistics(), buffers, self.step)

    def _export_statistics(self) -> dict[str, Tensor]:
        if not (self.network.norm and self.measured):
            return {}
        found = {}
        for stage in self.stages:
            found[f"{stage.part.layer.name}.norm.running_mean"] = torch.from_numpy(stage.running_mean.copy())
            found[f"{stage.part.layer.name}.norm.running_var"] = torch.from_numpy(stage.running_var.copy())
        return found

    def _import_statistics(self, state: State) -> None:
        self.measured = bool(state.statistics)
        for stage in self.stages if self.measured and self.network.norm else []:
            # What nothing reads is not kept up: mean 0, variance 1.
            read = np.concatenate([stage.below.varying, stage.below.constants])
            name = stage.part.layer.name
            stage.running_mean[read] = state.statistics[f"{name}.norm.running_mean"].numpy()[read]
            stage.running_var[read] = state.statistics[f"{name}.norm.running_var"].numpy()[read]


def make_levels(parts: Sequence[Part], space: Workspace) -> list[Level]:
    """The levels of a network from its inputs to its outputs, one more than it has layers."""
    last = parts[-1]
    logits_SKC = zeros((space.blocks, last.shape[0], WIDTH), np.float32)
    inputs = [(part.inputs, part.constants, space.activations(part.shape[1])) for part in parts]
    levels = [*inputs, (last.outputs, last.frozen, logits_SKC)]
    return [Level(varying.numpy(), constants.numpy(), z) for varying, constants, z in levels]


class Blocks:
    """A way of training on blocks: dense tiles, or sparse rows."""

    def __init__(self, name: str, *, sparse: bool, tier: int = VECTOR) -> None:
        self.name, self.sparse, self.tier = name, sparse, tier

    def supports(self, problem: Problem) -> str | None:
        """Fully connected networks on the processor."""
        if problem.device != "cpu":
            return f"it computes on the processor and not on {problem.device}"
        if not all(isinstance(layer, Affine) for layer in problem.network.layers):
            return "convolution and pooling are for the kernel dense"
        return None

    def compile(self, problem: Problem, state: State, masks: Masks) -> BlockKernel:
        """A kernel that continues from `state`."""
        return BlockKernel(problem, state, masks, sparse=self.sparse, tier=self.tier)

    def memory(self, problem: Problem) -> int:
        """See `KernelKind`; a batch fills whole blocks."""
        return training_bytes(problem, WIDTH)

    def rounding(self, problem: Problem) -> frozenset[str]:
        """AMX tiles, which sum bf16 in an order of their own; the output layer is a dense matrix in every kernel."""
        tiles = self.tier == VECTOR and STORAGE[problem.training.precision] == "paired"
        return frozenset({"amx"}) if tiles else frozenset()
