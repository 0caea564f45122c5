"""What several seeds of one configuration say together: means, deviations and intervals over seeds, paired gains."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from pathlib import Path
from typing import Any, Literal

from siftnet.analysis.headline import Scored, headline_of, standard_error
from siftnet.config.load import to_dict
from siftnet.foreign import shown
from siftnet.store.folder import as_run
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from siftnet.studies.alike import check_alike
from siftnet.studies.measured_layer import Indices
from siftnet.studies.measured_run import read_headline, read_round_indices

CONFIDENCE = 0.95
# Differences between equal scores differ by this much for rounding alone, relative to the larger of 1 and the scores.
ROUNDING = 1e-12

Metric = Literal["accuracy", "r2"]
Quantity = Literal["validation", "test", "last_validation", "index_uniform", "index_degree"]
"""What is told of every round: scores of the weights that validation chose on validation and test, the last validation,
indices of the first layer where they are measured."""


@dataclass(frozen=True)
class OverSeeds:
    """A quantity over seeds.

    values: one a seed, None where there is none; n: how many there are; mean; sd: standard deviation of a single seed,
    n - 1 in the denominator; low, high: 95% t interval of the mean. See `over_seeds` for what may be None.
    """

    values: tuple[float | None, ...]
    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TestedOverSeeds(OverSeeds):
    """An index over seeds with the p of each seed's own shuffles, None where there is none."""

    p: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """Where a run diverged."""

    round: int
    step: int


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """One run among others.

    headline: its own headline round, None before it is measured; diverged: its first divergence; reached: the last
    finished round, None before the first; stop: why it stops there, None where it would go on; asked: rounds asked for.
    """

    path: str
    seed: int
    digest: str
    headline: int | None
    diverged: Divergence | None
    reached: int | None
    stop: str | None
    asked: int


@dataclass(frozen=True, kw_only=True)
class RoundOverSeeds:
    """A round of those that any run has.

    runs: how many count, which those do that did not diverge in it; test and validation are of the weights that
    validation chose, indices of the first layer.
    """

    round: int
    density: float
    runs: int
    validation: OverSeeds
    test: OverSeeds
    last_validation: OverSeeds
    index_uniform: OverSeeds
    index_degree: TestedOverSeeds

    def over(self, quantity: Quantity) -> OverSeeds:
        """One of its quantities."""
        found: OverSeeds = getattr(self, quantity)
        return found


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A network's scores, as in `RoundOverSeeds`; None where they are undefined."""

    validation: float | None
    test: float | None
    last_validation: float | None


@dataclass(frozen=True, kw_only=True)
class Chosen(Scores):
    """The sparse round of a run that validates best, and the dense round that it is compared with."""

    round: int
    density: float
    dense: Scores


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Best sparse round minus the dense round 0, paired within each seed.

    The best round is the one with the highest validation score. The highest of many noisy scores is optimistic, so the
    gain on validation is too; test took no part in the choice and is not. runs: how many have both rounds; chosen: one
    a run, None without both and where validation scores are undefined.
    """

    runs: int
    validation: OverSeeds
    test: OverSeeds
    gained_on_test: int
    chosen: tuple[Chosen | None, ...]


@dataclass(frozen=True, kw_only=True)
class SeedsSummary:
    """What several seeds say together; the intervals are about other seeds on the same data and the same test examples.

    metric: scores are accuracies (shares of 1) or R^2; headline: the round that the seeds are compared at, None without
    one.
    """

    runs: tuple[SeedRun, ...]
    metric: Metric
    rounds: tuple[RoundOverSeeds, ...]
    headline: int | None
    gain: Gain

    @property
    def compared(self) -> RoundOverSeeds | None:
        """The round at which the seeds are compared, None where there is none."""
        return next((row for row in self.rounds if row.round == self.headline), None)

    @property
    def undefined(self) -> tuple[str, ...]:
        """Of validation and test those whose R squared is undefined, because their targets are all alike."""
        trained = [row for row in self.rounds if row.runs]
        scored = {"validation": [row.validation.n for row in trained], "test": [row.test.n for row in trained]}
        return tuple(name for name, found in scored.items() if found and not any(found) and not self.is_accuracy)

    @property
    def is_accuracy(self) -> bool:
        """Whether scores are accuracies; otherwise they are R squared."""
        return self.metric == "accuracy"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = to_dict(self)
        return found


def summarise_seeds(runs: Sequence[Run | str | Path]) -> SeedsSummary:
    """Numbers of several seeds together.

    The seeds are compared at the round that all were asked for, or of the sparse rounds that most seeds have at the one
    that `headline_of` names for their mean validation scores, or the last where these are undefined. A diverged round
    never counts. Raises ValueError for runs that `check_alike` refuses. runs: or their paths.
    """
    if not isinstance(runs, list | tuple):
        raise ValueError(f"runs must be a list of runs, or of their paths, got {shown(runs)}")
    return _summarise([as_run(run) for run in runs])


def _summarise(runs: list[Run]) -> SeedsSummary:
    check_alike(runs)
    summaries = [{s.round: s for s in run.summaries()} for run in runs]
    indices = [{n: read_round_indices(run, n) for n in found} for run, found in zip(runs, summaries, strict=True)]
    numbers = sorted(set().union(*summaries))
    metrics = [s.metric for found in summaries for s in found.values()]
    metric: Metric = metrics[0] if metrics else "accuracy"
    rounds = [_round(n, [s.get(n) for s in summaries], [i.get(n) for i in indices]) for n in numbers]
    begun = [run for run, found in zip(runs, summaries, strict=True) if found]
    return SeedsSummary(
        runs=tuple(_describe(run, list(found.values())) for run, found in zip(runs, summaries, strict=True)),
        metric=metric,
        rounds=tuple(rounds),
        headline=_headline(begun, rounds, metric),
        gain=_gain([list(found.values()) for found in summaries]),
    )


def over_seeds(values: Sequence[float | None]) -> OverSeeds:
    """n, mean, standard deviation and the 95% t interval of the mean of values, one a seed; None counts for nothing.

    sd and interval are None with fewer than two values. Of equal values sd is 0 and there is no interval either: it
    would have no width, and that a few seeds agree does not say how far the next one lies.
    """
    kept = tuple(v if v is not None and isfinite(v) else None for v in values)
    found = [v for v in kept if v is not None]
    n = len(found)
    mean = statistics.fmean(found) if n else None
    sd = statistics.stdev(found) if n > 1 else None
    if sd is not None and sd <= ROUNDING * max(1.0, *map(abs, found)):
        sd = 0.0
    low = high = None
    if mean is not None and sd:
        # Student's quantile; scipy.stats has the same number and takes a second to load.
        from scipy.special import stdtrit

        half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * sd / sqrt(n)
        low, high = mean - half, mean + half
    return OverSeeds(kept, n, mean, sd, low, high)


def tested_over_seeds(values: Sequence[float | None], p: Sequence[float | None]) -> TestedOverSeeds:
    """`over_seeds` of an index, with the p of each seed's shuffles."""
    return TestedOverSeeds(**vars(over_seeds(values)), p=tuple(p))


