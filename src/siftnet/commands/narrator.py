"""Live progress on standard error where there is a terminal, plain lines where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from siftnet.commands.output import tell
from siftnet.commands.tables import plan_text
from siftnet.report.data_words import head_lines
from siftnet.runs.describe import describe_data
from siftnet.wording import NOTE, counted, duration, metric_name, named, printable, score, share

if TYPE_CHECKING:
    from siftnet.config.fields import RunConfig
    from siftnet.data.dataset import Dataset
    from siftnet.kernels.plan import Plan
    from siftnet.network.layers import Network
    from siftnet.pruning.training import History
    from siftnet.store.summary import DataSummary, RoundSummary


@contextmanager
def progress_bar(unit: str) -> Iterator[Progress]:
    """A live bar on standard error, gone when done; silent where standard error is no terminal."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield bar


@contextmanager
def measuring_bar(rounds: int) -> Iterator[Callable[[int], None]]:
    """A live bar over the rounds that are to be measured, if there are any; yields what to call after each."""
    with progress_bar("rounds") as bar:
        if bar.disable and rounds:
            tell(f"measuring {counted(rounds, 'round')}")
        task = bar.add_task("measuring", total=rounds, visible=rounds > 0)
        yield lambda round_number: bar.advance(task)


def data_lines(data: DataSummary) -> list[str]:
    """What is said of the data before anything is trained on them: what was read as what, then the notes."""
    return [*head_lines(data), *map(note_line, data.notes)]


def note_line(text: str) -> str:
    """A line that is marked as a note."""
    return f"note: {named(text, NOTE)}"


class Narrator:
    """Tells how a run, or replicates, go on standard error: one bar with the time left, and one line a round."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task: TaskID | None = None
        self.steps = self.total = 0
        """Updates of a round, and of one run."""
        self.metric = "accuracy"
        self.who = ""
        """What lines about one of several replicates begin with."""
        self.done: dict[str, int] = {}
        """Updates made, by replicate."""
        self.plans: list[str] = []
        """What was said of plans."""

    def loaded(self, dataset: Dataset, network: Network, config: RunConfig) -> None:
        """Say what is trained on what."""
        self.metric = "r2" if dataset.classes is None else "accuracy"
        for line in data_lines(describe_data(dataset, config.data)):
            self.say(line)
        threads = "1 thread" if config.threads == 1 else f"{config.threads} threads"
        machine = f"{config.device}, {threads}, {config.train.precision} products"
        self.say(f"network {config.network.layers} on {machine}")
        self.steps = config.train.steps
        self.total = self.steps * (config.prune.rounds + 1)
        # Timing the kernels, if there are several, comes before the first round.
        self.task = self.bar.add_task("timing the kernels", total=self.total)

    def noted(self, text: str) -> None:
        """One line that is marked as a note."""
        self.say(note_line(text))

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
        reached = history.records[-1].validation.score if history.records else None
        last = "" if reached is None else f", validation {score(reached, self.metric, 2)}"
        self._move(round_number * self.steps + step, f"{self.who}round {round_number}{last}")

    def _move(self, done: int, description: str) -> None:
        assert self.task is not None
        self.done[self.who] = done
        self.bar.update(self.task, completed=sum(self.done.values()), description=description)

    def finished(self, summary: RoundSummary) -> None:
        """One line for a round."""
        metric = summary.metric
        if summary.stop and self.who:
            # The others go on.
            self._move(self.total, f"{self.who}finished")
        if summary.best is None or summary.diverged:
            self.say(f"{self.who}{summary.stop}")
            return
        self.say(
            f"{self.who}round {summary.round}: density {share(summary.density, 3)}, validation {metric_name(metric)} "
            f"{score(summary.best.validation.score, metric, 2)} at step {summary.best.step}, "
            f"test {score(summary.test_best.score if summary.test_best else None, metric, 2)}, "
            f"{duration(summary.seconds)} with {summary.kernel}"
        )
        if summary.stop:
            self.say(f"{self.who}stop: {summary.stop}")

    def say(self, text: str) -> None:
        """One line above the bar."""
        if self.bar.disable:
            tell(text)
        else:
            self.bar.console.print(printable(text))
