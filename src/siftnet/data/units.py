"""Whether the sets that data come with are of the training examples' unit. N examples, C columns.

Training examples of 0..255 beside test examples of 0..1 train and validate well and test at chance. What differs as no
sample of the same data does is refused; what may be is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from siftnet.config.fields import require
from siftnet.data.raw import Notes, Raw, spread
from siftnet.geometry import Grid
from siftnet.wording import named

VALUES, ROWS = 500_000, 2000
"""Values, and examples, that are looked at at most, all over each set."""
LEVELS = (0.25, 0.5, 0.75, 0.99, 1.0)
UNIT = 8.0
"""Sizes that differ by this factor at all LEVELS are of two units; a third of it is told of."""
FEW, ENOUGH = 5, 20
"""Examples below which smaller values say nothing, and below which one column alone says nothing."""
COLUMNS = 3
"""Of fewer columns, most may differ by chance in a few examples."""
MOST = 0.8
"""Share of the columns that counts as all of them."""
NEGATIVE = 0.1
"""Share of negative values that cannot be by chance where the other set has none."""
BYTE = 255
DARK = 100
"""What stays below it may be counts or dark images, and no bytes."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Some examples of a set, by columns that have a unit of their own: inputs, channels, or a numeric target."""

    name: str
    """What they are, in the plural: training examples, test targets."""
    values_NC: np.ndarray
    """float64, NaN where missing; of channels as many rows as there are sites for each example."""
    examples: int
    """In the whole set."""
    column: Callable[[int], str]
    """What a column is called."""

    @property
    def range(self) -> str:
        """Of these values, in words."""
        return f"{np.nanmin(self.values_NC):g} to {np.nanmax(self.values_NC):g}"


def compare_sets(raw: Raw) -> Notes:
    """Sentences on what differs between the training examples and the test and validation set that the data come with.

    Looked at are inputs and numeric targets. Raises ValueError as `compare` does.
    """
    sets, training = {name: rows for name, rows in raw.given.items() if len(rows)}, raw.training_T
    notes: Notes = ()
    if not sets or not len(training):
        return notes
    examples = _inputs(raw, training, "training")
    targets = _targets(raw, training, "training")
    for name, rows in sets.items():
        notes += compare(examples, _inputs(raw, rows, name))
        if raw.classes is None:
            notes += compare(targets, _targets(raw, rows, name))
    return notes


