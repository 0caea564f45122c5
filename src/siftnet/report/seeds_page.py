"""The page about several seeds of one configuration, in the look of a run's own page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from siftnet.config.load import flatten, to_dict
from siftnet.report.claim import claim, keys, progress_text, scope
from siftnet.report.figures.seeds import index_figures, score_figures
from siftnet.report.provenance import ROUTINE, command, data_rows, kernels, seconds, setting_rows
from siftnet.report.render import render
from siftnet.report.run_page import Section
from siftnet.store.run import Run
from siftnet.studies.seeds import RoundOverSeeds, SeedsSummary, summarise_seeds
from siftnet.wording import (
    NONE,
    gain_size,
    index_interval,
    index_over_seeds,
    metric_name,
    score,
    score_interval,
    score_over_seeds,
    share,
)


def seeds_page(runs: Sequence[Run], folder: Path) -> str:
    """The page about several seeds together, self-contained HTML, to lie in `folder`.

    Its links to the runs' own pages are relative to there (seed-N/report.html). Runs that are not measured yet show
    their scores alone, those that have not begun nothing. Raises ValueError for runs that `summarise_seeds`
    refuses.
    """
    summary = summarise_seeds(runs)
    first, augmented = runs[0], runs[0].data.augmented
    sections = [section for section in _sections(summary, first.data.examples) if section.figures]
    changed, all_settings = settings_together(runs)
    count = len(runs)
    return render(
        "seeds.html",
        {"rounds": [], "start": 0, "figures": {f.name: f.payload() for s in sections for f in s.figures}},
        eyebrow=f"what {count} seeds say together" if count > 1 else "what one seed says",
        name=folder.absolute().name,
        subtitle=f"{first.data.name} · {first.geometry.describe()} · network {first.config.network.layers}",
        verdict=claim(summary, augmented=augmented, permuted=first.permuted, started=first.started),
        keys=keys(summary, augmented=augmented),
        sections=sections,
        count=count,
        columns=ROUND_COLUMNS,
        rows=list(zip([r.round for r in summary.rounds], round_rows(summary), strict=True)),
        headline=summary.headline,
        seed_columns=seed_columns(summary),
        seeds=seed_rows(summary, runs, folder),
        circumstances=circumstances(runs),
        changed=changed,
        settings=all_settings,
        commands=command(first.config, [run.config.seed for run in runs]),
    )


def _sections(summary: SeedsSummary, examples: Mapping[str, int]) -> list[Section]:
    if not summary.rounds:
        return []
    title = metric_name(summary.metric).capitalize()
    return [
        Section("accuracy", title, scope(summary, examples), figures=score_figures(summary)),
        Section("locality", "Locality", figures=index_figures(summary)),
    ]


Cell = tuple[str, str]
"""What a cell says, and what stands below it in small."""

ROUND_COLUMNS = ["round", "density", "seeds", "validation", "last", "test", "index uniform", "index degree", ""]


def round_rows(summary: SeedsSummary) -> list[list[Cell]]:
    """Means and deviations of every round, with their intervals below them, in the order of ROUND_COLUMNS."""
    return [_round_row(row, summary) for row in summary.rounds]


def _round_row(row: RoundOverSeeds, summary: SeedsSummary) -> list[Cell]:
    metric = summary.metric
    lost = [str(r.seed) for r in summary.runs if r.diverged and r.diverged.round == row.round]
    scores, indices = (row.validation, row.last_validation, row.test), (row.index_uniform, row.index_degree)
    return [
        *((text, "") for text in (str(row.round), share(row.density, 3), str(row.runs))),
        *((score_over_seeds(s.mean, s.sd, metric), score_interval(s.low, s.high, metric)) for s in scores),
        *((index_over_seeds(i.mean, i.sd), index_interval(i.low, i.high)) for i in indices),
        (f"diverged: seed {', '.join(lost)}" if lost else "", ""),
    ]


def seed_columns(summary: SeedsSummary) -> list[str]:
    """Headings of the table of seeds."""
    row = summary.compared
    at = "" if row is None else f" at {share(row.density)}"
    unit = ", points" if summary.is_accuracy else ""
    chosen = ["best sparse round", "density", "validation", "test", f"gain on test{unit}"]
    return ["seed", "dense, test", *chosen, f"index degree{at}", "own headline round", ""]


def seed_rows(summary: SeedsSummary, runs: Sequence[Run], folder: Path) -> list[tuple[str, list[str]]]:
    """One row a seed: the address of its own page, from `folder`, and the cells."""
    rows = []
    for at, (run, described) in enumerate(zip(runs, summary.runs, strict=True)):
        # As the folders are named here: a link among them may lead anywhere. Without measures there is no page.
        place = Path(os.path.relpath(run.report_path, folder)).as_posix()
        address = "" if described.headline is None else quote(place)
        rows.append((address, _seed_row(summary, at)))
    return rows


def _seed_row(summary: SeedsSummary, at: int) -> list[str]:
    run, best, metric, row = summary.runs[at], summary.gain.chosen[at], summary.metric, summary.compared
    gained = summary.gain.test.values[at]
    scores = [NONE] * 6
    if best is not None:
        scores = [score(best.dense.test, metric, 2), str(best.round), share(best.density, 3)]
        scores += [score(best.validation, metric, 2), score(best.test, metric, 2)]
        scores.append(NONE if gained is None else ("+" if gained > 0 else "") + gain_size(gained, metric))
    lost = run.diverged
    return [
        str(run.seed),
        *scores,
        index_over_seeds(row.index_degree.values[at] if row else None),
        NONE if run.headline is None else str(run.headline),
        f"diverged in round {lost.round} at step {lost.step}" if lost else progress_text(run, summary),
    ]


def circumstances(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Data, seeds, digests and machines of all runs as rows of a table; what differs is told by seed."""
    seeds = ", ".join(str(run.config.seed) for run in runs)
    summaries = [run.summaries() for run in runs]
    machines = [run.environment for run in runs]
    return [
        *data_rows(runs[0]),
        ("seeds", f"run {seeds}; data {runs[0].config.data.seed}"),
        *((f"digest of seed {run.config.seed}", run.digest) for run in runs),
        ("kernel", by_seed(runs, [kernels(found) if found else "none yet" for found in summaries])),
        ("seconds a round", seconds([summary for found in summaries for summary in found])),
        *(
            (name, by_seed(runs, [str(machine.get(name, NONE)) for machine in machines]))
            for name in dict.fromkeys(name for machine in machines for name in machine)
            if any(machine.get(name) is not None for machine in machines)
        ),
    ]


def settings_together(runs: Sequence[Run]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The configurations by field path, what differs from the defaults and all of it; what differs told by seed."""
    default = flatten(to_dict(type(runs[0].config)()))
    every = [dict(setting_rows(flatten(to_dict(run.config)))) for run in runs]
    plain = dict(setting_rows(default))
    together = [(name, by_seed(runs, [one[name] for one in every])) for name in plain if name != "seed"]
    return [(k, v) for k, v in together if v != plain[k] and k not in ROUTINE], together


def by_seed(runs: Sequence[Run], values: Sequence[str]) -> str:
    """What all runs have in common, or each value with its seeds: 'fused (seed 0, 2); sparse (seed 1)'."""
    seeds: dict[str, list[str]] = {}
    for run, value in zip(runs, values, strict=True):
        seeds.setdefault(value, []).append(str(run.config.seed))
    if len(seeds) == 1:
        return next(iter(seeds))
    return "; ".join(f"{value} (seed {', '.join(found)})" for value, found in seeds.items())
