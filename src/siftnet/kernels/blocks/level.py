"""The units between two layers: what one stage writes and the next one reads."""

# S blocks, F units that vary, Z constant ones

from __future__ import annotations

import numpy as np

from siftnet.kernels.blocks.workspace import Array


class Level:
    """Units of one level, the network's inputs and outputs included; the value of unit f is units_f z_f + centres_f.

    varying (F,), constants (Z,): which of all units of the level these are; z: room for the stored values, in blocks
    (layout.py). On the way back z holds the units' gradients.
    """

    def __init__(self, varying: Array, constants: Array, z: Array) -> None:
        self.varying, self.constants, self.z = varying, constants, z
        units, blocks = len(varying), len(z)
        self.units, self.centres = np.ones(units, np.float32), np.zeros(units, np.float32)
        self.moments = np.zeros((blocks, units, 2))
        """Of every block the sum of z, and of its squared deviations from the block's mean: float64 (S, F, 2)."""
        self.sums = np.zeros((blocks, units))
        """Of every block the sum of the gradients: float64 (S, F)."""
        self.emitted = np.zeros(len(constants), np.float32)
        """The value of each constant unit: float32 (Z,)."""
