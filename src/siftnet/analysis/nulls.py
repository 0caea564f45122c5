"""What chance alone does: masks that keep each node's number of inputs, or each input's number of nodes as well."""

# J nodes, I inputs, D displacements (one array axis for each grid axis), K distinct degrees

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Int

from siftnet.analysis.pairs import PairCounts, Weight, check_fits, displacements
from siftnet.geometry import Grid
from siftnet.host.compiling import njit

# Strona et al. call five trades a node enough; hubs need more, see `mixing_trades`.
FEWEST_TRADES, MOST_TRADES = 5, 200
# Correlation that neighbouring samples may keep, and how many times their spacing the first sample waits: a ticket lies
# several hundred standard deviations from its null, which 0.1^5 makes nothing of.
LEFT = 0.1
BURN_IN = 4


def expected_uniform(mask_JI: Bool[np.ndarray, "J I"], grid: Grid, weight: Weight = "pair") -> PairCounts:
    """Mean pair counts when every node keeps its number of inputs and draws them uniformly, in closed form.

    mask_JI: bool; weight as in `pair_counts`; returns float64 maps. E S_sc(d) = sum_j C_j (C_j - 1) n prod(H - |d|) /
    (N (N - 1)) with n channels and N inputs, n (n - 1) for n across channels, H for H - |d| along a periodic axis.
    """
    check_fits(mask_JI, grid)
    degree_J = mask_JI.sum(axis=1)
    pairs_J = degree_J * (degree_J - 1.0)
    return evenly(float(pairs_J.sum()) if weight == "pair" else float((pairs_J > 0).sum()), grid)


def expected_from_pairs(counts: PairCounts, grid: Grid) -> PairCounts:
    """`expected_uniform` of the mask that has these pair counts: its pairs spread evenly over all pairs of inputs."""
    return evenly(counts.total, grid)


def evenly(total: float, grid: Grid) -> PairCounts:
    """A total weight of ordered pairs, spread evenly over all ordered pairs of distinct inputs."""
    same_D, different_D = placements(grid)
    ordered_pairs = max(grid.size * (grid.size - 1.0), 1.0)
    return PairCounts(total * same_D / ordered_pairs, total * different_D / ordered_pairs, displacements(grid))


