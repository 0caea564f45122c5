"""The graph of neighbours: which sites are near each other, with the number of neighbours that the evidence has.

S sites, E edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import shortest_path
from scipy.sparse.linalg import eigsh

from siftnet.analysis.neighbours.groups import nearest
from siftnet.seeds import generator

MOST = 12
"""Neighbours of a site at most."""


@dataclass(frozen=True, eq=False)
class NeighbourGraph:
    """Sites and who neighbours whom."""

    sites: int
    edges_E2: np.ndarray
    """int64 (E, 2), each pair once, the lower site first."""
    degree: int
    """Nearest others of a site among which its neighbours were looked for."""
    mutuality: float
    """Share of those that have the site among theirs."""

    @property
    def adjacency(self) -> csr_array:
        """Symmetric, float64 (S, S)."""
        one, other = self.edges_E2.T
        ones = np.ones(2 * len(one))
        entries = (ones, (np.r_[one, other], np.r_[other, one]))
        return coo_array(entries, shape=(self.sites, self.sites)).tocsr()

    def steps(self) -> np.ndarray:
        """Edges between two sites on the shortest way, float64 (S, S), infinite where there is none."""
        return np.asarray(shortest_path(self.adjacency, unweighted=True, directed=False))

    def unrolled(self, axes: int) -> np.ndarray:
        """Sites in so many dimensions as far apart as their ways are long, float64 (S, axes): Isomap (Tenenbaum 2000).

        Parts without a way between them are put a little farther apart than the longest.
        """
        steps_SS = self.steps()
        steps_SS[np.isinf(steps_SS)] = 1.5 * steps_SS[np.isfinite(steps_SS)].max(initial=1)
        squared_SS = steps_SS**2
        centred_SS = squared_SS - squared_SS.mean(axis=0) - squared_SS.mean(axis=1)[:, None] + squared_SS.mean()
        start_S = generator(0, "neighbours", "unrolled").random(self.sites)
        values, vectors = eigsh(-centred_SS / 2, axes, which="LA", v0=start_S)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))


def neighbour_graph(similarity_SS: np.ndarray) -> NeighbourGraph:
    """Pairs of sites of which each is among the other's nearest `degree`.

    The degree is the one at which most of the nearest are mutual beside what they are in the same similarities between
    sites at random, as on a lattice where all sites have so many neighbours.
    """
    sites = len(similarity_SS)
    most = min(MOST, sites - 1)
    order_SK = nearest(similarity_SS, most)
    drawn_SS = shuffled(similarity_SS, generator(0, "neighbours", "shuffled"))
    chosen = _most_mutual(order_SK, nearest(drawn_SS, most))
    among_SS = _among(order_SK, chosen)
    mutual_SS = among_SS & among_SS.T
    one, other = np.nonzero(np.triu(mutual_SS))
    return NeighbourGraph(sites, np.column_stack([one, other]), chosen, _mutuality(order_SK, chosen))


def _most_mutual(order_SK: np.ndarray, by_chance_SK: np.ndarray) -> int:
    counts = range(1, order_SK.shape[1] + 1)
    share_K, chance_K = (np.array([_mutuality(order, k) for k in counts]) for order in (order_SK, by_chance_SK))
    return int(np.argmax((share_K - chance_K) / np.maximum(1 - chance_K, 1e-9))) + 1


def _mutuality(order_SK: np.ndarray, count: int) -> float:
    among_SS = _among(order_SK, count)
    return float((among_SS & among_SS.T).sum() / among_SS.sum())


def shuffled(similarity_SS: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """The same similarities between other pairs."""
    upper = np.triu_indices(len(similarity_SS), 1)
    shuffled_SS = np.zeros_like(similarity_SS)
    shuffled_SS[upper] = draws.permutation(similarity_SS[upper])
    return np.asarray(shuffled_SS + shuffled_SS.T)


def _among(order_SK: np.ndarray, count: int) -> np.ndarray:
    among_SS = np.zeros((len(order_SK),) * 2, np.bool_)
    np.put_along_axis(among_SS, order_SK[:, :count], True, axis=1)
    return among_SS
