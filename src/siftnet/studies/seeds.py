"""What several seeds of one configuration say together: means, deviations and intervals over seeds, paired gains."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from math import inf, isfinite, sqrt
from typing import Any

from scipy import stats

from siftnet.analysis.headline import Scored, headline_of, standard_error
from siftnet.config.identity import NOT_IN_DIGEST
from siftnet.config.load import flatten, to_dict
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from siftnet.studies.measured_run import read_headline, read_round_indices

CONFIDENCE = 0.95
# Differences between equal scores differ by this much for rounding alone, relative to the larger of 1 and the scores.
ROUNDING = 1e-12
# What is told of every round, in the order of the page's table.
QUANTITIES = ("validation", "test", "last_validation", "index_uniform", "index_degree")
Summary = dict[str, Any]


def spread(runs: Sequence[Run]) -> dict[str, Any]:
    """Numbers of several seeds together, ready for JSON: `runs`, `metric`, `rounds`, `headline`, `gain`.

    Every quantity is a dictionary of `values` (one a run, in the order of `runs`, None where there is none), their
    number `n`, `mean`, `sd` (of a single seed, n - 1 in the denominator) and `low`, `high`, the 95% t interval of the
    mean; see `over_seeds`. Scores are accuracies (shares of 1) or R^2.

    runs: path, seed, digest, headline round (None before it is measured), round and step of a divergence, the last
    finished round `reached` (None before the first), why it `stop`s there (None where it would go on), rounds `asked`.
    rounds: for every round that any run has its number, density, how many runs count, and the QUANTITIES: scores of
    the weights that validation chose on validation and test, the last validation, indices of the first layer where
    they are measured; index_degree has a `p` of each run's shuffles, too. A diverged round never counts.
    headline: the round that the seeds are compared at: the one that all were asked for, or of the sparse rounds that
    most seeds have the one that `survey.headline_of` names for their mean validation scores; None without one.
    gain: best sparse round minus the dense round 0, paired within each seed, of validation and test. The best round is
    the one with the highest validation score. The highest of many noisy scores is optimistic, so the gain on
    validation is too; test took no part in the choice and is not. Runs without both rounds have no gain.

    The intervals are about other seeds on the same data and the same test examples, not about other data. Raises
    ValueError for runs that `check_alike` refuses.
    """
    check_alike(runs)
    summaries = [{s.round: s for s in run.summaries()} for run in runs]
    indices = [{number: _indices(run, number) for number in found} for run, found in zip(runs, summaries, strict=True)]
    numbers = sorted(set().union(*summaries))
    metric = next((s.metric for found in summaries for s in found.values()), "accuracy")
    rounds = [
        _round(number, [s.get(number) for s in summaries], [i.get(number, {}) for i in indices]) for number in numbers
    ]
    return {
        "runs": [_describe(run, list(found.values())) for run, found in zip(runs, summaries, strict=True)],
        "metric": metric,
        "rounds": rounds,
        "headline": _headline([run for run, found in zip(runs, summaries, strict=True) if found], rounds, metric),
        "gain": _gain([list(found.values()) for found in summaries]),
    }


def check_alike(runs: Sequence[Run]) -> None:
    """Raise ValueError unless the runs, one at least, are different seeds of one configuration on the same data.

    Threads, paths, stop rules and analysis may differ.
    """
    if not runs:
        raise ValueError("there is no run to summarise: give at least one run's directory")
    first, seen = runs[0], {runs[0].config.seed: runs[0].path}
    mine = _settings(first)
    for run in runs[1:]:
        theirs = _settings(run)
        for name in dict.fromkeys((*mine, *theirs)):
            if mine.get(name) != theirs.get(name):
                raise ValueError(
                    f"{name} is {mine.get(name)!r} in {first.path} and {theirs.get(name)!r} in {run.path}: "
                    "take runs that differ in their seed alone"
                )
        if run.config.seed in seen:
            raise ValueError(
                f"{seen[run.config.seed]} and {run.path} have the same seed, {run.config.seed}, and count as one: "
                "leave one of them out"
            )
        seen[run.config.seed] = run.path


def _settings(run: Run) -> dict[str, Any]:
    """What must be the same in all runs: everything that changes results but the seed, and the data themselves."""
    left_out = (*NOT_IN_DIGEST, "seed")
    flat = flatten(to_dict(run.config))
    kept = {k: v for k, v in flat.items() if not any(k == name or k.startswith(name + ".") for name in left_out)}
    return kept | {"the data's content hash": run.data.hash}


def over_seeds(values: Sequence[float | None]) -> dict[str, Any]:
    """n, mean, standard deviation and the 95% t interval of the mean of values, one a seed; None counts for nothing.

    sd and interval are None with fewer than two values. Of equal values sd is 0 and there is no interval either: it
    would have no width, and that a few seeds agree does not say how far the next one lies.
    """
    kept = [v if v is not None and isfinite(v) else None for v in values]
    found = [v for v in kept if v is not None]
    n = len(found)
    mean = statistics.fmean(found) if n else None
    sd = statistics.stdev(found) if n > 1 else None
    if sd is not None and sd <= ROUNDING * max(1.0, *map(abs, found)):
        sd = 0.0
    low = high = None
    if mean is not None and sd:
        half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / sqrt(n)
        low, high = mean - half, mean + half
    return {"values": kept, "n": n, "mean": mean, "sd": sd, "low": low, "high": high}


def mean_text(found: dict[str, Any], metric: str | None = None) -> str:
    """Mean and deviation over seeds: '12.86% ± 0.05' of an accuracy, in points, and '4.60 ± 0.01' of an index."""
    mean, sd = found["mean"], found["sd"]
    if mean is None:
        return ""
    if metric == "accuracy":
        return f"{100 * mean:.2f}%" + ("" if sd is None else f" ± {100 * sd:.2f}")
    shown = [v for v in (mean, sd) if v is not None]
    # No more digits than a terminal of 80 columns has room for.
    digits = 2 if metric is None else 3
    digits = digits if max(map(abs, shown)) < 10 ** (4 - digits) else 1
    return " ± ".join(f"{v:.{digits}f}" for v in shown)


def _describe(run: Run, summaries: list[RoundSummary]) -> dict[str, Any]:
    headline = read_headline(run)
    diverged = [{"round": s.round, "step": s.diverged_at} for s in summaries if s.diverged]
    return {
        "path": str(run.path),
        "seed": run.config.seed,
        "digest": run.digest,
        "headline": None if headline is None else headline.round,
        "diverged": diverged[0] if diverged else None,
        "reached": summaries[-1].round if summaries else None,
        "stop": summaries[-1].stop if summaries else None,
        "asked": run.config.prune.rounds,
    }


def _indices(run: Run, number: int) -> dict[str, float | None]:
    """Locality indices of the first layer and p of index_degree; empty where not measured or without distances."""
    found = read_round_indices(run, number)
    if found is None:
        return {}
    degree = found.index_degree
    return {
        "index_uniform": found.index_uniform.value,
        "index_degree": degree.value if degree else None,
        "p": degree.p if degree else None,
    }


def _round(number: int, summaries: list[RoundSummary | None], indices: list[dict[str, float | None]]) -> dict[str, Any]:
    ranked = [s if s is not None and not s.diverged else None for s in summaries]
    kept = [(_scores(s) | i) if s else {} for s, i in zip(ranked, indices, strict=True)]
    over = {name: over_seeds([values.get(name) for values in kept]) for name in QUANTITIES}
    over["index_degree"]["p"] = [values.get("p") for values in kept]
    return {
        "round": number,
        # Pruning removes exact numbers, so that the density is the same for every seed.
        "density": next(s.density for s in summaries if s is not None),
        "runs": sum(s is not None for s in ranked),
        **over,
    }


def _scores(summary: RoundSummary) -> dict[str, float | None]:
    assert summary.validation is not None
    assert summary.last is not None
    return {
        "validation": summary.validation.score,
        "test": summary.test_best.score if summary.test_best else None,
        "last_validation": summary.last.validation.score,
    }


def _headline(begun: Sequence[Run], rounds: list[dict[str, Any]], metric: str) -> int | None:
    # Those that have not begun are not measured either, and may not know yet how the others are.
    asked = {run.config.analysis.headline for run in begun}
    if len(asked) == 1 and (only := asked.pop()) >= 0:
        return only if any(r["round"] == only for r in rounds) else None
    sparse = [r for r in rounds if r["density"] < 1]
    # Of rounds that fewer seeds reached the mean is one of other seeds.
    most = max((r["runs"] for r in sparse), default=0)
    means = [(r["round"], r["density"], r["validation"]["mean"]) for r in sparse if r["runs"] == most > 0]
    # All seeds are scored on the same validation examples: more seeds don't make these more.
    examples = begun[0].data.examples["validation"] if begun else 0
    return headline_of([Scored(*mean, standard_error(metric, mean[-1], examples)) for mean in means])


def _gain(runs: list[list[RoundSummary]]) -> dict[str, Any]:
    pairs = [_pair(summaries) for summaries in runs]
    gains = [
        {k: _difference(pair["best"][k], pair["dense"][k]) for k in pair["dense"]} if pair else {} for pair in pairs
    ]
    test = [gain.get("test") for gain in gains]
    return {
        "runs": sum(pair is not None for pair in pairs),
        "validation": over_seeds([gain.get("validation") for gain in gains]),
        "test": over_seeds(test),
        "gained_on_test": sum(value is not None and value > 0 for value in test),
        "chosen": [pair and pair["best"] | {"dense": pair["dense"]} for pair in pairs],
    }


def _pair(summaries: list[RoundSummary]) -> dict[str, dict[str, Any]] | None:
    """The dense round 0 and the sparse round that validates best, the denser of equals; None where one is missing."""
    ranked = [s for s in summaries if not s.diverged]
    dense = next((s for s in ranked if s.round == 0 and s.density == 1), None)
    sparse = [s for s in ranked if s.density < 1]
    if dense is None or not sparse:
        return None
    best = max(sparse, key=lambda s: s.validation.score if s.validation else -inf)
    return {"dense": _scores(dense), "best": {"round": best.round, "density": best.density} | _scores(best)}


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
