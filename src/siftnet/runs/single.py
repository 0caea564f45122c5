"""One stored run: made, or gone on with from wherever it stands; stopped and resumed at any point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from siftnet.config.fields import RunConfig
from siftnet.data.dataset import Dataset
from siftnet.kernels.interface import Problem
from siftnet.kernels.plan import Plan
from siftnet.kernels.planning import extend_plan, make_plan
from siftnet.kernels.registry import FEATURES, candidates, features_here, rounding_of
from siftnet.pruning.imp import Position, foreseen_densities, masks_after, sift, stop_reason
from siftnet.runs.describe import describe_data, describe_inputs
from siftnet.runs.events import Observer, Silent
from siftnet.runs.interrupt import Interrupted, stop_requests
from siftnet.runs.machine import describe_machine, prepare_torch, processor_name
from siftnet.runs.recorder import Agreement, Keeper
from siftnet.runs.request import Wanted, check_same, first_round, want
from siftnet.runs.setup import Setup, set_up
from siftnet.store.atomic import lock
from siftnet.store.folder import replicates_in
from siftnet.store.run import Run, RunHeader


def run(
    config: RunConfig,
    out: Path | str | None = None,
    *,
    dataset: Dataset | None = None,
    observer: Observer | None = None,
) -> Run:
    """Run the configuration into directory `out`, or go on with the run that is there, and return it.

    out: runs/ and the first letters of the digest unless given; dataset: your own data instead of what `config.data`
    names. Raises ValueError for settings that do not fit and for a directory that holds another run, Interrupted when a
    signal stops it.
    """
    return carry_out(set_up(config, dataset), out, observer)


def carry_out(setup: Setup, out: Path | str | None = None, observer: Observer | None = None) -> Run:
    """`run`, for what is set up already."""
    wanted, observer = want(setup, out, setup.dataset.content_hash()), observer or Silent()
    path = wanted.path
    if there := replicates_in(path):
        names = ", ".join(folder.name for folder in there[:3]) + (", ..." if len(there) > 3 else "")
        raise ValueError(
            f"{path} holds replicates ({names}): go on with siftnet resume {path}, or choose another directory, with "
            "siftnet run --out"
        )
    with lock(path):
        if Run.exists(path):
            stored, setup = reopen(wanted)
            observer.loaded(setup.dataset, setup.network, stored.config)
            note_other_rounding([stored], setup.trainer.problem, observer)
        else:
            observer.loaded(setup.dataset, setup.network, setup.config)
            stored, setup = create(wanted, plan_for(setup, observer))
        position = position_of(stored, setup)
        if position is not None:
            setup = planned_far_enough(stored, setup)
            observer.planned(setup.trainer.plan)
            with stop_requests() as stop_requested:
                keeper = Keeper(stored, setup.network, observer, Agreement(stop_requested), path)
                sift_from(position, setup, keeper)
    return stored


def reopen(wanted: Wanted) -> tuple[Run, Setup]:
    """The run that is there, with the stop rules now asked for, and the setup following its plan.

    The caller holds the lock. Raises ValueError where it is another run, or its plan cannot be followed here.
    """
    stored = Run(wanted.path)
    check_same(stored, wanted)
    setup = wanted.setup.following(stored.plan)
    stored.update_config(replace(setup.config, threads=stored.config.threads))
    prepare_torch(stored.config)
    return stored, setup


def create(wanted: Wanted, plan: Plan) -> tuple[Run, Setup]:
    """A new run, and its setup following the plan. The caller holds the lock."""
    setup = wanted.setup.following(plan)
    config, dataset = setup.config, setup.dataset
    before = wanted.source is not None and wanted.source.data.augmented
    machine, data = describe_machine(config), describe_data(dataset, config.data, augmented_before=before)
    return Run.create(
        wanted.path, RunHeader(config, wanted.digest, machine, data, describe_inputs(dataset), plan)
    ), setup


def sift_from(position: Position, setup: Setup, keeper: Keeper) -> None:
    """Sift until the run stops. Raises Interrupted, once all is kept, where a signal asks to stop."""
    config, agreement = setup.config, keeper.agreement
    for finished in sift(setup.subject, config.prune, config.train.rewind, config.seed, position, keeper.watch):
        keeper.keep(finished)
        agreement.restart_clock()
        if (stop := agreement.stop_requested()) and finished.stop is None:
            raise Interrupted(keeper.folder, stop)


def note_other_rounding(runs: Iterable[Run], problem: Problem, observer: Observer) -> None:
    """Say so, once, where this machine rounds otherwise than the one on which one of the runs was made."""
    here, told = features_here(), set[str]()
    for stored in runs:
        for name in rounding_of(stored.plan.names, problem):
            # A run of an older siftnet does not say.
            if name not in told and stored.environment.get(name) not in (None, here[name]):
                told.add(name)
                has = "has" if here[name] else "lacks"
                observer.noted(
                    f"this machine {has} {FEATURES[name].words}, unlike the one that made the run: last bits may differ"
                )


def plan_for(setup: Setup, observer: Observer | None = None) -> Plan:
    """The kernel asked for, or for auto the fastest at each density that the run will visit, timed now."""
    config, threads = setup.config, setup.config.threads
    if config.kernel != "auto":
        return Plan(given=config.kernel, why="asked for by name", threads=threads)
    if observer:
        observer.noted("timing the kernels, which are compiled first where they never ran: half a minute")
    problem = setup.trainer.problem
    densities = foreseen_densities(setup.subject, config.prune, first_round(setup).masks)
    return make_plan(candidates("auto", problem), problem, densities, threads=threads, processor=processor_name())


def resume(path: Path | str, *, dataset: Dataset | None = None, observer: Observer | None = None) -> Run:
    """Go on with a stored run as it was configured; to change its stop rules, call `run` with the changed ones."""
    if replicates_in(path):
        raise ValueError(f"{path} holds replicates: go on with siftnet.resume_replicates({str(path)!r})")
    return run(Run(path).config, path, dataset=dataset, observer=observer)


def planned_far_enough(stored: Run, setup: Setup) -> Setup:
    """The setup with its plan timed further down, and stored so, where the run now goes on for longer."""
    plan = setup.trainer.plan
    densities = foreseen_densities(setup.subject, stored.config.prune, first_round(setup).masks)
    problem = setup.trainer.problem
    kinds = [kind for kind in candidates("auto", problem) if kind.name in plan.names]
    extended = extend_plan(plan, kinds, problem, densities, processor=processor_name())
    if extended == plan:
        return setup
    stored.update_plan(extended)
    return setup.following(extended)


def position_of(stored: Run, setup: Setup) -> Position | None:
    """Where the stored run stands; None where it is finished. Raises ValueError where one of its rounds is missing."""
    config, first = stored.config, first_round(setup)
    rounds = stored.rounds()
    if not rounds:
        return replace(first, progress=stored.checkpoint(0, first.masks))
    last = rounds[-1]
    if missing := sorted(set(range(last)) - set(rounds)):
        raise ValueError(
            f"{stored.path} lacks round {missing[0]}: restore it from a copy, or remove the rounds after it as well"
        )
    summary = stored.summary(last)
    if summary.diverged:
        return None
    rewind = stored.rewind()
    assert rewind is not None
    now = Position(last, stored.masks(last), first.kept_at_start, rewind)
    following = masks_after(
        setup.subject.prunable, config.prune, config.seed, last, now, stored.weights(last, "scored"), rewind
    )
    if stop_reason(setup.subject, config.prune, last, now.masks, following):
        return None
    return Position(last + 1, following, first.kept_at_start, rewind, stored.checkpoint(last + 1, following))
