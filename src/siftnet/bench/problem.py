"""What contenders are given: one network and generated images. N examples, I inputs."""

from __future__ import annotations

from math import sqrt

import numpy as np

from siftnet.bench.config import BenchConfig
from siftnet.data.batches import Batches
from siftnet.data.dataset import Dataset
from siftnet.geometry import Grid
from siftnet.kernels.instance import Instance
from siftnet.kernels.interface import Problem
from siftnet.network.layers import build
from siftnet.seeds import generator


def dense_instance(config: BenchConfig) -> Instance:
    """The problem of a resolved configuration (device, threads and precision decided), of which nothing is pruned."""
    dataset = generate_images(config)
    network = build(config.network, dataset.geometry, config.classes, "cross_entropy")
    batches = Batches(dataset, config.train.batch, config.seed, 0, device=config.device)
    return Instance.dense(Problem(network, config.train, batches), config.seed)


def generate_images(config: BenchConfig) -> Dataset:
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
