"""Windows cut from one signal, of which neighbours share most of their values. N examples, P pairs of neighbours."""

from __future__ import annotations

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.raw import Raw
from siftnet.data.splits import Notes
from siftnet.geometry import Grid, Unknown

PAIRS, FEW = 200, 12
"""Neighbouring examples that are looked at, all over the data; and those that are looked at first."""
SHORTEST = 4
"""Values at least that two windows share; fewer meet by chance."""
CHANCE = 0.1
"""Share of values that others than neighbours may have in common where nobody says what is an axis."""


def note_windows(raw: Raw, config: DataConfig) -> Notes:
    """A sentence where most examples are the one before, shifted, and yet are drawn into splits one by one.

    On a grid they may be shifted along any axis. Where nothing is known of the inputs half of their values have to move
    on: other columns, or the first and last values of several channels, may stand between them. Not looked for where
    data.group or data.split time keeps windows of one signal together, or the data are divided by their authors.
    """
    drawn = config.split == "draw" and raw.group_N is None and (raw.held_out_N is None or raw.validation_N is None)
    count = len(raw.inputs_NI)
    if not drawn or count < 2:
        return ()
    first_P = np.unique(np.linspace(0, count - 2, PAIRS).astype(np.int64))
    before_PI, after_PI = raw.inputs_NI[first_P], raw.inputs_NI[first_P + 1]
    stride = None
    if isinstance(raw.geometry, Grid):
        shape = (raw.geometry.channels, *raw.geometry.shape)
        axes = range(2, len(shape) + 1)
        strides = (_along(before_PI.reshape(-1, *shape), after_PI.reshape(-1, *shape), axis) for axis in axes)
        stride = next((found for found in strides if found), None)
    elif isinstance(raw.geometry, Unknown):
        stride = _along(before_PI, after_PI, 1) or _mostly(before_PI, after_PI)
    if stride is None:
        return ()
    return (
        f"each example is the one before, shifted by {stride} values: windows of one signal, which must not lie in "
        "two splits; name the recording with data.group, or set data.split time",
    )


def _along(before: np.ndarray, after: np.ndarray, axis: int) -> int | None:
    """By how much most pairs are shifted against each other along an axis, all values alike; or None."""
    before, after = (np.moveaxis(side, axis, -1).reshape(len(side), -1, side.shape[axis]) for side in (before, after))
    # A flat stretch continues any other.
    changing_P = (after[:, :, :SHORTEST] != after[:, :, :1]).any(axis=(1, 2))
    if 2 * changing_P.sum() < len(before):
        return None
    before, after = before[changing_P], after[changing_P]

    def shared(one: np.ndarray, other: np.ndarray, stride: int) -> bool:
        return bool(2 * (one[..., stride:] == other[..., :-stride]).all(axis=(1, 2)).sum() > len(one))

    for stride in range(1, before.shape[-1] - SHORTEST + 1):
        # Windows run forwards; a table of lagged values runs backwards.
        for one, other in ((before, after), (after, before)):
            if shared(one[:FEW], other[:FEW], stride) and shared(one, other, stride):
                return stride
    return None


def _mostly(before_PI: np.ndarray, after_PI: np.ndarray) -> int | None:
    """By how much at least half of the values of most pairs are shifted, where others have few values in common."""

    def shared(one: np.ndarray, other: np.ndarray, stride: int) -> np.ndarray:
        return np.asarray((one[:, stride:] == other[:, : one.shape[1] - stride]).mean(axis=1))

    apart = len(before_PI) // 2
    if shared(before_PI, np.roll(before_PI, apart, axis=0), 0).mean() > CHANCE:
        return None
    for stride in range(1, before_PI.shape[1] - SHORTEST + 1):
        for one, other in ((before_PI, after_PI), (after_PI, before_PI)):
            if np.median(shared(one[:FEW], other[:FEW], stride)) < 0.5:
                continue
            by_chance = shared(one, np.roll(other, apart, axis=0), stride).mean()
            if by_chance <= CHANCE and np.median(shared(one, other, stride)) >= 0.5:
                return stride
    return None
