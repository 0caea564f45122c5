"""Where the tensors of a network lie in one vector, so that an update and an export are each one sweep."""

# R replicates, P entries of the vector

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

# Entries that every tensor's place is a multiple of: 256 bytes of float32, as wide loads and products like it.
ALIGNMENT = 64

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layout:
    """Named tensors in one vector of `size` entries; those between them belong to none and stay 0."""

    shapes: Shapes
    begins: dict[str, int]
    size: int

    @classmethod
    def of(cls, shapes: Shapes) -> Layout:
        """Tensors of these shapes, one after the other."""
        begins, end = {}, 0
        for name, shape in shapes.items():
            begins[name] = end
            end += -(-prod(shape) // ALIGNMENT) * ALIGNMENT
        return cls(dict(shapes), begins, end)

    def pack(self, replicates: Sequence[Mapping[str, Tensor]], dtype: torch.dtype = torch.float32) -> Tensor:
        """Tensors of each replicate, by name, as (R, P) on the processor; 0 for names that a replicate lacks."""
        flat_RP = torch.zeros(len(replicates), self.size, dtype=dtype)
        for row_P, tensors in zip(flat_RP, replicates, strict=True):
            for name, begin in self.begins.items():
                if name in tensors:
                    value = tensors[name].detach().reshape(-1)
                    row_P[begin : begin + len(value)] = value
        return flat_RP

    def views(self, flat_RP: Tensor) -> dict[str, Tensor]:
        """The tensors (R, *shape) that lie in (R, P), by name, sharing its memory."""
        return {
            name: flat_RP[:, self.begins[name] : self.begins[name] + prod(shape)].view(len(flat_RP), *shape)
            for name, shape in self.shapes.items()
        }

    def unpack(self, row_P: Tensor) -> dict[str, Tensor]:
        """The tensors of one replicate (P,), by name, each in memory of its own."""
        return {name: view[0].clone() for name, view in self.views(row_P[None]).items()}
