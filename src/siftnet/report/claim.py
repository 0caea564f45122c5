"""What the seeds of one configuration say together, in words and in a row of figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from siftnet.analysis.verdict import told
from siftnet.report.provenance import key
from siftnet.studies.seeds import mean_text
from siftnet.wording import DENSE, share, signed

# Seeds that the guide asks of a claim.
ENOUGH = 5
# Where all values are the same.
ALIKE = ", in each of them alike"


def claim(summary: dict[str, Any], *, augmented: bool, permuted: str, started: str | None = None) -> tuple[str, str]:
    """The sentence that is set large, and what has to be known to read it.

    summary: of `siftnet.spread.spread`; augmented: whether flips or shifts told the network about geometry; permuted:
    none, fixed or each, as the configuration's data.permute; started: whose masks the runs began with.
    """
    if len(summary["runs"]) < 2:
        return "One seed says nothing about the next, so nothing is claimed here.", _remedy(summary)
    gain, locality = _gain(summary), _locality(summary)
    parts = [part for part in (gain, locality) if part]
    if not parts:
        remedy = "Finish and measure two of them at least."
        return "The seeds have nothing to compare yet.", f"{remedy} {progress_sentences(summary)}".rstrip()
    # Without distances there are no neighbours that anybody could have told the network of.
    about = told(augmented, permuted, started) if locality or augmented or permuted != "none" or started else ""
    reasons = [_optimism(summary), _signs(summary), progress_sentences(summary), _few(summary), about]
    return f"{'; '.join(parts)}.", " ".join(filter(None, reasons))


def _remedy(summary: dict[str, Any]) -> str:
    seed = summary["runs"][0]["seed"]
    return (
        f"These numbers are seed {seed}'s alone, without any interval. Make more of the same configuration, five for a "
        f"claim: --replicates {ENOUGH}."
    )


def _few(summary: dict[str, Any]) -> str:
    row = headline_row(summary)
    counts = [summary["gain"]["test"]["n"], row["index_degree"]["n"] if row else 0]
    least = min(n for n in counts if n > 1)
    return f"{least} seeds are few: take at least five for a claim." if least < ENOUGH else ""


def _gain(summary: dict[str, Any]) -> str:
    found, count = summary["gain"]["test"], len(summary["runs"])
    if found["n"] < 2:
        return ""
    over = f"Over {_seeds(found['n'], count)} the best sparse network is"
    exact, same = summary["metric"] == "accuracy", found["low"] is None
    if found["mean"] == 0 if same else found["low"] <= 0 <= found["high"]:
        alike = "as accurate on the test set as" if exact else "as good on the test set (R²) as"
        sure = ALIKE if same else f", as far as they can tell ({gain_text(summary, 'test')})"
        return f"{over} {alike} the dense one{sure}"
    sign = 1 if found["mean"] > 0 else -1
    ends = (None, None) if same else sorted((sign * found["low"], sign * found["high"]))
    size, each = _amount(sign * found["mean"], ends, exact), ALIKE if same else ""
    if exact:
        return f"{over} {size} {'more' if sign > 0 else 'less'} accurate on the test set than the dense one{each}"
    return f"{over} {'better' if sign > 0 else 'worse'} than the dense one by an R² of {size} on the test set{each}"


def gain_text(summary: dict[str, Any], split: str) -> str:
    """A gain with its sign and its interval, e.g. '+2.4 points [2.0, 2.8]'; a dash where there is none."""
    found, exact = summary["gain"][split], summary["metric"] == "accuracy"
    if found["mean"] is None:
        return "–"
    plus = "+" if found["mean"] > 0 else ""
    return plus + _amount(found["mean"], (found["low"], found["high"]), exact)


def _amount(mean: float, ends: Any, exact: bool) -> str:
    low, high = ends
    scale = 100 if exact else 1
    unit = " points" if exact else ""
    if low is None:
        return f"{signed(scale * mean, 2 if exact else 3)}{unit}"
    # Enough digits to tell the ends of the interval apart.
    digits = (1 if scale * (high - low) >= 0.4 else 2) if exact else 3
    return f"{signed(scale * mean, digits)}{unit} [{signed(scale * low, digits)}, {signed(scale * high, digits)}]"


def _locality(summary: dict[str, Any]) -> str:
    row = headline_row(summary)
    if row is None or row["index_degree"]["n"] < 2:
        return ""
    found, gain = row["index_degree"], summary["gain"]["test"]
    who = _seeds(found["n"], len(summary["runs"]))
    counted = [[value is None for value in values] for values in (found["values"], gain["values"])]
    over = f"Over {who} " if gain["n"] < 2 else ""
    masks = f"the masks of {who}" if gain["n"] > 1 and counted[0] != counted[1] else "masks"
    same = found["low"] is None
    times = mean_text(found | {"sd": None} if same else found)
    return (
        f"{over}at {share(row['density'])} density {masks} hold {times} times the near pairs of degree-preserving "
        f"shuffles (index_degree{_p_text(found)}){ALIKE if same else ''}"
    )


def _p_text(found: dict[str, Any]) -> str:
    """What each seed's shuffles say of its index_degree, e.g. '; p = 0.005 in each'; empty where one has no p."""
    known = [p for value, p in zip(found["values"], found["p"], strict=True) if value is not None]
    if not known or None in known:
        return ""
    relation = "=" if min(known) == max(known) else "at most"
    return f"; p {relation} {max(known):.2g} in each"


def _seeds(n: int, count: int) -> str:
    return f"{n} seeds" if n == count else f"{n} of {count} seeds"


