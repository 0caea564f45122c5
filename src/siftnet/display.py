"""What a person sees in the terminal: live progress where there is one, plain lines where there is none, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from siftnet.config import RunConfig
from siftnet.data.dataset import Dataset
from siftnet.kernels import Plan
from siftnet.network import Network
from siftnet.spread import mean_text
from siftnet.train import History


def score_text(metric: str, score: float | None) -> str:
    """A score as text: accuracy in percent, R^2 as it is."""
    if score is None:
        return "-"
    return f"{100 * score:.2f}%" if metric == "accuracy" else f"{score:.4f}"


def density_text(density: float) -> str:
    """A density in percent, three significant digits."""
    return f"{100 * density:.3g}%"


@contextmanager
def progress_bar(unit: str) -> Iterator[Progress]:
    """A live bar on standard error, gone when done; silent where standard error is no terminal."""
    console = Console(stderr=True)
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield bar


class Narrator:
    """Tells how a run, or replicates, go on standard error: one bar with the time left, and one line a round."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task: TaskID | None = None
        self.steps = self.total = 0
        """Updates of a round, and of one run."""
        self.who = ""
        """What lines about one of several replicates begin with."""
        self.done: dict[str, int] = {}
        """Updates made, by replicate."""
        self.plans: list[str] = []
        """What was said of plans."""

    def loaded(self, dataset: Dataset, network: Network, config: RunConfig) -> None:
        """Say what is trained on what."""
        counts = ", ".join(f"{len(rows):,} {name}" for name, rows in dataset.splits.items())
        kind = "numeric target" if dataset.classes is None else f"{dataset.classes} classes"
        self.say(f"{dataset.name}: {dataset.geometry.describe()}, {kind}; {counts} examples")
        for note in dataset.notes:
            self.noted(note)
        threads = "1 thread" if config.threads == 1 else f"{config.threads} threads"
        machine = f"{config.device}, {threads}, {config.train.precision} products"
        self.say(f"network {config.network.layers} on {machine}")
        self.steps = config.train.steps
        self.total = self.steps * (config.prune.rounds + 1)
        # Timing the kernels, if there are several, comes before the first round.
        self.task = self.bar.add_task("timing the kernels", total=self.total)

    def noted(self, text: str) -> None:
        """One line that is marked as a note."""
        self.say(f"note: {text}")

    def replicate(self, seed: int) -> Narrator:
        """One that says the seed, and shares the bar with the others."""
        other = copy(self)
        other.who = f"seed {seed}, "
        self.done[other.who] = 0
        if self.task is not None:
            self.bar.update(self.task, total=self.total * len(self.done))
        return other

    def planned(self, plan: Plan) -> None:
        """Say which kernels; of replicates, which share their plan, once."""
        if plan_text(plan) not in self.plans:
            self.plans.append(plan_text(plan))
            self.say(f"kernel {plan_text(plan)}, {plan.why}")

    def advanced(self, round_number: int, step: int, history: History) -> None:
        """Move the bar."""
        last = f", validation {history.records[-1].validation.score:.4f}" if history.records else ""
        self._move(round_number * self.steps + step, f"{self.who}round {round_number}{last}")

    def _move(self, done: int, description: str) -> None:
        assert self.task is not None
        self.done[self.who] = done
        self.bar.update(self.task, completed=sum(self.done.values()), description=description)

    def finished(self, summary: dict[str, Any]) -> None:
        """One line for a round."""
        metric = summary["metric"]
        if summary["stop"] and self.who:
            # The others go on.
            self._move(self.total, f"{self.who}finished")
        if summary["best"] is None or summary["diverged_at"] is not None:
            self.say(self.who + summary["stop"])
            return
        self.say(
            f"{self.who}round {summary['round']}: density {density_text(summary['density'])}, validation {metric} "
            f"{score_text(metric, summary['best']['validation']['score'])} at step {summary['best']['step']}, "
            f"test {score_text(metric, summary['test_best']['score'])}, "
            f"{summary['seconds']:.1f} s with {summary['kernel']}"
        )
        if summary["stop"]:
            self.say(f"{self.who}stop: {summary['stop']}")

    def say(self, text: str) -> None:
        """One line above the bar."""
        if self.bar.disable:
            print(text, file=sys.stderr, flush=True)
        else:
            self.bar.console.print(text, highlight=False, markup=False)


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
