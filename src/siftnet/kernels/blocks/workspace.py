"""What all layers of a network on blocks share: how a batch lies, how products are computed, and room to work in."""

# S blocks, F features, C words of a stored feature, T tasks

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siftnet.kernels.blocks.layout import WIDTH, padded, zeros

Array = NDArray[Any]


@dataclass
class Workspace:
    """How products are computed, and how a batch lies in blocks."""

    tier: int
    """plain.VECTOR or plain.PLAIN."""
    amx: bool
    """Whether products of dense tiles may use AMX; only pairs of bf16 do."""
    word: Any
    """dtype of what is stored: float32, or uint32 for pairs of bf16."""
    counts: Array
    """Examples in each block: int64 (S,); a batch smaller than the room changes them, not their number."""
    threads: int
    _words: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._words = np.zeros(0, self.word)

    @property
    def blocks(self) -> int:
        """S."""
        return len(self.counts)

    @property
    def paired(self) -> bool:
        """Whether a word is a pair of bf16."""
        return bool(self.word == np.uint32)

    @property
    def width(self) -> int:
        """C."""
        return WIDTH // 2 if self.paired else WIDTH

    @property
    def split(self) -> int:
        """Tasks that a block is cut into, so that threads find about as many each, and none goes without."""
        return 1 if self.blocks % self.threads == 0 else max(4, -(-self.threads // self.blocks))

    @property
    def together(self) -> int:
        """Blocks that a thread multiplies by the same weights before it goes on to others."""
        return 2 if self.blocks % (2 * self.threads) == 0 else 1

    def activations(self, features: int) -> Array:
        """Zeros (S, F, C) for so many features, F filled up to whole panels."""
        return zeros((self.blocks, padded(features), self.width), self.word)

    def room(self, *shape: int) -> Array:
        """Words in this shape, whose contents do not last: the next product uses the same room."""
        count = int(np.prod(shape))
        if count > len(self._words):
            self._words = zeros((count,), self.word)
        return self._words[:count].reshape(shape)


def cuts(loads: Array, tasks: int) -> Array:
    """Where to cut a row of loads so that each of T neighbouring groups carries about the same: int64 (T + 1,)."""
    total = np.concatenate([[0], np.cumsum(loads)])
    inner = np.searchsorted(total, np.linspace(0, total[-1], tasks + 1)[1:-1], side="left").clip(0, len(loads))
    return np.concatenate([[0], inner, [len(loads)]]).astype(np.int64)
