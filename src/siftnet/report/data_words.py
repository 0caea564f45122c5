"""A data set in words and rows, the same on pages, in `siftnet data` and at the head of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from siftnet.store.shown import ShownExamples
from siftnet.store.summary import DataSummary, NumericTargets
from siftnet.wording import NOTE, named

FEW = 10
"""Classes at most that are all listed; of more, the FEW // 2 most and least frequent."""
LISTED = 6
"""Classes at most that a line names, and inputs."""
VALUES = 10
"""Inputs of an example at most whose values are listed."""
ROOM = 40
"""Characters at most of a name."""
LINE = 200
"""Characters at most of where targets come from."""


@dataclass(frozen=True)
class Rows:
    """A small table: headings and rows of text, the first column names."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def class_name(data: DataSummary, number: int) -> str:
    """A class by its name, or by its number where nobody named it."""
    return named(data.class_names[number], ROOM) if 0 <= number < len(data.class_names) else str(number)


def plain_number(value: float, beside: float = 0.0) -> str:
    """A number as one would write it into a file, '13.2', '1700000123000'.

    beside: a deviation, of which four digits say enough; all of the number's own unless given.
    """
    if beside > 0:
        places = 3 - int(np.floor(np.log10(beside)))
        value = round(value, max(min(places, 300), -300))
    value += 0.0  # which takes the sign off a 0
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.10g}"


def head_lines(data: DataSummary) -> list[str]:
    """The few lines that a run begins with."""
    read = f"{named(data.source)}, " if data.source else ""
    kind = "numeric target" if data.classes is None else f"{data.classes} classes"
    lines = [f"{named(data.name)}: {read}{data.geometry.describe()}, {kind}; {_counts(data)} examples"]
    targets = ": ".join(filter(None, [named(data.target, LINE), _targets_of_training(data)]))
    return [*lines, f"targets: {targets}"] if targets else lines


def _targets_of_training(data: DataSummary) -> str:
    if data.numeric_targets is not None:
        found, fitted = data.numeric_targets.spread["train"], _fitted(data.numeric_targets)
        low, high, mean, deviation = (
            plain_number(v, found.deviation) for v in (found.low, found.high, found.mean, found.deviation)
        )
        spread = f"training examples from {low} to {high}"
        return spread + (f"{fitted}, their mean and deviation" if fitted else f", mean {mean}, deviation {deviation}")
    counts = data.class_counts.get("train", ())
    if not counts:
        return ""
    if len(counts) <= LISTED:
        return "training examples " + ", ".join(f"{class_name(data, c)} {n:,}" for c, n in enumerate(counts))
    least, most = int(np.argmin(counts)), int(np.argmax(counts))
    if counts[least] == counts[most]:
        return f"{counts[least]:,} training examples of each"
    return (
        f"{counts[least]:,} ({class_name(data, least)}) to {counts[most]:,} ({class_name(data, most)}) training "
        "examples of each"
    )


def _fitted(numeric: NumericTargets) -> str:
    if (numeric.taken_off, numeric.divisor) == (0, 1):
        return ""
    taken_off, divisor = (plain_number(v, numeric.divisor) for v in (numeric.taken_off, numeric.divisor))
    return f"; fitted as (target - {taken_off}) / {divisor}".replace("- -", "+ ")


def _counts(data: DataSummary) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in data.examples.items())


def facts(data: DataSummary) -> list[tuple[str, str]]:
    """What was read as what, as names and texts; of an older run, which did not write all of it down, less."""
    rows = [
        ("read", data.source),
        ("examples", _counts(data) + (f", {data.left_over:,} in none of them" if data.left_over else "")),
        ("divided", data.division),
        ("inputs", _inputs(data)),
        ("targets", _targets(data)),
        ("scaled", data.scaling),
        ("augmentation", "flips or shifts, which tell the network about geometry" if data.augmented else ""),
    ]
    return [(name, named(text, NOTE)) for name, text in rows if text]


def _inputs(data: DataSummary) -> str:
    names = [named(name, ROOM) for name in data.input_names[:LISTED]]
    more = "" if len(data.input_names) <= LISTED else f" and {len(data.input_names) - LISTED:,} more"
    shuffled = "by one permutation" if data.permuted else "each example by a permutation of its own"
    return (
        data.geometry.describe()
        + (f": {', '.join(names)}{more}" if names else "")
        + (f"; shuffled, {shuffled}" if data.permuted or data.scrambled else "")
    )


def _targets(data: DataSummary) -> str:
    kind = "a number" if data.classes is None else f"{data.classes:,} classes"
    fitted = "" if data.numeric_targets is None else _fitted(data.numeric_targets)
    return kind + (f": {data.target}" if data.target else "") + fitted


def by_split(data: DataSummary) -> Rows | None:
    """Examples of each class by split, of many classes the most and least frequent; or the spread of numeric targets.

    None for a run that did not write it down.
    """
    if data.numeric_targets is not None:
        rows = []
        for split, found in data.numeric_targets.spread.items():
            values = (found.low, found.high, found.mean, found.deviation)
            rows.append([split, *(plain_number(value, found.deviation) for value in values)])
        return Rows(("targets", "smallest", "largest", "mean", "deviation"), rows)
    if not data.class_counts:
        return None
    splits = list(data.class_counts)

    def row(number: int) -> list[str]:
        return [class_name(data, number), *(f"{data.class_counts[split][number]:,}" for split in splits)]

    classes = data.classes or 0
    if classes <= FEW:
        return Rows(("class", *splits), [row(number) for number in range(classes)])
    order = np.argsort([-n for n in data.class_counts[splits[0]]], kind="stable").tolist()
    most, least = order[: FEW // 2], order[-(FEW // 2) :]
    between = [f"{classes - len(most) - len(least):,} between them", *("" for _ in splits)]
    return Rows(("class", *splits), [*map(row, most), between, *map(row, least)])


def titles(data: DataSummary, shown: ShownExamples) -> list[tuple[str, str]]:
    """What stands beside each example that is shown: its class or target, and its number."""
    said = []
    for row, label in zip(shown.rows_E.tolist(), shown.labels_E.tolist(), strict=True):
        target = f"target {plain_number(label)}" if data.classes is None else f"class {class_name(data, int(label))}"
        said.append((target, f"example {row:,}"))
    return said


def values(data: DataSummary, shown: ShownExamples, permutation_I: np.ndarray | None = None) -> Rows:
    """The first inputs of the examples that are shown, by name; permutation_I: that shuffled them, if one did."""
    inputs = shown.inputs_EI.shape[1]
    rows = []
    for i in range(min(VALUES, inputs)):
        cells = [plain_number(float(value)) for value in shown.inputs_EI[:, i]]
        rows.append([_input_name(data, i if permutation_I is None else int(permutation_I[i])), *cells])
    if inputs > VALUES:
        rows.append([f"and {inputs - VALUES:,} more", *("" for _ in shown.rows_E)])
    return Rows(("input", *map("\n".join, titles(data, shown))), rows)


def _input_name(data: DataSummary, number: int) -> str:
    # Where each example was shuffled by itself, no place belongs to an input.
    if data.scrambled or not 0 <= number < len(data.input_names):
        return f"input {number}"
    return named(data.input_names[number], ROOM)
