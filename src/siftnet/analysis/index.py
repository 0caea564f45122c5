"""From an observation and its null samples to an index with interval, z and p."""

# J nodes, S null samples, B bootstrap resamplings

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siftnet import wording

# Resampled nodes held at once (32 MiB of indices).
CHUNK = 2**22
# Sums of the same terms in another order differ by rounding; closer than this they are tied.
TIE = 1e-9


@dataclass(frozen=True, repr=False)
class Index:
    """An observation over its expectation under a null; never infinite, never NaN.

    value: observed / expected, None where nothing is expected. low, high: 95% bootstrap interval over nodes, None with
    value. z: (observed - expected) / standard deviation of the null; p: one-sided, (1 + #null >= observed) /
    (1 + samples); both None where not testable. samples: size of the null. note: why something is None, else "".
    """

    value: float | None
    low: float | None
    high: float | None
    z: float | None
    p: float | None
    samples: int
    note: str = ""

    def __repr__(self) -> str:
        return f"Index({describe(self)}{f', {self.note}' if self.note else ''})"


def describe(index: Index) -> str:
    """In one line, e.g. '4.60 [4.46, 4.74], p = 0.005 of 199 shuffles'."""
    if index.value is None:
        text = "undefined"
    else:
        interval = wording.index_interval(index.low, index.high)
        text = f"{wording.index_over_seeds(index.value)} {interval}".rstrip()
    return text if index.p is None else f"{text}, p = {wording.p_value(index.p)} of {index.samples} shuffles"


def permutation_index(
    observed: float,
    expected: float,
    null_S: np.ndarray,
    interval: tuple[float, float] | None,
    why_untestable: str,
) -> Index:
    """Compare an observation with its null.

    null_S: the null's samples, may be none; expected: the null's mean; interval: of observed / expected;
    why_untestable: what to say where every sample equals the observation.
    """
    samples = len(null_S)
    value = float(observed / expected) if expected > 0 else None
    low, high = interval if interval is not None and value is not None else (None, None)
    note = "" if value is not None else f"no index: nothing is expected ({why_untestable})"
    slack = TIE * max(abs(observed), abs(expected))
    if not samples:
        return Index(value, low, high, None, None, 0, note)
    if np.all(np.abs(null_S - observed) <= slack):
        return Index(value, low, high, None, None, samples, f"not testable: {why_untestable}")
    p = float((1 + np.count_nonzero(null_S >= observed - slack)) / (1 + samples))
    deviation = float(null_S.std(ddof=1)) if samples > 1 else 0.0
    if deviation <= slack:
        note = note or f"no z: all {samples} shuffles are alike"
        return Index(value, low, high, None, p, samples, note)
    return Index(value, low, high, float((observed - expected) / deviation), p, samples, note)


def bootstrap_interval(
    observed_J: np.ndarray, expected_J: np.ndarray, resamplings: int, rng: np.random.Generator
) -> tuple[float, float] | None:
    """95% percentile interval of sum(observed) / sum(expected) over nodes drawn with replacement.

    Resamplings in which nothing is expected are left out; None if that is all of them.
    """
    nodes = len(observed_J)
    if not nodes:
        return None
    ratios: list[np.ndarray] = []
    step = max(1, CHUNK // nodes)
    for first in range(0, resamplings, step):
        drawn_BJ = rng.integers(nodes, size=(min(step, resamplings - first), nodes))
        observed_B, expected_B = observed_J[drawn_BJ].sum(axis=1), expected_J[drawn_BJ].sum(axis=1)
        ratios.append(observed_B[expected_B > 0] / expected_B[expected_B > 0])
    ratio_B = np.concatenate(ratios)
    if not len(ratio_B):
        return None
    low, high = np.quantile(ratio_B, (0.025, 0.975))
    return float(low), float(high)
