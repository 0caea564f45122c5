"""From a configuration to a finished, stored run: resolve, load, sift, store; stop and go on at any point."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from siftnet.config import RunConfig
from siftnet.data.batches import Batches
from siftnet.data.dataset import Dataset
from siftnet.data.load import check_augmentation, load_dataset
from siftnet.environment import describe_machine, has_amx, prepare_torch, processor_name, resolve_machine
from siftnet.files import lock
from siftnet.imp import Position, Subject, first_position, foreseen_densities, masks_after, sift, stop_reason
from siftnet.keeper import Agreement, Keeper
from siftnet.kernels import KERNELS, Plan, candidates, make_plan
from siftnet.kernels.plan import extend_plan
from siftnet.network import Loss, Network, build, initialise
from siftnet.observer import Observer, Silent
from siftnet.settings import NOT_IN_DIGEST, digest, flatten, resolve_paths, to_dict
from siftnet.signals import Interrupted, stop_requests
from siftnet.store import Run, replicates_in
from siftnet.summary import describe_data, describe_inputs
from siftnet.train import Trainer


@dataclass(frozen=True)
class Setup:
    """A resolved configuration with its data, network and trainer.

    Until it follows a run's plan, the trainer takes the first kernel that supports the network.
    """

    config: RunConfig
    dataset: Dataset
    network: Network
    trainer: Trainer
    subject: Subject

    def following(self, plan: Plan) -> Setup:
        """The same, training and evaluating with the kernels of a plan.

        Raises ValueError where this machine cannot run one of them.
        """
        for name in {name for _, name in plan.choices()}:
            device = self.config.device
            kind = KERNELS.get(name)
            reason = kind.supports(self.network, self.config.train, device) if kind else "there is none of this name"
            if reason:
                raise ValueError(
                    f"the run's plan (plan.json) names kernel {name}, which cannot be used here ({reason}): go on "
                    "where the run was made, or start a new one with siftnet run --out"
                )
        trainer = replace(self.trainer, plan=plan)
        return replace(self, trainer=trainer, subject=replace(self.subject, training=trainer))

    def with_seed(self, seed: int) -> Setup:
        """The same for a run with another seed; data in memory are shared."""
        config = replace(self.config, seed=seed)
        trainer = replace(self.trainer, batches=self.trainer.batches.for_seed(seed))
        return replace(self, config=config, trainer=trainer, subject=_subject(config, trainer))


def set_up(config: RunConfig, dataset: Dataset | None = None) -> Setup:
    """Resolve the machine, load the data unless it is given, build network and trainer.

    Raises ValueError for data, network or device that do not fit.
    """
    config = resolve_paths(resolve_machine(config))
    prepare_torch(config)
    if dataset is None:
        dataset = load_dataset(config.data)
    else:
        check_augmentation(dataset.geometry, config.data, has_places=dataset.has_places)
    loss: Loss = "squared_error" if dataset.classes is None else "cross_entropy"
    network = build(config.network, dataset.geometry, dataset.outputs, loss)
    kind = candidates(config.kernel, network, config.train, config.device)[0]
    batches = Batches(
        dataset,
        config.train.batch,
        config.seed,
        0,
        flip=config.data.flip,
        shift=config.data.shift,
        device=config.device,
    )
    trainer = Trainer(network, config.train, Plan(given=kind.name, why="until timed", threads=config.threads), batches)
    return Setup(config, dataset, network, trainer, _subject(config, trainer))


def _subject(config: RunConfig, trainer: Trainer) -> Subject:
    # Under a name of their own, or a control of the same seed would redraw the very weights that its source began with.
    purpose = () if config.start.run is None else ("started",)
    network = trainer.network
    return Subject(trainer, network.prunable, lambda t: initialise(network, config.seed, *purpose, t))


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


@dataclass(frozen=True)
class Wanted:
    """A run that is asked for: where, what it computes, and the digest that names it."""

    path: Path
    setup: Setup
    data_hash: str
    digest: str
    source: Run | None
    """The run whose masks it begins with."""


def want(setup: Setup, out: Path | str | None, data_hash: str) -> Wanted:
    """The run of a setup at `out`, or under runs/ by its digest; data_hash: of its data set.

    Raises ValueError where there is nothing to prune, and where the run to start from is not one of this network.
    """
    if not setup.subject.prunable:
        raise ValueError(
            f"network.layers = {setup.config.network.layers!r} has nothing to prune, as the output layer never is: "
            "add a hidden layer, as in 'f1024:x'"
        )
    source = _source(setup)
    identity = digest(setup.config, data_hash, source.digest if source else "")
    return Wanted(Path(out or Path("runs") / identity[:12]), setup, data_hash, identity, source)


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
            note_other_tiles([stored], observer)
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
    machine, data = describe_machine(config), describe_data(dataset, config.data, wanted.data_hash)
    if wanted.source:
        # What told that run about geometry is in the masks that were taken from it.
        data["augmented"] |= wanted.source.data["augmented"]
    return Run.create(wanted.path, config, wanted.digest, machine, data, describe_inputs(dataset), plan), setup


def sift_from(position: Position, setup: Setup, keeper: Keeper) -> None:
    """Sift until the run stops. Raises Interrupted, once all is kept, where a signal asks to stop."""
    config, agreement = setup.config, keeper.agreement
    for finished in sift(setup.subject, config.prune, config.train.rewind, config.seed, position, keeper.watch):
        keeper.keep(finished)
        agreement.restart_clock()
        if (stop := agreement.stop_requested()) and finished.stop is None:
            raise Interrupted(keeper.folder, stop)


def note_other_tiles(runs: Iterable[Run], observer: Observer) -> None:
    """Say so, once, where products on blocks would round otherwise than where one of the runs was made."""
    here = has_amx()
    if any(_other_tiles(stored, here) for stored in runs):
        has = "has" if here else "lacks"
        observer.noted(f"this machine {has} AMX tiles, unlike the one that made the run: last bits may differ")


def _other_tiles(stored: Run, here: bool) -> bool:
    # The dense kernel has no tiles of ours, and fp32 is not for them.
    if stored.config.train.precision != "bf16" or stored.plan.names == ["dense"]:
        return False
    # A run of an older siftnet does not say.
    return stored.environment.get("amx") not in (None, here)


def first_round(setup: Setup) -> Position:
    """Where round 0 begins: dense, under a random mask, or from another run's round."""
    start, source = setup.config.start, _source(setup)
    masks = source.masks(start.round) if source else None
    rewind = source.rewind() if source and start.weights == "rewind" else None
    return first_position(setup.subject, setup.config.prune, setup.config.seed, masks, rewind)


