"""Inputs of different units that share one scale, on which the smaller ones are hardly seen. K lines along an axis.

Where a geometry ties inputs they keep their proportions: a dark margin stays dark. Sensors, bands or channels of other
units are told by a gap: nothing lies between their sizes, whereas margins, peaks and vignettes have slopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from siftnet.data.raw import Notes, Raw, spread
from siftnet.geometry import Grid, Points

VALUES, ROWS = 500_000, 1000
"""Values, and training examples, that are looked at at most."""
LARGER = 10.0
"""Sizes between which there are none are of two units where one is so many times the other."""
STEP, CONCENTRATED = 2.0, 0.35
"""Neighbours that mostly differ by this factor are no slope; share of the lines that then count for all the others."""
ENOUGH = 20
"""Values at least that a line's size is measured by."""
ROUNDING = 1e-14
"""Of the largest: smaller ones are zero but for rounding."""
LONG, CONTRAST = 16, 300.0
"""An axis so long may have margins at its ends, black bars say; and a contrast that no image reaches."""
SHOWN = 5
SHARED = "and share a scale with them, on which small ones drown"


@dataclass(frozen=True, eq=False)
class _Axis:
    """What is compared: the lines along one axis of the inputs, each of all inputs that have its number there."""

    number: int
    """0 for channels, or for points; 1 for the first axis of the grid, and so on."""
    size_K: np.ndarray
    """float64: median distance of the values from their input's median, of those that differ from it; NaN for few."""
    deviation_K: np.ndarray
    """float64: root mean square deviation."""


