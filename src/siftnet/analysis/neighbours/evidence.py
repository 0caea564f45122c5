"""What says that two inputs belong together: functions from data or from a network to a similarity of inputs.

N examples, J nodes, I inputs. A similarity is float64 (I, I), symmetric, with zeros on its diagonal; higher is nearer.
Inputs of which nothing is known (constant, or without connections) are similar to none: their rows are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

RIDGES = (0.3, 0.1, 0.05, 0.02)
"""Added to the diagonal of a correlation matrix before it is inverted. Images are likelier still with smaller ones, and
their neighbours told less well."""
HELD_OUT = 5
"""One example of so many is held out to choose the ridge."""
LEADING, OF_INPUTS = 10, 0.01
"""Components of early movement that are the same for many inputs, and say nothing of neighbours: so many at most, and
of few inputs this share."""


def correlations(inputs_NI: np.ndarray) -> np.ndarray:
    """Absolute correlations of the inputs: the literature's baseline (Le Roux et al. 2007)."""
    return _without_self(np.abs(_correlation(_standardised(inputs_NI))))


@dataclass(frozen=True, eq=False)
class Partial:
    """Partial correlations, and the ridge with which held-out examples were likeliest."""

    similarity: np.ndarray
    ridge: float


def partial_correlations(inputs_NI: np.ndarray, ridges: Sequence[float] = RIDGES) -> Partial:
    """Correlations of two inputs given all others: the inverse of the correlation matrix, scaled to a unit diagonal.

    ridges: added to the diagonal, descending; the one is taken under which a Gaussian of that covariance makes held-out
    examples likeliest. Signed: inputs that go against each other given all others are no neighbours.
    """
    z_NI = _standardised(inputs_NI)
    known_I = np.flatnonzero(z_NI.any(axis=0))
    z_NI = z_NI[:, known_I]
    held_N = np.arange(len(z_NI)) % HELD_OUT == 0
    ridge = ridges[0]
    if len(ridges) > 1 and 0 < held_N.sum() < len(z_NI):
        ridge = _likeliest(_correlation(z_NI[~held_N]), _correlation(z_NI[held_N]), ridges)
    precision_II, _ = _inverse(_correlation(z_NI), ridge)
    scale_I = np.sqrt(np.diag(precision_II))
    similarity_II = np.zeros((inputs_NI.shape[1],) * 2)
    similarity_II[np.ix_(known_I, known_I)] = -precision_II / np.outer(scale_I, scale_I)
    return Partial(_without_self(similarity_II), ridge)


def co_connection(mask_JI: np.ndarray) -> np.ndarray:
    """How much more often two inputs are connected to the same node than their degrees and the nodes' make likely.

    In standard deviations of the number of shared nodes, where each node draws its inputs in proportion to their
    degrees.
    """
    mask_JI = np.asarray(mask_JI, np.float64)
    degree_J, degree_I = mask_JI.sum(axis=1), mask_JI.sum(axis=0)
    total = degree_I.sum()
    shared_II = mask_JI.T @ mask_JI
    if total < 2:
        return np.zeros_like(shared_II)
    # Of C (C - 1) ordered pairs of a node's inputs, those of i and i' have the share k_i k_i' of all such products.
    pairs = (degree_J * (degree_J - 1)).sum()
    expected_II = np.outer(degree_I, degree_I) * pairs / max(total**2 - (degree_I**2).sum(), 1)
    similarity_II = (shared_II - expected_II) / np.sqrt(np.maximum(expected_II, 1e-12))
    similarity_II[expected_II == 0] = 0
    return _without_self(similarity_II)


def weight_likeness(weights_JI: np.ndarray) -> np.ndarray:
    """Cosine of the absolute weights of two inputs, less what is common to all inputs."""
    size_JI = np.abs(np.asarray(weights_JI, np.float64))
    centred_JI = np.where(size_JI.any(axis=0), size_JI - size_JI.mean(axis=1, keepdims=True), 0)
    return _without_self(_cosines(centred_JI))


def movement(moved_JI: np.ndarray) -> np.ndarray:
    """Likeness of how two inputs' weights moved early in training, w - w_0.

    Columns of length 1, the spectrum flattened to its square root and its leading components dropped. Early movement is
    largely the data's covariance seen through the gradient.
    """
    dropped = min(LEADING, int(OF_INPUTS * moved_JI.shape[1]))
    u_JK, s_K, v_KI = scipy.linalg.svd(_normed(np.asarray(moved_JI, np.float64)), full_matrices=False)
    del u_JK
    flat_KI = np.sqrt(s_K[dropped:, None]) * v_KI[dropped:]
    return _without_self(_cosines(flat_KI))


def _likeliest(trained_II: np.ndarray, held_II: np.ndarray, ridges: Sequence[float]) -> float:
    best, chosen = -np.inf, ridges[0]
    for ridge in ridges:
        precision_II, logarithm = _inverse(trained_II, ridge)
        likelihood = logarithm - float((held_II * precision_II).sum())
        if likelihood < best:
            break
        best, chosen = likelihood, ridge
    return chosen


def _inverse(correlation_II: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """The inverse of the matrix plus the ridge on its diagonal, and the logarithm of that inverse's determinant."""
    plus_II = correlation_II.astype(np.float64)
    plus_II[np.diag_indices_from(plus_II)] += ridge
    factor_II = scipy.linalg.cholesky(plus_II, lower=True, overwrite_a=True, check_finite=False)
    logarithm = -2 * float(np.log(np.diag(factor_II)).sum())
    lower_II, _ = scipy.linalg.lapack.dpotri(factor_II, lower=1, overwrite_c=1)
    return np.tril(lower_II) + np.tril(lower_II, -1).T, logarithm


def _standardised(inputs_NI: np.ndarray) -> np.ndarray:
    z_NI = inputs_NI.astype(np.float32)
    z_NI -= z_NI.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation_I = z_NI.std(axis=0, dtype=np.float64).astype(np.float32)
    return np.asarray(z_NI / np.where(deviation_I > 0, deviation_I, 1))


def _correlation(z_NI: np.ndarray) -> np.ndarray:
    return np.asarray(z_NI.T @ z_NI / len(z_NI))


def _cosines(columns_JI: np.ndarray) -> np.ndarray:
    unit_JI = _normed(columns_JI)
    return np.asarray(unit_JI.T @ unit_JI)


def _normed(columns_JI: np.ndarray) -> np.ndarray:
    length_I = np.sqrt((columns_JI**2).sum(axis=0))
    return np.asarray(columns_JI / np.where(length_I > 0, length_I, 1))


def _without_self(similarity_II: np.ndarray) -> np.ndarray:
    similarity_II = similarity_II.astype(np.float64)
    np.fill_diagonal(similarity_II, 0)
    return similarity_II
