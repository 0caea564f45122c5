"""Whether a node's inputs lie closer together than chance, or than the popularity of inputs alone, would place them."""

# J nodes, I inputs, D displacements (rings at points), R rings of distance, S null samples, B bootstrap resamplings

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, Num
from numpy.typing import ArrayLike

from siftnet.analysis.binning import Binning, Counted, binning_of
from siftnet.analysis.distances import DistanceCounts
from siftnet.analysis.index import Index, bootstrap_interval, describe, permutation_index
from siftnet.analysis.nulls import DegreeShuffler, shuffle_uniform
from siftnet.analysis.pairs import PairCounts, node_weights
from siftnet.foreign import as_numpy, is_whole, shown
from siftnet.geometry import Geometry, Grid

QUANTILES = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Curve:
    """Pair correlation g(r) against one null, float64 (R,), NaN where the null expects no pair.

    low, high: 2.5% and 97.5% quantiles of the degree-preserving samples' own g(r); None without samples.
    """

    value: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Locality:
    """How local a layer's mask is, against two nulls: each node's number of inputs kept, and each input's as well.

    Distances are in sites on a grid, at points in units of their spacing. unit: the median distance of a point's place
    to the nearest other one, in the coordinates' unit, None where all points lie at one place; 1 on a grid.
    pairs, pairs_node: pair counts in which every pair counts 1 (int64), and in which every node does (float64).
    index_uniform, index_degree: near pairs (0 < |d| <= 2, one channel) over their expectation under either null.
    index_uniform_node, index_degree_node: the same with every node weighing 1 instead of C_j (C_j - 1).
    g_uniform, g_degree: S(d) / E S(d) in one channel, float64 D, displacement 0 in the centre, NaN where the null
    expects no pair, None at points; *_different: across channels, None with one channel. radii: int64 (R,), ring r
    holds r - 1/2 <= |d| < r + 1/2. curve_*: g(r); the band of a uniform curve is where the degree-preserving samples
    lie, so its distance from 1 is what popularity of inputs explains. correlation_length*: where g(r) - 1 first falls
    below 1/e of g(1) - 1, interpolated between rings; None where it never does or g(1) <= 1.
    samples: null samples behind all this, what needs them is None without; trades: those of each node between two
    degree-preserving samples.
    """

    pairs: PairCounts | DistanceCounts
    pairs_node: PairCounts | DistanceCounts
    index_uniform: Index
    index_degree: Index | None
    index_uniform_node: Index
    index_degree_node: Index | None
    g_uniform: np.ndarray | None
    g_uniform_different: np.ndarray | None
    g_degree: np.ndarray | None
    g_degree_different: np.ndarray | None
    curve_uniform: Curve
    curve_uniform_different: Curve | None
    curve_degree: Curve | None
    curve_degree_different: Curve | None
    correlation_length: float | None
    correlation_length_degree: float | None
    samples: int
    trades: int | None
    unit: float | None = 1.0

    def __repr__(self) -> str:
        if self.index_degree is None:
            return f"Locality(index_uniform {describe(self.index_uniform)}, no shuffles)"
        uniform = describe(replace(self.index_uniform, low=None, p=None))
        return f"Locality(index_degree {describe(self.index_degree)}, index_uniform {uniform})"

    @property
    def same_channel(self) -> np.ndarray | None:
        """S_sc(d): ordered pairs of a node's inputs in one channel, int64 D, displacement 0 central; None at points."""
        return self.pairs.same_channel if isinstance(self.pairs, PairCounts) else None

    @property
    def different_channel(self) -> np.ndarray | None:
        """S_dc(d): the same across channels, displacement 0 included."""
        return self.pairs.different_channel if isinstance(self.pairs, PairCounts) else None

    @property
    def radii(self) -> np.ndarray:
        """Radius of each ring, int64 (R,)."""
        return np.arange(len(self.curve_uniform.value))


