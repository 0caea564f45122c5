"""How far a split's numeric targets lie apart: what R squared is a share of, and without which there is none."""

from __future__ import annotations

import numpy as np

from siftnet.data.dataset import SPLITS, Dataset
from siftnet.wording import UNCHOSEN

# Roundings of float32 that targets lie apart by at most where they are one number, worked out in different ways.
ROUNDING = 4 * 2.0**-24


def target_spread(dataset: Dataset, split: str) -> float | None:
    """Sum of the squared deviations of a split's targets from their mean; None where they are alike but for rounding.

    dataset: with numeric targets. What rounding is, the larger of the split's and the training targets' root mean
    square says. Computed in float64.
    """
    assert dataset.classes is None, "classes are no numbers"
    own_N, training_N = (
        dataset.labels_N[dataset.splits[name]].astype(np.float64, copy=False) for name in (split, "train")
    )
    scale = max(float(np.square(own_N).mean()), float(np.square(training_N).mean()))
    variance = float(own_N.var())
    return None if variance <= ROUNDING**2 * scale else variance * len(own_N)


def target_spreads(dataset: Dataset) -> dict[str, float | None]:
    """`target_spread` of every split; empty with classes."""
    return {} if dataset.classes is not None else {name: target_spread(dataset, name) for name in SPLITS}


def score_notes(dataset: Dataset) -> tuple[str, ...]:
    """A sentence for each of validation and test without an R squared, on what becomes of it."""
    lacking = [name for name, spread in target_spreads(dataset).items() if spread is None and name != "train"]
    return tuple(_note(name, len(dataset.splits[name])) for name in lacking)


def _note(split: str, examples: int) -> str:
    whose = f"the {split} split has one example" if examples == 1 else f"all {examples:,} {split} targets are alike"
    if split == "validation":
        return f"{whose}, so that R² of validation is undefined: {UNCHOSEN}"
    return f"{whose}, so that R² of {split} is undefined: a dash stands for it, and means and gains leave it out"
