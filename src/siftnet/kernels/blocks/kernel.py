"""Training of a fully connected network on the block layout (layout.py), one update after the other.

Hidden layers are dense tiles or sparse rows, the output layer is tiles; what is dead or constant over the batch has left
the arrays (compaction.py). Nothing here depends on the number of threads but the time it takes.
"""

# S blocks, F features, K network outputs

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from siftnet.config import TrainConfig
from siftnet.data.batches import Batches
from siftnet.kernels.blocks.gather import Gatherer
from siftnet.kernels.blocks.layer import Array, Products, Scratch, Sparse, Tiled, Workspace, padded
from siftnet.kernels.blocks.layout import DTYPES, WIDTH, Storage, allocate, blocks_of
from siftnet.kernels.blocks.losses import cross_entropy, score_classes, score_numbers, squared_error
from siftnet.kernels.blocks.parameters import Parameters
from siftnet.kernels.blocks.plain import VECTOR
from siftnet.kernels.blocks.stage import Stage
from siftnet.kernels.blocks.tile_product import has_amx
from siftnet.kernels.compaction import compact
from siftnet.kernels.interface import Evaluation
from siftnet.masks import Masks
from siftnet.network import Affine, Network
from siftnet.state import State

STORAGE: dict[str, Storage] = {"fp32": "float32", "bf16": "paired"}


class BlockKernel:
    """A network in training on blocks of 128 examples; `sparse` says how its hidden layers are multiplied."""

    def __init__(
        self, network: Network, state: State, masks: Masks, training: TrainConfig, batches: Batches, *, sparse: bool,
        tier: int,
    ) -> None:  # fmt: skip
        self.network, self.training, self.batches, self.step = network, training, batches, state.step
        self.storage = STORAGE[training.precision]
        word = DTYPES[self.storage]
        self.space = Workspace(tier, has_amx(), word, block_counts(training.batch), torch.get_num_threads())
        parts, scratch = compact(network, masks), Scratch(word)
        products: list[Products] = []
        for number, part in enumerate(parts):
            if sparse and part.layer.hidden:
                products.append(Sparse(part, self.space, turned=number > 0))
            else:
                products.append(Tiled(part, self.space, scratch, turned=number > 0))
        self.parameters = Parameters(parts, products, state, masks, training, norm=network.norm)
        self.stages = [
            Stage(number, part, own, network, self.parameters, self.space)
            for number, (part, own) in enumerate(zip(parts, products, strict=True))
        ]
        for stage in self.stages:
            stage.z = allocate(training.batch, padded(len(stage.inputs)), self.storage)
            stage.z_moments = np.zeros((len(self.space.counts), len(stage.inputs), 2))
        outputs = len(self.stages[-1].outputs)
        self.logits = allocate(training.batch, outputs, "float32")
        self.gradient = allocate(training.batch, padded(outputs), self.storage)
        self._open_data()
        self._import_statistics(state)

    def _open_data(self) -> None:
        first = self.stages[0]
        place_I = np.full(first.part.layer.inputs, -1, np.int32)
        place_I[first.inputs] = np.arange(len(first.inputs))
        self.gatherer = Gatherer(self.batches, place_I)
        self.classes = self.network.loss == "cross_entropy"
        if self.batches.dataset.inputs_NI.dtype == np.uint8:
            # The gather stores pixel - 128.
            first.units[:] = self.batches.dataset.scale_I[first.inputs]
            first.centres[:] = (128 - self.batches.dataset.center_I[first.inputs]) * first.units

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates and return the training loss of each."""
        return [self._update() for _ in range(updates)]

    def _update(self) -> float:
        labels_B = self.gatherer.fill(self.step, self.stages[0].z, self.stages[0].z_moments)
        self._forward(training=True)
        last = self.stages[-1]
        loss_of = cross_entropy if self.classes else squared_error
        loss = loss_of(self.logits, labels_B, self.gradient, last.sums)
        d = self.gradient
        for below, stage in zip([None, *self.stages[:-1]][::-1], self.stages[::-1], strict=True):
            stage.backward(self.training, self.step, d, stage.sums, None if below is None else below.sums)
            d = stage.z
        self.parameters.update_vectors(self.training, self.step)
        self.step += 1
        self.measured = True
        return loss

    def _forward(self, *, training: bool) -> None:
        """Outputs of the batch that lies in the first layer's inputs."""
        for stage, above in zip(self.stages, [*self.stages[1:], None], strict=True):
            stage.normalise(training=training, first=not self.measured)
            stage.fold()
            if above is None:
                stage.forward(self.logits, stage.z_moments, np.zeros(len(stage.outputs), np.float32))
            else:
                above.emitted = stage.forward(above.z, above.z_moments, above.centres)

    def evaluate(self, split: str) -> Evaluation:
        """Loss and score on a split."""
        rows = self.batches.rows[split].numpy()
        counts, room = self.space.counts, WIDTH * len(self.space.counts)
        scores, targets = np.zeros(3), []
        for begin in range(0, len(rows), room):
            chunk = rows[begin : begin + room]
            self.space.counts = block_counts(len(chunk), len(counts))
            labels_B = self.gatherer.fill_rows(chunk, self.stages[0].z, self.stages[0].z_moments)
            self._forward(training=False)
            if self.classes:
                scores += score_classes(self.logits, labels_B)
            else:
                scores[0] += score_numbers(self.logits, labels_B)
                targets.append(labels_B.astype(np.float64))
        self.space.counts = counts
        loss, first, five = scores.tolist()
        if self.classes:
            many = self.logits.shape[1] > 5
            return Evaluation(loss / len(rows), first / len(rows), five / len(rows) if many else None, len(rows))
        # Constant targets leave nothing to explain; the clamp keeps R^2 a finite number even so.
        spread = max(float(np.concatenate(targets).var()) * len(rows), 1e-30)
        return Evaluation(loss / len(rows), 1 - loss / spread, None, len(rows))

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
            read = np.concatenate([stage.inputs, stage.constants])
            name = stage.part.layer.name
            stage.running_mean[read] = state.statistics[f"{name}.norm.running_mean"].numpy()[read]
            stage.running_var[read] = state.statistics[f"{name}.norm.running_var"].numpy()[read]


def block_counts(examples: int, blocks: int | None = None) -> Array:
    """Examples in each block: int64 (S,)."""
    blocks = blocks or blocks_of(examples)
    return np.clip(examples - WIDTH * np.arange(blocks), 0, WIDTH)


class Blocks:
    """A way of training on blocks: dense tiles, or sparse rows."""

    def __init__(self, name: str, *, sparse: bool, tier: int = VECTOR) -> None:
        self.name, self.sparse, self.tier = name, sparse, tier

    def supports(self, network: Network, training: TrainConfig, device: str) -> str | None:
        """Fully connected networks on the processor."""
        if device != "cpu":
            return f"it computes on the processor and not on {device}"
        if not all(isinstance(layer, Affine) for layer in network.layers):
            return "it has no convolution or pooling"
        return None

    def compile(
        self, network: Network, state: State, masks: Masks, training: TrainConfig, batches: Batches
    ) -> BlockKernel:
        """A kernel that continues from `state`."""
        return BlockKernel(network, state, masks, training, batches, sparse=self.sparse, tier=self.tier)
