"""What commands make and print of stored runs: measures, pages, tables; of one run, or of replicates together."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from siftnet import display
from siftnet.config import AnalysisConfig
from siftnet.files import lock
from siftnet.launch import Setup
from siftnet.report import build_report, build_spread_report
from siftnet.report.spread_claim import claim
from siftnet.spread import spread
from siftnet.store import Run, open_replicates, write_spread_report
from siftnet.survey import survey


@dataclass(frozen=True)
class Outcome:
    """A run, or the replicates in a folder by seed."""

    path: Path
    """The run's directory, or the folder of all."""
    runs: list[Run]

    @classmethod
    def at(cls, path: Path) -> Outcome:
        """What lies at a path.

        Raises ValueError where it is neither a run nor a folder of replicates, or one lies in the place of another.
        """
        return cls(path, open_replicates(path) or [Run(path)])

    @property
    def replicated(self) -> bool:
        """Whether `path` is a folder of replicates."""
        return self.runs[0].path != self.path


def write_pages(outcome: Outcome, config: AnalysisConfig | None, setup: Setup | None) -> Path:
    """Measure the finished rounds of each run, and write its page and the one over replicates; the path of the last.

    config: how to measure, unless as it is stored; setup: data and network of any of the runs, for node ablation;
    without it there is none. Raises ValueError where no round of any is finished; a replicate that has none is not
    measured.
    """
    total = sum(len(stored.rounds()) for stored in outcome.runs)
    if not total:
        raise ValueError(f"{outcome.path} has no finished round to measure: siftnet resume {outcome.path}")
    with display.progress_bar("rounds") as bar:
        task = bar.add_task("measuring", total=total)
        for stored in outcome.runs:
            with lock(stored.path):
                if stored.rounds():
                    survey(stored, config or stored.config.analysis, setup, lambda number: bar.advance(task))
                if config is not None:
                    # The page says how the numbers on it were measured, and goes on to measure alike.
                    stored.update_config(replace(stored.config, analysis=config))
                if stored.rounds():
                    page = stored.write_report(build_report(stored))
    if outcome.replicated:
        with lock(outcome.path):
            page = write_spread_report(outcome.path, build_spread_report(outcome.runs, outcome.path))
    return page


def print_outcome(outcome: Outcome, as_json: bool) -> None:
    """The table of rounds with the verdict, or that over replicates with what they say together; or all as JSON."""
    if as_json:
        runs = [_to_dict(stored) for stored in outcome.runs]
        together = {"replicates": str(outcome.path), "spread": spread(outcome.runs), "runs": runs}
        print_json(together if outcome.replicated else runs[0])
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    if outcome.replicated:
        summary, first = spread(outcome.runs), outcome.runs[0]
        console.print(display.spread_table(summary))
        for text in claim(summary, augmented=first.data["augmented"], permuted=first.permuted, started=first.started):
            console.print(text, soft_wrap=True, markup=False)
        return
    described = _to_dict(outcome.runs[0])
    headline = described["headline"]
    console.print(display.rounds_table(described["rounds"], headline and headline["round"], width=console.width))
    if headline is not None:
        console.print(f"Round {headline['round']}, {headline['verdict']}", soft_wrap=True)


def _to_dict(stored: Run) -> dict[str, Any]:
    headline = stored.analysis("headline")
    rows = [summary | _indices(stored, summary["round"]) for summary in stored.summaries()]
    found = None if headline is None else headline[0]
    return {"run": str(stored.path), "digest": stored.digest, "headline": found, "rounds": rows}


def _indices(stored: Run, number: int) -> dict[str, Any]:
    measured = stored.analysis(f"round-{number:02d}")
    layers = measured[0]["layers"] if measured else []
    locality = layers[0]["locality"] if layers else None
    return {name: locality[name] if locality else None for name in ("index_uniform", "index_degree")}


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, allow_nan=False))
