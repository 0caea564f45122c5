"""How often two inputs of one node lie a given displacement apart: exact pair counts by Fourier transform."""

# J nodes, I inputs, C channels, A axes of the grid, D displacements (one array axis for each grid axis),
# F spatial frequencies (flattened), K weightings of the nodes

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, no_type_check

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float64, Int, Int64

from siftnet.geometry import Grid
from siftnet.host.compiling import njit

Weight = Literal["pair", "node"]

# Complex numbers held at once: 1 MiB of spectra stays in the processor's caches (16 MiB take twice as long).
CHUNK = 2**16


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Ordered pairs of a node's inputs by displacement, summed over nodes; displacement 0 in the centre.

    same_channel, different_channel: shape D, that is 2n - 1 along a free axis of n sites and n along a periodic one
    (displacement 0 at index n // 2); int64 where every pair counts 1, else float64.
    displacements: int64 (A, *D), the displacement of each entry. same_channel at displacement 0 is 0 by definition.
    """

    same_channel: np.ndarray
    different_channel: np.ndarray
    displacements: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """Euclidean length of each displacement, float64 of shape D, in sites."""
        return np.asarray(np.sqrt((self.displacements**2).sum(axis=0)))

    @property
    def total(self) -> float:
        """All ordered pairs."""
        return float(self.same_channel.sum() + self.different_channel.sum())


@dataclass(frozen=True, eq=False)
class PairsByDegree:
    """Pair counts of the nodes in each bin of connection counts.

    Bin k holds the nodes with low[k] <= connections < high[k]; nodes: how many those are; counts: their pairs.
    """

    low: np.ndarray
    high: np.ndarray
    nodes: np.ndarray
    counts: tuple[PairCounts, ...]


def displacements(grid: Grid) -> np.ndarray:
    """Displacement of each entry of a pair-count map, int64 (A, *D)."""
    axes = [np.arange(n) - n // 2 if grid.periodic else np.arange(1 - n, n) for n in grid.shape]
    return np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.int64)


def rings(pairs: PairCounts) -> Int64[np.ndarray, "*D"]:
    """Ring of each displacement, int64 D: the r with r - 1/2 <= |d| < r + 1/2."""
    return np.floor(pairs.distance + 0.5).astype(np.int64)


def pair_counts(mask_JI: np.ndarray, grid: Grid, weight: Weight = "pair") -> PairCounts:
    """Count ordered pairs of distinct inputs of one node by displacement, over all nodes.

    mask_JI: bool; weight: "pair" counts every pair 1 (a hub weighs its connections squared), "node" divides each node's
    counts by C_j (C_j - 1), C_j its connections (nodes with fewer than two add nothing). Exact integers for "pair".
    Raises ValueError where the mask does not fit the grid. Source: Pellegrini & Biroli 2022, without their cutoff.

    >>> counts = pair_counts(np.array([[True, True, False, True]]), Grid((4,)))
    >>> counts.displacements[0]
    array([-3, -2, -1,  0,  1,  2,  3])
    >>> counts.same_channel
    array([1, 1, 1, 0, 1, 1, 1])
    """
    return node_and_pair_counts(mask_JI, grid)[0 if weight == "pair" else 1]


def node_and_pair_counts(mask_JI: np.ndarray, grid: Grid) -> tuple[PairCounts, PairCounts]:
    """Pair counts weighted by pair (int64) and by node (float64), in one pass over the mask."""
    check_fits(mask_JI, grid)
    weights_KJ = np.stack([np.ones(len(mask_JI)), node_weights(mask_JI.sum(axis=1))])
    same_KD, different_KD = _weighted_counts(mask_JI, grid, weights_KJ)
    where = displacements(grid)
    same_D, different_D = _as_integers(same_KD[0]), _as_integers(different_KD[0])
    # What no pair has is exactly 0 under every weighting, whatever the transform's rounding left there.
    by_node = (np.where(same_D > 0, same_KD[1], 0.0), np.where(different_D > 0, different_KD[1], 0.0))
    return PairCounts(same_D, different_D, where), PairCounts(*by_node, where)


def pair_counts_by_degree(mask_JI: Bool[np.ndarray, "J I"], grid: Grid, edges: Sequence[int]) -> PairsByDegree:
    """Pair counts separately for nodes with few and with many connections.

    edges: strictly increasing connection counts of 1 or more; the bins are [0, edges[0]), [edges[0], edges[1]), ...,
    [edges[-1], I + 1), so that every node falls into exactly one. Raises ValueError for other edges.
    """
    check_fits(mask_JI, grid)
    inner = np.asarray(edges, dtype=np.int64)
    if inner.ndim != 1 or (inner < 1).any() or (np.diff(inner) <= 0).any():
        raise ValueError(f"edges must be strictly increasing connection counts of 1 or more, got {list(edges)}")
    degree_J = mask_JI.sum(axis=1)
    bin_J = np.searchsorted(inner, degree_J, side="right")
    weights_KJ = (bin_J == np.arange(len(inner) + 1)[:, None]).astype(np.float64)
    same_KD, different_KD = _weighted_counts(mask_JI, grid, weights_KJ)
    where = displacements(grid)
    counts = zip(_as_integers(same_KD), _as_integers(different_KD), strict=True)
    return PairsByDegree(
        low=np.concatenate([[0], inner]),
        high=np.concatenate([inner, [grid.size + 1]]),
        nodes=weights_KJ.sum(axis=1).astype(np.int64),
        counts=tuple(PairCounts(same_D, different_D, where) for same_D, different_D in counts),
    )


def node_weights(degree_J: Int[np.ndarray, "J"]) -> Float64[np.ndarray, "J"]:
    """1 / (C_j (C_j - 1)) for each node, 0 where a node has no pair; float64 (J,)."""
    pairs_J = degree_J * (degree_J - 1.0)
    return np.divide(1.0, pairs_J, out=np.zeros(len(pairs_J)), where=pairs_J > 0)


def check_fits(mask_JI: np.ndarray, grid: Grid) -> None:
    """Raise ValueError unless the mask is boolean and has one column for each input of the grid."""
    if mask_JI.dtype != np.bool_ or mask_JI.ndim != 2:
        raise ValueError(f"a mask must be boolean (nodes, inputs), got {mask_JI.dtype} of shape {mask_JI.shape}")
    if mask_JI.shape[1] != grid.size:
        raise ValueError(f"a mask with {mask_JI.shape[1]} inputs does not fit a {grid.describe()} = {grid.size} inputs")


def _weighted_counts(mask_JI: np.ndarray, grid: Grid, weights_KJ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Same- and different-channel pair counts, float64 (K, *D), of the nodes under each of K weightings."""
    padded = [n if grid.periodic else scipy.fft.next_fast_len(2 * n - 1, real=True) for n in grid.shape]
    frequencies = (*padded[:-1], padded[-1] // 2 + 1)
    same_KF = np.zeros((len(weights_KJ), int(np.prod(frequencies))))
    all_KF = np.zeros_like(same_KF)
    step = max(1, CHUNK // (grid.channels * same_KF.shape[1]))
    for first in range(0, len(mask_JI), step):
        chunk_JCHW = mask_JI[first : first + step].reshape(-1, grid.channels, *grid.shape)
        spectrum = scipy.fft.rfft(chunk_JCHW.astype(np.float64), padded[-1], axis=-1)
        for axis in range(grid.ndim - 1):
            spectrum = scipy.fft.fft(spectrum, padded[axis], axis=2 + axis, overwrite_x=True)
        spectrum_JCF = spectrum.reshape(len(chunk_JCHW), grid.channels, -1)
        _add_power(spectrum_JCF, np.ascontiguousarray(weights_KJ[:, first : first + step]), same_KF, all_KF)
    axes = tuple(range(1, 1 + grid.ndim))
    same_KD = scipy.fft.irfftn(same_KF.reshape(-1, *frequencies), padded, axes=axes)
    all_KD = scipy.fft.irfftn(all_KF.reshape(-1, *frequencies), padded, axes=axes)
    for axis, n in enumerate(grid.shape):
        order = np.arange(n) - n // 2 if grid.periodic else np.arange(1 - n, n)
        same_KD = np.take(same_KD, order % padded[axis], axis=1 + axis)
        all_KD = np.take(all_KD, order % padded[axis], axis=1 + axis)
    different_KD = all_KD - same_KD
    # An input makes no pair with itself.
    same_KD[(slice(None), *(n // 2 for n in same_KD.shape[1:]))] = 0.0
    return same_KD, different_KD


@njit(cache=True)
@no_type_check
def _add_power(spectrum_JCF, weights_KJ, same_KF, all_KF):
    """Add each node's power, per channel and of the channels' sum, to the totals of its weightings."""
    nodes, channels, size = spectrum_JCF.shape
    for j in range(nodes):
        same_F = np.zeros(size)
        sum_F = np.zeros(size, np.complex128)
        for c in range(channels):
            for f in range(size):
                x = spectrum_JCF[j, c, f]
                same_F[f] += x.real * x.real + x.imag * x.imag
                sum_F[f] += x
        for k in range(len(weights_KJ)):
            weight = weights_KJ[k, j]
            if weight != 0.0:
                for f in range(size):
                    same_KF[k, f] += weight * same_F[f]
                    all_KF[k, f] += weight * (sum_F[f].real * sum_F[f].real + sum_F[f].imag * sum_F[f].imag)


def _as_integers(counts: np.ndarray) -> np.ndarray:
    """The integers that the transform's rounding hides."""
    rounded = np.rint(counts)
    # The error is about 1e-15 times the number of connections, so this allows for more than 1e13 of them.
    assert np.abs(counts - rounded).max(initial=0.0) < 0.25, "pair counts lost their exactness"
    return np.asarray(rounded, dtype=np.int64)