def plan_for(setup: Setup, observer: Observer | None = None) -> Plan:
    """The kernel asked for, or for auto the fastest at each density that the run will visit, timed now."""
    config, threads = setup.config, setup.config.threads
    if config.kernel != "auto":
        return Plan(given=config.kernel, why="asked for by name", threads=threads)
    if observer:
        observer.noted("timing the kernels, which are compiled first where they never ran: half a minute")
    kinds = candidates("auto", setup.network, config.train, config.device)
    densities = foreseen_densities(setup.subject, config.prune, first_round(setup).masks)
    batches, processor = setup.trainer.batches, processor_name()
    return make_plan(kinds, setup.network, config.train, batches, densities, threads=threads, processor=processor)


def resume(path: Path | str, *, dataset: Dataset | None = None, observer: Observer | None = None) -> Run:
    """Go on with a stored run as it was configured; to change its stop rules, call `run` with the changed ones."""
    if replicates_in(path):
        raise ValueError(f"{path} holds replicates: go on with siftnet.resume_replicates({str(path)!r})")
    return run(Run(path).config, path, dataset=dataset, observer=observer)


def planned_far_enough(stored: Run, setup: Setup) -> Setup:
    """The setup with its plan timed further down, and stored so, where the run now goes on for longer."""
    plan = setup.trainer.plan
    densities = foreseen_densities(setup.subject, stored.config.prune, first_round(setup).masks)
    training, batches = setup.config.train, setup.trainer.batches
    kinds = [k for k in candidates("auto", setup.network, training, setup.config.device) if k.name in plan.names]
    extended = extend_plan(plan, kinds, setup.network, training, batches, densities, processor=processor_name())
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
    if summary["diverged_at"] is not None:
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


def _source(setup: Setup) -> Run | None:
    """The run to start from. Raises ValueError where its masks or weights do not fit this network."""
    start = setup.config.start
    if start.run is None:
        return None
    source = Run(start.run)
    found = {name: tuple(mask.shape) for name, mask in source.masks(start.round).items()}
    fresh = {name: tuple(value.shape) for name, value in setup.subject.draw(0).parameters.items()}
    wanted = {name: fresh[name] for name in setup.network.prunable_names}
    rewind = source.rewind() if start.weights == "rewind" else None
    if rewind is not None:
        found, wanted = {name: tuple(value.shape) for name, value in rewind.parameters.items()}, fresh
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise ValueError(
                f"start.run {start.run} has {name} of shape {found.get(name)}, this network has {wanted.get(name)}: "
                "use its layers"
            )
    if not np.array_equal(_given(source.inputs().get("permutation_I")), _given(setup.dataset.permutation_I)):
        raise ValueError(f"start.run {start.run} permuted its inputs otherwise: use its data.permute and data.seed")
    return source


def _given(permutation_I: np.ndarray | None) -> np.ndarray:
    return np.array(()) if permutation_I is None else permutation_I


def check_same(stored: Run, wanted: Wanted) -> None:
    """Raise ValueError, with what differs, unless the stored run is the one that is asked for."""
    if stored.digest == wanted.digest:
        return
    setup = wanted.setup
    mine, theirs = flatten(to_dict(setup.config)), flatten(to_dict(stored.config))
    differing = [
        f"{name} {json.dumps(theirs.get(name))} there, {json.dumps(mine.get(name))} here"
        for name in mine
        if mine[name] != theirs.get(name) and not name.startswith(NOT_IN_DIGEST)
    ]
    if not differing and wanted.data_hash != stored.data["hash"]:
        raise ValueError(
            f"{stored.path} was trained on other data ({stored.data['name']!r} there, {setup.dataset.name!r} here): "
            "bring those back, a data set of your own as siftnet.resume(..., dataset=...), or choose another directory"
        )
    reason = "; ".join(differing[:3]) or "the run started from or the algorithm changed"
    raise ValueError(f"{stored.path} holds another run ({reason}): choose another directory, with siftnet run --out")
