"""What the seeds of one configuration say together, in words and in a row of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from siftnet.analysis.headline import standard_error
from siftnet.analysis.verdict import told
from siftnet.report.page import Key
from siftnet.studies.seeds import OverSeeds, SeedRun, SeedsSummary, TestedOverSeeds
from siftnet.wording import (
    DENSE,
    NONE,
    density,
    gain,
    gain_interval,
    gain_size,
    index_deviation,
    index_interval,
    index_over_seeds,
    p_value,
    points,
    undefined_scores,
)

# Seeds that the guide asks of a claim.
ENOUGH = 5
# Where all values are the same.
ALIKE = ", in each of them alike"


def claim(
    summary: SeedsSummary,
    *,
    augmented: bool,
    permuted: str,
    started: str | None = None,
    elsewhere: str | None = None,
) -> tuple[str, str]:
    """The sentence that is set large, and what has to be known to read it.

    augmented: whether flips or shifts told the network about geometry; permuted:
    none, fixed or each, as the configuration's data.permute; started: whose masks the runs began with; elsewhere: the
    geometry of the neighbours that labels were made from, where it is another than the inputs'.
    """
    if len(summary.runs) < 2:
        return "One seed says nothing about the next, so nothing is claimed here.", _remedy(summary)
    gained, locality = _gain(summary), _locality(summary)
    parts = [part for part in (gained, locality) if part]
    if not parts:
        if undefined := undefined_scores(summary.undefined):
            return "The seeds have no scores to compare.", f"{undefined} {progress_sentences(summary)}".rstrip()
        remedy = "Finish and measure two of them at least."
        return "The seeds have nothing to compare yet.", f"{remedy} {progress_sentences(summary)}".rstrip()
    # Without distances there are no neighbours that anybody could have told the network of.
    asked = locality or augmented or permuted != "none" or started
    about = told(augmented, permuted, started, elsewhere if locality else None) if asked else ""
    undefined = undefined_scores(summary.undefined)
    reasons = [undefined, _optimism(summary), _signs(summary), progress_sentences(summary), _few(summary), about]
    return f"{'; '.join(parts)}.", " ".join(filter(None, reasons))


def _remedy(summary: SeedsSummary) -> str:
    seed = summary.runs[0].seed
    remedy = (
        f"These numbers are seed {seed}'s alone, without any interval. Make more of the same configuration, five for a "
        f"claim: --replicates {ENOUGH}."
    )
    return f"{remedy} {undefined_scores(summary.undefined)}".rstrip()


def _few(summary: SeedsSummary) -> str:
    row = summary.compared
    counts = [summary.gain.test.n, row.index_degree.n if row else 0]
    least = min(n for n in counts if n > 1)
    return f"{least} seeds are few: take at least five for a claim." if least < ENOUGH else ""


def _gain(summary: SeedsSummary) -> str:
    found, count = summary.gain.test, len(summary.runs)
    if found.n < 2 or found.mean is None:
        return ""
    over = f"Over {_seeds(found.n, count)} the best sparse network is"
    exact, low, high = summary.is_accuracy, found.low, found.high
    each = ALIKE if low is None or high is None else ""
    if found.mean == 0 if low is None or high is None else low <= 0 <= high:
        alike = "as accurate on the test set as" if exact else "as good on the test set (R²) as"
        sure = each or f", as far as they can tell ({gain_text(summary, 'test')})"
        return f"{over} {alike} the dense one{sure}"
    more = found.mean > 0
    # A loss is told by its size.
    ends = (low, high) if more else (None if high is None else -high, None if low is None else -low)
    size = gain(abs(found.mean), summary.metric, *ends)
    if exact:
        return f"{over} {size} {'more' if more else 'less'} accurate on the test set than the dense one{each}"
    return f"{over} {'better' if more else 'worse'} than the dense one by an R² of {size} on the test set{each}"


def gain_text(summary: SeedsSummary, split: Literal["test", "validation"]) -> str:
    """A gain with its sign and its interval, e.g. '+2.4 points [2.0, 2.8]'; a dash where there is none."""
    found = summary.gain.test if split == "test" else summary.gain.validation
    return NONE if found.mean is None else _plus(found.mean) + gain(found.mean, summary.metric, found.low, found.high)


def _plus(value: float) -> str:
    return "+" if value > 0 else ""


def _locality(summary: SeedsSummary) -> str:
    row = summary.compared
    if row is None or row.index_degree.n < 2:
        return ""
    found, gained = row.index_degree, summary.gain.test
    who = _seeds(found.n, len(summary.runs))
    counted = [[value is None for value in values] for values in (found.values, gained.values)]
    over = f"Over {who} " if gained.n < 2 else ""
    masks = f"the masks of {who}" if gained.n > 1 and counted[0] != counted[1] else "masks"
    same = found.low is None
    times = index_over_seeds(found.mean, None if same else found.sd)
    return (
        f"{over}at {density(row.density)} density {masks} hold {times} times the near pairs of degree-preserving "
        f"shuffles (index_degree{_p_text(found)}){ALIKE if same else ''}"
    )


def _p_text(found: TestedOverSeeds) -> str:
    """What each seed's shuffles say of its index_degree, e.g. '; p = 0.005 in each'; empty where one has no p."""
    of_indices = [p for value, p in zip(found.values, found.p, strict=True) if value is not None]
    known = [p for p in of_indices if p is not None]
    if not known or len(known) < len(of_indices):
        return ""
    relation = "=" if min(known) == max(known) else "at most"
    return f"; p {relation} {p_value(max(known))} in each"


