"""Inputs that are the target under another name. N rows, I inputs."""

from __future__ import annotations

import re

import numpy as np

from siftnet.config.fields import require
from siftnet.data.formats.tables.frame import dropping
from siftnet.data.raw import Notes, Raw, spread
from siftnet.wording import listed, named

LOOKED_AT = 100
"""Rows that are compared first: hardly an input agrees in so many by chance."""
EXACT = 1e-9
"""Of the range: the rounding of a target that was given in another unit."""
SHOWN = 5


def note_copies(raw: Raw, target: str, leave_out: str) -> Notes:
    """A sentence on inputs that say each row's target: one value for each class; or, of numbers, a line through them.

    target: its name, empty where it has none; leave_out: what to do about them, in words. Raises ValueError for an
    input with that name and a number behind it (target.1), as programs rename a column that a file has twice.
    """
    known_N = np.flatnonzero(~raw.unlabelled_N)
    tells = np.arange(raw.inputs_NI.shape[1])
    for rows in (known_N[_few(raw.labels_N[known_N])], known_N):
        x_NI, y_N = raw.inputs_NI[rows[:, None], tells], raw.labels_N[rows]
        tells = tells[_tell_number(x_NI, y_N) if raw.classes is None else _tell_class(x_NI, y_N)]
        if len(tells) == 0:
            return ()
    names = [raw.input_names[i] if raw.input_names else f"input {i}" for i in tells]
    for name in names:
        require(
            not (target and re.fullmatch(re.escape(target) + r"[._ ]\d+", name)),
            f"the column {named(name)} is data.table.target = {named(target)} again: {dropping(name)}",
        )
    return (
        f"inputs that say the target of every row: {listed(names, SHOWN)}; {leave_out} unless they are known before it",
    )


def _few(labels_N: np.ndarray) -> np.ndarray:
    """Rows from all over the data, which may be sorted, and some of different labels."""
    _, first = np.unique(labels_N, return_index=True)
    return np.union1d(spread(np.arange(len(labels_N)), LOOKED_AT), spread(first, LOOKED_AT))


def _tell_class(x_NI: np.ndarray, label_N: np.ndarray) -> np.ndarray:
    """Whether an input's value and the class determine each other, bool (I,)."""
    classes, first, code_N = np.unique(label_N, return_index=True, return_inverse=True)
    of_class_KI = x_NI[first]
    tells_I = np.asarray((of_class_KI[code_N] == x_NI).all(axis=0))
    for i in np.flatnonzero(tells_I):
        tells_I[i] = 1 < len(classes) == len(np.unique(of_class_KI[:, i]))
    return tells_I


def _tell_number(x_NI: np.ndarray, target_N: np.ndarray) -> np.ndarray:
    """Whether an input is the target in some unit, from some zero, bool (I,)."""
    low, high = int(np.argmin(target_N)), int(np.argmax(target_N))
    if len(np.unique(target_N)) < 3:
        # A line goes through any two.
        return np.zeros(x_NI.shape[1], np.bool_)
    share_N = (target_N - target_N[low]) / (target_N[high] - target_N[low])
    low_I, range_I = x_NI[low].astype(np.float64), x_NI[high].astype(np.float64) - x_NI[low]
    with np.errstate(invalid="ignore"):
        off_I = np.abs(x_NI - low_I - share_N[:, None] * range_I).max(axis=0)
    return np.asarray((range_I != 0) & (off_I <= EXACT * np.abs(range_I)))
