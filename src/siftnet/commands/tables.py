"""What is printed of stored runs: tables, sentences, JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from siftnet.commands.output import terminal
from siftnet.report.claim import claim
from siftnet.store.folder import RunFolder
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary, undefined_in
from siftnet.studies.measured_layer import Indices, index_to_dict
from siftnet.studies.measured_run import read_headline, read_round_indices
from siftnet.studies.seeds import SeedsSummary, summarise_seeds
from siftnet.wording import (
    counted,
    duration,
    index,
    index_over_seeds,
    metric_name,
    milliseconds_cell,
    p_value,
    printable,
    score,
    score_over_seeds,
    seconds_cell,
    share,
    size,
    undefined_scores,
)

if TYPE_CHECKING:
    from siftnet.kernels.plan import Plan
    from siftnet.runs.estimate import RunCost

# The columns of a run's table by heading, in order.
COLUMNS = (
    "round", "density", "effective", "validation", "at step", "test", "last val.", "index uniform", "index degree", "p",
    "kernel", "seconds",
)  # fmt: skip


# Where the width is short these go first to last; what is left, and with it the interval, stays to the end.
SPARED = ("seconds", "kernel", "last val.", "effective", "at step", "index uniform", "p")


WIDE = 10_000


@dataclass(frozen=True)
class Row:
    """A round as it is shown: its numbers, and the first layer's indices where they are measured."""

    summary: RoundSummary
    indices: Indices | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        uniform, degree = (self.indices.index_uniform, self.indices.index_degree) if self.indices else (None, None)
        found = {"index_uniform": index_to_dict(uniform), "index_degree": index_to_dict(degree)}
        return self.summary.to_dict() | found


def rounds_table(rows: Sequence[Row], headline: int | None, *, width: int | None = None) -> Table:
    """One line a round; the headline round in bold.

    width: columns of the terminal. Where they are few the table stands closer, then loses its least important columns
    one by one, and at last the intervals. None takes all of it.
    """
    full = _rounds_table(rows, headline, COLUMNS)
    if width is None or _fits(full, width):
        return full
    fewer = [[c for c in COLUMNS if c not in SPARED[:n]] for n in range(len(SPARED) + 1)]
    tables = (_rounds_table(rows, headline, columns, close=True) for columns in fewer)
    fitting = next((table for table in tables if _fits(table, width)), None)
    return fitting or _rounds_table(rows, headline, fewer[-1], close=True, intervals=False)


def _fits(table: Table, width: int) -> bool:
    return Console(width=WIDE).measure(table).maximum <= width


def _rounds_table(
    rows: Sequence[Row],
    headline: int | None,
    columns: Sequence[str],
    *,
    close: bool = False,
    intervals: bool = True,
) -> Table:
    title = _scored(rows[0].summary.metric if rows else "accuracy", undefined_in([row.summary for row in rows]))
    title += "; index: near pairs over the null's"
    title += "; p >= 1 / (1 + shuffles)" if "p" in columns else ""
    table = _table(title, columns, close=close)
    for row in rows:
        cells = _cells(row, intervals)
        table.add_row(*(cells[column] for column in columns), style="bold" if row.summary.round == headline else None)
    return table


def _scored(metric: str, undefined: Sequence[str]) -> str:
    """What the scores of a table are of."""
    weights = "the last weights" if "validation" in undefined else "the weights that validation chose"
    return f"{metric_name(metric)} of {weights}"


def _table(title: str, columns: Sequence[str], *, close: bool) -> Table:
    """An empty table; close: without edges, and with headings of two words on two lines."""
    tight: dict[str, Any] = {"collapse_padding": True, "pad_edge": False, "show_edge": False} if close else {}
    table = Table(box=SIMPLE, title=title, **tight)
    for column in columns:
        heading = column.replace("index ", "index\n") if close else column
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    return table


def _cells(row: Row, intervals: bool) -> dict[str, str]:
    """What a round's line says, by column; of a diverged round, that and where."""
    summary, metric = row.summary, row.summary.metric
    cells = dict.fromkeys(COLUMNS, "") | {"round": str(summary.round), "density": share(summary.density, 3)}
    if summary.diverged:
        return cells | {"validation": "diverged", "at step": str(summary.diverged_at)}
    best, last, test = summary.best, summary.last, summary.test_best
    return (
        cells
        | {
            "effective": share(summary.density_effective, 3),
            "validation": score(best.validation.score if best else None, metric, 2),
            "at step": str(best.step) if best else "",
            "test": score(test.score if test else None, metric, 2),
            "last val.": score(last.validation.score if last else None, metric, 2),
            "kernel": summary.kernel or "",
            "seconds": seconds_cell(summary.seconds),
        }
        | (_index_cells(row.indices, intervals) if row.indices else {})
    )


