"""What is printed of stored runs: tables, sentences, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from siftnet.kernels.plan import Plan
from siftnet.report.claim import claim
from siftnet.store.folder import RunFolder
from siftnet.store.run import Run
from siftnet.studies.measured_layer import index_to_dict
from siftnet.studies.measured_run import read_headline, read_round_indices
from siftnet.studies.seeds import mean_text, spread
from siftnet.wording import density_text, score_text

# The columns of a run's table by heading, in order.
COLUMNS = (
    "round", "density", "effective", "validation", "at step", "test", "last val.", "index uniform", "index degree", "p",
    "kernel", "seconds",
)  # fmt: skip


# Where the width is short these go first to last; what is left, and with it the interval, stays to the end.
SPARED = ("seconds", "kernel", "last val.", "effective", "at step", "index uniform", "p")


WIDE = 10_000


def rounds_table(rows: list[dict[str, Any]], headline: int | None, *, width: int | None = None) -> Table:
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
    rows: list[dict[str, Any]],
    headline: int | None,
    columns: Sequence[str],
    *,
    close: bool = False,
    intervals: bool = True,
) -> Table:
    title = f"{_metric_name(rows[0]['metric'] if rows else 'accuracy')} of the weights that validation chose"
    title += "; index: near pairs over the null's"
    title += "; p >= 1 / (1 + shuffles)" if "p" in columns else ""
    table = _table(title, columns, close=close)
    for row in rows:
        cells = _cells(row, intervals)
        table.add_row(*(cells[column] for column in columns), style="bold" if row["round"] == headline else None)
    return table


def _table(title: str, columns: Sequence[str], *, close: bool) -> Table:
    """An empty table; close: without edges, and with headings of two words on two lines."""
    tight: dict[str, Any] = {"collapse_padding": True, "pad_edge": False, "show_edge": False} if close else {}
    table = Table(box=SIMPLE, title=title, **tight)
    for column in columns:
        heading = column.replace("index ", "index\n") if close else column
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    return table


def _metric_name(metric: str) -> str:
    return "R²" if metric == "r2" else metric


def _cells(row: dict[str, Any], intervals: bool) -> dict[str, str]:
    """What a round's line says, by column; of a diverged round, that and where."""
    cells = dict.fromkeys(COLUMNS, "") | {"round": str(row["round"]), "density": density_text(row["density"])}
    if row["diverged_at"] is not None:
        return cells | {"validation": "diverged", "at step": str(row["diverged_at"])}
    metric, degree = row["metric"], row["index_degree"]
    p = degree["p"] if degree else None
    return cells | {
        "effective": density_text(row["density_effective"]),
        "validation": score_text(metric, row["best"]["validation"]["score"]),
        "at step": str(row["best"]["step"]),
        "test": score_text(metric, row["test_best"]["score"]),
        "last val.": score_text(metric, row["last"]["validation"]["score"]),
        "index uniform": index_text(row["index_uniform"] and row["index_uniform"] | {"low": None}),
        "index degree": index_text(degree if degree is None or intervals else degree | {"low": None}),
        "p": "" if p is None else f"{p:.2g}",
        "kernel": row["kernel"],
        "seconds": f"{row['seconds']:.1f}",
    }


def spread_table(summary: dict[str, Any]) -> Table:
    """One line a round of a `siftnet.spread.spread`: means and deviations over seeds; the headline round in bold."""
    metric, count = summary["metric"], len(summary["runs"])
    seeds = "1 seed" if count == 1 else f"mean ± standard deviation over {count} seeds"
    title = f"{seeds}; {_metric_name(metric)} of the weights that validation chose; n: seeds that count"
    columns = ("round", "density", "n", "validation", "test", "index uniform", "index degree")
    table = _table(title, columns, close=True)
    for row in summary["rounds"]:
        scores = [mean_text(row[name], metric) for name in ("validation", "test")]
        indices = [mean_text(row[name]) for name in ("index_uniform", "index_degree")]
        cells = [str(row["round"]), density_text(row["density"]), str(row["runs"]), *scores, *indices]
        table.add_row(*cells, style="bold" if row["round"] == summary["headline"] else None)
    return table


