"""The update rules as all kernels have them: the learning rate of an update, AdamW's constants, names of buffers."""

from __future__ import annotations

from math import cos, pi

from siftnet.config.fields import TrainConfig

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
BUFFERS = {"adamw": ("exp_avg", "exp_avg_sq"), "momentum": ("momentum_buffer",), "sgd": ()}
"""PyTorch's names of an update rule's buffers."""


def learning_rate(training: TrainConfig, step: int) -> float:
    """Learning rate of update `step` (from 0)."""
    if training.schedule == "constant":
        return training.lr
    return training.lr * 0.5 * (1 + cos(pi * step / training.steps))


def buffers_of(training: TrainConfig) -> tuple[str, ...]:
    """Names of the buffers that the update rule keeps for each parameter."""
    return BUFFERS["adamw" if training.optimiser == "adamw" else "momentum" if training.momentum else "sgd"]
