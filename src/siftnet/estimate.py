"""What a run will take, before it is started."""

from __future__ import annotations

import time
from math import prod
from typing import Any

import numpy as np

from siftnet.imp import foreseen_densities
from siftnet.kernels import Plan, candidates
from siftnet.kernels.blocks.layout import WIDTH
from siftnet.kernels.plan import random_masks, spread, time_kernels
from siftnet.launch import Setup, first_round, plan_for
from siftnet.network import Affine, Layer


def estimate(setup: Setup) -> dict[str, Any]:
    """Memory and disk in bytes, time in seconds and kernel of each round that the stop rules let happen.

    Updates are timed on this machine at a few densities, as the plan of the run will be, and validation at the highest
    and the lowest.
    """
    config, state, first = setup.config, setup.subject.draw(0), first_round(setup)
    densities = foreseen_densities(setup.subject, config.prune, first.masks)
    plan = _timed(setup, densities)
    validating = _validation_seconds(setup.following(plan), densities)
    rounds: list[dict[str, Any]] = []
    for number, density in enumerate(densities):
        update = plan.milliseconds(plan.kernel(density), density)
        rounds.append(
            {
                "round": number,
                "density": density,
                "kernel": plan.kernel(density),
                "milliseconds_a_step": round(update, 2),
                "seconds": round(config.train.steps * update / 1000 + validating[number], 2),
            }
        )
    parameters = sum(value.numel() for value in state.parameters.values())
    entries = first.masks.entries
    kept = sum(parameters - entries + entries * density for density in densities)
    return {
        "rounds": len(rounds),
        "parameters": parameters,
        "data_bytes": setup.dataset.inputs_NI.nbytes,
        "memory_bytes": setup.dataset.inputs_NI.nbytes + _training_bytes(setup, parameters),
        # last and best weights and an eighth of a byte of mask for each round, the rewind point, a checkpoint
        "disk_bytes": int(8 * kept + len(rounds) * entries / 8 + 5 * 4 * parameters),
        "milliseconds_a_step": rounds[0]["milliseconds_a_step"],
        "training_seconds": round(sum(r["seconds"] for r in rounds), 1),
        "rounds_expected": rounds,
    }


def _training_bytes(setup: Setup, parameters: int) -> int:
    """Bytes that training takes beside the data, at most; interpreter and libraries, about 400 MB, come on top."""
    config, network = setup.config, setup.network
    # The plan holds every kernel that it times at once.
    kernels = len(candidates(config.kernel, network, config.train, config.device))
    activations = _whole_blocks(config.train.batch) * sum(_values(layer) for layer in network.layers)
    # In a kernel: weights, gradient, the optimiser's two buffers at most, weights folded with the norm and transposed.
    # Beside it: what is drawn, best, rewind, export, and their copies in a checkpoint. For the preset images that is
    # 626 MB, where 673 MB beyond data and libraries were measured (benchmarks/results/memory.csv).
    return 4 * (kernels * (6 * parameters + activations) + 8 * parameters)


def _whole_blocks(batch: int) -> int:
    """A batch's examples, filled up to blocks of 128 as the kernels on blocks do."""
    return -(-batch // WIDTH) * WIDTH


def _values(layer: Layer) -> int:
    """Inputs and outputs of a layer, for one example."""
    if isinstance(layer, Affine):
        return layer.inputs + layer.outputs
    return prod(layer.in_shape) + prod(layer.out_shape)


def _timed(setup: Setup, densities: list[float]) -> Plan:
    """The plan of the run, with timings also where there is nothing to choose."""
    plan = plan_for(setup)
    if plan.timings:
        return plan
    setup = setup.following(plan)
    kinds, training, batches = [setup.trainer.kind(densities[0])], setup.config.train, setup.trainer.batches
    timings = time_kernels(kinds, setup.network, training, batches, spread(densities))
    return Plan(why=plan.why, threads=plan.threads, timings=tuple(timings))


def _validation_seconds(setup: Setup, densities: list[float]) -> list[float]:
    """Seconds that validating takes in each round, timed in the first and the last and evenly between."""
    trainer, timed = setup.trainer, []
    for density in (densities[0], densities[-1]):
        state = setup.subject.draw(0)
        masks = random_masks(state, setup.network, density)
        kernel = trainer.kind(density).compile(
            setup.network, masks.apply(state), masks, trainer.training, trainer.batches
        )
        # Running statistics, and the code that the first call compiles.
        kernel.advance(1)
        kernel.evaluate("validation")
        start = time.perf_counter()
        kernel.evaluate("validation")
        timed.append(time.perf_counter() - start)
    validations = -(-trainer.training.steps // trainer.training.validate_every)
    return [validations * float(seconds) for seconds in np.geomspace(timed[0], timed[1], len(densities))]