def _index_cells(found: Indices, intervals: bool) -> dict[str, str]:
    degree = found.index_degree
    if degree is not None and not intervals:
        degree = replace(degree, low=None, high=None)
    return {
        "index uniform": index(found.index_uniform.value),
        "index degree": index(degree.value, degree.low, degree.high) if degree else "",
        "p": p_value(degree.p) if degree else "",
    }


def seeds_table(summary: SeedsSummary) -> Table:
    """One line a round: means and deviations over seeds; the round where they are compared in bold."""
    metric, count = summary.metric, len(summary.runs)
    seeds = "1 seed" if count == 1 else f"mean ± standard deviation over {count} seeds"
    title = f"{seeds}; {_scored(metric, summary.undefined)}; n: seeds that count"
    columns = ("round", "density", "n", "validation", "test", "index uniform", "index degree")
    table = _table(title, columns, close=True)
    for row in summary.rounds:
        scores = [score_over_seeds(found.mean, found.sd, metric) for found in (row.validation, row.test)]
        indices = [index_over_seeds(found.mean, found.sd) for found in (row.index_uniform, row.index_degree)]
        cells = [str(row.round), share(row.density, 3), str(row.runs), *scores, *indices]
        table.add_row(*cells, style="bold" if row.round == summary.headline else None)
    return table


def plan_text(plan: Plan) -> str:
    """Which kernel at which density, e.g. 'fused down to 21.5% density, then sparse'."""
    first, *further = plan.choices()
    words = first[1]
    for density, name in further:
        words += f" down to {share(density, 3)} density, then {name}"
    return words


def cost_text(expected: RunCost) -> str:
    """What a run, or replicates, will take, in a sentence and a line a round; measuring and the page come on top."""
    memory, disk = size(expected.memory_bytes), size(expected.disk_bytes)
    count = expected.replicates
    how = "side by side" if expected.side_by_side else "one after the other"
    replicates = f"{count} replicates, trained {how}, each with " if count > 1 else ""
    trained = "of training in all" if count > 1 else "of training"
    rounds = ("at most " if expected.ending else "") + counted(len(expected.rounds), "round")
    sentence = (
        f"{replicates}{rounds} of a network with {expected.parameters:,} parameters: "
        f"{duration(expected.training_seconds)} {trained}, timed here; {memory} of memory beside "
        f"0.4 GB of libraries; {disk} on the disk"
    )
    table = Table(box=SIMPLE)
    whose = "" if count == 1 else f" of all {count}" if expected.side_by_side else " of each"
    for column in ("round", "density", "kernel", f"ms an update{whose}", f"seconds{whose}"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in expected.rounds:
        times = milliseconds_cell(row.milliseconds_a_step), seconds_cell(row.seconds)
        table.add_row(str(row.round), share(row.density, 3), row.kernel, *times)
    console = Console(width=80)
    with console.capture() as drawn:
        console.print(table)
    lines = [line.rstrip() for line in drawn.get().splitlines()]
    return "\n".join([*filter(None, lines), sentence, *([expected.ending] if expected.ending else [])])


def print_outcome(outcome: RunFolder, as_json: bool) -> None:
    """The table of rounds with the verdict, or that over replicates with what they say together; or all as JSON."""
    if as_json:
        runs = [_to_dict(stored) for stored in outcome.runs]
        if not outcome.replicated:
            print_json(runs[0])
            return
        print_json({"replicates": str(outcome.path), "spread": summarise_seeds(outcome.runs).to_dict(), "runs": runs})
        return
    console = terminal()
    if outcome.replicated:
        summary, first = summarise_seeds(outcome.runs), outcome.runs[0]
        console.print(seeds_table(summary))
        claimed = claim(
            summary,
            augmented=first.data.augmented,
            permuted=first.permuted,
            started=first.started,
            elsewhere=first.data.elsewhere,
        )
        for text in claimed:
            console.print(printable(text), soft_wrap=True)
        return
    headline, rows = read_headline(outcome.runs[0]), _rows(outcome.runs[0])
    console.print(rounds_table(rows, headline.round if headline else None, width=console.width))
    if headline is not None:
        console.print(printable(f"Round {headline.round}, {headline.verdict}"), soft_wrap=True)
    if undefined := undefined_in([row.summary for row in rows]):
        console.print(undefined_scores(undefined), soft_wrap=True)


def _rows(stored: Run) -> list[Row]:
    return [Row(summary, read_round_indices(stored, summary.round)) for summary in stored.summaries()]


def _to_dict(stored: Run) -> dict[str, Any]:
    headline, rows = read_headline(stored), [row.to_dict() for row in _rows(stored)]
    return {
        "run": str(stored.path),
        "digest": stored.digest,
        "headline": headline and headline.to_dict(),
        "rounds": rows,
    }


def print_json(value: Any) -> None:
    """One JSON document on standard output; what is no number in it is null, as JSON has no word for it."""
    print(json.dumps(_finite(value), allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value
