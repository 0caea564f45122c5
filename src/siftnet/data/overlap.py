"""Windows cut from one signal, of which neighbours share most of their values. N examples, P pairs of neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.raw import Notes, Raw, spread
from siftnet.data.splits import LATER, Split
from siftnet.geometry import Grid, Unknown

PAIRS, FEW, ANCHORS = 200, 12, 64
"""Neighbouring examples that are looked at, all over the data; those that are looked at first; values of theirs."""
SHORTEST = 4
"""Values at least that two windows share; fewer meet by chance."""
CHANCE = 0.1
"""Share of values that others than neighbours may have in common where nobody says what is an axis."""


@dataclass(frozen=True)
class Windows:
    """Each example is the one before, shifted."""

    stride: int
    length: int
    """Both in values of one channel, where it is known what is one."""

    @property
    def reach(self) -> int:
        """How many examples after it share values with an example."""
        return -(-self.length // self.stride) - 1


def note_windows(raw: Raw, config: DataConfig) -> Notes:
    """A sentence where most examples are the one before, shifted, and yet are drawn into splits one by one.

    Not where data.group or data.split time keeps windows of one signal together, or the data are divided by their
    authors.
    """
    drawn = config.split == "draw" and raw.group_N is None and (raw.held_out_N is None or raw.validation_N is None)
    windows = _find(raw) if drawn else None
    if windows is None:
        return ()
    return (
        f"each example is the one before, shifted by {windows.stride} values: windows of one signal, which must "
        "not lie in two splits; name the recording with data.group, or set data.split time",
    )


def part_in_time(raw: Raw, splits: Split) -> tuple[Split, Notes]:
    """The splits by time without the windows that reach into the next split, and a sentence that counts them.

    Raises ValueError where nothing would be left of one.
    """
    windows = _find(raw)
    if windows is None:
        return splits, ()
    time_N = np.arange(len(raw.labels_N)) if raw.time_N is None else raw.time_N
    rank_N = np.empty(len(time_N), np.int64)
    rank_N[np.argsort(time_N, kind="stable")] = np.arange(len(time_N))
    left, out = dict(splits), 0
    for name, later in LATER.items():
        first = min(int(rank_N[splits[other]].min()) for other in later)
        left[name] = splits[name][rank_N[splits[name]] < first - windows.reach]
        out += len(splits[name]) - len(left[name])
        require(
            len(left[name]) > 0,
            f"all {name} examples are windows that reach into the {' or '.join(later)} set (data.split = time): "
            "set data.validation or data.holdout larger, or use more data or shorter windows",
        )
    return left, (
        f"{out:,} examples were left out before the borders of the splits, as windows of the signal reach over them",
    )


def _find(raw: Raw) -> Windows | None:
    """Windows, where most examples are such.

    On a grid they may be shifted along any axis. Where nothing is known of the inputs half of their values have to move
    on: other columns, or the first and last values of several channels, may stand between them.
    """
    count = len(raw.inputs_NI)
    if count < 2:
        return None
    first_P = spread(np.arange(count - 1), PAIRS)
    before_PI, after_PI = raw.inputs_NI[first_P], raw.inputs_NI[first_P + 1]
    if isinstance(raw.geometry, Grid):
        shape = (raw.geometry.channels, *raw.geometry.shape)
        before, after = before_PI.reshape(-1, *shape), after_PI.reshape(-1, *shape)
        strides = ((_along(before, after, axis), shape[axis - 1]) for axis in range(2, len(shape) + 1))
        return next((Windows(stride, length) for stride, length in strides if stride), None)
    if isinstance(raw.geometry, Unknown):
        stride = _along(before_PI, after_PI, 1) or _mostly(before_PI, after_PI)
        return Windows(stride, raw.inputs_NI.shape[1]) if stride else None
    return None


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

    strides = range(1, before.shape[-1] - SHORTEST + 1)
    # Windows run forwards; a table of lagged values runs backwards.
    ways = ((before, after), (after, before))
    # Where the first value of one stands in the other decides for nearly all.
    meet = [2 * (one == other[..., :1]).all(axis=1).sum(axis=0) > len(one) for one, other in ways]
    for stride in strides:
        for (one, other), meets_S in zip(ways, meet, strict=True):
            if meets_S[stride] and shared(one, other, stride):
                return stride
    return None


def _mostly(before_PI: np.ndarray, after_PI: np.ndarray) -> int | None:
    """By how much at least half of the values of most pairs are shifted, where others have few values in common."""

    def shared(one: np.ndarray, other: np.ndarray, stride: int) -> np.ndarray:
        return np.asarray((one[:, stride:] == other[:, : one.shape[1] - stride]).mean(axis=1))

    apart = len(before_PI) // 2
    if shared(before_PI, np.roll(before_PI, apart, axis=0), 0).mean() > CHANCE:
        return None
    ways = ((before_PI, after_PI), (after_PI, before_PI))
    likely = [_likely(one[:FEW], other[:FEW]) for one, other in ways]
    for stride in range(1, before_PI.shape[1] - SHORTEST + 1):
        for (one, other), likely_S in zip(ways, likely, strict=True):
            if not likely_S[stride] or np.median(shared(one[:FEW], other[:FEW], stride)) < 0.5:
                continue
            by_chance = shared(one, np.roll(other, apart, axis=0), stride).mean()
            if by_chance <= CHANCE and np.median(shared(one, other, stride)) >= 0.5:
                return stride
    return None


def _likely(one_PI: np.ndarray, other_PI: np.ndarray) -> np.ndarray:
    """Strides, bool (I,), at which a quarter of some values of one stand in the other: all strides at all would take
    time with the square of the inputs."""
    inputs = one_PI.shape[1]
    anchors = np.union1d(np.arange(min(SHORTEST, inputs - 1)), spread(np.arange(inputs - 1), ANCHORS))
    found_S, asked_S = np.zeros(inputs), np.zeros(inputs)
    for anchor in anchors:
        found_S[1 : inputs - anchor] += (one_PI[:, anchor + 1 :] == other_PI[:, anchor : anchor + 1]).mean(axis=0)
        asked_S[1 : inputs - anchor] += 1
    return np.asarray(4 * found_S >= np.maximum(asked_S, 1))
