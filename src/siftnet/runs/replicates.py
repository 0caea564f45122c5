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
from siftnet.config.load import absolute_path, as_config
from siftnet.data.dataset import Dataset
from siftnet.foreign import is_whole, shown
from siftnet.kernels.interface import ReplicatingKind
from siftnet.kernels.plan import Plan
from siftnet.kernels.registry import KERNELS
from siftnet.kernels.trainer import train_together
from siftnet.pruning.imp import Position, begin_round, end_round, following
from siftnet.pruning.training import Assignment, Trained
from siftnet.runs.events import Observer, Silent
from siftnet.runs.interrupt import Interrupted, stop_requests
from siftnet.runs.machine import computing, prepare_threads
from siftnet.runs.recorder import CheckpointClock, Recorder
from siftnet.runs.request import RunRequest, check_headline, check_same, read_source, request_run
from siftnet.runs.setup import Setup, set_up
from siftnet.runs.single import (
    OpenRun,
    create,
    note_other_rounding,
    plan_for,
    planned_far_enough,
    position_of,
    reopen,
    sift_from,
)
from siftnet.store.folder import open_replicates, replicate_path, seeds_asked, write_seeds
from siftnet.store.lock import lock
from siftnet.store.run import Run
from siftnet.wording import shell_word

StopRequested = Callable[[], int]


class Stage(NamedTuple):
    """Where a replicate stands and what computes it there: those who share it all can train together."""

    round_number: int
    step: int
    kernel: str
    threads: int


@dataclass(frozen=True, eq=False)
class Replicate:
    """One of several runs, and where it stands."""

    opened: OpenRun
    observer: Observer
    position: Position

    @property
    def setup(self) -> Setup:
        """Its data, network and trainer."""
        return self.opened.setup

    @property
    def stage(self) -> Stage:
        """Its round, the updates made in it, its kernel there and the threads that it is computed with."""
        progress, density = self.position.progress, self.position.masks.density
        return Stage(
            self.position.round_number,
            progress.state.step if progress else 0,
            self.setup.trainer.plan.kernel(density),
            self.setup.config.threads,
        )

    def recorder(self, clock: CheckpointClock, folder: Path) -> Recorder:
        """Who records it; see `Recorder`."""
        return Recorder(self.opened.stored, self.setup.network, self.observer, clock, folder)


