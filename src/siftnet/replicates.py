"""Replicates: runs that differ in their seed alone, in one folder, trained side by side where the kernel can.

Each is a run like any other, DIR/seed-N. Where the kernel trains one network at a time they follow one another;
otherwise all that stand at the same step of the same round are trained together, those furthest behind first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from siftnet.config import RunConfig
from siftnet.data.dataset import Dataset
from siftnet.environment import prepare_torch
from siftnet.files import lock
from siftnet.imp import Position, begin_round, end_round, following
from siftnet.keeper import Keeper
from siftnet.kernels import KERNELS, Plan, ReplicatingKind
from siftnet.launch import (
    Setup,
    Wanted,
    check_same,
    create,
    note_other_tiles,
    plan_for,
    planned_far_enough,
    position_of,
    reopen,
    set_up,
    sift_from,
    want,
)
from siftnet.observer import Observer, Silent
from siftnet.signals import Interrupted, stop_requests
from siftnet.store import Run, replicate_path, replicates_in, seeds_begun
from siftnet.train import train_together

StopRequested = Callable[[], int]


@dataclass(frozen=True, eq=False)
class Replicate:
    """One of several runs, and where it stands."""

    stored: Run
    setup: Setup
    observer: Observer
    position: Position

    @property
    def place(self) -> tuple[int, int, str]:
        """Its round, the updates made in it, and its kernel there: those who share all three can train together."""
        progress, density = self.position.progress, self.position.masks.density
        return (
            self.position.round_number,
            progress.state.step if progress else 0,
            self.setup.trainer.plan.kernel(density),
        )


def run_replicates(
    config: RunConfig,
    count: int,
    out: Path | str,
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
    return carry_out_replicates(set_up(config, dataset), count, out, observer)


def resume_replicates(
    out: Path | str, *, dataset: Dataset | None = None, observer: Observer | None = None
) -> list[Run]:
    """Go on with all replicates of a folder as they were configured. Raises ValueError where there are none."""
    config, count = stored_replicates(out)
    return run_replicates(config, count, out, dataset=dataset, observer=observer)


def stored_replicates(out: Path | str) -> tuple[RunConfig, int]:
    """The configuration of the first replicate of a folder and how many there are to be, from the first to the last.

    Raises ValueError where the folder holds none.
    """
    there = replicates_in(out)
    if not there:
        raise ValueError(f"{out} holds no replicates: make them with siftnet run PRESET --replicates 5 --out {out}")
    config = Run(there[0]).config
    # Folders are made before the first run, so that one killed between two of them still says how many were asked for.
    return config, seeds_begun(Path(out))[-1] - config.seed + 1


def carry_out_replicates(setup: Setup, count: int, out: Path | str, observer: Observer | None = None) -> list[Run]:
    """`run_replicates`, for what is set up already."""
    if count < 1:
        raise ValueError(f"the number of replicates must be 1 or more, got {count}")
    out, observer = Path(out), observer or Silent()
    seeds = range(setup.config.seed, setup.config.seed + count)
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
        opened = _open(wanted, observer)
        live = _live(opened, observer)
        with stop_requests() as stop_requested:
            if any(_takes_several(name) for r in live for _, name in r.setup.trainer.plan.choices()):
                _side_by_side(live, out, stop_requested)
            else:
                _one_after_the_other(live, out, stop_requested)
    return [stored for stored, _ in opened]


def _check_folder(out: Path, seeds: range) -> None:
    """Raise ValueError where the folder is a run of its own, or holds replicates that are not asked for."""
    if Run.exists(out):
        raise ValueError(f"{out} holds a single run: choose another directory for replicates, with siftnet run --out")
    there = [seed for seed in seeds_begun(out) if Run.exists(replicate_path(out, seed))]
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
        note_other_tiles(first, observer)
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
        keeper = Keeper(r.stored, r.setup.network, r.observer, lambda step: stop_requested(), out)
        sift_from(r.position, r.setup, keeper, stop_requested)


def _side_by_side(live: Sequence[Replicate], out: Path, stop_requested: StopRequested) -> None:
    while live:
        if stop_requested():
            raise Interrupted(out, stop_requested())
        behind = min(r.place for r in live)
        group = [r for r in live if r.place == behind]
        if not _takes_several(behind[-1]):
            group = group[:1]
        ahead = [r for r in live if r not in group]
        live = sorted(ahead + _train_round(group, out, stop_requested), key=lambda r: r.setup.config.seed)


def _train_round(group: Sequence[Replicate], out: Path, stop_requested: StopRequested) -> list[Replicate]:
    """Train one round of all of the group together and keep it; those that go on, where they stand then."""
    prepare_torch(group[0].stored.config)
    agreed = _agreed(stop_requested)
    keepers = [Keeper(r.stored, r.setup.network, r.observer, agreed, out) for r in group]
    begun = [
        begin_round(r.setup.subject, r.setup.config.prune, r.setup.config.train.rewind, r.position, keeper.watch)
        for r, keeper in zip(group, keepers, strict=True)
    ]
    ends = train_together([r.setup.trainer for r in group], [replace(b, state=b.state.clone()) for b in begun])
    further = []
    for r, keeper, beginning, (trained, history) in zip(group, keepers, begun, ends, strict=True):
        subject, config = r.setup.subject, r.setup.config
        finished = end_round(
            subject, config.prune, config.train.rewind, config.seed, r.position, beginning, trained, history
        )
        keeper.keep(finished)
        if position := following(r.position, finished):
            further.append(replace(r, position=position))
    return further


def _agreed(stop_requested: StopRequested) -> Callable[[int], int]:
    """Of the updates made in a round, the request as it was when it was first asked about them.

    Replicates are told of a step in turn: so either all of them stop there, or none does.
    """
    noted: dict[int, int] = {}
    return lambda step: noted.setdefault(step, stop_requested())
