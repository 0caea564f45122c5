"""One stored run: made, or gone on with from wherever it stands; stopped and resumed at any point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from siftnet.config.fields import RunConfig
from siftnet.config.load import absolute_path
from siftnet.data.dataset import Dataset
from siftnet.kernels.plan import Plan
from siftnet.kernels.planning import extend_plan, make_plan
from siftnet.kernels.registry import FEATURES, candidates, features_here, rounding_of
from siftnet.pruning.imp import Position, masks_after, sift, stop_reason
from siftnet.runs.describe import describe_data, describe_inputs, draw_examples
from siftnet.runs.events import Observer, Silent
from siftnet.runs.interrupt import Interrupted, stop_requests
from siftnet.runs.machine import computing, describe_machine, prepare_threads, processor_name
from siftnet.runs.recorder import CheckpointClock, Recorder
from siftnet.runs.request import RunRequest, check_headline, check_same, named_folder, request_run
from siftnet.runs.setup import Setup, set_up
from siftnet.store.folder import replicates_in
from siftnet.store.lock import lock
from siftnet.store.run import Run, RunHeader
from siftnet.wording import shell_word


@dataclass(frozen=True)
class OpenRun:
    """A stored run and the request for it; the request's configuration is the one that is stored."""

    stored: Run
    request: RunRequest

    @property
    def setup(self) -> Setup:
        """Data, network and trainer, following the run's plan."""
        return self.request.setup


def run(
    config: RunConfig | str | Path,
    out: Path | str | None = None,
    *,
    dataset: Dataset | None = None,
    observer: Observer | None = None,
) -> Run:
    """Run the configuration into directory `out`, or go on with the run that is there, and return it.

    config: or the name of a preset, or the path of a TOML file; out: unless given, runs/ and that name, as the command
    has it, or the first letters of a configuration's digest; dataset: your own data instead of what `config.data`
    names. Raises ValueError for settings that do not fit and for a directory that holds another run, Interrupted when a
    signal stops it.
    """
    # Where it was asked for, should the process be elsewhere once the data are read.
    if out is None and not isinstance(config, RunConfig):
        out = named_folder(config)
    out = None if out is None else absolute_path(out)
    return carry_out(set_up(config, dataset), out, observer)


def resume(path: Run | Path | str, *, dataset: Dataset | None = None, observer: Observer | None = None) -> Run:
    """Go on with a stored run as it was configured; to change its stop rules, call `run` with the changed ones."""
    path = path.path if isinstance(path, Run) else path
    if replicates_in(path):
        raise ValueError(f"{path} holds replicates: go on with siftnet.resume_replicates({str(path)!r})")
    return run(Run(path).config, path, dataset=dataset, observer=observer)


def carry_out(setup: Setup, out: Path | str | None = None, observer: Observer | None = None) -> Run:
    """`run`, for what is set up already."""
    check_headline(setup.config)
    with computing(setup.config):
        return _carry_out(request_run(setup, out), observer or Silent())


def _carry_out(request: RunRequest, observer: Observer) -> Run:
    setup = request.setup
    path = request.path
    if there := replicates_in(path):
        names = ", ".join(folder.name for folder in there[:3]) + (", ..." if len(there) > 3 else "")
        again = f"siftnet resume {shell_word(str(path))}"
        raise ValueError(
            f"{path} holds replicates ({names}): go on with {again}, or choose another directory, with "
            "siftnet run --out"
        )
    with lock(path):
        if Run.exists(path):
            opened = reopen(request, observer)
            observer.loaded(setup.dataset, setup.network, opened.setup.config)
            note_other_rounding([opened], observer)
        else:
            observer.loaded(setup.dataset, setup.network, setup.config)
            opened = create(request, plan_for(request, observer))
        position = position_of(opened)
        if position is not None:
            opened = planned_far_enough(opened)
            observer.planned(opened.setup.trainer.plan)
            with stop_requests() as stop_requested:
                clock = CheckpointClock(stop_requested, setup.trainer.pace.checkpoint_seconds)
                recorder = Recorder(opened.stored, setup.network, observer, clock, path)
                sift_from(position, opened.setup, recorder)
    return opened.stored


