"""Whether a node's inputs lie closer together than chance, or than the popularity of inputs alone, would place them."""

# J nodes, I inputs, D displacements, R rings of distance, S null samples, B bootstrap resamplings

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64, Num
from numpy.typing import ArrayLike

from siftnet.analysis.index import Index, bootstrap_interval, describe, permutation_index
from siftnet.analysis.near import near_pairs, near_share
from siftnet.analysis.nulls import DegreeShuffler, expected_from_pairs, shuffle_uniform
from siftnet.analysis.pairs import PairCounts, node_and_pair_counts, node_weights, pair_counts
from siftnet.foreign import as_numpy, is_whole, shown
from siftnet.geometry import Geometry, Grid, Points, Unknown

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

    pairs, pairs_node: pair counts in which every pair counts 1 (int64), and in which every node does (float64).
    index_uniform, index_degree: near pairs (0 < |d| <= 2, one channel) over their expectation under either null.
    index_uniform_node, index_degree_node: the same with every node weighing 1 instead of C_j (C_j - 1).
    g_uniform, g_degree: S(d) / E S(d) in one channel, float64 D, displacement 0 in the centre, NaN where the null
    expects no pair; *_different: across channels, None with one channel. radii: int64 (R,), ring r holds
    r - 1/2 <= |d| < r + 1/2. curve_*: g(r); the band of a uniform curve is where the degree-preserving samples lie, so
    its distance from 1 is what popularity of inputs explains. correlation_length*: where g(r) - 1 first falls below
    1/e of g(1) - 1, interpolated between rings, in sites; None where it never does or g(1) <= 1.
    samples: null samples behind all this, what needs them is None without; trades: those of each node between two
    degree-preserving samples.
    """

    pairs: PairCounts
    pairs_node: PairCounts
    index_uniform: Index
    index_degree: Index | None
    index_uniform_node: Index
    index_degree_node: Index | None
    g_uniform: np.ndarray
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

    def __repr__(self) -> str:
        if self.index_degree is None:
            return f"Locality(index_uniform {describe(self.index_uniform)}, no shuffles)"
        uniform = describe(replace(self.index_uniform, low=None, p=None))
        return f"Locality(index_degree {describe(self.index_degree)}, index_uniform {uniform})"

    @property
    def same_channel(self) -> np.ndarray:
        """S_sc(d): ordered pairs of a node's inputs in one channel, int64 D, displacement 0 in the centre."""
        return self.pairs.same_channel

    @property
    def different_channel(self) -> np.ndarray:
        """S_dc(d): the same across channels, displacement 0 included."""
        return self.pairs.different_channel

    @property
    def radii(self) -> np.ndarray:
        """Radius of each ring, int64 (R,), in sites."""
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
    """What degree-preserving samples have: mean maps, near pairs (S, J), rings (S, R) in one and across channels."""

    mean: PairCounts
    near_SJ: np.ndarray
    same_SR: np.ndarray
    different_SR: np.ndarray
    trades: int


