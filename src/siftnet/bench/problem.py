"""What contenders are given: one network, generated images, weights under random masks. N examples, I inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from siftnet.bench.config import BenchConfig
from siftnet.config.fields import TrainConfig
from siftnet.data.batches import Batches
from siftnet.data.dataset import Dataset
from siftnet.geometry import Grid
from siftnet.kernels.plan import random_masks
from siftnet.network.layers import Network, build, initialise
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.seeds import generator


@dataclass(frozen=True)
class Problem:
    """A network to train under masks. training.precision is fp32 or bf16."""

    network: Network
    state: State
    masks: Masks
    training: TrainConfig
    batches: Batches


def make_problem(config: BenchConfig) -> Problem:
    """The dense problem of a resolved configuration (device, threads and precision decided)."""
    dataset = generate(config)
    network = build(config.network, dataset.geometry, config.classes, "cross_entropy")
    state = initialise(network, config.seed)
    batches = Batches(dataset, config.train.batch, config.seed, 0, device=config.device)
    return Problem(network, state, Masks.dense(state, network.prunable_names), config.train, batches)


def generate(config: BenchConfig) -> Dataset:
    """Images of independent uniform uint8 pixels with random labels; the speed of a dense or sparse product does not
    depend on what is in them."""
    grid = Grid(config.shape, config.channels)
    rng = generator(config.seed, "bench", "images")
    count = config.examples + config.validation + 1
    rows = np.arange(count)
    return Dataset(
        name="generated images",
        inputs_NI=rng.integers(0, 256, (count, grid.size), dtype=np.uint8),
        labels_N=rng.integers(0, config.classes, count),
        classes=config.classes,
        geometry=grid,
        splits={
            "train": rows[: config.examples],
            "validation": rows[config.examples : -1],
            "test": rows[-1:],
        },
        center_I=np.full(grid.size, 127.5, np.float32),
        scale_I=np.full(grid.size, sqrt(12) / 256, np.float32),
    )


def thin(dense: Problem, density: float) -> Problem:
    """The problem under a mask that keeps each prunable entry with the same probability.

    Pruning by magnitude also empties whole units, which compaction removes: a real run is faster than this, not slower.
    """
    masks = random_masks(dense.state, dense.network, density)
    return replace(dense, masks=masks, state=masks.apply(dense.state))