def reopen(request: RunRequest, observer: Observer | None = None) -> OpenRun:
    """The run that is there, with the stop rules now asked for, its own threads, and following its plan.

    Fewer rounds than it has already are noted: they stay, and the configuration says so.

    The caller holds the lock. Raises ValueError where it is another run, or its plan cannot be followed here.
    """
    stored = Run(request.path)
    check_same(stored, request)
    change = request.setup.trainer.mask_change
    if other := [s.round for s in stored.summaries() if s.mask_change != change]:
        raise ValueError(
            f"{stored.path} was trained in round {other[0]} by another way of training, which may change masks "
            "otherwise: go on with that one, from Python"
        )
    config, made = request.setup.config, max(stored.rounds(), default=0)
    if config.prune.rounds < made:
        if observer:
            observer.noted(f"{stored.path} has round {made} already, beyond prune.rounds = {config.prune.rounds}")
        config = replace(config, prune=replace(config.prune, rounds=made))
    config = replace(config, threads=stored.config.threads)
    setup = replace(request.setup, config=config).following(stored.plan)
    stored.update_config(config)
    prepare_threads(config)
    return OpenRun(stored, request.with_setup(setup))


def create(request: RunRequest, plan: Plan) -> OpenRun:
    """A new run, following the plan. The caller holds the lock."""
    setup = request.setup.following(plan)
    config, dataset = setup.config, setup.dataset
    # What told the source about geometry is in the masks that were taken from it.
    before = request.source is not None and request.source.run.data.augmented
    data = describe_data(dataset, config.data, augmented_before=before)
    inputs = describe_inputs(dataset) | draw_examples(dataset, config.data.seed).to_arrays()
    header = RunHeader(config, request.digest, describe_machine(config), data, inputs, plan)
    return OpenRun(Run.create(request.path, header), request.with_setup(setup))


def sift_from(position: Position, setup: Setup, recorder: Recorder) -> None:
    """Sift until the run stops. Raises Interrupted, once all is recorded, where a signal asks to stop."""
    clock = recorder.clock
    for finished in sift(setup.subject, setup.procedure, position, recorder.watch):
        recorder.record(finished)
        clock.restart()
        if (stop := clock.stop_requested()) and finished.stop is None:
            raise Interrupted(recorder.folder, stop)


def note_other_rounding(runs: Iterable[OpenRun], observer: Observer) -> None:
    """Say so, once, where this machine rounds otherwise than the one on which one of the runs was made."""
    here, told = features_here(), set[str]()
    for opened in runs:
        for name in rounding_of(opened.stored.plan.names, opened.setup.trainer.problem):
            # A run of an older siftnet does not say.
            if name not in told and opened.stored.feature(name) not in (None, here[name]):
                told.add(name)
                has = "has" if here[name] else "lacks"
                observer.noted(
                    f"this machine {has} {FEATURES[name].words}, unlike the one that made the run: last bits may differ"
                )


def plan_for(request: RunRequest, observer: Observer | None = None) -> Plan:
    """The kernel asked for, or for auto the fastest at each density that the run will visit, timed now."""
    config, problem, threads = request.setup.config, request.setup.trainer.problem, request.setup.config.threads
    if config.kernel != "auto":
        return Plan(given=config.kernel, why="asked for by name", threads=threads)
    if observer:
        observer.noted("timing the kernels, which are compiled first where they never ran: half a minute")
    kinds, processor = candidates("auto", problem), processor_name()
    return make_plan(kinds, problem, request.foreseen, threads=threads, processor=processor)


def planned_far_enough(opened: OpenRun) -> OpenRun:
    """The same with its plan timed further down, and stored so, where the run now goes on for longer."""
    setup, plan, problem = opened.setup, opened.setup.trainer.plan, opened.setup.trainer.problem
    kinds = [kind for kind in candidates("auto", problem) if kind.name in plan.names]
    extended = extend_plan(plan, kinds, problem, opened.request.foreseen, processor=processor_name())
    if extended == plan:
        return opened
    opened.stored.update_plan(extended)
    return OpenRun(opened.stored, opened.request.with_setup(setup.following(extended)))


def position_of(opened: OpenRun) -> Position | None:
    """Where the stored run stands; None where it is finished. Raises ValueError where one of its rounds is missing."""
    stored, first, procedure = opened.stored, opened.request.first, opened.setup.procedure
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
    following = masks_after(procedure, now, stored.weights(last, "scored"))
    if stop_reason(procedure, last, now.masks, following):
        return None
    return Position(last + 1, following, first.kept_at_start, rewind, stored.checkpoint(last + 1, following))