@dataclass(frozen=True)
class Resampling:
    """How much chance is drawn.

    samples: shuffles of each null, 0 for closed forms alone; bootstrap: resamplings of the nodes behind each interval;
    seed: decides both. Raises ValueError for negative samples and a bootstrap below 1.
    """

    samples: int
    bootstrap: int
    seed: int | np.random.Generator

    def __post_init__(self) -> None:
        whole = all(map(is_whole, (self.samples, self.bootstrap)))
        if not whole or self.samples < 0 or self.bootstrap < 1:
            raise ValueError(
                "samples must be 0 or more and bootstrap 1 or more, whole numbers, got "
                f"{shown(self.samples)} and {shown(self.bootstrap)}"
            )
        if not isinstance(self.seed, np.random.Generator) and not (is_whole(self.seed) and self.seed >= 0):
            raise ValueError(f"a seed is a whole number, 0 or more, or a generator of NumPy's, got {shown(self.seed)}")


@dataclass(frozen=True, eq=False)
class _DegreeNull:
    """What degree-preserving samples have: near pairs (S, J), and by name of the counts mean D and rings (S, R)."""

    near_SJ: np.ndarray
    mean: dict[str, np.ndarray]
    rings: dict[str, np.ndarray]
    trades: int


class _Against(NamedTuple):
    """g(d) and g(r) of one of the counts against both nulls; None what is not there."""

    g_uniform: np.ndarray | None = None
    curve_uniform: Curve | None = None
    g_degree: np.ndarray | None = None
    curve_degree: Curve | None = None


