"""Losses of outputs in blocks (layout.py), their gradients, and how often the true class comes first.

Sums over classes and examples are float64 in a fixed order, so that the number of threads changes no bit. A network
that gives NaN or infinity has a loss of NaN.
"""

# S blocks, K classes, C columns of a block (128), B batch

from __future__ import annotations

import numpy as np
from numba import prange

from siftnet.host.compiling import njit
from siftnet.kernels.blocks.layout import WIDTH, row_moments, store_row

# exp(x) = 2^n exp(r), r = x - n ln 2 with ln 2 in two parts, and a polynomial for exp(r): Cephes' expf (Moshier 1992).
LOG2_E = np.float32(1.44269504088896341)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
P5, P4, P3 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
P2, P1 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1)
HALF, ONE = np.float32(0.5), np.float32(1)
# Adding 1.5 * 2^23 rounds a float32 to a whole number and leaves that number in its last bits.
ROUNDER = np.float32(12582912)
# Below it exp counts as 0: 2e-31 of the largest class moves no float32, and divided by a batch it would become a
# denormal number, which processors handle a hundred times slower.
LEAST = np.float32(-70)
MINUS_INFINITY, INFINITY = np.float32(-np.inf), np.float32(np.inf)


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def exp_float32(x):  # type: ignore[no-untyped-def]  # compiled
    """exp of a float32 from -70 to 88, to a relative 1e-7; 0 below, NaN of NaN. Arithmetic alone, to vectorise."""
    shifted = x * LOG2_E + ROUNDER
    n = shifted - ROUNDER
    r = x - n * LN2_HIGH
    r = r - n * LN2_LOW
    p = P5 * r + P4
    p = p * r + P3
    p = p * r + P2
    p = p * r + P1
    p = p * r + HALF
    p = p * (r * r) + r + ONE
    # numba widens sums of uint32 to 64 bits: cut after every step.
    exponent = np.uint32(np.float32(shifted).view(np.uint32) << np.uint32(23))
    scale = np.uint32(exponent + np.uint32(0x3F800000)).view(np.float32)
    return np.float32(0) if x < LEAST else p * scale


@njit(cache=True, error_model="numpy")
def _soften(logits_KC, labels_C, totals_C):  # type: ignore[no-untyped-def]  # compiled
    """Turn logits into exp(logit - largest) and set their totals; returns the sum of cross entropies of labels_C."""
    classes, count = len(logits_KC), len(labels_C)
    largest_C = np.full(WIDTH, MINUS_INFINITY)
    least_C = np.full(WIDTH, INFINITY)
    own_C = np.empty(WIDTH, np.float32)
    for k in range(classes):
        for c in range(WIDTH):
            x = logits_KC[k, c]
            largest_C[c] = x if x > largest_C[c] else largest_C[c]
            least_C[c] = x if x < least_C[c] else least_C[c]
    for c in range(count):
        own_C[c] = logits_KC[labels_C[c], c]
    totals_C[:] = 0
    for k in range(classes):
        for c in range(WIDTH):
            e = exp_float32(logits_KC[k, c] - largest_C[c])
            logits_KC[k, c] = e
            totals_C[c] += np.float64(e)
    loss = 0.0
    for c in range(count):
        # NaN and infinity have made the total NaN; minus infinity alone would pass for a class that never comes.
        if least_C[c] == MINUS_INFINITY:
            totals_C[c] = np.nan
        loss += np.log(totals_C[c]) + (np.float64(largest_C[c]) - np.float64(own_C[c]))
    return loss


@njit(cache=True, error_model="numpy")
def _descend(exps_KC, labels_C, totals_C, batch, gradient_KC, sums_K):  # type: ignore[no-untyped-def]  # compiled
    """(softmax - onehot) / batch from what `_soften` left, stored, with its sums over examples."""
    count = len(labels_C)
    factors_C = np.zeros(WIDTH, np.float32)
    row = np.empty(WIDTH, np.float32)
    for c in range(count):
        factors_C[c] = np.float32(1 / (totals_C[c] * batch))
        exps_KC[labels_C[c], c] = np.float32(np.float64(exps_KC[labels_C[c], c]) - totals_C[c])
    for k in range(len(exps_KC)):
        for c in range(WIDTH):
            row[c] = exps_KC[k, c] * factors_C[c]
        for c in range(count, WIDTH):
            row[c] = 0
        store_row(row, gradient_KC[k])
        sums_K[k] = row_moments(row, WIDTH)[0]


