"""Iterative magnitude pruning with rewinding (Frankle & Carbin 2019; as Pellegrini & Biroli 2022 used it).

Train; remove the lowest-scored survivors; give the rest their early values back; repeat. Nothing here knows a file, a
device or a network: only a way of training and the names that are pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from siftnet.config.fields import PruneConfig
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.prune import group_sizes, prune, prune_groups, pruned_after, score
from siftnet.pruning.training import Assignment, History, Progress, Subject

WatchRound = Callable[[int, Masks, int, History, Callable[[], Progress]], None]
"""Told the round, its masks, the updates made in it, what happened so far, and how to get the present progress."""


@dataclass(frozen=True)
class Position:
    """Where the loop stands: about to train `round_number` under `masks`."""

    round_number: int
    masks: Masks
    kept_at_start: list[int]
    """Survivors of each prune group in round 0, which the pruning counts start from."""
    rewind: State | None = None
    """The rewind point, once round 0 has passed it (or another run gave it)."""
    progress: Progress | None = None
    """The round under way, where it was interrupted."""


@dataclass(frozen=True)
class Round:
    """A finished round."""

    number: int
    masks: Masks
    begin: State
    """The parameters that the round began with."""
    trained: State
    """After the last update."""
    scored: State
    """As the next masks are ranked by: `trained`, unless an earlier step was asked for."""
    rewind: State
    history: History
    next_masks: Masks | None
    """None where the run stops here."""
    stop: str | None
    """Why it stops here."""


def first_position(
    subject: Subject, config: PruneConfig, seed: int, masks: Masks | None, rewind: State | None
) -> Position:
    """Round 0: dense, or under a random mask of density `config.init_density`, or under another run's masks."""
    groups = prune_groups(subject.prunable, config.scope)
    if masks is None:
        fresh = subject.draw(0)
        names = [name for names in groups for name in names]
        masks = Masks.dense(fresh, names)
        if config.init_density < 1:
            entries, _ = group_sizes(masks, groups)
            share = 1 - Fraction(repr(config.init_density))
            random = score("random", fresh, fresh, names, seed, -1)
            masks = prune(masks, random, groups, [int(n * share) for n in entries])
    return Position(0, masks, group_sizes(masks, groups)[1], rewind)


def sift(
    subject: Subject, config: PruneConfig, rewind_step: int, seed: int, position: Position, watch: WatchRound
) -> Iterator[Round]:
    """Train, prune, rewind, repeat, from `position` until a stop rule holds; yields each round as it is finished.

    A round whose loss was no longer a number is the last.
    """
    here: Position | None = position
    while here is not None:
        begun = begin_round(subject, config, rewind_step, here, watch)
        trained, history = subject.training(
            begun.state.clone(), begun.masks, round_number=begun.round_number, snapshots=begun.snapshots,
            resume=begun.resume, watch=begun.watch,
        )  # fmt: skip
        finished = end_round(subject, config, rewind_step, seed, here, begun, trained, history)
        yield finished
        here = following(here, finished)


def begin_round(
    subject: Subject, config: PruneConfig, rewind_step: int, position: Position, watch: WatchRound
) -> Assignment:
    """The training of the round that `position` stands before or in: from which parameters, and which steps to keep."""
    t, masks, rewind = position.round_number, position.masks, position.rewind
    begin = masks.apply(subject.draw(t) if rewind is None or config.reset == "redraw" else rewind)
    steps = {config.at_step} if config.at_step >= 0 else set()
    steps |= {rewind_step} if rewind is None else set()
    return Assignment(
        begin, masks, t, tuple(sorted(steps)), position.progress,
        lambda step, history, progress: watch(t, masks, step, history, progress),
    )  # fmt: skip


