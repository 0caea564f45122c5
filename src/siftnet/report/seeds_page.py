"""The page about several seeds of one configuration, in the look of a run's own page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from siftnet.report.claim import claim, keys, progress_text, scope
from siftnet.report.data_head import data_head
from siftnet.report.figures.seeds import index_figures, score_figures
from siftnet.report.page import Cell, Page, Section, Table
from siftnet.report.provenance import provenance
from siftnet.store.run import Run
from siftnet.studies.seeds import RoundOverSeeds, SeedsSummary, summarise_seeds
from siftnet.wording import (
    NONE,
    density,
    gain_size,
    index_interval,
    index_over_seeds,
    metric_name,
    named,
    score,
    score_interval,
    score_over_seeds,
    share,
    undefined_scores,
)


def seeds_page(runs: Sequence[Run], folder: Path) -> str:
    """The page about several seeds together, self-contained HTML, to lie in `folder`.

    Its links to the runs' own pages are relative to there (seed-N/report.html). Runs that are not measured yet show
    their scores alone, those that have not begun nothing. Raises ValueError for runs that `summarise_seeds` refuses.
    """
    summary = summarise_seeds(runs)
    first, count = runs[0], len(runs)
    return Page(
        eyebrow=f"what {count} seeds say together" if count > 1 else "what one seed says",
        name=named(folder.absolute().name),
        subtitle=f"{named(first.data.name)} · {first.geometry.describe()} · network {first.config.network.layers}",
        verdict=claim(
            summary,
            augmented=first.data.augmented,
            permuted=first.permuted,
            started=first.started,
            elsewhere=first.data.elsewhere,
        ),
        keys=keys(summary, augmented=first.data.augmented),
        data=data_head(first),
        sections=[section for section in _sections(summary, first.data.examples) if section.figures],
        tables=[_rounds_table(summary), _seeds_table(summary, runs, folder)],
        provenance=provenance(runs),
    ).html()


def _sections(summary: SeedsSummary, examples: Mapping[str, int]) -> list[Section]:
    if not summary.rounds:
        return []
    title = metric_name(summary.metric).capitalize()
    text = f"{scope(summary, examples)} {undefined_scores(summary.undefined)}".rstrip()
    return [
        Section("accuracy", title, text, figures=score_figures(summary)),
        Section("locality", "Locality", figures=index_figures(summary)),
    ]


ROUND_COLUMNS = ["round", "density", "seeds", "validation", "last", "test", "index uniform", "index degree", ""]


SCORES = ("validation", "last", "test", "dense, test")


def _with_metric(columns: Sequence[str], summary: SeedsSummary) -> list[str]:
    """Headings; an accuracy says by its sign what it is."""
    return [f"R² {name}" if name in SCORES and not summary.is_accuracy else name for name in columns]


def _rounds_table(summary: SeedsSummary) -> Table:
    """Means and deviations of every round, with their intervals below them."""
    numbers = [row.round for row in summary.rounds]
    over = (
        "Mean ± standard deviation over seeds; below it the 95% t interval of the mean, which there is only where "
        "seeds differ."
    )
    return Table(
        name="rounds",
        title="Round by round",
        columns=_with_metric(ROUND_COLUMNS, summary),
        rows=[_round_row(row, summary) for row in summary.rounds],
        note=f"{over if len(summary.runs) > 1 else 'One seed.'} Scores are those of the weights that validation chose "
        "within the round, “last” after its last update. Seeds counts the runs that reached the round and did not "
        "diverge in it. The marked row is where the seeds are compared: of the sparse rounds that most seeds have, the "
        "sparsest whose mean validation score is within one standard error of the best one’s, unless the configuration "
        "named another.",
        marked=None if summary.headline is None else numbers.index(summary.headline),
    )


def _round_row(row: RoundOverSeeds, summary: SeedsSummary) -> list[Cell]:
    metric = summary.metric
    lost = [str(r.seed) for r in summary.runs if r.diverged and r.diverged.round == row.round]
    scores, indices = (row.validation, row.last_validation, row.test), (row.index_uniform, row.index_degree)
    return [
        *map(Cell, (str(row.round), share(row.density, 3), str(row.runs))),
        *(Cell(score_over_seeds(s.mean, s.sd, metric), score_interval(s.low, s.high, metric)) for s in scores),
        *(Cell(index_over_seeds(i.mean, i.sd), index_interval(i.low, i.high)) for i in indices),
        Cell(f"diverged: seed {', '.join(lost)}" if lost else ""),
    ]


def seed_columns(summary: SeedsSummary) -> list[str]:
    """Headings of the table of seeds."""
    row = summary.compared
    at = "" if row is None else f" at {density(row.density)}"
    unit = ", points" if summary.is_accuracy else ", R²"
    chosen = ["best sparse round", "density", "validation", "test", f"gain on test{unit}"]
    columns = ["seed", "dense, test", *chosen, f"index degree{at}", "own headline round", ""]
    return _with_metric(columns, summary)


def _seeds_table(summary: SeedsSummary, runs: Sequence[Run], folder: Path) -> Table:
    """One row a seed; it leads to the page of its own run, from `folder`."""
    rows = []
    for at, (run, described) in enumerate(zip(runs, summary.runs, strict=True)):
        # As the folders are named here: a link among them may lead anywhere. Without measures there is no page.
        place = Path(os.path.relpath(run.report_path, folder)).as_posix()
        address = "" if described.headline is None else quote(os.fsencode(place))
        rows.append([Cell(f"seed {described.seed}", address=address), *map(Cell, _seed_row(summary, at))])
    return Table(
        name="seeds",
        title="Seed by seed",
        columns=seed_columns(summary),
        rows=rows,
        note="Each seed leads to the page of its own run. The best sparse round is the one with the highest validation "
        "score, which makes that score optimistic; it was not chosen on test. The own headline round is the one that "
        "the run’s page is about.",
    )


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
        *scores,
        index_over_seeds(row.index_degree.values[at] if row else None),
        NONE if run.headline is None else str(run.headline),
        f"diverged in round {lost.round} at step {lost.step}" if lost else progress_text(run, summary),
    ]