def locality(
    mask: ArrayLike,
    geometry: Geometry,
    samples: int = 199,
    bootstrap: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Locality:
    """Measure how local a bare mask is, without a run.

    mask: bool or 0/1, (nodes, inputs) or (nodes, channels, *grid shape); samples: shuffles of each null (0: closed form
    alone); bootstrap: resamplings of the nodes behind each interval. Raises ValueError for a mask that does not fit,
    for entries other than 0 and 1 and where the geometry is not a grid. Source: after Pellegrini & Biroli 2022.

    >>> from siftnet.architecture.ruler import convolution_mask
    >>> from siftnet.geometry import torus
    >>> locality(convolution_mask(torus(8, 8), kernel=3), torus(8, 8), samples=19)
    Locality(index_degree 3.78 [3.72, 3.85], p = 0.05 of 19 shuffles, index_uniform 3.79)
    """
    grid = require_grid(geometry)
    mask_JI = as_mask(mask, grid)
    counts = node_and_pair_counts(mask_JI, grid)
    return measure_locality(mask_JI, grid, counts, Resampling(samples, bootstrap, seed))


def measure_locality(
    mask_JI: Bool[np.ndarray, "J I"], grid: Grid, counts: tuple[PairCounts, PairCounts], resampling: Resampling
) -> Locality:
    """`locality` of a boolean mask whose `node_and_pair_counts` are known already."""
    samples = resampling.samples
    rng_degree, rng_uniform, rng_bootstrap = np.random.default_rng(resampling.seed).spawn(3)
    null = _degree_null(mask_JI, grid, samples, rng_degree) if samples else None
    uniform_SJ = _uniform_near(mask_JI, grid, samples, rng_uniform)
    pairs, _ = counts
    nodes = replace(resampling, seed=int(rng_bootstrap.integers(2**63)))
    by_pair, by_node = (
        _indices(mask_JI, grid, weight_J, uniform_SJ, null, nodes)
        for weight_J in (np.ones(len(mask_JI)), node_weights(mask_JI.sum(axis=1)))
    )
    g_uniform, curve_uniform, g_degree, curve_degree = _against_nulls("same_channel", pairs, grid, null)
    different = _against_nulls("different_channel", pairs, grid, null) if grid.channels > 1 else (None,) * 4
    return Locality(
        *counts,
        *by_pair,
        *by_node,
        g_uniform=g_uniform,
        g_uniform_different=different[0],
        g_degree=g_degree,
        g_degree_different=different[2],
        curve_uniform=curve_uniform,
        curve_uniform_different=different[1],
        curve_degree=curve_degree,
        curve_degree_different=different[3],
        correlation_length=correlation_length(curve_uniform.value),
        correlation_length_degree=correlation_length(curve_degree.value) if curve_degree else None,
        samples=samples,
        trades=null.trades if null else None,
    )


def require_grid(geometry: Geometry) -> Grid:
    """The geometry, if it is a grid; otherwise ValueError with the remedy."""
    if isinstance(geometry, Grid):
        return geometry
    if isinstance(geometry, Unknown):
        raise ValueError(
            f"locality needs to know where the {geometry.size} inputs live, and their geometry is unknown: "
            "pass a Grid, e.g. siftnet.Grid((32, 32), channels=3)"
        )
    what = geometry.describe() if isinstance(geometry, Points) else shown(geometry)
    raise ValueError(f"locality of {what} is not supported: pass a Grid on which the inputs lie, e.g. siftnet.ring(8)")


def as_mask(mask: ArrayLike, grid: Grid) -> Bool[np.ndarray, "J I"]:
    """The mask as bool (J, I) from any array of booleans or of zeros and ones that fits the grid; else ValueError."""
    array = np.asarray(as_numpy(mask, "mask"))
    fits = array.ndim == 2 and array.shape[1] == grid.size
    fits |= array.ndim == 2 + grid.ndim and array.shape[1:] == (grid.channels, *grid.shape)
    if not fits:
        shape = ", ".join(map(str, grid.shape))
        raise ValueError(
            f"a mask of shape {array.shape} does not fit a {grid.describe()}: "
            f"it must be (nodes, {grid.size}) or (nodes, {grid.channels}, {shape})"
        )
    if array.dtype.kind not in "biuf" or (array.dtype != np.bool_ and not np.isin(array, (0, 1)).all()):
        raise ValueError(
            f"a mask must be boolean or of zeros and ones, got other values of type {array.dtype}: give mask != 0 of "
            "weights"
        )
    return np.ascontiguousarray(array.reshape(len(array), grid.size).astype(np.bool_))


def rings(pairs: PairCounts) -> np.ndarray:
    """Ring of each displacement, int64 D: the r with r - 1/2 <= |d| < r + 1/2."""
    return np.floor(pairs.distance + 0.5).astype(np.int64)


def ring_sums(counts_D: Num[np.ndarray, "*D"], ring_D: Int64[np.ndarray, "*D"]) -> Float64[np.ndarray, "R"]:
    """Sum of a map over each ring, float64 (R,)."""
    return np.bincount(ring_D.ravel(), weights=counts_D.ravel())


def ratio(observed: Num[np.ndarray, "*D"], expected: Num[np.ndarray, "*D"]) -> Float64[np.ndarray, "*D"]:
    """Observed over expected, NaN where nothing is expected."""
    return np.asarray(np.divide(observed, expected, out=np.full(np.shape(observed), np.nan), where=expected > 0))


def correlation_length(g_R: Float64[np.ndarray, "R"]) -> float | None:
    """Distance in sites at which g(r) - 1 first falls below 1/e of g(1) - 1, linear between rings; None if never."""
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


def _degree_null(mask_JI: np.ndarray, grid: Grid, samples: int, rng: np.random.Generator) -> _DegreeNull:
    shuffler = DegreeShuffler(mask_JI, rng)
    near, same, different = [], [], []
    total_same = total_different = np.zeros(())
    for _ in range(samples):
        shuffled_JI = shuffler.sample()
        counts = pair_counts(shuffled_JI, grid)
        ring_D = rings(counts)
        near.append(near_pairs(shuffled_JI, grid))
        same.append(ring_sums(counts.same_channel, ring_D))
        different.append(ring_sums(counts.different_channel, ring_D))
        total_same = total_same + counts.same_channel
        total_different = total_different + counts.different_channel
    mean = PairCounts(total_same / samples, total_different / samples, counts.displacements)
    return _DegreeNull(mean, np.array(near), np.array(same), np.array(different), shuffler.trades)


def _uniform_near(mask_JI: np.ndarray, grid: Grid, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Near pairs of each node in layerwise shuffles, int64 (S, J)."""
    near = [near_pairs(shuffle_uniform(mask_JI, rng), grid) for _ in range(samples)]
    return np.array(near, dtype=np.int64).reshape(samples, len(mask_JI))


def _indices(
    mask_JI: np.ndarray,
    grid: Grid,
    weight_J: np.ndarray,
    uniform_SJ: np.ndarray,
    null: _DegreeNull | None,
    nodes: Resampling,
) -> tuple[Index, Index | None]:
    """Near-pair excess over the uniform and the degree-preserving null, intervals from the same resampled nodes."""
    degree_J = mask_JI.sum(axis=1)
    near_J = near_pairs(mask_JI, grid)
    alike = "every shuffle has as many near pairs"

    def index(null_SJ: np.ndarray, mean_J: np.ndarray, why: str) -> Index:
        rng = np.random.default_rng(nodes.seed)
        interval = bootstrap_interval(near_J * weight_J, mean_J * weight_J, nodes.bootstrap, rng)
        return permutation_index(
            float(near_J @ weight_J), float(mean_J @ weight_J), null_SJ @ weight_J, interval, _why(mask_JI, why)
        )

    uniform = index(uniform_SJ, degree_J * (degree_J - 1.0) * near_share(grid), alike)
    if null is None:
        return uniform, None
    alone = "a single node keeps its inputs"
    return uniform, index(null.near_SJ, null.near_SJ.mean(axis=0), alone if len(mask_JI) == 1 else alike)


def _why(mask_JI: np.ndarray, otherwise: str) -> str:
    """Why all samples of a null may be alike, the most telling reason first."""
    if not mask_JI.any():
        return "the mask is empty"
    if mask_JI.all():
        return "every connection is present"
    if mask_JI.sum(axis=1).max() < 2:
        return "no node has two inputs"
    return otherwise


def _against_nulls(
    which: str, pairs: PairCounts, grid: Grid, null: _DegreeNull | None
) -> tuple[np.ndarray, Curve, np.ndarray | None, Curve | None]:
    """g(d) and g(r) of one of the two maps against the uniform and, where sampled, the degree-preserving null."""
    ring_D = rings(pairs)
    observed_D, uniform_D = getattr(pairs, which), getattr(expected_from_pairs(pairs, grid), which)
    if null is None:
        return ratio(observed_D, uniform_D), _curve(observed_D, uniform_D, ring_D, None), None, None
    null_SR = null.same_SR if which == "same_channel" else null.different_SR
    degree_D = getattr(null.mean, which)
    return (
        ratio(observed_D, uniform_D),
        _curve(observed_D, uniform_D, ring_D, null_SR),
        ratio(observed_D, degree_D),
        _curve(observed_D, degree_D, ring_D, null_SR),
    )


def _curve(observed_D: np.ndarray, expected_D: np.ndarray, ring_D: np.ndarray, null_SR: np.ndarray | None) -> Curve:
    expected_R = ring_sums(expected_D, ring_D)
    value_R = ratio(ring_sums(observed_D, ring_D), expected_R)
    if null_SR is None:
        return Curve(value_R)
    low_R, high_R = np.quantile(null_SR, QUANTILES, axis=0)
    return Curve(value_R, ratio(low_R, expected_R), ratio(high_R, expected_R))
