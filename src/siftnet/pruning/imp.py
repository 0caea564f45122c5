"""Iterative magnitude pruning with rewinding (Frankle & Carbin 2019; as Pellegrini & Biroli 2022 used it).

Train; remove the lowest-scored survivors; give the rest their early values back; repeat. Nothing here knows a file, a
device or a network: only a way of training and the names that are pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from torch import Tensor

from siftnet.config.fields import PruneConfig
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import MaskChange
from siftnet.pruning.prune import group_sizes, prune, prune_groups, pruned_after
from siftnet.pruning.scores import Scoring, check_score, find_score
from siftnet.pruning.training import Assignment, History, Progress, Subject, Trained
from siftnet.seeds import generator


@dataclass(frozen=True)
class Procedure:
    """How it is sifted: what is pruned, by which rule, to where survivors return, and from which seed chance is drawn.

    Raises ValueError for a score that there is not, or that measures from a rewind point which survivors leave.
    """

    prunable: Mapping[str, Sequence[str]]
    """Layer -> names of its parameters that are ranked together."""
    prune: PruneConfig
    rewind_step: int
    seed: int
    mask_change: MaskChange = "none"
    """What the way of training may do to masks; the loop and `verify` hold it to that."""

    def __post_init__(self) -> None:
        check_score(self.prune)

    @property
    def groups(self) -> list[list[str]]:
        """The names that are ranked together."""
        return prune_groups(self.prunable, self.prune.scope)

    def scores(self, how: str, round_number: int, trained: State, rewind: State) -> dict[str, Tensor]:
        """The score of every entry that may be pruned; round_number: of chance, -1 before round 0."""
        names = [name for names in self.groups for name in names]
        draws = generator(self.seed, "random score", round_number)
        ranked, early = ({name: state.parameters[name] for name in names} for state in (trained, rewind))
        return find_score(how).of(Scoring(ranked, early, draws))


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


WatchRound = Callable[[Position, int, History, Callable[[], Progress]], None]
"""Told where the round began, the updates made in it, what happened so far, and how to get the present progress."""


@dataclass(frozen=True)
class Round:
    """A finished round."""

    number: int
    begin_masks: Masks
    begin: State
    """The parameters that the round began with."""
    ended: Trained
    scored: State
    """As the next masks are ranked by: as trained, unless an earlier step was asked for."""
    rewind: State
    mask_change: MaskChange
    """What its training might have done to masks."""
    next_masks: Masks | None
    """None where the run stops here."""
    stop: str | None
    """Why it stops here."""

    @property
    def masks(self) -> Masks:
        """The masks that the round ended with."""
        return self.ended.masks

    @property
    def trained(self) -> State:
        """After the last update."""
        return self.ended.state

    @property
    def history(self) -> History:
        """What happened in it."""
        return self.ended.history


def first_position(subject: Subject, procedure: Procedure, masks: Masks | None, rewind: State | None) -> Position:
    """Round 0: dense, or under a random mask of density `prune.init_density`, or under another run's masks."""
    groups, config = procedure.groups, procedure.prune
    if masks is None:
        fresh = subject.draw(0)
        masks = Masks.dense(fresh, [name for names in groups for name in names])
        if config.init_density < 1:
            entries, _ = group_sizes(masks, groups)
            share = 1 - Fraction(repr(config.init_density))
            chance = procedure.scores("random", -1, fresh, fresh)
            masks = prune(masks, chance, groups, [int(n * share) for n in entries])
    return Position(0, masks, group_sizes(masks, groups)[1], rewind)


def sift(subject: Subject, procedure: Procedure, position: Position, watch: WatchRound) -> Iterator[Round]:
    """Train, prune, rewind, repeat, from `position` until a stop rule holds; yields each round as it is finished.

    A round whose loss was no longer a number is the last.
    """
    here: Position | None = position
    while here is not None:
        begun = begin_round(subject, procedure, here, watch)
        finished = end_round(procedure, here, begun, subject.training(replace(begun, state=begun.state.clone())))
        yield finished
        here = following(here, finished)


def begin_round(subject: Subject, procedure: Procedure, position: Position, watch: WatchRound) -> Assignment:
    """The training of the round that `position` stands before or in: from which parameters, and which steps to keep."""
    t, masks, rewind, config = position.round_number, position.masks, position.rewind, procedure.prune
    begin = masks.apply(subject.draw(t) if rewind is None or config.reset == "redraw" else rewind)
    steps = {config.at_step} if config.at_step >= 0 else set()
    steps |= {procedure.rewind_step} if rewind is None else set()
    return Assignment(
        begin, masks, t, tuple(sorted(steps)), position.progress,
        lambda step, history, progress: watch(position, step, history, progress),
    )  # fmt: skip


