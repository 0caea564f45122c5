"""Measure, then write the pages: of one run, or of replicates and over them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from siftnet.config.fields import AnalysisConfig
from siftnet.host.torch_state import own_torch
from siftnet.report.run_page import run_page
from siftnet.report.seeds_page import seeds_page
from siftnet.runs.setup import Setup
from siftnet.store.folder import RunFolder
from siftnet.store.lock import lock
from siftnet.store.run import Run
from siftnet.studies.measure_run import measure_rounds, rounds_to_measure
from siftnet.wording import shell_word


def count_to_measure(folder: RunFolder, config: AnalysisConfig | None = None) -> int:
    """How many rounds of all runs `write_pages` would measure; config: as there. Raises ValueError as it does."""
    _check_any(folder)
    return sum(len(rounds_to_measure(stored, config)) for stored in folder.runs if stored.rounds())


@own_torch()
def write_pages(
    folder: RunFolder,
    config: AnalysisConfig | None = None,
    setup: Setup | None = None,
    done: Callable[[int], None] = lambda round_number: None,
) -> Path:
    """Measure the finished rounds of each run, and write its page and the one over replicates; the path of the last.

    config: how to measure, unless as it is stored; setup: data and network of any of the runs, for node ablation;
    without it there is none; done: told each round that had to be measured. Raises ValueError where no round of any is
    finished; a replicate that has none is not measured.
    """
    _check_any(folder)
    for stored in folder.runs:
        if stored.rounds():
            page = write_run_page(stored, config, setup, done)
        elif config is not None:
            with lock(stored.path):
                _remember(stored, config)
    if folder.replicated:
        with lock(folder.path):
            page = folder.write_report(seeds_page(folder.runs, folder.path))
    return page


@own_torch()
def write_run_page(
    stored: Run,
    config: AnalysisConfig | None = None,
    setup: Setup | None = None,
    done: Callable[[int], None] = lambda round_number: None,
) -> Path:
    """Measure the finished rounds of a run, write its page, and return the page's path; see `write_pages`."""
    _check_writable(stored.path)
    with lock(stored.path):
        measure_rounds(stored, config, setup, done)
        if config is not None:
            _remember(stored, config)
        return stored.write_report(run_page(stored))


def _check_any(folder: RunFolder) -> None:
    """Raise ValueError where there is no round to measure, or no place for what is measured."""
    _check_writable(folder.path)
    if not folder.finished_rounds:
        again = f"siftnet resume {shell_word(str(folder.path))}"
        raise ValueError(f"{folder.path} has no finished round to measure: {again}")


def _check_writable(path: Path) -> None:
    """Raise ValueError where measures and page cannot be stored beside a run, before they are made."""
    if not os.access(path, os.W_OK):
        raise ValueError(
            f"{path} cannot be written to, where measures and page would lie: let it be, or copy it to where it can be"
        )


def _remember(stored: Run, config: AnalysisConfig) -> None:
    """The page says how the numbers on it were measured, and goes on to measure alike."""
    stored.update_config(replace(stored.config, analysis=config))
