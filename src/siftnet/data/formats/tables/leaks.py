"""Inputs that are the target under another name. N rows, I inputs."""

from __future__ import annotations

import re

import numpy as np

from siftnet.config.fields import require
from siftnet.data.formats.tables.features import Features
from siftnet.data.formats.tables.frame import listed, short
from siftnet.data.targets import Targets

LOOKED_AT = 100
"""Rows that are compared first: hardly an input agrees in so many by chance."""


def note_copies(features: Features, targets: Targets, target: str) -> tuple[str, ...]:
    """A sentence on inputs that say each row's target: its number, or one value for each class.

    Raises ValueError for one that bears the target's name with a number behind it (target.1), which is how programs
    rename a column that a file has twice.
    """
    known_N = np.flatnonzero(targets.labels_N != -1) if targets.classes else np.flatnonzero(~np.isnan(targets.labels_N))
    labels_N = targets.labels_N[known_N]
    told = [
        name
        for i, name in enumerate(features.names)
        if _tells(features.inputs_NI[:, i], known_N, labels_N, targets.classes)
    ]
    for name in told:
        require(
            not re.fullmatch(re.escape(target) + r"[._ ]\d+", name),
            f"the column {short(name)} is the target {short(target)} again: leave it out",
        )
    if not told:
        return ()
    return (f"inputs that say the target of every row: {listed(told)}; leave them out unless they are known before it",)


def _tells(input_N: np.ndarray, known_N: np.ndarray, labels_N: np.ndarray, classes: int | None) -> bool:
    """Whether an input's value and the label determine each other."""
    for rows in (slice(0, LOOKED_AT), slice(None)):
        x, y = input_N[known_N[rows]], labels_N[rows]
        if classes is None:
            if not np.array_equal(x, y):
                return False
            continue
        _, first = np.unique(y, return_index=True)
        of_class = np.full(classes, np.nan)
        of_class[y[first]] = x[first]
        if not np.array_equal(of_class[y], x) or len(np.unique(x[first])) < len(first):
            return False
    return True