def note_shared_scale(raw: Raw, train_T: np.ndarray, *, as_arrays: bool) -> Notes:
    """A sentence where inputs that are scaled together are of sizes that differ as units do.

    train_T: int64 training rows; as_arrays: whether data.geometry can be set.
    """
    if raw.scaling not in ("one", "largest", "pixels") or not len(train_T):
        return ()
    shape = (raw.geometry.channels, *raw.geometry.shape) if isinstance(raw.geometry, Grid) else raw.inputs_NI.shape[1:]
    count = min(len(train_T), ROWS, max(ENOUGH, VALUES // raw.inputs_NI.shape[1]))
    rows = spread(train_T, count)
    x = raw.inputs_NI[rows].astype(np.float64).reshape(count, *shape)
    # With floats on a grid each channel has a scale of its own.
    own = raw.scaling == "one" and isinstance(raw.geometry, Grid)
    groups = [x[:, c : c + 1] for c in range(shape[0])] if own else [x]
    for group in groups:
        for axis in _axes(group):
            if said := _said(axis, raw):
                return (f"{said}: {_remedy(axis, raw, as_arrays=as_arrays)}",)
    return ()


def _axes(x: np.ndarray) -> list[_Axis]:
    """x: float64 (n, C, *shape); of the axes that have more than one line."""
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.abs(x - np.median(x, axis=0))
        variance = x.var(axis=0)
    axes = []
    for number in (k for k in range(x.ndim - 1) if x.shape[k + 1] > 1):
        values_KV = np.moveaxis(distance, number + 1, 0).reshape(x.shape[number + 1], -1)
        varied = [values[values > 0] for values in values_KV]
        sizes = [float(np.median(values)) if len(values) >= ENOUGH else np.nan for values in varied]
        spread_K = np.sqrt(np.moveaxis(variance, number, 0).reshape(len(varied), -1).mean(axis=1))
        # Squares of the largest numbers are infinite, of the smallest zero.
        squared_K = np.isfinite(spread_K) & (spread_K > 0)
        axes.append(_Axis(number, np.where(squared_K, sizes, np.nan), spread_K))
    return axes


def _said(axis: _Axis, raw: Raw) -> str:
    """What is odd about the sizes, without the remedy; empty where nothing is."""
    size_K = np.nan_to_num(axis.size_K)
    kept = np.flatnonzero(size_K > ROUNDING * size_K.max())
    if len(kept) < 2 or not np.isfinite(axis.deviation_K).all():
        return ""
    order = kept[np.argsort(size_K[kept], kind="stable")]
    at, factor = _gap(size_K[order], axis.deviation_K[order])
    small, large = np.sort(order[: at + 1]), np.sort(order[at + 1 :])
    if factor >= LARGER and not _is_margin(small, axis, factor):
        few, how = (large, "large") if len(large) <= len(small) else (small, "small")
        return f"{_lines(few, axis, raw)} are {factor:.3g} times as {how} as the others {SHARED}"
    factor = _unevenness(size_K[kept], axis.deviation_K[kept])
    if factor >= LARGER:
        return f"{_lines(order[-1:], axis, raw)} are {factor:.3g} times as large as most {SHARED}"
    return ""


def _gap(size_K: np.ndarray, deviation_K: np.ndarray) -> tuple[int, float]:
    """After which of the lines, in order of their sizes, the next is larger by the largest factor, and that factor."""
    # Heavy tails reach far by chance, and medians jump at an edge: units differ in both.
    below_K, above_K = np.maximum.accumulate(deviation_K)[:-1], np.minimum.accumulate(deviation_K[::-1])[::-1][1:]
    factor_K = np.minimum(size_K[1:] / size_K[:-1], above_K / below_K)
    at = int(np.argmax(factor_K))
    return at, float(factor_K[at])


def _unevenness(size_K: np.ndarray, deviation_K: np.ndarray) -> float:
    """By how much the largest line, in the order of the axis, exceeds the middle one; 1 on slopes, and where many are
    large."""
    rough = bool(np.median(np.abs(np.diff(np.log(size_K)))) >= np.log(STEP))
    variance_K = (deviation_K / deviation_K.max()) ** 2
    effective = variance_K.sum() ** 2 / (variance_K**2).sum()
    if not rough or effective >= CONCENTRATED * len(size_K):
        return 1.0
    middle = (len(size_K) - 1) // 2
    return float(min(values.max() / np.sort(values)[middle] for values in (size_K, deviation_K)))


def _is_margin(small: np.ndarray, axis: _Axis, factor: float) -> bool:
    """Whether the smaller lines are the ends of a long axis, and as much smaller as those of an image may be."""
    count = len(axis.size_K)
    inner = np.setdiff1d(np.arange(count), small)
    inside = inner[np.isfinite(axis.size_K[inner])]
    whole = bool(((small < inside.min()) | (small > inside.max())).all())
    return axis.number > 0 and count >= LONG and factor < CONTRAST and whole and 2 * len(small) <= count


def _lines(numbers: np.ndarray, axis: _Axis, raw: Raw) -> str:
    told = ", ".join(map(str, numbers[:SHOWN])) + (", ..." if len(numbers) > SHOWN else "")
    if isinstance(raw.geometry, Points):
        return f"inputs (number {told})"
    if axis.number == 0:
        return f"channels (number {told})"
    assert isinstance(raw.geometry, Grid)
    return f"inputs (number {told} along axis {axis.number} of the {raw.geometry.describe()})"


def _remedy(axis: _Axis, raw: Raw, *, as_arrays: bool) -> str:
    floats = "as floats (x.astype('float32')) each channel has a scale of its own"
    if not as_arrays:
        return f"read them in Python and give them to siftnet.from_arrays: {floats}, with geometry unknown each input"
    alone = "data.geometry unknown scales each input alone"
    if not isinstance(raw.geometry, Grid):
        return alone
    is_bytes = raw.inputs_NI.dtype == np.uint8
    if axis.number == 0:
        return f"{alone}; {floats}"
    told = _as_channels(axis.number, raw.geometry)
    if not told:
        return alone
    return f"{alone}; if these are channels, {told}{', and give x as floats' if is_bytes else ''}"


def _as_channels(number: int, grid: Grid) -> str:
    """What makes an axis of the grid its channels; empty where that has channels already, or no word for what is left.

    number: of the axis, from 1.
    """
    rest = grid.shape[: number - 1] + grid.shape[number:]
    word = {1: "ring", 2: "torus"}.get(len(rest)) if grid.periodic else "grid"
    if grid.channels > 1 or prod(rest) == 1 or word is None:
        return ""
    spelled = f"{word}:{'x'.join(map(str, (grid.shape[number - 1], *rest)))}"
    shape = f"x of shape (n, {', '.join(map(str, grid.shape))})"
    last = number == len(grid.shape) and grid.shape != (grid.shape[-1], *rest)
    if number == 1 or last:
        return f"set data.geometry {spelled}, with {shape}"
    return f"set data.geometry {spelled}, and give numpy.moveaxis(x, {number}, 1) of {shape}"
