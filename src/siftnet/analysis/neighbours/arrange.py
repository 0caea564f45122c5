"""From a similarity of inputs to their places: which share a site, in what shape the sites lie, and where each lies.

I inputs, S sites.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from siftnet.analysis.neighbours.graph import NeighbourGraph, neighbour_graph, shuffled
from siftnet.analysis.neighbours.groups import between_sites, site_groups
from siftnet.analysis.neighbours.lattice import Placement, cut, place
from siftnet.analysis.neighbours.spectrum import SMALLEST, Fit, Spectrum, fits, spectrum
from siftnet.geometry import Grid
from siftnet.seeds import generator

DRAWS = 19
"""Similarities by chance that are looked at, of which none may be as slow: p = 0.05."""
LEVEL = 0.05
MOST_PLACED = 3_000
"""Sites at most that are put on a lattice."""
RIVALS, BEHIND = 3, 0.15
"""Lattices that sites are put on to see which explains more; and how much worse their frequencies may fit."""


@dataclass(frozen=True, eq=False)
class Arrangement:
    """What a similarity says of where inputs live."""

    site_I: np.ndarray
    """int64 (I,): the number of each input's site; inputs of one site are as near as can be."""
    graph: NeighbourGraph
    """Of the sites."""
    spectrum: Spectrum
    slowest_by_chance: np.ndarray
    """float64 (draws,): the lowest frequency of each similarity by chance."""
    fits: tuple[Fit, ...]
    """Lattices by how well their frequencies fit, the best first; none where there is no structure."""
    placement: Placement | None
    """None where there is no structure, no lattice of so many sites, or too many to be placed."""

    @property
    def p(self) -> float:
        """One-sided permutation p of the lowest frequency: chance moves no slower."""
        slow = int((self.slowest_by_chance <= self.spectrum.values_K[0]).sum())
        return (1 + slow) / (1 + len(self.slowest_by_chance))

    @property
    def is_structured(self) -> bool:
        """Whether the sites neighbour each other in some shape."""
        return self.p <= LEVEL

    @property
    def lattice(self) -> Grid | None:
        """Where the sites live: what they are placed on, or else the lattice that fits best; None without structure."""
        if self.placement is not None:
            return self.placement.lattice
        return self.fits[0].lattice if self.is_structured and self.fits else None

    @property
    def place_I(self) -> np.ndarray | None:
        """The number of each input's place on the lattice, int64 (I,)."""
        return None if self.placement is None else self.placement.place_S[self.site_I]


def arrange(
    similarity_II: np.ndarray, by_chance: Iterable[np.ndarray] | None = None, lattice: Grid | None = None
) -> Arrangement:
    """Sites, shape and places of inputs of which only a similarity is known.

    similarity_II: float64, symmetric, finite. by_chance: similarities (I, I) of the same kind without structure, unless
    given those of the same sites between other pairs, DRAWS times. lattice: where it is known, one place for each site.
    Raises ValueError for fewer than SMALLEST sites, and for a lattice of another size.
    """
    site_I = site_groups(similarity_II)
    similarity_SS = between_sites(similarity_II, site_I)
    sites = len(similarity_SS)
    if sites < SMALLEST:
        raise ValueError(f"{sites} sites are too few to have a shape, {SMALLEST} are needed: bring more inputs")
    if lattice is not None and lattice.sites != sites:
        raise ValueError(f"{sites} sites do not fit a {lattice.describe()}: give a lattice of {sites} sites, or none")
    if by_chance is None:
        draws = generator(0, "neighbours", "chance")
        chance = (shuffled(similarity_SS, draws) for _ in range(DRAWS))
    else:
        chance = (between_sites(drawn, site_I) for drawn in by_chance)
    slowest = np.array([spectrum(drawn, 1).values_K[0] for drawn in chance])
    found = spectrum(similarity_SS)
    arrangement = Arrangement(site_I, neighbour_graph(similarity_SS), found, slowest, (), None)
    if not arrangement.is_structured and lattice is None:
        return arrangement
    best = tuple(fits(found, sites)) if lattice is None else (Fit(lattice, float("nan")),)
    placement = _best_placed(similarity_SS, best, found) if sites <= MOST_PLACED else None
    return Arrangement(site_I, arrangement.graph, found, slowest, best, placement)


def _best_placed(similarity_SS: np.ndarray, best: tuple[Fit, ...], found: Spectrum) -> Placement | None:
    """On the lattice whose distances explain most, of those whose frequencies fit about as well as the best."""
    if not best:
        return None
    rivals = [fit.lattice for fit in best[:RIVALS] if not fit.penalised > best[0].penalised + BEHIND]
    placed = [place(similarity_SS, lattice, found.vectors_SK) for lattice in rivals]
    placement = max(placed, key=lambda placement: placement.explained)
    if len(best) > 1 and placement.lattice.ndim == 1 and placement.lattice.periodic:
        # A little noise between the ends of a line makes it vibrate as a ring does.
        line = place(similarity_SS, Grid(placement.lattice.shape), found.vectors_SK, [cut(similarity_SS, placement)])
        placement = max(placement, line, key=lambda placement: placement.explained)
    return placement