def _inputs(raw: Raw, rows: np.ndarray, name: str) -> Sample:
    inputs = raw.inputs_NI.shape[1]
    count = min(len(rows), ROWS, max(ENOUGH, VALUES // inputs))
    x_NI = raw.inputs_NI[spread(rows, count)].astype(np.float64)
    shared = isinstance(raw.geometry, Grid) and raw.scaling not in ("each", "range")
    channels = raw.geometry.channels if isinstance(raw.geometry, Grid) and shared else inputs
    values_NC = np.moveaxis(x_NI.reshape(count, channels, -1), 1, -1).reshape(-1, channels)

    def column(c: int) -> str:
        return f"channel {c}" if shared else named(raw.input_names[c]) if raw.input_names else f"input {c}"

    return Sample(f"{name} examples", values_NC, len(rows), column)


def _targets(raw: Raw, rows: np.ndarray, name: str) -> Sample:
    values_NC = raw.labels_N[spread(rows, VALUES)].reshape(-1, 1).astype(np.float64)
    return Sample(f"{name} targets", values_NC, len(rows), lambda c: "the target")


def compare(training: Sample, other: Sample) -> Notes:
    """Sentences on what differs between two sets.

    Compared are sizes of what is not zero at four levels, signs and places of the columns, so that sparse, constant and
    heavy-tailed values do not mislead; values that are missing count for nothing. Raises ValueError, with both ranges,
    for two units, and for pixels, or inputs, of which one set alone is centred.
    """
    if training.examples < FEW or not all(np.isfinite(s.values_NC).any() for s in (training, other)):
        return ()
    a, b = _columns(training.values_NC), _columns(other.values_NC)
    few = other.examples < FEW
    units_C, both = _refuse_units(training, other, a, b), _both(training, other)
    shares = _shares(training, other) or _shares(other, training)
    masks = not few and (_masks(a, b) or _masks(b, a))
    require(not (shares or masks), f"{both}, as if one were bytes and the other shares of 1: prepare both alike")
    centred = _centred(a, b, few) or (not few and _centred(b, a, few))
    require(not centred, f"{both}, one of which is centred and one is not: prepare both alike")
    apart_C = _apart(a, b, min(training.examples, other.examples))
    apart = np.flatnonzero(units_C | apart_C if few else apart_C)
    if not len(apart):
        return ()
    shown = ", ".join(f"{training.column(c)} {_span(a, c)} and {_span(b, c)}" for c in apart[:3])
    more = f", and {len(apart) - 3} more" if len(apart) > 3 else ""
    where = f"({shown}{more})" if len(units_C) > 1 else f"({training.range} and {other.range})"
    return (f"{other.name} lie elsewhere than {training.name} {where}: see that both were prepared alike",)


def _refuse_units(training: Sample, other: Sample, a: _Columns, b: _Columns) -> np.ndarray:
    """Which columns look like two units, bool (C,); raises ValueError where that is evident."""
    ratio_C = _ratio(a, b)
    units_C, evident = _two_units(a, b, ratio_C, min(training.examples, other.examples))
    if evident:
        c = int(np.argmax(units_C))
        where = "" if len(units_C) == 1 else f" ({training.column(c)}: {_span(a, c)} and {_span(b, c)})"
        raise ValueError(
            f"{_both(training, other)}{where}, values {max(ratio_C[c], 1 / ratio_C[c]):.3g} times as large, as if in "
            "two units: prepare both alike, and where they did grow so, take logarithms"
        )
    return units_C


def _both(training: Sample, other: Sample) -> str:
    return f"{training.name} are of {training.range} and {other.name} of {other.range}"


@dataclass(frozen=True, eq=False)
class _Columns:
    """What is compared of each column, float64 (C,)."""

    low: np.ndarray
    high: np.ndarray
    q05: np.ndarray
    q95: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    negative: np.ndarray
    """Share of the values."""
    nonzero: np.ndarray
    """Number of them."""
    size_LC: np.ndarray
    """Size of what is not zero at each of LEVELS; NaN where all is."""


def _columns(x_NC: np.ndarray) -> _Columns:
    # Missing values sort last.
    known_C = np.count_nonzero(~np.isnan(x_NC), axis=0)
    last_C = np.maximum(known_C - 1, 0)
    size_NC = np.sort(np.abs(x_NC), axis=0)
    nonzero_C = np.count_nonzero(size_NC > 0, axis=0)
    at_LC = known_C - nonzero_C + np.floor(np.array(LEVELS)[:, None] * (nonzero_C - 1)).astype(np.int64)
    size_LC = np.take_along_axis(size_NC, np.clip(at_LC, 0, last_C), axis=0)
    ordered_NC = np.sort(x_NC, axis=0)
    # Numbers of 1e300 are squared below.
    unit = max(1.0, float(np.nanmax(size_NC)))
    share_NC = np.nan_to_num(x_NC / unit)
    mean_C = share_NC.sum(axis=0) / np.maximum(known_C, 1)
    square_C = (np.where(np.isnan(x_NC), 0, share_NC - mean_C) ** 2).sum(axis=0)

    def at(share: float, rounded: Callable[..., np.ndarray]) -> np.ndarray:
        rows_C = rounded(share * last_C).astype(np.int64)
        return np.asarray(np.take_along_axis(ordered_NC, rows_C[None], axis=0)[0])

    return _Columns(
        low=ordered_NC[0],
        high=at(1, np.floor),
        q05=at(0.05, np.floor),
        q95=at(0.95, np.ceil),
        mean=mean_C * unit,
        deviation=np.sqrt(square_C / np.maximum(known_C, 1)) * unit,
        negative=(x_NC < 0).sum(axis=0) / np.maximum(known_C, 1),
        nonzero=nonzero_C,
        size_LC=np.where(nonzero_C > 0, size_LC, np.nan),
    )


def _ratio(a: _Columns, b: _Columns) -> np.ndarray:
    """By how much b is larger, or smaller, at the level where it is least so; 1 where their middle halves meet."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        ratio_LC = b.size_LC / a.size_LC
    larger_C, smaller_C = b.size_LC[0] > a.size_LC[2], b.size_LC[2] < a.size_LC[0]
    least = np.where(larger_C, ratio_LC.min(axis=0), np.where(smaller_C, ratio_LC.max(axis=0), 1.0))
    return np.nan_to_num(least, nan=1.0)


def _two_units(a: _Columns, b: _Columns, ratio_C: np.ndarray, examples: int) -> tuple[np.ndarray, bool]:
    """Which columns look like two units, bool (C,), and whether that is evident.

    Of a few examples, only such are evident as are larger than any other in most columns: a single one may be dark.
    """
    few = examples < FEW
    nonzero_C = np.minimum(a.nonzero, b.nonzero)
    varied_C = (a.low < a.high) & ((b.low < b.high) | few) & (nonzero_C >= (1 if few else FEW))
    larger_C, smaller_C = varied_C & (ratio_C >= UNIT), varied_C & (ratio_C <= 1 / UNIT)
    enough_C = nonzero_C >= ENOUGH
    if few:
        most = larger_C.any() and larger_C.sum() >= 0.5 * varied_C.sum()
        evident = most and (varied_C.sum() >= COLUMNS or (larger_C & enough_C).any())
        # One column of a few examples is larger by chance where there are many columns.
        told_C = larger_C & (most | enough_C) | (smaller_C & enough_C)
        return (larger_C if evident else told_C), bool(evident)
    units_C = larger_C | smaller_C
    # One column of many meets the levels of another by chance where few of its values are not zero.
    alone = (units_C & enough_C).any() and examples >= ENOUGH
    return units_C, bool(alone or (units_C.any() and units_C.sum() >= 0.5 * varied_C.sum()))


def _apart(a: _Columns, b: _Columns, examples: int) -> np.ndarray:
    """Which columns lie elsewhere in one set, bool (C,)."""
    telling_C = (a.low < a.high) & (b.low < b.high) & (np.minimum(a.nonzero, b.nonzero) >= ENOUGH)
    ratio_C = _ratio(a, b)
    apart_C = (ratio_C >= UNIT / 3) | (ratio_C <= 3 / UNIT)
    apart_C |= (_signs(a, b) >= NEGATIVE) | (a.q95 < b.q05) | (b.q95 < a.q05)
    return np.asarray(telling_C & apart_C & (examples >= ENOUGH))


def _signs(a: _Columns, b: _Columns) -> np.ndarray:
    """Share of negative values in one set where the other has none."""
    return np.where(a.low >= 0, b.negative, np.where(b.low >= 0, a.negative, 0.0))


def _shares(whole: Sample, shares: Sample) -> bool:
    """Whether one set is of whole numbers up to 255, one of fractions up to 1, which a single image shows."""
    x_V, share_V = (sample.values_NC[np.isfinite(sample.values_NC)] for sample in (whole, shares))
    if min(len(x_V), len(share_V)) < ENOUGH or not (x_V.min() >= 0 and DARK < x_V.max() <= BYTE):
        return False
    within = share_V.min() >= -1 and share_V.max() <= 1
    # Most values of a thresholded image are whole, of a scaled one few.
    fractions = (share_V != np.floor(share_V)).sum()
    return bool(within and fractions >= ENOUGH and (x_V == np.floor(x_V)).all())


def _masks(a: _Columns, b: _Columns) -> bool:
    """Whether all columns of a reach towards 255 and those of b, whole numbers, end at 1."""
    bytes_ = (a.low >= 0).all() and (a.high <= BYTE).all() and (a.high > DARK).all()
    return bool(bytes_ and (b.low == 0).all() and (b.high == 1).all() and (b.size_LC == 1).all())


def _centred(a: _Columns, b: _Columns, few: bool) -> bool:
    """Whether b is a's kind of data after its mean was taken off: a full range of pixels, or columns that were."""
    low, high = a.low.min(), a.high.max()
    pixels = any(0 <= low <= 0.02 * top and 0.95 * top <= high <= top for top in (1, 255))
    if pixels and b.negative.mean() >= NEGATIVE and b.low.min() < -0.05 * high:
        return not few or b.nonzero.sum() >= ENOUGH
    varied_C = (a.low < a.high) & (b.low < b.high)
    if few or varied_C.sum() < COLUMNS:
        return False
    changed_C = varied_C & (a.low >= 0) & (b.negative >= NEGATIVE)
    standard_C = (np.abs(b.mean) < 0.5 * b.deviation) & (b.deviation > 0.5) & (b.deviation < 2)
    within = b.low.min() >= -1.001 and b.high.max() <= 1.001
    enough = MOST * varied_C.sum()
    return bool(changed_C.sum() >= enough and (within or (varied_C & standard_C).sum() >= enough))


def _span(columns: _Columns, c: int) -> str:
    return f"{columns.low[c]:g} to {columns.high[c]:g}"
