"""What the seeds of one configuration say together, in words and in a row of figures."""

from __future__ import annotations

from typing import Any

from siftnet.report.provenance import key
from siftnet.report.wording import DENSE, share, signed
from siftnet.spread import mean_text

# Seeds that the guide asks of a claim.
ENOUGH = 5


def claim(summary: dict[str, Any], *, augmented: bool) -> tuple[str, str]:
    """The sentence that is set large, and what has to be known to read it.

    summary: of `siftnet.spread.spread`; augmented: whether flips or shifts told the network about geometry.
    """
    count = len(summary["runs"])
    if count < 2:
        return "One seed says nothing about the next, so nothing is claimed here.", _remedy(summary)
    parts = [part for part in (_gain(summary), _locality(summary)) if part]
    if not parts:
        return "The seeds have nothing to compare yet.", "Finish and measure two of them at least."
    told = "Flips or shifts in training told the network what a neighbour is." if augmented else ""
    few = f"{count} seeds are few: take at least five for a claim." if count < ENOUGH else ""
    reasons = [_optimism(summary), _brackets(summary), few, told]
    return f"{'; '.join(parts)}.", " ".join(filter(None, reasons))


def _remedy(summary: dict[str, Any]) -> str:
    seed = summary["runs"][0]["seed"]
    return (
        f"What stands below is seed {seed} alone, without any interval. Make more of the same configuration, five for "
        f"a claim: --replicates {ENOUGH}."
    )


def _gain(summary: dict[str, Any]) -> str:
    found, count = summary["gain"]["test"], len(summary["runs"])
    if found["low"] is None:
        return ""
    over = f"Over {_seeds(found['n'], count)} the best sparse network is"
    exact = summary["metric"] == "accuracy"
    if found["low"] <= 0 <= found["high"]:
        alike = "as accurate on the test set as" if exact else "as good on the test set (R²) as"
        return f"{over} {alike} the dense one, as far as they can tell ({gain_text(summary, 'test')})"
    sign = 1 if found["mean"] > 0 else -1
    size = _amount(sign * found["mean"], sorted((sign * found["low"], sign * found["high"])), exact)
    if exact:
        return f"{over} {size} {'more' if sign > 0 else 'less'} accurate on the test set than the dense one"
    return f"{over} {'better' if sign > 0 else 'worse'} than the dense one by an R² of {size} on the test set"


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
    found = row["index_degree"]
    over = "" if summary["gain"]["test"]["low"] is not None else f"Over {_seeds(found['n'], len(summary['runs']))} "
    return (
        f"{over}at {share(row['density'])} density masks hold {mean_text(found)} times the near pairs of "
        "degree-preserving shuffles (index_degree)"
    )


def headline_row(summary: dict[str, Any]) -> dict[str, Any] | None:
    """The round at which the seeds are compared, None where there is none."""
    return next((row for row in summary["rounds"] if row["round"] == summary["headline"]), None)


def _seeds(n: int, count: int) -> str:
    return f"{n} seeds" if n == count else f"{n} of {count} seeds"


def _brackets(summary: dict[str, Any]) -> str:
    shown = "Brackets: 95% t interval of the mean over seeds; ±: standard deviation of a single seed."
    lost = [f"seed {r['seed']} in round {r['diverged']['round']}" for r in summary["runs"] if r["diverged"]]
    return shown + (f" Diverged there, and left out: {', '.join(lost)}." if lost else "")


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


def scope(summary: dict[str, Any], examples: dict[str, int]) -> str:
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
    seeds, gain, row = [run["seed"] for run in summary["runs"]], summary["gain"], headline_row(summary)
    found = [key(str(len(seeds)), "seeds" if len(seeds) > 1 else "seed", seeds_text(seeds))]
    if gain["test"]["low"] is not None:
        value, _, interval = gain_text(summary, "test").partition(" [")
        amount = value.removesuffix(" points")
        unit = "points on test" if summary["metric"] == "accuracy" else "R² on test"
        found.append(key(amount, f"{unit}, best sparse over dense", f"[{interval}"))
        found.append(key(f"{gain['gained_on_test']} of {gain['test']['n']}", "seeds gained on test", ""))
    if row is not None:
        remark = f"{'where seeds are compared, ' if len(seeds) > 1 else ''}round {row['round']}"
        found.append(key(share(row["density"]), "density", remark))
        if row["index_degree"]["mean"] is not None:
            index = row["index_degree"]
            deviation = "" if index["sd"] is None else f"± {index['sd']:.2f} {interval_text(index)}"
            found.append(key(mean_text(index | {"sd": None}), "locality index_degree", deviation))
    told = ("yes", "flips or shifts") if augmented else ("no", "no augmentation")
    return [*found, key(told[0], "told about geometry", told[1])]


def interval_text(found: dict[str, Any]) -> str:
    """The interval of an index's mean, e.g. '[4.59, 4.61]', empty where there is none."""
    return "" if found["low"] is None else f"[{signed(found['low'], 2)}, {signed(found['high'], 2)}]"


def seeds_text(seeds: list[int]) -> str:
    """Seeds in a row as '0 to 4', others one by one."""
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