def end_round(procedure: Procedure, position: Position, begun: Assignment, trained: Trained) -> Round:
    """The round that began as `begun` at `position`, with the masks of the next one or why there is none.

    Raises ValueError where the training did not keep what it was asked to, or changed masks otherwise than it declares.
    """
    t, config, history, rewind = begun.round_number, procedure.prune, trained.history, position.rewind
    if history.diverged_at is None:
        _check_training(begun, trained, procedure.mask_change)
    if rewind is None:
        # A round that diverged before the rewind step has no rewind point, and nothing after it needs one.
        rewind = history.snapshots.get(procedure.rewind_step, begun.state)
    scored = history.snapshots.get(config.at_step, trained.state)
    if procedure.mask_change != "none":
        # As it is stored: what a snapshot had beyond the masks that the round ended with is not ranked.
        scored = trained.masks.apply(scored)
    next_masks = None
    if history.diverged_at is not None:
        stop: str | None = f"round {t} diverged at step {history.diverged_at}: lower train.lr"
    else:
        now = replace(position, masks=trained.masks, rewind=rewind)
        next_masks = masks_after(procedure, now, scored)
        stop = stop_reason(procedure, t, trained.masks, next_masks)
    change, following_masks = procedure.mask_change, None if stop else next_masks
    return Round(t, begun.masks, begun.state, trained, scored, rewind, change, following_masks, stop)


def following(position: Position, finished: Round) -> Position | None:
    """Where the loop stands after the round that began at `position`; None where it stops."""
    if finished.next_masks is None:
        return None
    return Position(finished.number + 1, finished.next_masks, position.kept_at_start, finished.rewind)


def _check_training(begun: Assignment, trained: Trained, mask_change: MaskChange) -> None:
    """Raise ValueError where a training, which may be a user's own, did not keep its side."""
    history, which = trained.history, f"round {begun.round_number}"
    if missing := sorted(set(begun.snapshots) - history.snapshots.keys()):
        raise ValueError(
            f"{which}: the history has no snapshot after {missing[0]} updates: "
            "a training must keep the parameters at the steps that it is given as snapshots"
        )
    if problem := broken_change(mask_change, begun.masks, trained.masks):
        raise ValueError(f"{which}: {problem}: a training must keep to the mask_change that it declares")
    # Snapshots of a training that changes masks have those of their step.
    snapshots = list(history.snapshots.values()) if mask_change == "none" else []
    masked = [(state, trained.masks) for state in (trained.state, *snapshots)]
    if history.best is not None:
        masked.append((history.best, history.best_masks or trained.masks))
    for state, masks in masked:
        for name, mask in masks.items():
            if state.parameters[name][~mask].any():
                raise ValueError(
                    f"{which}: {name} has pruned entries that are not 0: a training must return masked parameters"
                )


def broken_change(declared: MaskChange, before: Masks, after: Masks) -> str | None:
    """How a training changed masks more than it declares; None where it did not."""
    if [(n, m.shape) for n, m in before.items()] != [(n, m.shape) for n, m in after.items()]:
        return "its masks have other names or shapes than those it was given, or another order"
    if declared == "none" and not after.equals(before):
        return "its masks are not those it was given, and it declares none of them to change"
    if declared == "shrink" and not after.within(before):
        revived = sum(int((after[name] & ~before[name]).sum()) for name in after)
        return f"{revived} pruned entries came back, and it declares that masks shrink alone"
    return None


def masks_after(procedure: Procedure, position: Position, scored: State) -> Masks:
    """The masks of the round after the one that ended at `position`, whose rewind point is known.

    Where training changes masks, a group that it left with fewer survivors than the rule asks for is left so.
    """
    assert position.rewind is not None
    groups = procedure.groups
    entries, survivors = group_sizes(position.masks, groups)
    fraction, done = procedure.prune.exact_fraction, position.round_number + 1
    targets = [pruned_after(n, kept, fraction, done) for n, kept in zip(entries, position.kept_at_start, strict=True)]
    if procedure.mask_change != "none":
        targets = [max(target, n - left) for target, n, left in zip(targets, entries, survivors, strict=True)]
    scores = procedure.scores(procedure.prune.score, position.round_number, scored, position.rewind)
    return prune(position.masks, scores, groups, targets)


def stop_reason(procedure: Procedure, round_number: int, masks: Masks, next_masks: Masks) -> str | None:
    """Why no round comes after this one, or None."""
    config = procedure.prune
    if round_number >= config.rounds:
        return f"all {config.rounds} pruned rounds are done"
    if masks.density <= config.min_density:
        return f"density {masks.density:.4g} has reached prune.min_density = {config.min_density}"
    for layer, names in procedure.prunable.items():
        share = connected_share(next_masks, names[0])
        if share <= config.min_connected:
            return f"only {share:.0%} of the units of {layer} would keep an input (prune.min_connected)"
    return None


def foreseen_densities(procedure: Procedure, masks: Masks) -> list[float]:
    """Density of each round that the stop rules let happen, from round 0 on, as far as one can tell beforehand.

    masks: those of round 0. A layer with fewer survivors than prune.min_connected asks for units cannot connect them.
    """
    config = procedure.prune
    floors = [
        max(config.min_connected * len(masks[names[0]]), 1) / sum(masks[name].numel() for name in names)
        for names in procedure.prunable.values()
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
