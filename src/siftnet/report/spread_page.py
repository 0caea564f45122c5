"""The page about several seeds of one configuration, in the look of a run's own page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from siftnet.report.command import command
from siftnet.report.figures_spread import index_figures, score_figures
from siftnet.report.page import Section
from siftnet.report.render import render
from siftnet.report.spread_claim import claim, keys, scope
from siftnet.report.spread_rows import (
    ROUND_COLUMNS,
    circumstances,
    round_rows,
    seed_columns,
    seed_rows,
    settings_together,
)
from siftnet.spread import spread
from siftnet.store import Run


def build_spread_report(runs: Sequence[Run], folder: Path) -> str:
    """The page about several seeds together, self-contained HTML, to lie in `folder`.

    Its links to the runs' own pages are relative to there (seed-N/report.html). Runs that are not measured yet show
    their scores alone, those that have not begun nothing. Raises ValueError for runs that `siftnet.spread.spread`
    refuses.
    """
    summary = spread(runs)
    first, augmented = runs[0], runs[0].data["augmented"]
    sections = [section for section in _sections(summary, first.data["examples"]) if section.figures]
    changed, all_settings = settings_together(runs)
    count = len(runs)
    return render(
        "spread.html",
        {"rounds": [], "start": 0, "figures": {f.name: f.payload() for s in sections for f in s.figures}},
        eyebrow=f"what {count} seeds say together" if count > 1 else "what one seed says",
        name=folder.absolute().name,
        subtitle=f"{first.data['name']} · {first.geometry.describe()} · network {first.config.network.layers}",
        verdict=claim(summary, augmented=augmented, permuted=first.permuted, started=first.started),
        keys=keys(summary, augmented=augmented),
        sections=sections,
        count=count,
        columns=ROUND_COLUMNS,
        rows=list(zip([r["round"] for r in summary["rounds"]], round_rows(summary), strict=True)),
        headline=summary["headline"],
        seed_columns=seed_columns(summary),
        seeds=seed_rows(summary, runs, folder),
        circumstances=circumstances(runs),
        changed=changed,
        settings=all_settings,
        commands=command(first.config, [run.config.seed for run in runs]),
    )


def _sections(summary: dict[str, Any], examples: dict[str, int]) -> list[Section]:
    if not summary["rounds"]:
        return []
    title = "Accuracy" if summary["metric"] == "accuracy" else "R²"
    return [
        Section("accuracy", title, scope(summary, examples), figures=score_figures(summary)),
        Section("locality", "Locality", figures=index_figures(summary)),
    ]
