"""Measure every round of a stored run, and store the numbers beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from siftnet.analysis.ablation import Ablation, ablation
from siftnet.analysis.headline import Scored, headline_of, standard_error
from siftnet.analysis.layer import LayerMeasures, measure_layer
from siftnet.analysis.locality import Resampling
from siftnet.analysis.paths import path_counts, path_weights
from siftnet.analysis.verdict import verdict
from siftnet.config.fields import AnalysisConfig, require
from siftnet.foreign import shown
from siftnet.geometry import Unknown
from siftnet.host.torch_state import own_torch
from siftnet.network.state import State
from siftnet.pruning.ticket import Ticket, restore_inputs
from siftnet.runs.machine import computing
from siftnet.runs.setup import Setup
from siftnet.seeds import generator
from siftnet.store.analysis_files import DamagedError
from siftnet.store.folder import as_run
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from siftnet.studies.measured_run import (
    Headline,
    MeasuringKey,
    RoundMeasures,
    read_headline,
    read_key,
    read_round,
    read_verdict,
    write_headline,
    write_round,
)
from siftnet.version import __version__
from siftnet.wording import shell_word

# Shares of the first layer's nodes that ablation removes; 1% steps where the best-connected nodes are.
ABLATED = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


def measure_rounds(
    run: Run | str | Path,
    config: AnalysisConfig | None = None,
    setup: Setup | None = None,
    done: Callable[[int], None] = lambda round_number: None,
) -> Headline:
    """Measure what is not measured yet and return the headline: its round, verdict and ablation.

    run: or the path of one; config: how to measure, unless as the run's own configuration says; setup: the run's data
    and network, for node ablation, which evaluates with the kernels of the run's plan; without it there is none. done:
    told each round that had to be measured, see `rounds_to_measure`. Stores analysis/round-NN for every round and
    analysis/headline.

    Raises ValueError where no round is finished, the headline asked for is not among them, or the setup's data are not
    those of the run.
    """
    run = as_run(run)
    config = run.config.analysis if config is None else config
    require(
        isinstance(config, AnalysisConfig),
        f"how to measure is said by a siftnet.AnalysisConfig, got {shown(config)}: make one, or leave it out",
    )
    require(setup is None or isinstance(setup, Setup), f"a setup is what siftnet.set_up makes, got {shown(setup)}")
    with computing(setup.config) if setup else own_torch():
        return _measure_rounds(run, config, setup, done)


def _measure_rounds(run: Run, config: AnalysisConfig, setup: Setup | None, done: Callable[[int], None]) -> Headline:
    headline, wanted = headline_round(run, config), rounds_to_measure(run, config)
    if config.ablation and setup is not None and setup.dataset.content_hash() != run.data.hash:
        raise ValueError(
            f"{run.path} was trained on other data ({run.data.name}) than its configuration finds now: bring those "
            "back, or measure without node ablation (analysis.ablation false), which alone needs them"
        )
    for number, key in wanted.items():
        found = measure_round(run, number, key.samples, key.bootstrap, raw=key.headline)
        write_round(run, number, key, found)
        done(number)
    return _measure_headline(run, config, headline, setup)


def rounds_to_measure(run: Run, config: AnalysisConfig | None = None) -> dict[int, MeasuringKey]:
    """The rounds that are not measured yet as is asked for, with how to measure each.

    config: unless as the run's own configuration says. Raises ValueError where no round is finished, the headline asked
    for is not among them, or a newer siftnet measured one.
    """
    config = run.config.analysis if config is None else config
    headline = headline_round(run, config)
    keys = {
        number: MeasuringKey(
            samples=config.samples if number == headline else config.samples_other,
            bootstrap=config.bootstrap,
            headline=number == headline,
            siftnet=__version__,
            masks=run.summary(number).files["masks.safetensors"],
        )
        for number in run.rounds()
    }
    return {number: key for number, key in keys.items() if not _is_measured(run, number, key)}


def _is_measured(run: Run, number: int, key: MeasuringKey) -> bool:
    """Whether a round was measured as `key` says, and all of it can be read.

    Raises ValueError where a newer siftnet measured it.
    """
    try:
        return read_key(run, number) == key and read_round(run, number) is not None
    except DamagedError:
        return False


def headline_round(run: Run, config: AnalysisConfig) -> int:
    """The round that the verdict is about: the one asked for, the one that `headline_of` names, or else the last."""
    rounds = run.rounds()
    if not rounds:
        raise ValueError(f"{run.path} has no finished round to measure: siftnet resume {shell_word(str(run.path))}")
    if config.headline >= 0:
        run.round_path(config.headline)
        return config.headline
    summaries = run.summaries()
    found = headline_of([scored for s in summaries if (scored := _scored(s))])
    if found is None:
        return max((s.round for s in summaries if not s.diverged), default=rounds[-1])
    return found


def _scored(summary: RoundSummary) -> Scored | None:
    """A round that may become the headline; None where it diverged or its validation score is undefined."""
    if summary.diverged or summary.validation is None or summary.validation.score is None:
        return None
    score, examples = summary.validation.score, summary.validation.examples
    return Scored(summary.round, summary.density, score, standard_error(summary.metric, score, examples))


def measure_round(run: Run, number: int, samples: int, bootstrap: int, *, raw: bool = False) -> RoundMeasures:
    """Measure one round: its affine layers from the inputs up, deeper ones through their paths.

    samples: shuffles of each null; bootstrap: resamplings of the nodes; raw: where the inputs were permuted, measure
    the first layer also in the order that the network saw.
    """
    ticket = run.ticket(number)
    if run.summary(number).diverged:
        # Its weights are no numbers; those that it began with show the same mask.
        ticket = replace(ticket, trained=ticket.masks.apply(ticket.rewind))
    names, first = ticket.affine_layers(), ticket.first_layer
    if first not in names:
        reason = "the first layer is a convolution, whose locality is built in: nothing to measure"
        return RoundMeasures({}, None, f"not testable: {reason}.")
    seeds = generator(run.config.seed, "analysis", number)
    variance_I = restore_inputs(run.inputs()["variance_I"], ticket.permutation_I)
    mask_JI, weights_JI = ticket.mask_JI(first), ticket.weights_JI(first)
    resampling = Resampling(samples, bootstrap, seeds)
    measured = measure_layer(mask_JI, weights_JI, ticket.geometry, resampling, variance_I)
    layers = {first: measured} | _deeper(ticket, names, Resampling(0, bootstrap, seeds))
    unrestored = None
    if raw and ticket.permutation_I is not None:
        as_seen = ticket.mask_JI(first, restore=False), ticket.weights_JI(first, restore=False)
        unrestored = measure_layer(*as_seen, ticket.geometry, resampling)
    sentence = verdict(
        measured.locality,
        augmented=run.data.augmented,
        permuted=run.permuted,
        started=run.started,
        elsewhere=run.data.elsewhere,
        placeable=_placeable(run),
    )
    return RoundMeasures(layers, unrestored, sentence)


def _placeable(run: Run) -> int:
    """How many inputs data.geometry could give a place; 0 where it cannot, as of those made of one column of text."""
    data, geometry = run.config.data, run.geometry
    if data.format not in ("npz", "table") or data.root is None or not isinstance(geometry, Unknown):
        return 0
    one_hot = data.table.text == "one_hot" and any("=" in name for name in run.data.input_names)
    return 0 if one_hot else geometry.size


def _deeper(ticket: Ticket, names: list[str], resampling: Resampling) -> dict[str, LayerMeasures]:
    """Layers above the first, seen from the inputs through path counts, against the closed-form null."""
    counts = path_counts([ticket.mask_JI(name) for name in names])
    weights = path_weights([ticket.weights_JI(name) for name in names])
    deeper = zip(names[1:], counts[1:], weights[1:], strict=True)
    return {name: measure_layer(c > 0, w, ticket.geometry, resampling) for name, c, w in deeper}


def _measure_headline(run: Run, config: AnalysisConfig, number: int, setup: Setup | None) -> Headline:
    before, diverged_at = _headline_before(run, config, setup), run.summary(number).diverged_at
    found = Headline(number, read_verdict(run, number))
    if diverged_at is not None:
        sentence = f"not trained: it diverged at step {diverged_at}, so its mask says nothing yet; lower train.lr."
        found = replace(found, verdict=sentence)
    if before is not None and before.round == number:
        # Measured when the data were at hand, which they need not be now.
        found = replace(found, ablation=before.ablation, metric=before.metric)
    if config.ablation and setup is not None and has_affine_first(run, number) and diverged_at is None:
        # Where a score is undefined there is none to be left.
        scored = setup.trainer.problem.batches.target_spreads.get("validation", 1.0) is not None
        found = replace(
            found, ablation=ablate(run, number, setup) if scored else None, metric=run.summary(number).metric
        )
    write_headline(run, found)
    return found


def _headline_before(run: Run, config: AnalysisConfig, setup: Setup | None) -> Headline | None:
    """What the page was about; None where it was not measured, or is measured anew.

    Raises DamagedError where it cannot be read and the data are not at hand, which node ablation takes.
    """
    try:
        return read_headline(run)
    except DamagedError:
        if config.ablation and setup is None:
            raise
        return None


def has_affine_first(run: Run, number: int) -> bool:
    """Whether the layer on the inputs is affine, so that there is something to measure."""
    return next(iter(run.masks(number).values())).ndim == 2


def ablate(run: Run, number: int, setup: Setup) -> Ablation:
    """Validation score as first-layer nodes are removed, the most and the least connected first, and at random.

    A node is removed by cutting its outgoing connections, so that batch norm above sees what it saw in training.
    Weights are those that validation chose.
    """
    setup = setup.following(run.plan)
    masks, best = run.masks(number), run.weights(number, "best")
    # Affine layers take affine layers above them: once the grid is gone, no convolution comes.
    # Masks stand from the inputs up; what is never pruned comes last.
    affine = [name for name in (*masks, *(best.parameters.keys() - masks.keys())) if best.parameters[name].ndim == 2]
    first, above = affine[:2]
    degree_J = masks[first].sum(1).numpy()

    def evaluate(keep_J: np.ndarray) -> float:
        weight = best.parameters[above].clone()
        weight[:, ~keep_J] = 0
        state = State(best.parameters | {above: weight}, best.statistics)
        score = setup.trainer.evaluate(state, masks, "validation").score
        assert score is not None, "the split, not the weights, says whether a score is defined"
        return score

    counts = sorted({round(share * len(degree_J)) for share in ABLATED})
    return ablation(degree_J, evaluate, counts, generator(run.config.seed, "ablation", number))