def index_text(index: dict[str, Any] | None) -> str:
    """An index with its interval, e.g. '5.21 [4.90, 5.50]'."""
    if index is None or index["value"] is None:
        return ""
    interval = "" if index["low"] is None else f" [{index['low']:.2f}, {index['high']:.2f}]"
    return f"{index['value']:.2f}{interval}"


def plan_text(plan: Plan) -> str:
    """Which kernel at which density, e.g. 'fused down to 21.5% density, then sparse'."""
    first, *further = plan.choices()
    words = first[1]
    for density, name in further:
        words += f" down to {density_text(density)} density, then {name}"
    return words


def estimate_text(expected: dict[str, Any]) -> str:
    """What a run, or replicates, will take, in a sentence and a line a round; measuring and the page come on top."""
    seconds = expected["training_seconds"]
    duration = f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.1f} seconds"
    memory, disk = decimal(expected["memory_bytes"]), decimal(expected["disk_bytes"])
    count = expected["replicates"]
    how = "side by side" if expected["side_by_side"] else "one after the other"
    replicates = f"{count} replicates, trained {how}, each with " if count > 1 else ""
    sentence = (
        f"{replicates}{expected['rounds']} rounds of a network with {expected['parameters']:,} parameters: "
        f"{duration} of training{' in all' if count > 1 else ''}, timed here; {memory} of memory; {disk} on the disk"
    )
    table = Table(box=SIMPLE)
    whose = "" if count == 1 else f" of all {count}" if expected["side_by_side"] else " of each"
    for column in ("round", "density", "kernel", f"ms an update{whose}", f"seconds{whose}"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in expected["rounds_expected"]:
        times = f"{row['milliseconds_a_step']:.2f}", f"{row['seconds']:.1f}"
        table.add_row(str(row["round"]), density_text(row["density"]), row["kernel"], *times)
    console = Console(width=80)
    with console.capture() as drawn:
        console.print(table)
    lines = [line.rstrip() for line in drawn.get().splitlines()]
    return "\n".join([*filter(None, lines), sentence])


def print_outcome(outcome: RunFolder, as_json: bool) -> None:
    """The table of rounds with the verdict, or that over replicates with what they say together; or all as JSON."""
    if as_json:
        runs = [_to_dict(stored) for stored in outcome.runs]
        together = {"replicates": str(outcome.path), "spread": spread(outcome.runs), "runs": runs}
        print_json(together if outcome.replicated else runs[0])
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    if outcome.replicated:
        summary, first = spread(outcome.runs), outcome.runs[0]
        console.print(spread_table(summary))
        for text in claim(summary, augmented=first.data.augmented, permuted=first.permuted, started=first.started):
            console.print(text, soft_wrap=True, markup=False)
        return
    described = _to_dict(outcome.runs[0])
    headline = described["headline"]
    console.print(rounds_table(described["rounds"], headline and headline["round"], width=console.width))
    if headline is not None:
        console.print(f"Round {headline['round']}, {headline['verdict']}", soft_wrap=True)


def _to_dict(stored: Run) -> dict[str, Any]:
    headline = read_headline(stored)
    rows = [summary.to_dict() | _indices(stored, summary.round) for summary in stored.summaries()]
    found = headline and headline.to_dict()
    return {"run": str(stored.path), "digest": stored.digest, "headline": found, "rounds": rows}


def _indices(stored: Run, number: int) -> dict[str, Any]:
    found = read_round_indices(stored, number)
    uniform, degree = (found.index_uniform, found.index_degree) if found else (None, None)
    return {"index_uniform": index_to_dict(uniform), "index_degree": index_to_dict(degree)}


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, allow_nan=False))