def locality(
    mask: ArrayLike,
    geometry: Geometry,
    samples: int = 199,
    bootstrap: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Locality:
    """Measure how local a bare mask is, without a run.

    mask: bool or 0/1, (nodes, inputs) or (nodes, channels, *grid shape); samples: shuffles of each null (0: closed form
    alone); bootstrap: resamplings of the nodes behind each interval. On a grid of N inputs a shuffle costs of the order
    of N log N for each node; at points, where no inputs need to be numbered in any order, a few nanoseconds for each
    pair among the inputs that a node has, or among those that it lacks where these are fewer, and memory of the order
    of N. Raises ValueError for a mask that does not fit, for entries other than 0 and 1 and where nobody knows where
    the inputs live. Source: after Pellegrini & Biroli 2022.

    >>> from siftnet.architecture.ruler import convolution_mask
    >>> from siftnet.geometry import torus
    >>> locality(convolution_mask(torus(8, 8), kernel=3), torus(8, 8), samples=19)
    Locality(index_degree 3.78 [3.72, 3.85], p = 0.05 of 19 shuffles, index_uniform 3.79)
    """
    binning = binning_of(geometry)
    mask_JI = as_mask(mask, geometry)
    return measure_locality(mask_JI, binning, Resampling(samples, bootstrap, seed))


def measure_locality(mask_JI: Bool[np.ndarray, "J I"], binning: Binning, resampling: Resampling) -> Locality:
    """`locality` of a boolean mask that fits."""
    samples = resampling.samples
    rng_degree, rng_uniform, rng_bootstrap = np.random.default_rng(resampling.seed).spawn(3)
    null = _degree_null(mask_JI, binning, samples, rng_degree) if samples else None
    uniform_SJ = _uniform_near(mask_JI, binning, samples, rng_uniform)
    counted = binning.count(mask_JI)
    nodes = replace(resampling, seed=int(rng_bootstrap.integers(2**63)))
    by_pair, by_node = (
        _indices(_Near(mask_JI, counted.near_J, weight_J, uniform_SJ), binning, null, nodes)
        for weight_J in (np.ones(len(mask_JI)), node_weights(mask_JI.sum(axis=1)))
    )
    within = _against_nulls(binning.within, counted, binning, null)
    across = _against_nulls(binning.across, counted, binning, null) if binning.across else _Against()
    assert within.curve_uniform is not None
    return Locality(
        counted.pairs,
        counted.pairs_node,
        *by_pair,
        *by_node,
        g_uniform=within.g_uniform,
        g_uniform_different=across.g_uniform,
        g_degree=within.g_degree,
        g_degree_different=across.g_degree,
        curve_uniform=within.curve_uniform,
        curve_uniform_different=across.curve_uniform,
        curve_degree=within.curve_degree,
        curve_degree_different=across.curve_degree,
        correlation_length=correlation_length(within.curve_uniform.value),
        correlation_length_degree=correlation_length(within.curve_degree.value) if within.curve_degree else None,
        samples=samples,
        trades=null.trades if null else None,
        unit=binning.unit,
    )


def as_mask(mask: ArrayLike, geometry: Geometry) -> Bool[np.ndarray, "J I"]:
    """The mask as bool (J, I) from any array of booleans or of zeros and ones that fits; else ValueError."""
    array = np.asarray(as_numpy(mask, "mask"))
    whole = (geometry.channels, *geometry.shape) if isinstance(geometry, Grid) else (geometry.size,)
    if array.ndim < 2 or array.shape[1:] not in ((geometry.size,), whole):
        laid_out = f" or (nodes, {', '.join(map(str, whole))})" if len(whole) > 1 else ""
        raise ValueError(
            f"a mask of shape {array.shape} does not fit {'a ' if laid_out else ''}{geometry.describe()}: "
            f"it must be (nodes, {geometry.size}){laid_out}"
        )
    if array.dtype.kind not in "biuf" or (array.dtype != np.bool_ and not np.isin(array, (0, 1)).all()):
        raise ValueError(
            f"a mask must be boolean or of zeros and ones, got other values of type {array.dtype}: give mask != 0 of "
            "weights"
        )
    return np.ascontiguousarray(array.reshape(len(array), geometry.size).astype(np.bool_))


def ring_sums(counts_D: Num[np.ndarray, "*D"], ring_D: Int64[np.ndarray, "*D"]) -> Float64[np.ndarray, "R"]:
    """Sum of a map over each ring, float64 (R,)."""
    return np.bincount(ring_D.ravel(), weights=counts_D.ravel())


def ratio(observed: Num[np.ndarray, "*D"], expected: Num[np.ndarray, "*D"]) -> Float64[np.ndarray, "*D"]:
    """Observed over expected, NaN where nothing is expected."""
    return np.asarray(np.divide(observed, expected, out=np.full(np.shape(observed), np.nan), where=expected > 0))


def correlation_length(g_R: Float64[np.ndarray, "R"]) -> float | None:
    """Distance at which g(r) - 1 first falls below 1/e of g(1) - 1, linear between rings; None if never."""
    if len(g_R) < 3 or not g_R[1] > 1:
        return None
    level = 1 + (g_R[1] - 1) / np.e
    below = np.flatnonzero(g_R[2:] < level)
    if not len(below):
        return None
    after = 2 + int(below[0])
    # A ring without expectation (NaN) is stepped over: the last ring that has a value is where the line starts.
    before = max(r for r in range(1, after) if np.isfinite(g_R[r]))
    return float(before + (after - before) * (g_R[before] - level) / (g_R[before] - g_R[after]))


def _degree_null(mask_JI: np.ndarray, binning: Binning, samples: int, rng: np.random.Generator) -> _DegreeNull:
    shuffler = DegreeShuffler(mask_JI, rng)
    kinds = [binning.within, *([binning.across] if binning.across else [])]
    near: list[np.ndarray] = []
    in_rings: dict[str, list[np.ndarray]] = {kind: [] for kind in kinds}
    total: dict[str, np.ndarray] = {kind: np.zeros(()) for kind in kinds}
    for _ in range(samples):
        counted = binning.count(shuffler.sample())
        near.append(counted.near_J)
        for kind in kinds:
            counts_D = getattr(counted.pairs, kind)
            in_rings[kind].append(ring_sums(counts_D, counted.ring_D))
            total[kind] = total[kind] + counts_D
    mean = {kind: total[kind] / samples for kind in kinds}
    return _DegreeNull(np.array(near), mean, {kind: np.array(in_rings[kind]) for kind in kinds}, shuffler.trades)


def _uniform_near(mask_JI: np.ndarray, binning: Binning, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Near pairs of each node in layerwise shuffles, int64 (S, J)."""
    near = [binning.near(shuffle_uniform(mask_JI, rng)) for _ in range(samples)]
    return np.array(near, dtype=np.int64).reshape(samples, len(mask_JI))


class _Near(NamedTuple):
    """A mask, its nodes' near pairs, what each node weighs, and the near pairs of layerwise shuffles."""

    mask_JI: np.ndarray
    near_J: np.ndarray
    weight_J: np.ndarray
    uniform_SJ: np.ndarray


def _indices(seen: _Near, binning: Binning, null: _DegreeNull | None, nodes: Resampling) -> tuple[Index, Index | None]:
    """Near-pair excess over the uniform and the degree-preserving null, intervals from the same resampled nodes."""
    mask_JI, near_J, weight_J, uniform_SJ = seen
    degree_J = mask_JI.sum(axis=1)

    def index(null_SJ: np.ndarray, mean_J: np.ndarray, why: str) -> Index:
        rng = np.random.default_rng(nodes.seed)
        interval = bootstrap_interval(near_J * weight_J, mean_J * weight_J, nodes.bootstrap, rng)
        return permutation_index(
            float(near_J @ weight_J), float(mean_J @ weight_J), null_SJ @ weight_J, interval, _why(mask_JI, why)
        )

    uniform = index(uniform_SJ, degree_J * (degree_J - 1.0) * binning.near_share, binning.alike)
    if null is None:
        return uniform, None
    why = "a single node keeps its inputs" if len(mask_JI) == 1 else binning.alike
    return uniform, index(null.near_SJ, null.near_SJ.mean(axis=0), why)


def _why(mask_JI: np.ndarray, otherwise: str) -> str:
    """Why all samples of a null may be alike, the most telling reason first."""
    if not mask_JI.any():
        return "the mask is empty"
    if mask_JI.all():
        return "every connection is present"
    if mask_JI.sum(axis=1).max() < 2:
        return "no node has two inputs"
    return otherwise


def _against_nulls(kind: str, counted: Counted, binning: Binning, null: _DegreeNull | None) -> _Against:
    """g(d) and g(r) of one of the counts against the uniform and, where sampled, the degree-preserving null."""
    ring_D, pairs = counted.ring_D, counted.pairs
    observed_D, uniform_D = getattr(pairs, kind), getattr(binning.evenly(pairs.total), kind)
    null_SR = null.rings[kind] if null else None
    found = _Against(ratio(observed_D, uniform_D), _curve(observed_D, uniform_D, ring_D, null_SR))
    if null is not None:
        mean_D = null.mean[kind]
        found = found._replace(
            g_degree=ratio(observed_D, mean_D), curve_degree=_curve(observed_D, mean_D, ring_D, null_SR)
        )
    # At points there is no map beside the curve.
    return found if isinstance(pairs, PairCounts) else found._replace(g_uniform=None, g_degree=None)


def _curve(observed_D: np.ndarray, expected_D: np.ndarray, ring_D: np.ndarray, null_SR: np.ndarray | None) -> Curve:
    expected_R = ring_sums(expected_D, ring_D)
    value_R = ratio(ring_sums(observed_D, ring_D), expected_R)
    if null_SR is None:
        return Curve(value_R)
    low_R, high_R = np.quantile(null_SR, QUANTILES, axis=0)
    return Curve(value_R, ratio(low_R, expected_R), ratio(high_R, expected_R))
