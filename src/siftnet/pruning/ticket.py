"""The ticket: what one round leaves, with all that is needed to study or train it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from siftnet.foreign import shown
from siftnet.geometry import Geometry
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.wording import share


@dataclass(frozen=True)
class Provenance:
    """Where a ticket comes from."""

    run: str
    round: int
    digest: str
    data: str


@dataclass(frozen=True, eq=False)
class Ticket:
    """Masks and weights of one round, and where the inputs live."""

    masks: Masks
    rewind: State
    """The rewind point, dense; `masks.apply(rewind)` is what the round began with, unless training changes masks."""
    trained: State
    """After the last update."""
    best: State | None
    """As validation chose; None where the round diverged before its first validation."""
    geometry: Geometry
    permutation_I: Int[np.ndarray, "I"] | None
    """int64 (I,): the network's input i is the original input permutation_I[i]; None where nothing was permuted."""
    provenance: Provenance

    def __repr__(self) -> str:
        came, density = self.provenance, share(self.masks.density, 3)
        return f"Ticket(round {came.round} of {came.run}, {density} density, {self.geometry.describe()})"

    @property
    def first_layer(self) -> str:
        """Name of the layer on the inputs: masks stand in order from there up."""
        return next(iter(self.masks)).removesuffix(".weight")

    def affine_layers(self) -> list[str]:
        """Names of the masked affine layers, from the inputs up."""
        return [name.removesuffix(".weight") for name, mask in self.masks.items() if mask.ndim == 2]

    def mask_JI(self, layer: str, *, restore: bool = True) -> Bool[np.ndarray, "J I"]:
        """bool (J, I): which inputs each node of an affine layer kept.

        restore: put a first layer's permuted inputs back to where they were.
        """
        return self._arranged(self._of(self.masks, layer).numpy(), layer, restore)

    def weights_JI(self, layer: str, *, restore: bool = True) -> Float[np.ndarray, "J I"]:
        """float32 (J, I): the trained weights of an affine layer, 0 where pruned."""
        return self._arranged(self._of(self.trained.parameters, layer).numpy(), layer, restore)

    def _of(self, tensors: Mapping[str, Tensor], layer: str) -> Tensor:
        """A layer's weight. Raises ValueError for a layer that is not there."""
        if f"{layer}.weight" not in self.masks:
            raise ValueError(f"there is no masked layer {shown(layer)}; take one of {', '.join(self.affine_layers())}")
        return tensors[f"{layer}.weight"]

    def _arranged(self, values_JI: np.ndarray, layer: str, restore: bool) -> np.ndarray:
        return restore_inputs(values_JI, self.permutation_I) if restore and layer == self.first_layer else values_JI


def restore_inputs(
    values: Shaped[np.ndarray, "*rest I"], permutation_I: Int[np.ndarray, "I"] | None
) -> Shaped[np.ndarray, "*rest I"]:
    """Per-input values (..., I) of permuted inputs, back where the inputs came from; None leaves them."""
    if permutation_I is None:
        return values
    original = np.empty_like(values)
    original[..., permutation_I] = values
    return original