def _signs(summary: dict[str, Any]) -> str:
    found, row = [summary["gain"]["test"], summary["gain"]["validation"]], headline_row(summary)
    found += [row["index_degree"]] if row else []
    same = any(f["n"] > 1 and f["low"] is None for f in found)
    alike = " Where all seeds agree there is no interval: how far the next one lies they cannot say." if same else ""
    return f"Brackets: 95% t interval of the mean over seeds; ±: standard deviation of a single seed.{alike}"


def _optimism(summary: dict[str, Any]) -> str:
    gain = summary["gain"]
    if gain["test"]["mean"] is None:
        return "There is no dense round to compare with." if not gain["runs"] else ""
    gained = f"{gain['gained_on_test']} of {_seeds(gain['test']['n'], gain['test']['n'])} gained on the test set"
    return (
        "Each seed's best round is the one with the highest validation score. The highest of many noisy scores is too "
        f"high on average, so the gain on validation, {gain_text(summary, 'validation')}, is optimistic; the test set "
        f"took no part in the choice. {gained}. {DENSE}"
    )


def scope(summary: dict[str, Any], examples: Mapping[str, int]) -> str:
    """How to read the figures, and what intervals over seeds are about; examples: how many each split has."""
    if len(summary["runs"]) < 2:
        return "Thin line and marks: the one seed. All numbers are in the table below."
    noise = ""
    row = headline_row(summary)
    if summary["metric"] == "accuracy" and row is not None and row["test"]["mean"] is not None:
        p = row["test"]["mean"]
        error = 100 * (p * (1 - p) / examples["test"]) ** 0.5
        noise = f", which alone leave each accuracy a standard error of {error:.2f} points"
    return (
        "Thin lines are single seeds, marks their mean, the shaded band its 95% t interval; all numbers are in the "
        "table below. Seeds differ in initialisation and batches and are scored on the same "
        f"{examples['test']:,} test examples{noise}: intervals are about other seeds, not about other data."
    )


def keys(summary: dict[str, Any], *, augmented: bool) -> list[dict[str, str]]:
    """The row of figures below the sentence."""
    gain, row, count = summary["gain"], headline_row(summary), len(summary["runs"])
    seeds = [run["seed"] for run in summary["runs"] if run["reached"] is not None]
    begun = str(count) if len(seeds) == count else f"{len(seeds)} of {count}"
    found = [key(begun, "seeds" if count > 1 else "seed", seeds_text(seeds))]
    if gain["test"]["n"] > 1:
        value, _, interval = gain_text(summary, "test").partition(" [")
        amount = value.removesuffix(" points")
        unit = "points on test" if summary["metric"] == "accuracy" else "R² on test"
        found.append(key(amount, f"{unit}, best sparse over dense", f"[{interval}" if interval else "in each alike"))
        found.append(key(f"{gain['gained_on_test']} of {gain['test']['n']}", "seeds gained on test", ""))
    if row is not None:
        remark = f"{'where seeds are compared, ' if count > 1 else ''}round {row['round']}"
        found.append(key(share(row["density"]), "density", remark))
        if row["index_degree"]["mean"] is not None:
            index = row["index_degree"]
            deviation = "" if index["sd"] is None else f"± {index['sd']:.2f} {interval_text(index)}".rstrip()
            found.append(key(mean_text(index | {"sd": None}), "locality index_degree", deviation))
    yes, how = ("yes", "flips or shifts") if augmented else ("no", "no augmentation")
    return [*found, key(yes, "told about geometry", how)]


def interval_text(found: dict[str, Any]) -> str:
    """The interval of an index's mean, e.g. '[4.59, 4.61]', empty where there is none."""
    return "" if found["low"] is None else f"[{signed(found['low'], 2)}, {signed(found['high'], 2)}]"


PLURAL = {"is": "are", "has": "have"}


def progress_text(run: dict[str, Any], summary: dict[str, Any]) -> str:
    """Why a seed has fewer rounds than it might, e.g. 'is unfinished, at round 1 of 9'; empty where it has all."""
    diverged, reached = run["diverged"], run["reached"]
    if reached is None:
        return "has not begun"
    if diverged:
        return f"diverged in round {diverged['round']} and did not count from there on"
    if run["stop"] is None:
        return f"is unfinished, at round {reached} of {run['asked']}"
    furthest = max(other["reached"] for other in summary["runs"] if other["reached"] is not None)
    return f"stopped at round {reached}: {run['stop']}" if reached < furthest else ""


def progress_sentences(summary: dict[str, Any]) -> str:
    """A sentence for all seeds of which the same is to be said, and which ones fall short of the headline round."""
    together: dict[str, list[int]] = {}
    for run in summary["runs"]:
        if text := progress_text(run, summary):
            together.setdefault(text, []).append(run["seed"])
    sentences = [_sentence(text, seeds) for text, seeds in together.items()]
    row = headline_row(summary)
    if row is not None:
        scores = row["validation"]["values"]
        short = [run["seed"] for run, score in zip(summary["runs"], scores, strict=True) if score is None]
        if short:
            sentences.append(f"Not in round {row['round']}, where seeds are compared: {_seed_list(short)}.")
    return " ".join(sentences)


def _sentence(text: str, seeds: list[int]) -> str:
    verb, rest = text.split(" ", 1)
    return f"{_seed_list(seeds).capitalize()} {PLURAL.get(verb, verb) if len(seeds) > 1 else verb} {rest}."


def _seed_list(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {seeds_text(seeds)}"


def headline_row(summary: dict[str, Any]) -> dict[str, Any] | None:
    """The round at which the seeds are compared, None where there is none."""
    return next((row for row in summary["rounds"] if row["round"] == summary["headline"]), None)


def seeds_text(seeds: list[int]) -> str:
    """Seeds in a row as '0 to 4', others one by one."""
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
