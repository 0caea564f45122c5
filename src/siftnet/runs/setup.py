"""From a configuration to data, network and trainer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from siftnet.config.fields import RunConfig, require
from siftnet.config.load import as_config, resolve_paths
from siftnet.data.batches import Augmentation, Batches
from siftnet.data.dataset import Dataset
from siftnet.data.load import check_augmentation, load_dataset
from siftnet.kernels.interface import Problem
from siftnet.kernels.plan import Plan
from siftnet.kernels.registry import KERNELS, candidates
from siftnet.kernels.trainer import Trainer
from siftnet.network.layers import Loss, Network, build, initialise
from siftnet.pruning.imp import Procedure
from siftnet.pruning.scores import check_score
from siftnet.pruning.training import Subject
from siftnet.runs.machine import computing, resolve_machine


@dataclass(frozen=True)
class Setup:
    """A resolved configuration with its data, network and trainer.

    Until it follows a run's plan, the trainer takes the first kernel that supports the network.
    """

    config: RunConfig
    dataset: Dataset
    network: Network
    trainer: Trainer

    def following(self, plan: Plan) -> Setup:
        """The same, training and evaluating with the kernels of a plan.

        Raises ValueError where this machine cannot run one of them.
        """
        for name in {name for _, name in plan.choices()}:
            kind = KERNELS.get(name)
            reason = kind.supports(self.trainer.problem) if kind else "there is none of this name"
            if reason:
                raise ValueError(
                    f"the run's plan (plan.json) names kernel {name}, which cannot be used here ({reason}): go on "
                    "where the run was made, or start a new one with siftnet run --out"
                )
        return replace(self, trainer=replace(self.trainer, plan=plan))

    @property
    def subject(self) -> Subject:
        """What is sifted."""
        # Under a name of their own, or a control of the same seed would redraw the weights that its source began with.
        purpose = () if self.config.start.run is None else ("started",)
        return Subject(self.trainer, lambda t: initialise(self.network, self.config.seed, *purpose, t))

    @property
    def procedure(self) -> Procedure:
        """How it is sifted."""
        config = self.config
        change = self.trainer.mask_change
        return Procedure(self.network.prunable, config.prune, config.train.rewind, config.seed, change)

    def with_seed(self, seed: int) -> Setup:
        """The same for a run with another seed; data in memory are shared."""
        config = replace(self.config, seed=seed)
        problem = replace(self.trainer.problem, batches=self.trainer.problem.batches.for_seed(seed))
        trainer = replace(self.trainer, problem=problem)
        return replace(self, config=config, trainer=trainer)


def set_up(config: RunConfig | str | Path, dataset: Dataset | None = None) -> Setup:
    """Resolve the machine, load the data unless it is given, build network and trainer.

    config: or the name of a preset, or the path of a TOML file. Raises ValueError for data, network or device that do
    not fit.
    """
    config = resolve_paths(resolve_machine(as_config(config)))
    # Before the data are read, which may take long.
    check_score(config.prune)
    with computing(config):
        return _set_up(config, dataset)


def _set_up(config: RunConfig, dataset: Dataset | None) -> Setup:
    require(
        dataset is None or isinstance(dataset, Dataset),
        f"dataset must be a siftnet.Dataset, got a {type(dataset).__name__}: make one with siftnet.from_arrays",
    )
    if dataset is None:
        dataset = load_dataset(config.data)
    else:
        check_augmentation(dataset.geometry, config.data, has_places=dataset.has_places)
    loss: Loss = "squared_error" if dataset.classes is None else "cross_entropy"
    network = build(config.network, dataset.geometry, dataset.outputs, loss)
    augmentation = Augmentation(config.data.flip, config.data.shift)
    batches = Batches(dataset, config.train.batch, config.seed, 0, augmentation=augmentation, device=config.device)
    problem = Problem(network, config.train, batches)
    kind = candidates(config.kernel, problem)[0]
    trainer = Trainer(problem, Plan(given=kind.name, why="until timed", threads=config.threads))
    return Setup(config, dataset, network, trainer)
