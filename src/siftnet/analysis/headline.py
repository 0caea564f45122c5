"""Which round speaks for a run, and the standard error of a score, the one rule for headline, bars and claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Scored(NamedTuple):
    """A round that may become the headline."""

    round: int
    density: float
    score: float
    """On validation."""
    standard_error: float
    """Of the score."""


def headline_of(rounds: Sequence[Scored]) -> int | None:
    """The sparsest round that validates as well as the best sparse one; of dense rounds alone likewise.

    As well means within one standard error of the best one's score (Breiman et al. 1984), so that a fluke among many
    equals does not decide. None without a round.
    """
    ranked = [r for r in rounds if r.density < 1] or rounds
    if not ranked:
        return None
    best = max(ranked, key=lambda r: r.score)
    return max(r.round for r in ranked if r.score >= best.score - best.standard_error)


def standard_error(metric: str, score: float, examples: int) -> float:
    """Standard error of a score on so many examples: 2 R (1 - R^2) / sqrt(n) for R^2, binomial for accuracy.

    An accuracy has two right and two wrong answers added (Agresti & Coull 1998), n + 4 in all, so that a network that
    gets all or nearly all examples right is not taken to be sure of it. R^2 has no such correction: at 1, and at 0 and
    below, its standard error is 0, and only rounds with the very same score validate as well.
    """
    score = min(max(score, 0.0), 1.0)
    if metric == "accuracy":
        share = (score * examples + 2) / (examples + 4)
        return float((share * (1 - share) / (examples + 4)) ** 0.5)
    return float((4 * score * (1 - score) ** 2 / examples) ** 0.5)
