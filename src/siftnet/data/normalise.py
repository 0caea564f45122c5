"""Inputs brought to one size: centred and scaled in double precision, and only then single. N examples, I inputs.

Time stamps in milliseconds, Julian dates or prices with a large offset differ in digits that single precision drops, so
a file's numbers are centred before they are cast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from siftnet.data.raw import Scaling
from siftnet.data.targets import KEPT
from siftnet.geometry import Geometry, Grid

BLOCK = 4096
"""Rows that a statistic looks at together, so that it needs little memory beside the data."""
COMPARED = 4_000_000
"""Values at most of which the number of different ones is compared before and after."""


@dataclass(frozen=True, eq=False)
class Normalised:
    """Inputs as a Dataset holds them: the network sees (inputs_NI - center_I) * scale_I."""

    inputs_NI: np.ndarray
    """uint8, as they were; or float32, centred and scaled already."""
    center_I: np.ndarray
    """float32 (I,); zeros with float32 inputs."""
    scale_I: np.ndarray
    """float32 (I,); ones with float32 inputs."""
    notes: tuple[str, ...] = ()
    """A sentence on inputs that lose values in single precision."""
    taken_off_I: np.ndarray | None = None
    """float64 (I,), of float32 inputs that were scaled: what they had been is inputs_NI / factor_I + taken_off_I."""
    factor_I: np.ndarray | None = None


def normalise(
    inputs_NI: np.ndarray, train_T: np.ndarray, scaling: Scaling, geometry: Geometry, names: Sequence[str] = ()
) -> Normalised:
    """Centre and scale the inputs by the training rows alone.

    inputs_NI: uint8, float32 or float64 (N, I), finite; train_T: int64 rows; geometry: of these inputs; names: theirs,
    or none. Inputs that never change keep their size. Raises ValueError for values whose square no number holds.
    """
    ones_I = np.ones(inputs_NI.shape[1], np.float32)
    if scaling == "none" and inputs_NI.dtype != np.float64:
        return Normalised(inputs_NI, 0 * ones_I, ones_I)
    center_I, scale_I = measure_inputs(inputs_NI, train_T, scaling, geometry, names)
    if inputs_NI.dtype == np.uint8:
        return Normalised(inputs_NI, center_I.astype(np.float32), scale_I.astype(np.float32))
    single_NI = np.empty(inputs_NI.shape, np.float32)
    for start in range(0, len(inputs_NI), BLOCK):
        rows = slice(start, start + BLOCK)
        with np.errstate(over="ignore"):
            single_NI[rows] = (inputs_NI[rows] - center_I) * scale_I
    notes = _on_lost_values(inputs_NI, single_NI, names)
    return Normalised(single_NI, 0 * ones_I, ones_I, notes, center_I, scale_I)


def measure_inputs(
    inputs_NI: np.ndarray, train_T: np.ndarray, scaling: Scaling, geometry: Geometry, names: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale of each input by the training rows alone, float64 (I,); of one that never changes scale 1.

    Arguments and errors as of `normalise`.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        center_I, scale_I = _measure(inputs_NI, train_T, scaling, geometry)
    for i in np.flatnonzero(~(np.isfinite(center_I) & np.isfinite(scale_I) & (scale_I > 0)))[:1]:
        raise ValueError(
            f"{_name(i, names)} reaches {np.abs(inputs_NI[:, i]).max():g}, too large to be scaled: correct it, divide "
            "it, or take its logarithm"
        )
    return center_I, scale_I


def _measure(
    inputs_NI: np.ndarray, train_T: np.ndarray, scaling: Scaling, geometry: Geometry
) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale, float64 (I,)."""
    inputs = inputs_NI.shape[1]
    blocks = [train_T[start : start + BLOCK] for start in range(0, len(train_T), BLOCK)]
    if scaling == "none":
        return np.zeros(inputs), np.ones(inputs)
    if scaling == "pixels" and inputs_NI.dtype == np.uint8:
        # Faster in whole numbers, of which 2^24 fit.
        sums = [inputs_NI[rows].sum(axis=0, dtype=np.uint32) for rows in blocks]
        return np.array(sums).sum(axis=0, dtype=np.int64) / len(train_T), np.full(inputs, 1 / 255)
    low_I = np.min([inputs_NI[rows].min(axis=0) for rows in blocks], axis=0).astype(np.float64)
    high_I = np.max([inputs_NI[rows].max(axis=0) for rows in blocks], axis=0).astype(np.float64)
    if scaling == "range":
        return low_I, _inverse(high_I - low_I, low_I, high_I)
    total_I = sum((inputs_NI[rows].sum(axis=0, dtype=np.float64) for rows in blocks), np.zeros(inputs))
    # The mean of equal values may differ from them in its last digit.
    center_I = np.where(high_I > low_I, total_I / len(train_T), low_I)
    if scaling in ("pixels", "largest"):
        # Zeros and ones divided by 255 would vanish beside batch norm's epsilon.
        return center_I, np.full(inputs, 1 / (255 if scaling == "pixels" else max(1.0, high_I.max())))
    square_I = sum((((inputs_NI[rows] - center_I) ** 2).sum(axis=0) for rows in blocks), np.zeros(inputs))
    variance_I = square_I / len(train_T)
    if scaling == "one":
        channels = geometry.channels if isinstance(geometry, Grid) else 1
        sites = inputs // channels
        variance_I = np.repeat(variance_I.reshape(channels, sites).mean(axis=1), sites)
        low_I = np.repeat(low_I.reshape(channels, sites).min(axis=1), sites)
        high_I = np.repeat(high_I.reshape(channels, sites).max(axis=1), sites)
    return center_I, _inverse(np.sqrt(variance_I), low_I, high_I)


def _inverse(spread_I: np.ndarray, low_I: np.ndarray, high_I: np.ndarray) -> np.ndarray:
    """1 / spread; 1 where all values are equal, whose deviation may be rounding alone."""
    return 1 / np.where((high_I > low_I) & (spread_I > 0), spread_I, 1)


def _on_lost_values(before_NI: np.ndarray, after_NI: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
    """A sentence on the inputs that keep far fewer different values, looked for in as many rows as time allows."""
    count, inputs = before_NI.shape
    step = max(1, count * inputs // COMPARED)
    lossy = []
    for i in range(inputs):
        before, after = (len(np.unique(x_NI[::step, i])) for x_NI in (before_NI, after_NI))
        if after < KEPT * before:
            lossy.append(f"{_name(i, names)} ({after:,} of {before:,})")
    if not lossy:
        return ()
    more = f", and {len(lossy) - 3} more" if len(lossy) > 3 else ""
    return (
        f"different values that are left in single precision, in which the network computes: {', '.join(lossy[:3])}"
        f"{more}; correct the few values that stretch the range, or take logarithms",
    )


def _name(i: int, names: Sequence[str]) -> str:
    return names[i] if names else f"input {i}"
