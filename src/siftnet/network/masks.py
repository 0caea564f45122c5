"""Masks: which entries of which parameters survive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from siftnet.foreign import shown
from siftnet.network.state import State
from siftnet.wording import share


@dataclass(frozen=True, eq=False)
class Masks(Mapping[str, Tensor]):
    """Boolean tensors on the processor, True where an entry is kept, keyed by parameter names.

    Parameters that are never pruned have no mask.
    """

    kept: dict[str, Tensor]

    def __post_init__(self) -> None:
        if not isinstance(self.kept, Mapping):
            raise ValueError(f"masks are a dictionary of them by parameter, got {shown(self.kept)}")
        for name, mask in self.kept.items():
            if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.device.type != "cpu":
                raise ValueError(
                    f"the mask of {shown(name)} must be a boolean tensor on the processor, got {_described(mask)}: "
                    "give torch.as_tensor(mask != 0).cpu()"
                )

    def __repr__(self) -> str:
        of = f"{self.survivors:,} of {self.entries:,} entries in {len(self)} parameters"
        return f"Masks({of}, {share(self.density, 3)} density)"

    def __getitem__(self, name: str) -> Tensor:
        return self.kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    @classmethod
    def dense(cls, state: State, names: list[str]) -> Masks:
        """Nothing pruned, for the named parameters."""
        return cls({name: torch.ones(state.parameters[name].shape, dtype=torch.bool, device="cpu") for name in names})

    @property
    def entries(self) -> int:
        """Number of entries that could be pruned."""
        return sum(mask.numel() for mask in self.kept.values())

    @property
    def survivors(self) -> int:
        """Number of entries kept."""
        return sum(int(mask.sum()) for mask in self.kept.values())

    @property
    def density(self) -> float:
        """Share of the prunable entries that is kept, weights and biases together."""
        return self.survivors / max(self.entries, 1)

    def within(self, other: Masks) -> bool:
        """Whether every entry kept here is kept in `other` too."""
        return self.keys() == other.keys() and all(bool((other[n] | ~m).all()) for n, m in self.kept.items())

    def equals(self, other: Masks) -> bool:
        """Whether the same entries are kept."""
        return self.keys() == other.keys() and all(torch.equal(other[n], m) for n, m in self.kept.items())

    def apply(self, state: State) -> State:
        """The state with pruned parameters at exactly 0 (+0, whatever the sign was)."""
        zeroed = {
            name: torch.where(self.kept[name].to(value.device), value, torch.zeros_like(value))
            if name in self
            else value
            for name, value in state.parameters.items()
        }
        return State(zeroed, state.statistics, state.optimiser, state.step)


def _described(value: object) -> str:
    return f"one of {value.dtype} on {value.device}" if isinstance(value, Tensor) else shown(value)


def pack(mask: Bool[Tensor, "..."]) -> UInt8[Tensor, "P"]:
    """Eight mask entries a byte: bool of any shape -> uint8 (ceil(entries / 8),), first entry in the highest bit."""
    return torch.from_numpy(np.packbits(mask.numpy().reshape(-1)))


def unpack(packed: UInt8[Tensor, "P"], shape: tuple[int, ...]) -> Bool[Tensor, "..."]:
    """The inverse of `pack`."""
    count = int(np.prod(shape))
    return torch.from_numpy(np.unpackbits(packed.numpy(), count=count).astype(bool).reshape(shape))