def run_replicates(
    config: RunConfig | str | Path,
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
    if not is_whole(count) or count < 1:
        raise ValueError(f"the number of replicates must be a whole number, 1 or more, got {shown(count)}")
    config, out = as_config(config), absolute_path(out)
    return carry_out_replicates(set_up(config, dataset), range(config.seed, config.seed + count), out, observer)


def resume_replicates(
    out: Path | str, *, dataset: Dataset | None = None, observer: Observer | None = None
) -> list[Run]:
    """Go on with all replicates of a folder as they were configured. Raises ValueError where there are none."""
    out = absolute_path(out)
    config, seeds = stored_replicates(out)
    return carry_out_replicates(set_up(config, dataset), seeds, out, observer)


def stored_replicates(out: Path | str) -> tuple[RunConfig, list[int]]:
    """The configuration of the first replicate of a folder, and the seeds that were asked for last or are there.

    Raises ValueError where the folder holds none, or one in the place of another seed.
    """
    there = open_replicates(out)
    if not there:
        again = f"siftnet run PRESET --replicates 5 --out {shell_word(str(out))}"
        raise ValueError(f"{out} holds no replicates: make them with {again}")
    seeds = {*seeds_asked(absolute_path(out)), *(stored.config.seed for stored in there)}
    return there[0].config, sorted(seeds)


def carry_out_replicates(
    setup: Setup, seeds: Sequence[int], out: Path | str, observer: Observer | None = None
) -> list[Run]:
    """`run_replicates` with these seeds, in ascending order, for what is set up already."""
    check_headline(setup.config)
    out = absolute_path(out)
    _check_folder(out, seeds)
    with computing(setup.config):
        return _carry_out_replicates(setup, seeds, out, observer or Silent())


def _carry_out_replicates(setup: Setup, seeds: Sequence[int], out: Path, observer: Observer) -> list[Run]:
    source = read_source(setup.config.start)
    requests = [request_run(setup.with_seed(seed), replicate_path(out, seed), source) for seed in seeds]
    for request in requests:
        # Before any folder is made.
        if Run.exists(request.path):
            check_same(Run(request.path), request)
    with ExitStack() as locks:
        for request in requests:
            locks.enter_context(lock(request.path))
        # Before the first run is made, so that killed between two of them all are made on going on.
        write_seeds(out, seeds)
        opened = _open(requests, observer)
        live = _live(opened, observer)
        with stop_requests() as stop_requested:
            if any(_takes_several(name) for r in live for _, name in r.setup.trainer.plan.choices()):
                _side_by_side(live, out, stop_requested)
            else:
                _one_after_the_other(live, out, stop_requested)
    return [each.stored for each in opened]


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


def _open(requests: Sequence[RunRequest], observer: Observer) -> list[OpenRun]:
    """All runs, those that are missing made with the threads and the plan of the first that is there."""
    there = {request.path: reopen(request, observer) for request in requests if Run.exists(request.path)}
    if there:
        first = next(iter(there.values()))
        setup, plan = first.setup, first.setup.trainer.plan
        observer.loaded(setup.dataset, setup.network, setup.config)
        note_other_rounding(there.values(), observer)
    else:
        setup = requests[0].setup
        observer.loaded(setup.dataset, setup.network, setup.config)
        plan = plan_for(requests[0], observer)
    threads, timed = setup.config.threads, setup.config.seed
    prepare_threads(setup.config)
    for request in requests:
        if request.path not in there:
            own = request.setup.config
            alike = request.with_setup(replace(request.setup, config=replace(own, threads=threads)))
            there[request.path] = create(alike, _borrowed(plan, timed, own.seed))
    return [there[request.path] for request in requests]


def _borrowed(plan: Plan, timed: int, seed: int) -> Plan:
    """The plan for a replicate with another seed than the one that it was timed for, saying so."""
    words = "as timed for seed"
    if seed == timed or not plan.timings or words in plan.why:
        return plan
    return replace(plan, why=f"{plan.why}, {words} {timed}")


def _live(runs: Sequence[OpenRun], observer: Observer) -> list[Replicate]:
    """Those that are not finished, with plans that reach far enough; plans with the same timings are timed on once."""
    found = [(opened, position_of(opened)) for opened in runs]
    timed: dict[Plan, Plan] = {}
    live = []
    for opened, position in found:
        if position is None:
            continue
        before = opened.setup.trainer.plan
        timings = replace(before, why="")
        if timings not in timed:
            opened = planned_far_enough(opened)
            timed[timings] = opened.setup.trainer.plan
        elif timed[timings].timings != before.timings:
            opened.stored.update_plan(replace(before, timings=timed[timings].timings))
            followed = opened.setup.following(opened.stored.plan)
            opened = OpenRun(opened.stored, opened.request.with_setup(followed))
        live.append(Replicate(opened, observer.replicate(opened.setup.config.seed), position))
    for replicate in live:
        replicate.observer.planned(replicate.setup.trainer.plan)
    return live


def _takes_several(kernel: str) -> bool:
    return isinstance(KERNELS[kernel], ReplicatingKind)


def _one_after_the_other(live: Sequence[Replicate], out: Path, stop_requested: StopRequested) -> None:
    for r in live:
        if stop_requested():
            raise Interrupted(out, stop_requested())
        prepare_threads(r.setup.config)
        clock = CheckpointClock(stop_requested, r.setup.trainer.pace.checkpoint_seconds)
        sift_from(r.position, r.setup, r.recorder(clock, out))


def _side_by_side(live: Sequence[Replicate], out: Path, stop_requested: StopRequested) -> None:
    while live:
        if stop_requested():
            raise Interrupted(out, stop_requested())
        behind = min(r.stage for r in live)
        group = [r for r in live if r.stage == behind]
        if not _takes_several(behind.kernel):
            group = group[:1]
        ahead = [r for r in live if r not in group]
        live = sorted(ahead + _train_round(group, out, stop_requested), key=lambda r: r.setup.config.seed)


class ReplicateRound:
    """One replicate's round: begun here, trained with those of others, recorded as soon as it ends."""

    def __init__(self, replicate: Replicate, recorder: Recorder) -> None:
        self.replicate, self.recorder, setup = replicate, recorder, replicate.setup
        self.begun = begin_round(setup.subject, setup.procedure, replicate.position, recorder.watch)
        self.further: Replicate | None = None
        """Where it stands after its round, unless it stops there."""

    def assignment(self) -> Assignment:
        """The training to be made."""
        return replace(self.begun, state=self.begun.state.clone(), diverged=self.record)

    def record(self, trained: Trained) -> None:
        """Store the round."""
        r = self.replicate
        finished = end_round(r.setup.procedure, r.position, self.begun, trained)
        self.recorder.record(finished)
        position = following(r.position, finished)
        self.further = replace(r, position=position) if position else None


def _train_round(group: Sequence[Replicate], out: Path, stop_requested: StopRequested) -> list[Replicate]:
    """Train one round of all of the group together and record it; those that go on, where they stand then."""
    prepare_threads(group[0].setup.config)
    clock = CheckpointClock(stop_requested, group[0].setup.trainer.pace.checkpoint_seconds)
    rounds = [ReplicateRound(r, r.recorder(clock, out)) for r in group]
    ends = train_together([r.setup.trainer for r in group], [each.assignment() for each in rounds])
    for each, trained in zip(rounds, ends, strict=True):
        # Those that diverged were recorded when they did.
        if trained.history.diverged_at is None:
            each.record(trained)
    return [each.further for each in rounds if each.further]
