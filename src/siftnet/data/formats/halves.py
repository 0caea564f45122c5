"""Whether arrays that are joined were prepared alike: same kind of numbers, same unit. N examples, C columns.

Training examples of 0..255 beside test examples of 0..1 train and validate well and test at chance. What differs as no
sample of the same data does is refused; what may be is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siftnet.config.fields import require
from siftnet.data.formats.axes import lay_out
from siftnet.data.formats.stack import WHOLE
from siftnet.data.targets import LARGEST_EXACT
from siftnet.geometry import Geometry, Grid

VALUES, ROWS = 2_000_000, 2000
"""Values, and examples, that are looked at at most, all over each array."""
LEVELS = (0.25, 0.5, 0.75, 0.99, 1.0)
UNIT = 8.0
"""Sizes that differ by this factor at all LEVELS are of two units; a third of it is told of."""
FEW, ENOUGH = 5, 20
"""Examples below which nothing is said, and below which one column alone says nothing."""
MOST = 0.8
"""Share of the columns that counts as all of them."""
NEGATIVE = 0.1
"""Share of negative values that cannot be by chance where the other array has none."""


@dataclass(frozen=True, eq=False)
class Half:
    """One of the arrays, by columns that have a unit of their own: inputs, channels, or a numeric target."""

    name: str
    values_NC: np.ndarray
    """float64, of some examples, on a grid as many rows as it has sites for each."""
    examples: int
    whole: bool
    """Whether the array's dtype is of whole numbers."""
    fractions: bool
    """Whether a value is no whole number."""

    @property
    def range(self) -> str:
        """Of all values, in words."""
        kind = "whole numbers" if self.whole else "floats"
        return f"{kind} {self.values_NC.min():g} to {self.values_NC.max():g}"