def _describe(run: Run, summaries: list[RoundSummary]) -> SeedRun:
    headline = read_headline(run)
    diverged = [(s.round, s.diverged_at) for s in summaries]
    return SeedRun(
        path=str(run.path),
        seed=run.config.seed,
        digest=run.digest,
        headline=None if headline is None else headline.round,
        diverged=next((Divergence(round=number, step=step) for number, step in diverged if step is not None), None),
        reached=summaries[-1].round if summaries else None,
        stop=summaries[-1].stop if summaries else None,
        asked=run.config.prune.rounds,
    )


def _round(number: int, summaries: Sequence[RoundSummary | None], indices: Sequence[Indices | None]) -> RoundOverSeeds:
    kept = [s if s is not None and not s.diverged else None for s in summaries]
    scores = [_scores(s) if s else None for s in kept]
    measured = [i if s else None for s, i in zip(kept, indices, strict=True)]
    degree = [i.index_degree if i else None for i in measured]
    return RoundOverSeeds(
        round=number,
        # Pruning removes exact numbers, so that the density is the same for every seed whose training keeps its masks.
        density=next(s.density for s in summaries if s is not None),
        runs=sum(s is not None for s in kept),
        validation=over_seeds([s.validation if s else None for s in scores]),
        test=over_seeds([s.test if s else None for s in scores]),
        last_validation=over_seeds([s.last_validation if s else None for s in scores]),
        index_uniform=over_seeds([i.index_uniform.value if i else None for i in measured]),
        index_degree=tested_over_seeds([i.value if i else None for i in degree], [i.p if i else None for i in degree]),
    )


def _scores(summary: RoundSummary) -> Scores:
    assert summary.validation is not None
    assert summary.last is not None
    return Scores(
        validation=summary.validation.score,
        test=summary.test_best.score if summary.test_best else None,
        last_validation=summary.last.validation.score,
    )


def _headline(begun: Sequence[Run], rounds: Sequence[RoundOverSeeds], metric: str) -> int | None:
    # Those that have not begun are not measured either, and may not know yet how the others are.
    asked = {run.config.analysis.headline for run in begun}
    if len(asked) == 1 and (only := asked.pop()) >= 0:
        return only if any(r.round == only for r in rounds) else None
    sparse = [r for r in rounds if r.density < 1]
    # Of rounds that fewer seeds reached the mean is one of other seeds.
    most = max((r.runs for r in sparse), default=0)
    means = [(r, r.validation.mean) for r in sparse if r.runs == most]
    if most and all(mean is None for _, mean in means):
        return max(r.round for r, _ in means)
    # All seeds are scored on the same validation examples: more seeds don't make these more.
    examples = begun[0].data.examples["validation"] if begun else 0
    return headline_of(
        [
            Scored(r.round, r.density, mean, standard_error(metric, mean, examples))
            for r, mean in means
            if mean is not None
        ]
    )


def _gain(runs: Sequence[list[RoundSummary]]) -> Gain:
    chosen = [_chosen(summaries) for summaries in runs]
    test = [_difference(best.test, best.dense.test) if best else None for best in chosen]
    return Gain(
        runs=sum(best is not None for best in chosen),
        validation=over_seeds(
            [_difference(best.validation, best.dense.validation) if best else None for best in chosen]
        ),
        test=over_seeds(test),
        gained_on_test=sum(value is not None and value > 0 for value in test),
        chosen=tuple(chosen),
    )


def _chosen(summaries: Sequence[RoundSummary]) -> Chosen | None:
    """The sparse round that validates best, the denser of equals, with the dense round 0; None where one is missing."""
    ranked = [s for s in summaries if not s.diverged]
    dense = next((s for s in ranked if s.round == 0 and s.density == 1), None)
    sparse = [(s, s.validation.score) for s in ranked if s.density < 1 and s.validation is not None]
    scored = [(s, score) for s, score in sparse if score is not None]
    if dense is None or not scored:
        return None
    best, _ = max(scored, key=lambda found: found[1])
    return Chosen(round=best.round, density=best.density, dense=_scores(dense), **vars(_scores(best)))


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
