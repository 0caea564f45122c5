"""Measure every round of a stored run, and store the numbers beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from siftnet.analysis.ablation import ablation
from siftnet.analysis.headline import Scored, headline_of, standard_error
from siftnet.analysis.layer import LayerMeasures, arrays, measure_layer, numbers
from siftnet.analysis.paths import path_counts, path_weights
from siftnet.analysis.verdict import verdict
from siftnet.config.fields import AnalysisConfig
from siftnet.network.state import State
from siftnet.pruning.ticket import Ticket, restore_inputs
from siftnet.runs.setup import Setup
from siftnet.seeds import generator
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from siftnet.version import __version__

FIRST = "layers.0"
"""The layer on the inputs, whose locality is measured."""


# Shares of the first layer's nodes that ablation removes; 1% steps where the best-connected nodes are.
ABLATED = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


def survey(
    run: Run,
    config: AnalysisConfig,
    setup: Setup | None = None,
    done: Callable[[int], None] = lambda round_number: None,
) -> dict[str, Any]:
    """Measure what is not measured yet and return the headline: its round, verdict and numbers.

    setup: the run's data and network, for node ablation, which evaluates with the kernels of the run's plan; without it
    there is none. done: told each measured round. Stores analysis/round-NN for every round and analysis/headline.

    Raises ValueError where no round is finished, the headline asked for is not among them, or the setup's data are not
    those of the run.
    """
    headline = headline_round(run, config)
    if config.ablation and setup is not None and setup.dataset.content_hash() != run.data.hash:
        raise ValueError(
            f"{run.path} was trained on other data ({run.data.name}) than its configuration finds now: bring those "
            "back, or measure without node ablation (analysis.ablation false), which alone needs them"
        )
    for number in run.rounds():
        samples = config.samples if number == headline else config.samples_other
        key: dict[str, Any] = {"samples": samples, "bootstrap": config.bootstrap, "headline": number == headline}
        key |= {"siftnet": __version__, "masks": run.summary(number).files["masks.safetensors"]}
        stored = run.analysis(f"round-{number:02d}")
        if stored is None or stored[0]["key"] != key:
            found, pictures = measure_round(run, number, samples, config.bootstrap, raw=number == headline)
            run.write_analysis(f"round-{number:02d}", {"round": number, "key": key} | found, pictures)
        done(number)
    return _headline(run, config, headline, setup)


def headline_round(run: Run, config: AnalysisConfig) -> int:
    """The round that the verdict is about: the one asked for, or the one that `headline_of` names."""
    rounds = run.rounds()
    if not rounds:
        raise ValueError(f"{run.path} has no finished round to measure: siftnet resume {run.path}")
    if config.headline >= 0:
        run.round_path(config.headline)
        return config.headline
    found = headline_of([_scored(s) for s in run.summaries() if not s.diverged])
    return rounds[-1] if found is None else found


def _scored(summary: RoundSummary) -> Scored:
    assert summary.validation is not None, "a round that did not diverge was validated"
    score, examples = summary.validation.score, summary.validation.examples
    return Scored(summary.round, summary.density, score, standard_error(summary.metric, score, examples))


def measure_round(
    run: Run, number: int, samples: int, bootstrap: int, *, raw: bool = False
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Numbers and arrays of one round: its affine layers from the inputs up, deeper ones through their paths.

    raw: where the inputs were permuted, measure the first layer also in the order that the network saw. Array names
    are 'layers.0:same_channel' and so on; see `siftnet.analysis.measure.arrays`.
    """
    ticket = run.ticket(number)
    if run.summary(number).diverged:
        # Its weights are no numbers; those that it began with show the same mask.
        ticket = replace(ticket, trained=ticket.masks.apply(ticket.rewind))
    names = ticket.affine_layers()
    if not names or names[0] != FIRST:
        reason = "the first layer is a convolution, whose locality is built in: nothing to measure"
        return {"layers": [], "raw": None, "verdict": f"not testable: {reason}."}, {}
    found: list[dict[str, Any]] = []
    pictures: dict[str, np.ndarray] = {}
    seeds = generator(run.config.seed, "analysis", number)
    variance_I = restore_inputs(run.inputs()["variance_I"], ticket.permutation_I)
    mask_JI, weights_JI = ticket.mask_JI(FIRST), ticket.weights_JI(FIRST)
    first = measure_layer(mask_JI, weights_JI, ticket.geometry, samples, bootstrap, seeds, variance_I)
    for name, measures in [(FIRST, first), *_deeper(ticket, names, bootstrap, seeds)]:
        found.append({"layer": name} | numbers(measures))
        pictures |= {f"{name}:{key}": array for key, array in arrays(measures).items()}
    unrestored = None
    if raw and ticket.permutation_I is not None:
        as_seen = ticket.mask_JI(FIRST, restore=False), ticket.weights_JI(FIRST, restore=False)
        unrestored = numbers(measure_layer(*as_seen, ticket.geometry, samples, bootstrap, seeds))
    sentence = verdict(first.locality, augmented=run.data.augmented, permuted=run.permuted, started=run.started)
    return {"layers": found, "raw": unrestored, "verdict": sentence}, pictures


