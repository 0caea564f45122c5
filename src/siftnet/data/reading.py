"""How examples became a data set, in words: what was read as what, who divided it, how inputs were scaled. I inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.normalise import Normalised
from siftnet.data.products import describe_products
from siftnet.data.raw import Raw, Scaling
from siftnet.geometry import Grid

SOURCES = {
    "imagenet": "downsampled ImageNet in {}",
    "cifar10": "CIFAR-10 in {}",
    "cifar100": "CIFAR-100 in {}",
    "idx": "IDX files in {}",
    "table": "table {}",
    "folder": "folder of images {}",
    "nlgp": "fields made here",
    "planted": "noise made here",
    "field": "Gaussian fields made here",
}
"""What a format reads, by its name and that of data.root."""

TARGETS = {
    "folder": "the folders' names",
    "nlgp": "the fields' correlation length",
    "planted": "whether neighbours are alike",
}
"""Where the labels of a format come from; of all others from the labels in its files."""

SCALINGS: dict[Scaling, str] = {
    "none": "inputs are left as they are",
    "pixels": "each input minus its training mean, divided by 255",
    "largest": "each input minus its training mean, divided by the largest training value",
    "one": "each input minus its training mean, divided by the training deviation of all inputs",
    "each": "each input minus its training mean, divided by its training deviation",
    "range": "each input from its smallest to its largest training value, as 0 to 1",
}
"""`Scaling` in words."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """What a data set no longer says of itself once it is scaled and divided."""

    source: str
    """What was read, e.g. 'table wine.csv'."""
    target: str
    """What became the labels, e.g. 'column quality'."""
    division: str
    """Where test and validation set come from."""
    scaling: str
    """What was done to the inputs, in words."""
    taken_off_I: np.ndarray | None = None
    """float64 (I,), before a permutation: the data's own value is input / factor_I + taken_off_I; None where inputs are
    the data's own."""
    factor_I: np.ndarray | None = None
    """float64 (I,), likewise."""


def describe_reading(raw: Raw, inputs: Normalised, config: DataConfig) -> Reading:
    """What was read as what; raw: as the format's reader handed it over; inputs: as `normalise` left them."""
    return Reading(
        source=_source(raw, config),
        target=_target(raw, config),
        division=_division(raw, config),
        scaling=_scaling(raw),
        taken_off_I=inputs.taken_off_I,
        factor_I=inputs.factor_I,
    )


def _source(raw: Raw, config: DataConfig) -> str:
    root = "" if config.root is None else config.root.expanduser().absolute().name
    if config.format != "npz":
        return SOURCES[config.format].format(root)
    return f"{_named_arrays(raw.read_arrays[0])} {f'of {root}' if root else 'given in Python'}"


def _named_arrays(names: tuple[str, ...]) -> str:
    return f"array{'' if len(names) == 1 else 's'} {', '.join(names)}"


def _target(raw: Raw, config: DataConfig) -> str:
    if config.labels == "products":
        made = describe_products(config.products, raw.inputs_NI.shape[1])
        # A field has no labels that these could stand in place of.
        return made if config.format == "field" else f"{made}, in place of {_given_target(raw, config)}"
    target = _given_target(raw, config)
    changed = {
        "superclasses": f"superclasses of {target}",
        "modulo": f"{target}, modulo {config.modulo}",
        "random": f"drawn at random in place of {target}",
    }
    return changed.get(config.labels, target)


def _given_target(raw: Raw, config: DataConfig) -> str:
    if config.format == "table":
        read = "a number" if raw.classes is None else "classes"
        how = f"taken for {read} by data.table.task = auto" if config.table.task == "auto" else f"read as {read}"
        return f"column {config.table.target}, {how}"
    if config.format == "npz":
        return _named_arrays(raw.read_arrays[1])
    return TARGETS.get(config.format, "the files' labels")


def _division(raw: Raw, config: DataConfig) -> str:
    """Where test and validation come from, as a clause."""
    own = f"as column {config.table.split} says" if config.table.split else "as the data come"
    by_chance = f"by chance (data.seed = {config.seed})"
    if raw.group_N is not None:
        by_chance += f" in whole groups of data.group = {config.group} ({len(np.unique(raw.group_N)):,} groups)"
    if config.split == "paper":
        text = "the data's own test set divided in two, as in the paper"
    elif config.split == "time":
        order = f"in order of {config.time}" if config.time else "in the order of the data"
        test = "the latest before the data's own test set" if raw.held_out_N is not None else "the latest"
        text = f"{test}, {order}"
    elif raw.held_out_N is not None and raw.validation_N is not None:
        text = own
    elif raw.held_out_N is not None:
        text = f"test {own}, validation {by_chance}"
    elif raw.validation_N is not None:
        text = f"validation {own}, test {by_chance}"
    else:
        text = by_chance
    return text if config.share == 1 else f"{text}; data.share = {config.share:g} of the training examples"


def _scaling(raw: Raw) -> str:
    channels = raw.geometry.channels if isinstance(raw.geometry, Grid) else 1
    if raw.scaling == "one" and channels > 1:
        return SCALINGS["one"].replace("all inputs", "its channel")
    return SCALINGS[raw.scaling]