def _seeds(n: int, count: int) -> str:
    return f"{n} seeds" if n == count else f"{n} of {count} seeds"


def _signs(summary: SeedsSummary) -> str:
    row = summary.compared
    found: list[OverSeeds] = [summary.gain.test, summary.gain.validation, *([row.index_degree] if row else [])]
    same = any(f.n > 1 and f.low is None for f in found)
    alike = " Where all seeds agree there is no interval: how far the next one lies they cannot say." if same else ""
    return f"Brackets: 95% t interval of the mean over seeds; ±: standard deviation of a single seed.{alike}"


def _optimism(summary: SeedsSummary) -> str:
    found = summary.gain
    if found.test.mean is None:
        return "There is no dense round to compare with." if not found.runs and not summary.undefined else ""
    gained = f"{found.gained_on_test} of {_seeds(found.test.n, found.test.n)} gained on the test set"
    return (
        "Each seed's best round is the one with the highest validation score. The highest of many noisy scores is too "
        f"high on average, so the gain on validation, {gain_text(summary, 'validation')}, is optimistic; the test set "
        f"took no part in the choice. {gained}. {DENSE}"
    )


def scope(summary: SeedsSummary, examples: Mapping[str, int]) -> str:
    """How to read the figures, and what intervals over seeds are about; examples: how many each split has."""
    if len(summary.runs) < 2:
        return "Thin line and marks: the one seed. All numbers are in the table below."
    noise, row = "", summary.compared
    if summary.is_accuracy and row is not None and row.test.mean is not None:
        error = standard_error(summary.metric, row.test.mean, examples["test"])
        noise = f", which alone leave each accuracy a standard error of {points(error)}"
    return (
        "Thin lines are single seeds, marks their mean, the shaded band its 95% t interval where they differ; all "
        "numbers are in the table below. Seeds differ in initialisation and batches and are scored on the same "
        f"{examples['test']:,} test examples{noise}: intervals are about other seeds, not about other data."
    )


def keys(summary: SeedsSummary, *, augmented: bool) -> list[Key]:
    """The row of figures below the sentence."""
    row, count = summary.compared, len(summary.runs)
    seeds = [run.seed for run in summary.runs if run.reached is not None]
    begun = str(count) if len(seeds) == count else f"{len(seeds)} of {count}"
    found = [Key(begun, "seeds" if count > 1 else "seed", seeds_text(seeds)), *_gain_keys(summary)]
    if row is not None:
        remark = f"{'where seeds are compared, ' if count > 1 else ''}round {row.round}"
        found.append(Key(density(row.density), "density", remark))
        index = row.index_degree
        if index.mean is not None:
            deviation = f"{index_deviation(index.sd)} {index_interval(index.low, index.high)}".strip()
            found.append(Key(index_over_seeds(index.mean), "locality index_degree", deviation))
    yes, how = ("yes", "flips or shifts") if augmented else ("no", "no augmentation")
    return [*found, Key(yes, "told about geometry", how)]


def _gain_keys(summary: SeedsSummary) -> list[Key]:
    found, metric = summary.gain.test, summary.metric
    if found.n < 2 or found.mean is None:
        return []
    size = _plus(found.mean) + gain_size(found.mean, metric, found.low, found.high)
    unit = "points on test" if summary.is_accuracy else "R² on test"
    interval = gain_interval(metric, found.low, found.high) or "in each alike"
    gained = f"{summary.gain.gained_on_test} of {found.n}"
    return [Key(size, f"{unit}, best sparse over dense", interval), Key(gained, "seeds gained on test")]


PLURAL = {"is": "are", "has": "have"}


def progress_text(run: SeedRun, summary: SeedsSummary) -> str:
    """Why a seed has fewer rounds than it might, e.g. 'is unfinished, at round 1 of 9'; empty where it has all."""
    if run.reached is None:
        return "has not begun"
    if run.diverged:
        return f"diverged in round {run.diverged.round} and did not count from there on"
    if run.stop is None:
        return f"is unfinished, at round {run.reached} of {run.asked}"
    furthest = max(other.reached for other in summary.runs if other.reached is not None)
    return f"stopped at round {run.reached}: {run.stop}" if run.reached < furthest else ""


def progress_sentences(summary: SeedsSummary) -> str:
    """A sentence for all seeds of which the same is to be said, and which ones fall short of the headline round."""
    together: dict[str, list[int]] = {}
    for run in summary.runs:
        if text := progress_text(run, summary):
            together.setdefault(text, []).append(run.seed)
    sentences = [_sentence(text, seeds) for text, seeds in together.items()]
    row = summary.compared
    short = [] if row is None else [run.seed for run in summary.runs if not _counts(run, row.round)]
    if row is not None and short:
        sentences.append(f"Not in round {row.round}, where seeds are compared: {_seed_list(short)}.")
    return " ".join(sentences)


def _counts(run: SeedRun, number: int) -> bool:
    """Whether a seed reached a round and did not diverge in it."""
    lost = run.diverged is not None and run.diverged.round <= number
    return run.reached is not None and run.reached >= number and not lost


def _sentence(text: str, seeds: list[int]) -> str:
    verb, rest = text.split(" ", 1)
    return f"{_seed_list(seeds).capitalize()} {PLURAL.get(verb, verb) if len(seeds) > 1 else verb} {rest}."


def _seed_list(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {seeds_text(seeds)}"


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds in a row as '0 to 4', others one by one."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
