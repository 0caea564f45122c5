"""What a run will take, before it is started."""

from __future__ import annotations

import time
from typing import Any

from siftnet.launch import Setup
from siftnet.masks import Masks

WARM_UP, TIMED = 3, 10


def estimate(setup: Setup) -> dict[str, Any]:
    """Memory and disk in bytes, time in seconds, for the rounds asked for, from a few updates and one validation timed
    on this machine at density 1."""
    config, network = setup.config, setup.network
    state = setup.subject.draw(0)
    masks = Masks.dense(state, network.prunable_names)
    kernel = setup.trainer.kind.compile(network, state, masks, config.train, setup.trainer.batches)
    kernel.advance(WARM_UP)
    start = time.perf_counter()
    kernel.advance(TIMED)
    step_seconds = (time.perf_counter() - start) / TIMED
    start = time.perf_counter()
    kernel.evaluate("validation")
    validation_seconds = time.perf_counter() - start
    rounds, steps = config.prune.rounds + 1, config.train.steps
    validations = -(-steps // config.train.validate_every)
    parameters = sum(value.numel() for value in state.parameters.values())
    fixed = parameters - masks.entries
    kept = sum(fixed + masks.entries * (1 - config.prune.fraction) ** t for t in range(rounds))
    return {
        "rounds": rounds,
        "parameters": parameters,
        "data_bytes": setup.dataset.inputs_NI.nbytes,
        # weights, gradient, optimiser's two buffers at most, best, rewind, export, and their copies in a checkpoint
        "memory_bytes": setup.dataset.inputs_NI.nbytes + 12 * 4 * parameters,
        # last and best weights and an eighth of a byte of mask for each round, the rewind point, a checkpoint
        "disk_bytes": int(8 * kept + rounds * masks.entries / 8 + 5 * 4 * parameters),
        "milliseconds_a_step": round(1000 * step_seconds, 2),
        "training_seconds": round(rounds * (steps * step_seconds + validations * validation_seconds), 1),
    }