def placements(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Ordered pairs of distinct inputs at each displacement, in one channel and across channels, float64 D."""
    where = displacements(grid)
    sites_D = np.ones(where.shape[1:])
    for n, along_D in zip(grid.shape, where, strict=True):
        sites_D *= n if grid.periodic else n - np.abs(along_D)
    same_D = np.where((where != 0).any(axis=0), grid.channels * sites_D, 0.0)
    return same_D, grid.channels * (grid.channels - 1) * sites_D


def shuffle_uniform(mask_JI: Bool[np.ndarray, "J I"], rng: np.random.Generator) -> Bool[np.ndarray, "J I"]:
    """Give every node as many inputs as it has, drawn uniformly without replacement; bool (J, I)."""
    out_JI = np.zeros(mask_JI.shape, np.uint8)
    _draw_inputs(mask_JI.sum(axis=1).astype(np.int64), out_JI, _stream(rng))
    return out_JI.view(np.bool_)


class DegreeShuffler:
    """A chain of random masks that keep every node's number of inputs and every input's number of nodes.

    Curveball (Strona et al. 2014) with global trades: in each sweep random pairs of nodes pool the inputs that only one
    of the two has and redeal them. Its stationary law is uniform over all masks with these margins. The chain runs on
    from sample to sample; the generator alone decides it. trades: how many a node makes between samples by default.
    """

    def __init__(self, mask_JI: np.ndarray, rng: np.random.Generator) -> None:
        self._mask_JI = np.array(mask_JI, dtype=np.uint8, order="C")
        self._stream = _stream(rng)
        self._fresh = True
        self.trades = mixing_trades(mask_JI.sum(axis=1), mask_JI.shape[1])

    def sample(self, trades: int | None = None) -> Bool[np.ndarray, "J I"]:
        """The next mask, bool (J, I), every node having traded at least `trades` times since the last one.

        The first sample waits for BURN_IN times `self.trades` more. Raises ValueError for fewer than one trade.
        """
        trades = self.trades if trades is None else trades
        if trades < 1:
            raise ValueError(f"trades must be at least 1, got {trades}")
        _trade(self._mask_JI, trades + (BURN_IN * self.trades if self._fresh else 0), self._stream)
        self._fresh = False
        return self._mask_JI.astype(np.bool_)


def shuffle_degree(
    mask_JI: Bool[np.ndarray, "J I"], rng: np.random.Generator, trades: int | None = None
) -> Bool[np.ndarray, "J I"]:
    """One random mask with the same connections per node and per input; bool (J, I). See `DegreeShuffler`."""
    return DegreeShuffler(mask_JI, rng).sample(trades)


def mixing_trades(degree_J: Int[np.ndarray, "J"], inputs: int) -> int:
    """Trades a node after which a random mask with these degrees has forgotten all but a tenth of its pairs.

    A hub that trades with a small node keeps nearly all it has, so five trades leave a mask whose pairs sit in hubs
    almost as it was. Here two inputs of a node stay together with probability s^2 + (1 - s)^2, where s is the chance
    that one stays, for nodes that share inputs by chance alone; pairs count by the number their node has. Measured on
    masks with in-degrees up to 40 times the mean, neighbouring samples' near pairs then correlate by 0.1 to 0.15.
    """
    # A mask that is more than half full is moved by its holes.
    thick = 2 * degree_J.sum() > degree_J.size * inputs
    degree_K, nodes_K = np.unique(inputs - degree_J if thick else degree_J, return_counts=True)
    pairs_K = nodes_K * degree_K * (degree_K - 1.0)
    if not pairs_K.sum() > 0:
        return FEWEST_TRADES
    shared_KK = np.broadcast_to(degree_K / inputs, (len(degree_K),) * 2)
    own_KK = degree_K[:, None] * (1 - shared_KK)
    pool_KK = own_KK + own_KK.T
    stay_KK = shared_KK + (1 - shared_KK) * np.divide(own_KK, pool_KK, out=np.ones_like(pool_KK), where=pool_KK > 0)
    together_K = (stay_KK**2 + (1 - stay_KK) ** 2) @ nodes_K / nodes_K.sum()
    for trades in range(FEWEST_TRADES, MOST_TRADES):
        if pairs_K @ together_K**trades <= LEFT * pairs_K.sum():
            return trades
    return MOST_TRADES


def _stream(rng: np.random.Generator) -> np.ndarray:
    """State of the compiled functions' generator (splitmix64), uint64 (1,)."""
    return rng.integers(0, 2**64, size=1, dtype=np.uint64)


@njit(cache=True)
@no_type_check
def _below(stream, n):
    """A uniform integer in [0, n), n < 2^32, without bias (Lemire 2019) from splitmix64 (Steele et al. 2014)."""
    limit = np.uint64(n)
    mask = np.uint64(0xFFFFFFFF)
    while True:
        stream[0] += np.uint64(0x9E3779B97F4A7C15)
        z = stream[0]
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        product = ((z ^ (z >> np.uint64(31))) >> np.uint64(32)) * limit
        low = product & mask
        if low >= limit or low >= (np.uint64(0x100000000) - limit) % limit:
            return np.int64(product >> np.uint64(32))


@njit(cache=True)
@no_type_check
def _draw_inputs(degree_J, out_JI, stream):
    """Set degree_J[j] random entries of each row of zeros."""
    inputs = out_JI.shape[1]
    # Left as the last row shuffled it: a partial Fisher-Yates shuffle is uniform from any starting order.
    order_I = np.arange(inputs)
    for j in range(len(degree_J)):
        for t in range(degree_J[j]):
            other = t + _below(stream, inputs - t)
            chosen = order_I[other]
            order_I[other] = order_I[t]
            order_I[t] = chosen
            out_JI[j, chosen] = 1


@njit(cache=True)
@no_type_check
def _trade(mask_JI, sweeps, stream):
    """Sweep by sweep, match all nodes at random and let each match trade; an odd node trades with a random other."""
    nodes, inputs = mask_JI.shape
    if nodes < 2:
        return
    order_J = np.arange(nodes)
    pool_I = np.empty(inputs, np.int64)
    for _ in range(sweeps):
        for j in range(nodes - 1, 0, -1):
            other = _below(stream, j + 1)
            order_J[j], order_J[other] = order_J[other], order_J[j]
        for j in range(0, nodes - 1, 2):
            _trade_pair(mask_JI[order_J[j]], mask_JI[order_J[j + 1]], pool_I, stream)
        if nodes % 2:
            partner = order_J[_below(stream, nodes - 1)]
            _trade_pair(mask_JI[order_J[nodes - 1]], mask_JI[partner], pool_I, stream)


@njit(cache=True)
@no_type_check
def _trade_pair(a_I, b_I, pool_I, stream):
    """Redeal the inputs that exactly one of two nodes has, each node getting as many as it gave."""
    size = 0
    given = 0
    for i in range(len(a_I)):
        pool_I[size] = i
        size += a_I[i] ^ b_I[i]
        given += a_I[i] & (1 - b_I[i])
    if given == 0 or given == size:
        return
    for t in range(size):
        a_I[pool_I[t]] = 0
        b_I[pool_I[t]] = 1
    for t in range(given):
        other = t + _below(stream, size - t)
        i = pool_I[other]
        pool_I[other] = pool_I[t]
        a_I[i] = 1
        b_I[i] = 0
