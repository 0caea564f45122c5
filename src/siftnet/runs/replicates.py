"""Replicates: runs that differ in their seed alone, in one folder, trained side by side where the kernel can.

Each is a run like any other, DIR/seed-N. Where the kernel trains one network at a time they follow one another;
otherwise all that stand at the same step of the same round are trained together, those furthest behind first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from siftnet.config.fields import RunConfig
from siftnet.data.dataset import Dataset
from siftnet.kernels.interface import ReplicatingKind
from siftnet.kernels.plan import Plan
from siftnet.kernels.registry import KERNELS
from siftnet.kernels.trainer import train_together
from siftnet.network.state import State
from siftnet.pruning.imp import Position, begin_round, end_round, following
from siftnet.pruning.training import Assignment, History
from siftnet.runs.events import Observer, Silent
from siftnet.runs.interrupt import Interrupted, stop_requests
from siftnet.runs.machine import prepare_torch
from siftnet.runs.recorder import Agreement, Keeper
from siftnet.runs.request import Wanted, check_same, want
from siftnet.runs.setup import Setup, set_up
from siftnet.runs.single import (
    create,
    note_other_rounding,
    plan_for,
    planned_far_enough,
    position_of,
    reopen,
    sift_from,
)
from siftnet.store.atomic import lock
from siftnet.store.folder import open_replicates, replicate_path, seeds_asked, write_seeds
from siftnet.store.run import Run

StopRequested = Callable[[], int]


class Place(NamedTuple):
    """Where a replicate stands and what computes it there: those who share it all can train together."""

    round_number: int
    step: int
    kernel: str
    threads: int


@dataclass(frozen=True, eq=False)
class Replicate:
    """One of several runs, and where it stands."""

    stored: Run
    setup: Setup
    observer: Observer
    position: Position

    @property
    def place(self) -> Place:
        """Its round, the updates made in it, its kernel there and the threads that it is computed with."""
        progress, density = self.position.progress, self.position.masks.density
        return Place(
            self.position.round_number,
            progress.state.step if progress else 0,
            self.setup.trainer.plan.kernel(density),
            self.stored.config.threads,
        )


def run_replicates(
    config: RunConfig,
    out: Path | str,
    count: int,
    *,
    dataset: Dataset | None = None,
    observer: Observer | None = None,
) -> list[Run]:
    """Run the configuration with `count` seeds, config.seed and those after it, each into its folder out/seed-N.

    Goes on with those that are there and adds those that are missing; the data are loaded once, and what `data.seed`
    draws is the same for all. dataset: your own data instead of what `config.data` names. Returns the runs by seed.
    Raises ValueError for settings that do not fit, for a folder with other runs or with more replicates, Interrupted
    when a signal stops them.
    """
    if count < 1:
        raise ValueError(f"the number of replicates must be 1 or more, got {count}")
    return carry_out_replicates(set_up(config, dataset), range(config.seed, config.seed + count), out, observer)


def resume_replicates(
    out: Path | str, *, dataset: Dataset | None = None, observer: Observer | None = None
) -> list[Run]:
    """Go on with all replicates of a folder as they were configured. Raises ValueError where there are none."""
    config, seeds = stored_replicates(out)
    return carry_out_replicates(set_up(config, dataset), seeds, out, observer)


def stored_replicates(out: Path | str) -> tuple[RunConfig, list[int]]:
    """The configuration of the first replicate of a folder, and the seeds that were asked for last or are there.

    Raises ValueError where the folder holds none, or one in the place of another seed.
    """
    there = open_replicates(out)
    if not there:
        raise ValueError(f"{out} holds no replicates: make them with siftnet run PRESET --replicates 5 --out {out}")
    seeds = {*seeds_asked(Path(out)), *(stored.config.seed for stored in there)}
    return there[0].config, sorted(seeds)


def carry_out_replicates(
    setup: Setup, seeds: Sequence[int], out: Path | str, observer: Observer | None = None
) -> list[Run]:
    """`run_replicates` with these seeds, in ascending order, for what is set up already."""
    out, observer = Path(out), observer or Silent()
    _check_folder(out, seeds)
    data_hash = setup.dataset.content_hash()
    wanted = [want(setup.with_seed(seed), replicate_path(out, seed), data_hash) for seed in seeds]
    for each in wanted:
        # Before any folder is made.
        if Run.exists(each.path):
            check_same(Run(each.path), each)
    with ExitStack() as locks:
        for each in wanted:
            locks.enter_context(lock(each.path))
        # Before the first run is made, so that killed between two of them all are made on going on.
        write_seeds(out, seeds)
        opened = _open(wanted, observer)
        live = _live(opened, observer)
        with stop_requests() as stop_requested:
            if any(_takes_several(name) for r in live for _, name in r.setup.trainer.plan.choices()):
                _side_by_side(live, out, stop_requested)
            else:
                _one_after_the_other(live, out, stop_requested)
    return [stored for stored, _ in opened]


def _check_folder(out: Path, seeds: Sequence[int]) -> None:
    """Raise ValueError where the folder is a run of its own, or holds replicates that are not asked for."""
    if Run.exists(out):
        raise ValueError(f"{out} holds a single run: choose another directory for replicates, with siftnet run --out")
    there = [stored.config.seed for stored in open_replicates(out)]
    if beyond := [seed for seed in there if seed not in seeds]:
        lowest, highest = min(seeds[0], *there), max(seeds[-1], *there)
        raise ValueError(
            f"{out} also holds seed-{beyond[0]}, and seeds {seeds[0]} to {seeds[-1]} were asked for: ask for all with "
            f"--seed {lowest} --replicates {highest - lowest + 1}, or choose another directory, with siftnet run --out"
        )


def _open(wanted: Sequence[Wanted], observer: Observer) -> list[tuple[Run, Setup]]:
    """All runs, those that are missing made with the threads and the plan of the first that is there."""
    there = {each.path: reopen(each) for each in wanted if Run.exists(each.path)}
    if there:
        first, setup = next(iter(there.values()))
        observer.loaded(setup.dataset, setup.network, first.config)
        note_other_rounding([stored for stored, _ in there.values()], setup.trainer.problem, observer)
        plan, config = first.plan, first.config
    else:
        setup, config = wanted[0].setup, wanted[0].setup.config
        observer.loaded(setup.dataset, setup.network, config)
        plan = plan_for(setup, observer)
    prepare_torch(config)
    opened = []
    for each in wanted:
        if each.path not in there:
            alike = replace(each.setup, config=replace(each.setup.config, threads=config.threads))
            there[each.path] = create(replace(each, setup=alike), _borrowed(plan, config.seed, alike.config.seed))
        opened.append(there[each.path])
    return opened


def _borrowed(plan: Plan, timed: int, seed: int) -> Plan:
    """The plan for a replicate with another seed than the one that it was timed for, saying so."""
    words = "as timed for seed"
    if seed == timed or not plan.timings or words in plan.why:
        return plan
    return replace(plan, why=f"{plan.why}, {words} {timed}")


def _live(opened: Sequence[tuple[Run, Setup]], observer: Observer) -> list[Replicate]:
    """Those that are not finished, with plans that reach far enough; plans with the same timings are timed on once."""
    found = [(stored, setup, position_of(stored, setup)) for stored, setup in opened]
    timed: dict[Plan, Plan] = {}
    live = []
    for stored, setup, position in found:
        if position is None:
            continue
        before = setup.trainer.plan
        timings = replace(before, why="")
        if timings not in timed:
            setup = planned_far_enough(stored, setup)
            timed[timings] = setup.trainer.plan
        elif timed[timings].timings != before.timings:
            stored.update_plan(replace(before, timings=timed[timings].timings))
            setup = setup.following(stored.plan)
        live.append(Replicate(stored, setup, observer.replicate(setup.config.seed), position))
    for replicate in live:
        replicate.observer.planned(replicate.setup.trainer.plan)
    return live


def _takes_several(kernel: str) -> bool:
    return isinstance(KERNELS[kernel], ReplicatingKind)


def _one_after_the_other(live: Sequence[Replicate], out: Path, stop_requested: StopRequested) -> None:
    for r in live:
        if stop_requested():
            raise Interrupted(out, stop_requested())
        prepare_torch(r.stored.config)
        sift_from(r.position, r.setup, Keeper(r.stored, r.setup.network, r.observer, Agreement(stop_requested), out))


def _side_by_side(live: Sequence[Replicate], out: Path, stop_requested: StopRequested) -> None:
    while live:
        if stop_requested():
            raise Interrupted(out, stop_requested())
        behind = min(r.place for r in live)
        group = [r for r in live if r.place == behind]
        if not _takes_several(behind.kernel):
            group = group[:1]
        ahead = [r for r in live if r not in group]
        live = sorted(ahead + _train_round(group, out, stop_requested), key=lambda r: r.setup.config.seed)


class Turn:
    """One replicate's round: begun here, trained with those of others, kept as soon as it ends."""

    def __init__(self, replicate: Replicate, keeper: Keeper) -> None:
        subject, config = replicate.setup.subject, replicate.setup.config
        self.replicate, self.keeper = replicate, keeper
        self.begun = begin_round(subject, config.prune, config.train.rewind, replicate.position, keeper.watch)
        self.further: Replicate | None = None
        """Where it stands after its round, unless it stops there."""

    def assignment(self) -> Assignment:
        """The training to be made."""
        return replace(self.begun, state=self.begun.state.clone(), diverged=self.keep)

    def keep(self, trained: State, history: History) -> None:
        """Store the round."""
        r, config = self.replicate, self.replicate.setup.config
        finished = end_round(
            r.setup.subject, config.prune, config.train.rewind, config.seed, r.position, self.begun, trained, history
        )
        self.keeper.keep(finished)
        position = following(r.position, finished)
        self.further = replace(r, position=position) if position else None


def _train_round(group: Sequence[Replicate], out: Path, stop_requested: StopRequested) -> list[Replicate]:
    """Train one round of all of the group together and keep it; those that go on, where they stand then."""
    prepare_torch(group[0].stored.config)
    agreement = Agreement(stop_requested)
    turns = [Turn(r, Keeper(r.stored, r.setup.network, r.observer, agreement, out)) for r in group]
    ends = train_together([r.setup.trainer for r in group], [turn.assignment() for turn in turns])
    for turn, (trained, history) in zip(turns, ends, strict=True):
        # Those that diverged were kept when they did.
        if history.diverged_at is None:
            turn.keep(trained, history)
    return [turn.further for turn in turns if turn.further]
