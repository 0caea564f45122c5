"""Places to begin from: sites matched with places of a lattice that vibrate alike. S sites, P places, K ways."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from siftnet.geometry import Grid
from siftnet.seeds import generator

HARMONICS = 3
"""Vibrations of a line that are matched: with one alone, its ends are told by noise."""
STEPS, MATCHINGS = 60, 1
"""Steps at most until nothing moves any more; and of matching turn and places one to one."""
TURNS = 12
"""Turns that are drawn."""


def starts(vectors_SK: np.ndarray, lattice: Grid, count: int) -> list[np.ndarray]:
    """Places to begin from, `count` times int64 (S,), the likeliest first.

    vectors_SK: of `Spectrum`. A ring vibrates in two ways at once, a torus in four, which mix: turns of them are drawn,
    and places and turn are matched in alternation.
    """
    return _matched_with(vectors_SK, _vibrations(lattice), count)


def unrolled_starts(at_SA: np.ndarray, lattice: Grid, count: int) -> list[np.ndarray]:
    """The same from where sites were put in as many dimensions as the lattice has axes, without rings."""
    at_PA = lattice.places()
    return _matched_with(at_SA, _of_mean_square_1(at_PA - at_PA.mean(axis=0)), count)


def _matched_with(vectors_SK: np.ndarray, ideal_PK: np.ndarray, count: int) -> list[np.ndarray]:
    found_SK, _, _ = np.linalg.svd(vectors_SK[:, : ideal_PK.shape[1]], full_matrices=False)
    found_SK *= np.sqrt(len(found_SK))
    ideal_PK = ideal_PK[:, : found_SK.shape[1]]
    draws = generator(0, "neighbours", "turns")
    turns = [_settled(found_SK, ideal_PK, _drawn_turn(draws, ideal_PK.shape[1])) for _ in range(TURNS)]
    best = sorted(turns, key=lambda turn: _misfit(found_SK @ turn, ideal_PK))[:count]
    return [_matched(found_SK, ideal_PK, turn) for turn in best]


def _vibrations(lattice: Grid) -> np.ndarray:
    """The slowest ways in which a lattice's places move, (P, K) of mean square 1: along each axis, round each ring."""
    at_PA = lattice.places()
    length_A = np.array(lattice.shape)
    if lattice.periodic:
        angle_PA = 2 * np.pi * at_PA / length_A
        return _of_mean_square_1(np.concatenate([np.cos(angle_PA), np.sin(angle_PA)], axis=1))
    harmonics = np.arange(1, HARMONICS + 1) if lattice.ndim == 1 else 1
    return _of_mean_square_1(np.cos(harmonics * np.pi * (at_PA + 0.5) / length_A))


def _of_mean_square_1(ways_PK: np.ndarray) -> np.ndarray:
    return np.asarray(ways_PK / np.sqrt((ways_PK**2).mean(axis=0)))


def _drawn_turn(draws: np.random.Generator, size: int) -> np.ndarray:
    return np.asarray(np.linalg.qr(draws.normal(size=(size, size)))[0])


def _settled(found_SK: np.ndarray, ideal_PK: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The turn at which sites and the places next to them do not move any more."""
    for _ in range(STEPS):
        turned = _turn_onto(found_SK, ideal_PK[_next_to(found_SK @ turn, ideal_PK)])
        if np.allclose(turned, turn, atol=1e-6):
            break
        turn = turned
    return turn


def _misfit(found_SK: np.ndarray, ideal_PK: np.ndarray) -> float:
    return float(((found_SK - ideal_PK[_next_to(found_SK, ideal_PK)]) ** 2).mean())


def _next_to(found_SK: np.ndarray, ideal_PK: np.ndarray) -> np.ndarray:
    return np.asarray(((ideal_PK**2).sum(axis=1) - 2 * found_SK @ ideal_PK.T).argmin(axis=1))


def _turn_onto(found_SK: np.ndarray, ideal_SK: np.ndarray) -> np.ndarray:
    """The orthogonal matrix nearest to one that takes the first to the second (Schoenemann 1966)."""
    left, _, right = np.linalg.svd(found_SK.T @ ideal_SK)
    return np.asarray(left @ right)


def _matched(found_SK: np.ndarray, ideal_PK: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """One site on each place."""
    for _ in range(MATCHINGS):
        place_S = linear_sum_assignment(-(found_SK @ turn) @ ideal_PK.T)[1]
        turn = _turn_onto(found_SK, ideal_PK[place_S])
    return np.asarray(linear_sum_assignment(-(found_SK @ turn) @ ideal_PK.T)[1], np.int64)
