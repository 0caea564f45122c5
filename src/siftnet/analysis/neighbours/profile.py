"""How similar sites are at each distance of the places they were given. S sites, D distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression


@dataclass(frozen=True, eq=False)
class Profile:
    """Mean similarity at each distance, made to fall with it."""

    distance_D: np.ndarray
    """float64, ascending, above 0."""
    similarity_D: np.ndarray
    """float64, not increasing, 0 at the largest distance."""
    noise: float
    """Variance of similarities that distance does not explain."""
    explained: float
    """Share of the variance of similarities that distance explains: 1 where similarity is a falling function of it."""

    def reach(self, share: float) -> float:
        """The largest distance at which similarity is still this share of what it is at the smallest."""
        return float(self.distance_D[self.similarity_D >= share * self.similarity_D[0]].max())

    def at(self, distances: np.ndarray) -> np.ndarray:
        """Similarity expected at distances, 0 at distance 0, where nothing is expected."""
        found = np.interp(distances, self.distance_D, self.similarity_D)
        return np.where(distances > 0, found, 0.0)


def profile(similarity_SS: np.ndarray, distance_PP: np.ndarray, place_S: np.ndarray) -> Profile:
    """Similarity by distance, for sites at these places; by isotonic regression."""
    upper = np.triu_indices(len(place_S), 1)
    # Distances that are equal but for rounding are one.
    distance_N = np.round(distance_PP[np.ix_(place_S, place_S)][upper], 6)
    similarity_N = similarity_SS[upper]
    distance_D, number_N = np.unique(distance_N, return_inverse=True)
    count_D = np.bincount(number_N)
    mean_D = np.bincount(number_N, similarity_N) / count_D
    falling_D = isotonic_regression(mean_D, weights=count_D, increasing=False).x
    total = float(((similarity_N - similarity_N.mean()) ** 2).sum())
    left = float(((similarity_N - falling_D[number_N]) ** 2).sum())
    explained = 1 - left / total if total > 0 else 0.0
    return Profile(distance_D, falling_D - falling_D[-1], left / len(similarity_N), explained)
