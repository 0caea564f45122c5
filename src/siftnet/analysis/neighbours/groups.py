"""Inputs that share a site, as the colours of a pixel do: told by a similarity alone. I inputs, S sites."""

from __future__ import annotations

import numpy as np

LARGEST = 8
"""Inputs of a site at most that are looked for."""
CLOSED = 0.9
"""Share of the inputs whose nearest ones must be each other's."""


def site_groups(similarity_II: np.ndarray) -> np.ndarray:
    """The number of each input's site, int64 (I,): counted by their first inputs.

    Inputs share sites of g where nearly all of them (CLOSED) have the same g - 1 others for their nearest as those
    have; the largest such g counts, and what is left is grouped by its nearest. By chance pairs are each other's
    nearest two times in three, larger groups hardly ever.
    """
    inputs = len(similarity_II)
    most = min(LARGEST, inputs - 1)
    order_IK = nearest(similarity_II, most) if most > 0 else np.empty((inputs, 0), np.int64)
    for size in range(most + 1, 1, -1):
        sets_IG = np.sort(np.column_stack([np.arange(inputs), order_IK[:, : size - 1]]), axis=1)
        closed_I = (sets_IG[order_IK[:, : size - 1]] == sets_IG[:, None]).all(axis=(1, 2))
        if inputs % size == 0 and size < inputs and closed_I.mean() >= CLOSED:
            return _numbered(_with_the_rest(similarity_II, np.where(closed_I, sets_IG[:, 0], -1), size))
    return np.arange(inputs)


def between_sites(similarity_II: np.ndarray, site_I: np.ndarray) -> np.ndarray:
    """The similarity of sites: the sum over the pairs of their inputs, float64 (S, S), zeros on the diagonal."""
    sites = int(site_I.max()) + 1
    if sites == len(site_I):
        return similarity_II
    member_SI = np.zeros((sites, len(site_I)))
    member_SI[site_I, np.arange(len(site_I))] = 1
    summed_SS = member_SI @ similarity_II @ member_SI.T
    np.fill_diagonal(summed_SS, 0)
    return np.asarray(summed_SS)


def nearest(similarity_II: np.ndarray, count: int) -> np.ndarray:
    """The `count` most similar others of each input, the most similar first, int64 (I, count)."""
    found_II = similarity_II.copy()
    np.fill_diagonal(found_II, -np.inf)
    some_IK = np.argpartition(-found_II, count - 1, axis=1)[:, :count]
    order_IK = np.argsort(-np.take_along_axis(found_II, some_IK, 1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(some_IK, order_IK, 1))


def _with_the_rest(similarity_II: np.ndarray, first_I: np.ndarray, size: int) -> np.ndarray:
    """The first input of each one's group, where those without a group (-1) join the most similar others without."""
    first_I = first_I.copy()
    for one in np.flatnonzero(first_I < 0):
        if first_I[one] < 0:
            free_N = np.flatnonzero((first_I < 0) & (np.arange(len(first_I)) != one))
            with_it_N = free_N[np.argsort(-similarity_II[one, free_N], kind="stable")[: size - 1]]
            first_I[np.append(with_it_N, one)] = one
    return first_I


def _numbered(first_I: np.ndarray) -> np.ndarray:
    return np.unique(first_I, return_inverse=True)[1].astype(np.int64)
