"""A whole schedule of rounds, from each round's own step time: what pruning costs from the dense network to the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from siftnet.bench.sweep import Row


@dataclass(frozen=True)
class ScheduleRow:
    """One contender in one round. step_ms: median; update_ms: with its share of a validation."""

    round: int
    density: float
    contender: str
    kernel: str
    step_ms: float
    evaluate_ms: float
    update_ms: float


def schedule_rows(rows: Iterable[Row], densities: Sequence[float], validate_every: int) -> list[ScheduleRow]:
    """The schedule's rounds, each timed at its own density; a validation counts once every `validate_every` updates.

    densities: of each round; rows: timings that hold every one of them for each contender.
    """
    found = {(row.contender, row.density): row for row in rows}
    contenders = list(dict.fromkeys(name for name, _ in found))
    return [
        ScheduleRow(
            number,
            density,
            name,
            row.kernel,
            row.timing.p50_ms,
            row.timing.evaluate_ms,
            row.timing.p50_ms + row.timing.evaluate_ms / validate_every,
        )
        for number, density in enumerate(densities)
        for name in contenders
        if (row := found[name, density])
    ]


def totals(rows: Iterable[ScheduleRow]) -> dict[str, float]:
    """Milliseconds of one update in every round, summed over the rounds, by contender."""
    sums: dict[str, float] = {}
    for row in rows:
        sums[row.contender] = sums.get(row.contender, 0.0) + row.update_ms
    return sums


def ratios(sums: dict[str, float], baselines: Sequence[str]) -> dict[str, dict[str, float]]:
    """How many times faster each contender is than each baseline: contender -> baseline -> ratio."""
    return {name: {base: sums[base] / total for base in baselines} for name, total in sums.items()}
