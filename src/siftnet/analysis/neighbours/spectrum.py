"""In which shape inputs neighbour each other: line, ring, sheet, torus, volume, or none. S sites, K components.

The slow vibrations of a shape tell it: their frequencies stand to each other as 1 : 4 : 9 on a line, 1 : 1 : 4 : 4 on a
ring, 1 : 1 : 2 : 4 : 4 on a square, and where there is no shape they are all alike and high.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import eigsh

from siftnet.analysis.neighbours.groups import nearest
from siftnet.geometry import Grid
from siftnet.seeds import generator

NEIGHBOURS = 8
"""Of each site, the most alike, in the graph whose vibrations are looked at."""
FAINTEST = 1e-3
"""Weight at least of an edge, so that the graph does not fall apart."""
COMPONENTS = 8
"""Frequencies that are compared."""
LONGEST = 3
"""A lattice's longest axis is at most so many times its shortest."""
PER_AXIS = 0.1
"""What a further axis has to gain in misfit."""
SMALLEST = 12
"""Sites at least that have a shape."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The lowest frequencies of the graph of likeness, and how each site moves in them."""

    values_K: np.ndarray
    """float64, ascending, of the normalised Laplacian without its zero: 0 to 2."""
    vectors_SK: np.ndarray
    """float64; sites that are alike move alike."""


@dataclass(frozen=True)
class Fit:
    """How well a lattice's frequencies are those that were found."""

    lattice: Grid
    misfit: float
    """Mean absolute difference of the logarithms of the frequencies, each by the lowest; 0 is perfect."""

    @property
    def penalised(self) -> float:
        """What fits are compared by: a further axis has to gain PER_AXIS."""
        return self.misfit + PER_AXIS * self.lattice.ndim


def likeness(similarity_SS: np.ndarray) -> np.ndarray:
    """Correlation of what two sites are similar to, float64 (S, S), zeros on the diagonal.

    Neighbours have neighbours in common, so that noise in single similarities averages out. A site counts as being as
    similar to itself as to the most similar other: where only the next neighbours are similar, as on a chessboard, two
    of them have none in common.
    """
    with_self_SS = similarity_SS.astype(np.float32)
    np.fill_diagonal(with_self_SS, similarity_SS.max(axis=0))
    centred_SS = with_self_SS - with_self_SS.mean(axis=0)
    length_S = np.sqrt((centred_SS**2).sum(axis=0))
    centred_SS /= np.where(length_S > 0, length_S, 1)
    found_SS: np.ndarray = (centred_SS.T @ centred_SS).astype(np.float64)
    np.fill_diagonal(found_SS, 0)
    return found_SS


def spectrum(similarity_SS: np.ndarray, components: int = COMPONENTS) -> Spectrum:
    """The vibrations of the graph of the most alike sites, as like as twice `likeness` says (Belkin & Niyogi 2003)."""
    sites = len(similarity_SS)
    like_SS = likeness(likeness(similarity_SS))
    alike_SK = nearest(like_SS, min(NEIGHBOURS, sites - 1))
    # By weight: beside an end of a line the nearest that are left over may be those at its other end.
    weight_SK = np.maximum(np.take_along_axis(like_SS, alike_SK, 1), FAINTEST)
    rows = np.repeat(np.arange(sites), alike_SK.shape[1])
    graph = coo_array((weight_SK.ravel(), (rows, alike_SK.ravel())), shape=(sites, sites)).tocsr()
    graph = graph.maximum(graph.T)
    scale_S = 1 / np.sqrt(graph.sum(axis=1))
    smoothed = diags_array(scale_S) @ graph @ diags_array(scale_S)
    start_S = generator(0, "neighbours", "spectrum").random(sites)
    values, vectors = eigsh(smoothed, min(components + 1, sites - 1), which="LA", v0=start_S)
    order = np.argsort(-values)
    moved_SK = vectors[:, order[1:]] * scale_S[:, None]
    return Spectrum(np.maximum(1 - values[order[1:]], 1e-12), moved_SK / np.sqrt((moved_SK**2).mean(axis=0)))


def fits(found: Spectrum, sites: int) -> list[Fit]:
    """Lattices of so many sites, the one with the likest frequencies first."""
    by_lowest_K = np.log(found.values_K / found.values_K[0])
    return sorted(
        (
            Fit(grid, float(np.abs(by_lowest_K - _logarithms(grid, len(by_lowest_K))).mean()))
            for grid in lattices(sites)
        ),
        key=lambda fit: fit.penalised,
    )


def lattices(sites: int) -> Iterator[Grid]:
    """Lines, rings, sheets, tori and volumes of so many sites, none very long."""
    for axes in (1, 2, 3):
        for shape in _shapes(sites, axes):
            if shape[-1] <= LONGEST * shape[0] and shape[0] >= 3:
                yield Grid(shape)
                yield Grid(shape, periodic=True)


def _shapes(sites: int, axes: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as a product, its factors ascending."""
    if axes == 1:
        if sites >= least:
            yield (sites,)
        return
    for first in range(max(least, 2), round(sites ** (1 / axes)) + 1):
        if sites % first == 0:
            for rest in _shapes(sites // first, axes - 1, first):
                yield (first, *rest)


def _logarithms(lattice: Grid, count: int) -> np.ndarray:
    """Logarithms of the lowest frequencies of a lattice as of what it is cut from, each by the lowest."""
    numbers = np.arange(count + 1)
    axes: list[Sequence[float]] = []
    for length in lattice.shape:
        if lattice.periodic:
            axes.append([0, *np.repeat((2 * np.pi * numbers[1:] / length) ** 2, 2)])
        else:
            axes.append(list((np.pi * numbers / length) ** 2))
    values = np.sort([sum(parts) for parts in product(*axes)])[1 : count + 1]
    return np.asarray(np.log(values / values[0]))