def end_round(
    subject: Subject,
    config: PruneConfig,
    rewind_step: int,
    seed: int,
    position: Position,
    begun: Assignment,
    trained: State,
    history: History,
) -> Round:
    """The round that began as `begun` at `position`, with the masks of the next one or why there is none.

    Raises ValueError where the training did not keep what it was asked to, or revived what was pruned.
    """
    t, masks, rewind = begun.round_number, begun.masks, position.rewind
    if history.diverged_at is None:
        _check_training(begun, trained, history)
    if rewind is None:
        # A round that diverged before the rewind step has no rewind point, and nothing after it needs one.
        rewind = history.snapshots.get(rewind_step, begun.state)
    scored = history.snapshots.get(config.at_step, trained)
    if history.diverged_at is not None:
        stop: str | None = f"round {t} diverged at step {history.diverged_at}: lower train.lr"
        return Round(t, masks, begun.state, trained, scored, rewind, history, None, stop)
    next_masks = masks_after(subject.prunable, config, seed, t, position, scored, rewind)
    stop = stop_reason(subject, config, t, masks, next_masks)
    return Round(t, masks, begun.state, trained, scored, rewind, history, None if stop else next_masks, stop)


def following(position: Position, finished: Round) -> Position | None:
    """Where the loop stands after the round that began at `position`; None where it stops."""
    if finished.next_masks is None:
        return None
    return Position(finished.number + 1, finished.next_masks, position.kept_at_start, finished.rewind)


def _check_training(begun: Assignment, trained: State, history: History) -> None:
    """Raise ValueError where a training, which may be a user's own, did not keep its side."""
    if missing := sorted(set(begun.snapshots) - history.snapshots.keys()):
        raise ValueError(
            f"round {begun.round_number}: the history has no snapshot after {missing[0]} updates: "
            "a training must keep the parameters at the steps that it is given as snapshots"
        )
    for state in (trained, *history.snapshots.values(), *([history.best] if history.best else [])):
        for name, mask in begun.masks.items():
            if state.parameters[name][~mask].any():
                raise ValueError(
                    f"round {begun.round_number}: {name} has pruned entries that are not 0: "
                    "a training must return masked parameters"
                )


def masks_after(
    prunable: Mapping[str, Sequence[str]],
    config: PruneConfig,
    seed: int,
    round_number: int,
    position: Position,
    scored: State,
    rewind: State,
) -> Masks:
    """The masks of the round after `round_number`."""
    groups = prune_groups(prunable, config.scope)
    entries, _ = group_sizes(position.masks, groups)
    targets = [
        pruned_after(n, kept, config.exact_fraction, round_number + 1)
        for n, kept in zip(entries, position.kept_at_start, strict=True)
    ]
    names = [name for names in groups for name in names]
    scores = score(config.score, scored, rewind, names, seed, round_number)
    return prune(position.masks, scores, groups, targets)


def stop_reason(
    subject: Subject, config: PruneConfig, round_number: int, masks: Masks, next_masks: Masks
) -> str | None:
    """Why no round comes after this one, or None."""
    if round_number >= config.rounds:
        return f"all {config.rounds} pruned rounds are done"
    if masks.density <= config.min_density:
        return f"density {masks.density:.4g} has reached prune.min_density = {config.min_density}"
    for layer, names in subject.prunable.items():
        share = connected_share(next_masks, names[0])
        if share <= config.min_connected:
            return f"only {share:.0%} of the units of {layer} would keep an input (prune.min_connected)"
    return None


def foreseen_densities(subject: Subject, config: PruneConfig, masks: Masks) -> list[float]:
    """Density of each round that the stop rules let happen, from round 0 on, as far as one can tell beforehand.

    masks: those of round 0. A layer with fewer survivors than prune.min_connected asks for units cannot connect them.
    """
    floors = [
        max(config.min_connected * len(masks[names[0]]), 1) / sum(masks[name].numel() for name in names)
        for names in subject.prunable.values()
    ]
    densities = [masks.density]
    while len(densities) <= config.rounds and densities[-1] > config.min_density:
        next_density = densities[-1] * (1 - config.fraction)
        if next_density < max(floors):
            break
        densities.append(next_density)
    return densities


def connected_share(masks: Masks, weight: str) -> float:
    """Share of a layer's units with any input left."""
    return float(masks[weight].flatten(1).any(1).float().mean())
