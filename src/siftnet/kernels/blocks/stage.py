"""One affine layer in training: batch norm folded in, forward, and backward with its update."""

# S blocks, F inputs that vary, C constant inputs, O outputs that vary, Z frozen outputs

from __future__ import annotations

import numpy as np

from siftnet.kernels.blocks import constants, norm
from siftnet.kernels.blocks.constants import Steady
from siftnet.kernels.blocks.layout import padded
from siftnet.kernels.blocks.level import Level
from siftnet.kernels.blocks.parameters import Parameters
from siftnet.kernels.blocks.products import Terms
from siftnet.kernels.blocks.rule import Rule
from siftnet.kernels.blocks.workspace import Array, Workspace
from siftnet.network.layers import Network


class Stage:
    """Arrays and steps of layer `number`, which reads the level below and writes the one above, and back.

    running_mean, running_var: float32, of all inputs of the layer; those that nothing reads are not kept up.
    """

    def __init__(
        self, number: int, parameters: Parameters, network: Network, space: Workspace, below: Level, above: Level
    ) -> None:
        self.part, self.products = parameters.parts[number], parameters.products[number]
        self.network, self.space, self.below, self.above = network, space, below, above
        self.bottom = number == 0
        self.weights, self.kept = parameters.weights[number], parameters.kept[number]
        views, self.decaying, lasting = parameters.views[number], parameters.decaying, parameters.lasting
        self.bias, self.bias_gradients = self.decaying.slots.values[views.bias], self.decaying.gradients[views.bias]
        self.gammas, self.gamma_gradients = lasting.slots.values[views.gamma], lasting.gradients[views.gamma]
        self.betas, self.beta_gradients = lasting.slots.values[views.beta], lasting.gradients[views.beta]
        self.steady = Steady.of(self.part, views.steady.start)
        self.running_mean = np.zeros(self.part.layer.inputs, np.float32)
        self.running_var = np.ones(self.part.layer.inputs, np.float32)
        inputs, outputs = len(below.varying), len(above.varying)
        # Padded, because products in panels read whole ones.
        self.scales, self.means, self.shifts = np.zeros((3, padded(inputs)), np.float32)
        self.deviations, self.offsets, self.slopes = np.zeros((3, inputs), np.float32)
        self.normalised = np.zeros(len(below.constants), np.float32)
        self.predicted, self.additive = np.zeros((2, outputs + len(above.constants)), np.float32)
        self.totals = np.zeros(outputs)

    def forward(self, *, training: bool, first: bool) -> None:
        """The level above from the level below.

        training: with the batch's own moments, which the running statistics follow (first: take over) if there is batch
        norm; else with the running statistics.
        """
        self._normalise(training, keep=0.0 if first else self.network.norm_decay)
        self._fold()
        outputs, above, hidden = len(self.above.varying), self.above, self.part.layer.hidden
        if hidden and self.network.norm:
            # The mean that batch norm and weights predict for a unit: taken from what is stored, it rounds less.
            np.maximum(self.predicted[:outputs], 0, out=above.centres)
        self.products.forward(self.below.z, self.additive[:outputs], above.centres, hidden, above.z, above.moments)
        above.emitted = np.maximum(self.predicted[outputs:], 0)

    def _normalise(self, training: bool, keep: float) -> None:
        """What batch norm makes of the inputs, from the batch or from the running statistics."""
        below, inputs, epsilon = self.below, len(self.below.varying), self.network.norm_epsilon
        if not self.network.norm:
            self.scales[:inputs], self.shifts[:inputs] = below.units, below.centres
            return
        if training:
            norm.normalise_batch(
                below.moments, self.space.counts, below.units, below.centres, below.varying, self.gammas, self.betas,
                epsilon, self.running_mean, self.running_var, keep, self.scales, self.means, self.shifts,
                self.deviations,
            )  # fmt: skip
        else:
            norm.normalise_running(
                below.units, below.centres, below.varying, self.gammas, self.betas, epsilon, self.running_mean,
                self.running_var, self.scales, self.means, self.shifts,
            )  # fmt: skip
        if len(below.constants):
            self._normalise_constants(training, keep)

    def _normalise_constants(self, training: bool, keep: float) -> None:
        index, emitted = self.below.constants, self.below.emitted
        self.normalised[:] = self.betas[index]
        if training:
            self.running_mean[index] = keep * self.running_mean[index] + (1 - keep) * emitted
            self.running_var[index] *= np.float32(keep)
        else:
            # Evaluation subtracts a mean that follows slowly, so what is constant is not quite beta there.
            deviation = 1 / np.sqrt(self.running_var[index] + self.network.norm_epsilon)
            self.normalised += self.gammas[index] * (emitted - self.running_mean[index]) * deviation

    def _fold(self) -> None:
        """Batch norm folded into weights and constants."""
        outputs, steady = len(self.above.varying), self.steady
        constants.begin_outputs(self.bias, self.above.varying, self.above.constants, self.predicted)
        if len(steady.rows):
            constants.settle_constants(
                steady.rows, steady.columns, steady.entries, self.decaying.slots.values, self.normalised,
                self.predicted,
            )  # fmt: skip
        self.additive[:] = self.predicted
        self.products.fold(
            self.weights.values, self.scales, self.means, self.shifts, self.additive[:outputs],
            self.predicted[:outputs],
        )  # fmt: skip

    def backward(self, rule: Rule, d: Array) -> None:
        """Update the live weights from the outputs' gradient d, whose sums over blocks lie above, and find the other
        parameters' gradients; then, but for the first layer, replace the inputs by their gradients, with their sums."""
        below, above = self.below, self.above
        constants.end_outputs(above.sums, above.varying, self.kept, self.totals, self.bias_gradients)
        # dW = scale D + (beta - scale mean) s, so that nothing is divided by gamma.
        terms = Terms(self.totals, self.scales, self.shifts - self.scales * self.means)
        by_input = self.products.update(rule, d, below.z, terms, self.weights)
        if self.network.norm:
            norm.backward_norm(
                by_input, below.varying, int(self.space.counts.sum()), self.scales, self.means, self.deviations,
                self.gamma_gradients, self.beta_gradients, self.offsets, self.slopes,
            )  # fmt: skip
        if len(self.steady.rows):
            constants.constant_gradients(
                self.steady.rows, self.steady.columns, self.steady.entries, self.decaying.slots.values,
                self.normalised, self.totals, self.decaying.gradients, below.constants, self.beta_gradients,
            )  # fmt: skip
        if not self.bottom:
            self.products.backward(d, self.offsets, self.slopes, below.centres, below.z, below.sums)