def _deeper(
    ticket: Ticket, names: list[str], bootstrap: int, seeds: np.random.Generator
) -> list[tuple[str, LayerMeasures]]:
    """Layers above the first, seen from the inputs through path counts, against the closed-form null."""
    counts = path_counts([ticket.mask_JI(name) for name in names])
    weights = path_weights([ticket.weights_JI(name) for name in names])
    deeper = zip(names[1:], counts[1:], weights[1:], strict=True)
    return [(name, measure_layer(c > 0, w, ticket.geometry, 0, bootstrap, seeds)) for name, c, w in deeper]


def _headline(run: Run, config: AnalysisConfig, number: int, setup: Setup | None) -> dict[str, Any]:
    measured, before = run.analysis(f"round-{number:02d}"), run.analysis("headline")
    assert measured is not None
    sentence, diverged_at = measured[0]["verdict"], run.summary(number).diverged_at
    if diverged_at is not None:
        sentence = f"not trained: it diverged at step {diverged_at}, so its mask says nothing yet; lower train.lr."
    headline = {"round": number, "verdict": sentence, "ablation": None}
    if before is not None and before[0]["round"] == number:
        # Measured when the data were at hand, which they need not be now.
        headline["ablation"] = before[0]["ablation"]
    if config.ablation and setup is not None and measured[0]["layers"] and diverged_at is None:
        headline["ablation"] = ablate(run, number, setup)
    run.write_analysis("headline", headline, {})
    return headline


def ablate(run: Run, number: int, setup: Setup) -> dict[str, Any]:
    """Validation score as first-layer nodes are removed, the most and the least connected first, and at random.

    A node is removed by cutting its outgoing connections, so that batch norm above sees what it saw in training.
    Weights are those that validation chose.
    """
    setup = setup.following(run.plan)
    masks, best = run.masks(number), run.weights(number, "best")
    # Affine layers take affine layers above them: once the grid is gone, no convolution comes.
    above = "layers.1"
    degree_J = masks[f"{FIRST}.weight"].sum(1).numpy()

    def evaluate(keep_J: np.ndarray) -> float:
        weight = best.parameters[f"{above}.weight"].clone()
        weight[:, ~keep_J] = 0
        state = State(best.parameters | {f"{above}.weight": weight}, best.statistics)
        return setup.trainer.evaluate(state, masks, "validation").score

    counts = sorted({round(share * len(degree_J)) for share in ABLATED})
    curves = ablation(degree_J, evaluate, counts, generator(run.config.seed, "ablation", number))
    return {
        "removed": curves.counts.tolist(),
        "most": curves.most.tolist(),
        "least": curves.least.tolist(),
        "random_mean": curves.random_mean.tolist(),
        "random_spread": curves.random_spread.tolist(),
        "metric": run.summary(number).metric,
    }
