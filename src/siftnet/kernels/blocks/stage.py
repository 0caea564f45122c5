"""One affine layer in training: batch norm folded in, forward, and backward with its update."""

# S blocks, F features, O outputs, I inputs, C constant inputs, Z frozen outputs

from __future__ import annotations

import numpy as np

from siftnet.config import TrainConfig
from siftnet.kernels.blocks import norm
from siftnet.kernels.blocks.layer import Array, Products, Workspace, padded
from siftnet.kernels.blocks.parameters import Parameters
from siftnet.kernels.blocks.rule import rule_at
from siftnet.kernels.compaction import Part
from siftnet.network import Network


class Stage:
    """Arrays and steps of one layer."""

    def __init__(
        self, number: int, part: Part, products: Products, network: Network, parameters: Parameters, space: Workspace
    ) -> None:
        self.part, self.products, self.network, self.space = part, products, network, space
        self.parameters, self.number, self.views = parameters, number, parameters.views[number]
        self.hidden = part.layer.hidden
        self.inputs, self.outputs = part.inputs.numpy(), part.outputs.numpy()
        self.constants, self.frozen = part.constants.numpy(), part.frozen.numpy()
        outputs, features = len(self.outputs), len(self.inputs)
        self.z, self.z_moments = np.zeros(0), np.zeros(0)  # set by the kernel: what the layer below, or the data, gives
        self.units, self.centres = np.ones(features, np.float32), np.zeros(features, np.float32)
        self.emitted = np.zeros(len(self.constants))
        # Padded, because products in panels read whole ones.
        self.scales, self.means, self.shifts = np.zeros((3, padded(features)), np.float32)
        self.deviations, self.offsets, self.slopes = np.zeros((3, features), np.float32)
        self.normalised = np.zeros(len(self.constants), np.float32)
        self.predicted, self.additive = np.zeros((2, outputs + len(self.frozen)), np.float32)
        self.sums, self.totals = np.zeros((len(space.counts), outputs)), np.zeros(outputs)
        self.running_mean = np.zeros(part.layer.inputs, np.float32)
        self.running_var = np.ones(part.layer.inputs, np.float32)
        steady = part.steady.numpy()
        rows, columns = np.divmod(steady, part.layer.inputs)
        self.steady_rows = np.searchsorted(self.outputs, rows)
        fixed = np.isin(rows, self.frozen)
        self.steady_rows[fixed] = outputs + np.searchsorted(self.frozen, rows[fixed])
        self.steady_columns = np.searchsorted(self.constants, columns)
        self.steady_entries = np.arange(self.views.steady.start, self.views.steady.stop)

    @property
    def gammas(self) -> Array:
        """float32 (all inputs,)"""
        return self.parameters.lasting.arrays[0][self.views.gamma]

    @property
    def betas(self) -> Array:
        """float32 (all inputs,)"""
        return self.parameters.lasting.arrays[0][self.views.beta]

    def normalise(self, *, training: bool, first: bool) -> None:
        """What batch norm makes of the inputs, from the batch or from the running statistics."""
        if not self.network.norm:
            self.scales[: len(self.inputs)] = self.units
            self.shifts[: len(self.inputs)] = self.centres
            return
        epsilon, keep = self.network.norm_epsilon, 0.0 if first else self.network.norm_decay
        if training:
            norm.normalise_batch(
                self.z_moments, self.space.counts, self.units, self.centres, self.inputs, self.gammas, self.betas,
                epsilon, self.running_mean, self.running_var, keep, self.scales, self.means, self.shifts,
                self.deviations,
            )  # fmt: skip
        else:
            norm.normalise_running(
                self.units, self.centres, self.inputs, self.gammas, self.betas, epsilon, self.running_mean,
                self.running_var, self.scales, self.means, self.shifts,
            )  # fmt: skip
        if len(self.constants):
            self._normalise_constants(training, keep)

    def _normalise_constants(self, training: bool, keep: float) -> None:
        index = self.constants
        self.normalised[:] = self.betas[index]
        if training:
            self.running_mean[index] = keep * self.running_mean[index] + (1 - keep) * self.emitted
            self.running_var[index] *= np.float32(keep)
        else:
            # Evaluation subtracts a mean that follows slowly, so what is constant is not quite beta there.
            deviation = 1 / np.sqrt(self.running_var[index] + self.network.norm_epsilon)
            self.normalised += self.gammas[index] * (self.emitted - self.running_mean[index]) * deviation

    def fold(self) -> None:
        """Batch norm folded into weights and constants."""
        outputs = len(self.outputs)
        bias = self.parameters.decaying.arrays[0][self.views.bias]
        norm.begin_outputs(bias, self.outputs, self.frozen, self.predicted)
        if len(self.steady_rows):
            norm.settle_constants(
                self.steady_rows, self.steady_columns, self.steady_entries, self.parameters.decaying.arrays[0],
                self.normalised, self.predicted,
            )  # fmt: skip
        self.additive[:] = self.predicted
        self.products.fold(
            self.parameters.weights[self.number][0], self.scales, self.means, self.shifts, self.additive[:outputs],
            self.predicted[:outputs],
        )  # fmt: skip

    def forward(self, out: Array, moments: Array, centres: Array) -> Array:
        """The outputs, as `out`, `moments` and `centres`; returns what frozen outputs emit."""
        outputs = len(self.outputs)
        if self.hidden and self.network.norm:
            # The mean that batch norm and weights predict for a unit: subtracted from what is stored, which rounds less.
            np.maximum(self.predicted[:outputs], 0, out=centres)
        self.products.forward(self.z, self.additive[:outputs], centres, self.hidden, out, moments)
        return np.maximum(self.predicted[outputs:], 0)

    def backward(self, training: TrainConfig, step: int, d: Array, sums: Array, below: Array | None) -> None:
        """Update the weights from the outputs' gradient d, whose sums over blocks are `sums`; then the inputs' gradient
        over the inputs themselves with its own sums `below`, unless there is nobody below."""
        parameters, views = self.parameters, self.views
        gradients, lasting = parameters.decaying.gradients, parameters.lasting.gradients
        norm.end_outputs(sums, self.outputs, parameters.kept[self.number], self.totals, gradients[views.bias])
        weights, first, second = parameters.weights[self.number]
        # dW = scale D + (beta - scale mean) s, so that nothing is divided by gamma.
        shifts = self.shifts - self.scales * self.means
        by_input = self.products.update(
            rule_at(training, step), d, self.z, self.totals, self.scales, shifts, weights, first, second
        )
        if self.network.norm:
            norm.backward_norm(
                by_input, self.inputs, int(self.space.counts.sum()), self.scales, self.means, self.deviations,
                lasting[views.gamma], lasting[views.beta], self.offsets, self.slopes,
            )  # fmt: skip
        if len(self.steady_rows):
            norm.constant_gradients(
                self.steady_rows, self.steady_columns, self.steady_entries, parameters.decaying.arrays[0],
                self.normalised, self.totals, gradients, self.constants, lasting[views.beta],
            )  # fmt: skip
        if below is not None:
            self.products.backward(d, self.offsets, self.slopes, self.centres, self.z, below)