@njit(cache=True, error_model="numpy", parallel=True)
def cross_entropy(logits_SKC, labels_B, gradient, sums_SK):  # type: ignore[no-untyped-def]  # compiled
    """Mean cross entropy over a batch, float64, and its gradient with respect to the logits.

    logits_SKC: float32 (S, K, 128), left holding nothing of use; labels_B: int64 (B,); gradient: either storage with at
    least K features, or the logits themselves, to receive (softmax - onehot) / B, 0 in columns that are no examples;
    sums_SK: float64 (S, K), for the sums of what was stored.
    """
    batch = len(labels_B)
    blocks = -(-batch // WIDTH)
    losses_S = np.empty(blocks)
    for s in prange(blocks):
        labels_C = labels_B[WIDTH * s : WIDTH * (s + 1)]
        totals_C = np.empty(WIDTH)
        losses_S[s] = _soften(logits_SKC[s], labels_C, totals_C)
        _descend(logits_SKC[s], labels_C, totals_C, batch, gradient[s], sums_SK[s])
    return _in_order(losses_S) / batch


@njit(cache=True, error_model="numpy")
def _in_order(values):  # type: ignore[no-untyped-def]  # compiled
    total = 0.0
    for value in values:
        total += value
    return total


@njit(cache=True, error_model="numpy")
def _rank(logits_KC, labels_C, ranks_C):  # type: ignore[no-untyped-def]  # compiled
    """`rank_of_label` of the dense kernel: classes before the true one, ties to the lower, NaN before everything."""
    own_C = np.zeros(WIDTH, np.float32)
    label_C = np.zeros(WIDTH, np.int32)
    for c in range(len(labels_C)):
        own_C[c] = logits_KC[labels_C[c], c]
        label_C[c] = labels_C[c]
    ranks_C[:] = 0
    for k in range(len(logits_KC)):
        for c in range(WIDTH):
            x = logits_KC[k, c]
            before = (not x <= own_C[c]) | ((x == own_C[c]) & (k < label_C[c]))
            ranks_C[c] += np.int32(before)


@njit(cache=True, error_model="numpy", parallel=True)
def score_classes(logits_SKC, labels_B):  # type: ignore[no-untyped-def]  # compiled
    """Sum of cross entropies, number of examples whose class comes first, number among the first five: float64 (3,).

    logits_SKC: float32 (S, K, 128), left holding nothing of use; labels_B: int64 (B,).
    """
    blocks = -(-len(labels_B) // WIDTH)
    scores_S3 = np.zeros((blocks, 3))
    for s in prange(blocks):
        labels_C = labels_B[WIDTH * s : WIDTH * (s + 1)]
        ranks_C = np.empty(WIDTH, np.int32)
        _rank(logits_SKC[s], labels_C, ranks_C)
        for c in range(len(labels_C)):
            scores_S3[s, 1] += ranks_C[c] < 1
            scores_S3[s, 2] += ranks_C[c] < 5
        scores_S3[s, 0] = _soften(logits_SKC[s], labels_C, np.empty(WIDTH))
    scores_3 = np.zeros(3)
    for s in range(blocks):
        scores_3 += scores_S3[s]
    return scores_3


@njit(cache=True, error_model="numpy")
def squared_error(outputs_SKC, targets_B, gradient, sums_SK):  # type: ignore[no-untyped-def]  # compiled
    """Mean squared error over a batch, float64, and its gradient 2 (a - y) / B, given as `cross_entropy` gives it.

    outputs_SKC: float32 (S, 1, 128), only read unless it is the gradient; targets_B: float32 (B,).
    """
    batch = len(targets_B)
    row = np.empty(WIDTH, np.float32)
    loss = 0.0
    for s in range(-(-batch // WIDTH)):
        row[:] = 0
        for c in range(min(batch - WIDTH * s, WIDTH)):
            error = np.float64(outputs_SKC[s, 0, c]) - np.float64(targets_B[WIDTH * s + c])
            loss += _square(error)
            row[c] = np.float32(2 * error / batch)
        store_row(row, gradient[s, 0])
        sums_SK[s, 0] = row_moments(row, WIDTH)[0]
    return loss / batch


@njit(cache=True, error_model="numpy")
def score_numbers(outputs_SKC, targets_B):  # type: ignore[no-untyped-def]  # compiled
    """Sum of squared errors, float64; outputs_SKC: float32 (S, 1, 128); targets_B: float32 (B,)."""
    loss = 0.0
    for b in range(len(targets_B)):
        loss += _square(np.float64(outputs_SKC[b // WIDTH, 0, b % WIDTH]) - np.float64(targets_B[b]))
    return loss


@njit(cache=True, error_model="numpy")
def _square(error):  # type: ignore[no-untyped-def]  # compiled
    """The square, NaN of infinity."""
    return error * error + (error - error)
