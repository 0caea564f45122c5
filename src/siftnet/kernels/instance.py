"""An instance of a problem: weights under masks to begin from, drawn at random where only the time matters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from siftnet.kernels.interface import Kernel, KernelKind, Problem
from siftnet.network.layers import Network, initialise
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.seeds import generator


@dataclass(frozen=True, eq=False)
class Instance:
    """A problem with the weights and masks that a kernel begins from."""

    problem: Problem
    state: State
    masks: Masks

    @classmethod
    def dense(cls, problem: Problem, seed: int, *names: str | int) -> Instance:
        """Fresh weights of which nothing is pruned; seed, names: see `initialise`."""
        state = initialise(problem.network, seed, *names)
        return cls(problem, state, Masks.dense(state, problem.network.prunable_names))

    def compile(self, kind: KernelKind) -> Kernel:
        """A kernel that begins here."""
        return kind.compile(self.problem, self.state, self.masks)

    def at_density(self, density: float) -> Instance:
        """The same weights under a mask that keeps each prunable entry with the same probability.

        Pruning by magnitude also empties whole units, which compaction removes: a real run is faster than this, not
        slower.
        """
        masks = random_masks(self.state, self.problem.network, density)
        return replace(self, state=masks.apply(self.state), masks=masks)


def random_masks(state: State, network: Network, density: float) -> Masks:
    """Each prunable entry kept with the same probability, from a seed of its own."""
    draws = generator(0, "plan", repr(density))
    kept = {
        name: torch.from_numpy(draws.random(tuple(state.parameters[name].shape), dtype=np.float32) < density)
        for name in network.prunable_names
    }
    return Masks(kept)
