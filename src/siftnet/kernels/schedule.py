"""The learning rate of an update."""

from __future__ import annotations

from math import cos, pi

from siftnet.config import TrainConfig


def learning_rate(training: TrainConfig, step: int) -> float:
    """Learning rate of update `step` (from 0)."""
    if training.schedule == "constant":
        return training.lr
    return training.lr * 0.5 * (1 + cos(pi * step / training.steps))