def half_of(name: str, x: np.ndarray, geometry: str | Geometry) -> Half:
    """What is compared of an array of examples (n, ...), laid out as `lay_out` does."""
    inputs = x.size // len(x)
    count = min(len(x), ROWS, max(ENOUGH, VALUES // inputs))
    # Evenly spaced: files are often sorted.
    rows = np.unique(np.linspace(0, len(x) - 1, count).astype(np.int64))
    with np.errstate(invalid="ignore", over="ignore"):
        values_NI, found = lay_out(np.ma.getdata(x)[rows].astype(np.float64), geometry)
    channels = found.channels if isinstance(found, Grid) else inputs
    values_NC = np.moveaxis(values_NI.reshape(len(rows), channels, -1), 1, -1).reshape(-1, channels)
    whole = x.dtype.kind in WHOLE
    return Half(name, values_NC, len(x), whole, not whole and bool((x != np.floor(x)).any()))


def refuse_other_kind(training: Half, other: Half, source: str) -> None:
    """Raise ValueError where one array is of whole numbers and one of floats, unless those are whole as well."""
    exact = all(np.abs(half.values_NC).max() <= LARGEST_EXACT for half in (training, other))
    require(
        training.whole == other.whole or (exact and not training.fractions and not other.fractions),
        f"{source} has {training.name} of {training.range} and {other.name} of {other.range}: prepare both alike, and "
        "give them one dtype",
    )


def compare(training: Half, other: Half, source: str) -> tuple[str, ...]:
    """Sentences on what differs between two arrays of examples that are to be joined.

    Compared are sizes of what is not zero at four levels, signs and places of the columns, so that sparse, constant and
    heavy-tailed values do not mislead. Raises ValueError, with both ranges, for two units, and for pixels, or inputs,
    of which one half alone is centred.
    """
    if min(training.examples, other.examples) < FEW:
        return ()
    a, b = _columns(training.values_NC), _columns(other.values_NC)
    ratio_C = _ratio(a, b)
    nonzero_C = np.minimum(a.nonzero, b.nonzero)
    varied_C = (a.low < a.high) & (b.low < b.high) & (nonzero_C >= FEW)
    # One column of many meets the levels of another by chance where few of its values are not zero.
    telling_C = varied_C & (nonzero_C >= ENOUGH) & (min(training.examples, other.examples) >= ENOUGH)
    units_C = varied_C & ((ratio_C >= UNIT) | (ratio_C <= 1 / UNIT))
    both = f"{source} has {training.name} of {training.range} and {other.name} of {other.range}"
    alike = f"prepare {training.name} and {other.name} alike"
    if (units_C & telling_C).any() or (units_C.any() and units_C.sum() >= 0.5 * varied_C.sum()):
        c = int(np.argmax(units_C))
        where = "" if len(units_C) == 1 else f" (input {c}: {_span(a, c)} and {_span(b, c)})"
        factor = max(ratio_C[c], 1 / ratio_C[c])
        raise ValueError(f"{both}{where}, values {factor:.3g} times as large, as if in two units: {alike}")
    centred = _centred(a, b) or _centred(b, a)
    require(not centred, f"{both}, one of which is centred and one is not: {alike}")
    apart_C = (ratio_C >= UNIT / 3) | (ratio_C <= 3 / UNIT)
    apart_C |= (_signs(a, b) >= NEGATIVE) | (a.q95 < b.q05) | (b.q95 < a.q05)
    apart = np.flatnonzero(telling_C & apart_C)
    if not len(apart):
        return ()
    shown = ", ".join(f"input {c} {_span(a, c)} and {_span(b, c)}" for c in apart[:3])
    more = f", and {len(apart) - 3} more" if len(apart) > 3 else ""
    where = f"({shown}{more})" if len(varied_C) > 1 else f"({training.range} and {other.range})"
    return (f"{other.name} lies elsewhere than {training.name} {where}: see that both were prepared alike",)


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
    count = len(x_NC)
    # Numbers of 1e300 are squared below.
    unit = max(1.0, float(np.abs(x_NC).max()))
    size_NC = np.sort(np.abs(x_NC), axis=0)
    nonzero_C = np.count_nonzero(size_NC, axis=0)
    at_LC = count - nonzero_C + np.floor(np.array(LEVELS)[:, None] * (nonzero_C - 1)).astype(np.int64)
    size_LC = np.take_along_axis(size_NC, np.clip(at_LC, 0, count - 1), axis=0)
    ordered_NC = np.sort(x_NC, axis=0)
    return _Columns(
        low=ordered_NC[0],
        high=ordered_NC[-1],
        q05=ordered_NC[int(0.05 * (count - 1))],
        q95=ordered_NC[int(np.ceil(0.95 * (count - 1)))],
        mean=(x_NC / unit).mean(axis=0) * unit,
        deviation=(x_NC / unit).std(axis=0) * unit,
        negative=(x_NC < 0).mean(axis=0),
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


def _signs(a: _Columns, b: _Columns) -> np.ndarray:
    """Share of negative values in one half where the other has none."""
    return np.where(a.low >= 0, b.negative, np.where(b.low >= 0, a.negative, 0.0))


def _centred(a: _Columns, b: _Columns) -> bool:
    """Whether b is a's kind of data after its mean was taken off: a full range of pixels, or columns that were."""
    low, high = a.low.min(), a.high.max()
    pixels = any(0 <= low <= 0.02 * top and 0.95 * top <= high <= top for top in (1, 255))
    if pixels and b.negative.mean() >= NEGATIVE and b.low.min() < -0.05 * high:
        return True
    varied_C = (a.low < a.high) & (b.low < b.high)
    if varied_C.sum() < 3:
        return False
    changed_C = varied_C & (a.low >= 0) & (b.negative >= NEGATIVE)
    standard_C = (np.abs(b.mean) < 0.5 * b.deviation) & (b.deviation > 0.5) & (b.deviation < 2)
    within = b.low.min() >= -1.001 and b.high.max() <= 1.001
    enough = MOST * varied_C.sum()
    return bool(changed_C.sum() >= enough and (within or (varied_C & standard_C).sum() >= enough))


def _span(columns: _Columns, c: int) -> str:
    return f"{columns.low[c]:g} to {columns.high[c]:g}"
