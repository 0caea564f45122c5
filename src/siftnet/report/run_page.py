"""The page about a run: its masks, scores and measures, round by round."""

from __future__ import annotations

from siftnet.analysis.locality import Locality
from siftnet.report.data_head import data_head
from siftnet.report.figures.accuracy import ablation_figure, accuracy_figure
from siftnet.report.figures.degrees import degree_figures, input_figures
from siftnet.report.figures.locality import layers_figure, locality_figures
from siftnet.report.figures.receptive import receptive_figures
from siftnet.report.page import Cell, Key, Page, Section, Table
from siftnet.report.pictures.gallery import deeper_galleries, first_layer_gallery
from siftnet.report.provenance import provenance
from siftnet.store.run import Run
from siftnet.studies.measured_run import MeasuredRound, MeasuredRun, Which, read_measured
from siftnet.wording import (
    NONE,
    density,
    duration,
    interval,
    metric_name,
    named,
    number,
    p_value,
    score,
    seconds_cell,
    share,
    undefined_scores,
)


def run_page(run: Run) -> str:
    """The page about a run, self-contained HTML.

    Raises ValueError where the run has not been analysed.
    """
    measured = read_measured(run)
    network = run.config.network.layers
    return Page(
        eyebrow="what survived",
        name=named(run.path.resolve().name),
        subtitle=f"{named(run.data.name)} · {run.geometry.describe()} · network {network}",
        verdict=split_verdict(measured.headline.verdict),
        keys=key_numbers(measured),
        data=data_head(run),
        sections=[section for section in _sections(measured) if section.figures or section.galleries or section.text],
        tables=[_table(measured)],
        provenance=provenance([run]),
        rounds=_labels(measured),
        start=measured.headline_at,
    ).html()


def split_verdict(verdict: str) -> tuple[str, str]:
    """The first sentence, which is set large, and the rest."""
    first, dot, rest = verdict.partition(". ")
    first = first + dot.strip()
    return first[:1].upper() + first[1:], rest


def key_numbers(measured: MeasuredRun) -> list[Key]:
    """The row of figures below the verdict: value, label and a remark each."""
    dense = next((r for r in measured.rounds if r.density == 1), None)
    top, metric = measured.top, measured.metric
    of = "" if measured.is_accuracy else "R² on "

    def against(which: Which) -> str:
        if top.score(which) is None:
            return "R² is undefined: all targets are alike"
        return f"dense {score(dense.score(which), metric)}" if dense else ""

    found = [Key(density(top.density), "density", f"headline, round {top.number}")]
    if top.summary.test_best is not None:
        found.append(Key(score(top.score("best"), metric), f"{of}validation", against("best")))
        found.append(Key(score(top.score("test_best"), metric), f"{of}test, same weights", against("test_best")))
    if measured.top.locality is not None:
        found.append(_index(measured.top.locality))
    told = "yes" if measured.run.data.augmented else "no"
    found.append(Key(told, "told about geometry", "flips or shifts" if told == "yes" else "no augmentation"))
    total = sum(r.summary.seconds for r in measured.rounds)
    rounds = "round" if len(measured.rounds) == 1 else "rounds"
    found.append(Key(str(len(measured.rounds)), rounds, f"{duration(total)} of training"))
    return found


def _index(locality: Locality) -> Key:
    degree = locality.index_degree
    name, index = ("degree", degree) if degree is not None else ("uniform", locality.index_uniform)
    p = "not testable" if index.p is None else f"p = {p_value(index.p)}"
    return Key(
        number(index.value),
        f"locality index_{name}",
        " ".join(filter(None, [interval(index.low, index.high, index.value), p])),
    )


def _labels(measured: MeasuredRun) -> list[tuple[int, str]]:
    """Number of each round, and what the slider says of it."""
    found, name = [], "validation" if measured.is_accuracy else "validation R²"
    for r in measured.rounds:
        state = "diverged" if r.diverged else f"{name} {score(r.score('best'), measured.metric)}"
        label = f"Round {r.number} of {measured.rounds[-1].number} · density {density(r.density)} · {state}"
        found.append((r.number, label))
    return found


def _sections(measured: MeasuredRun) -> list[Section]:
    accuracy = _accuracy(measured)
    if not measured.measured:
        return [accuracy]
    ablation = ablation_figure(measured)
    return [
        _masks(measured),
        accuracy,
        Section("locality", "Locality", _locality_text(measured), figures=locality_figures(measured)),
        Section("connections", "By connection count", figures=degree_figures(measured)),
        Section("pixels", "Which inputs are used", figures=input_figures(measured)),
        Section("fields", "Receptive fields", figures=receptive_figures(measured)),
        _deeper(measured),
        Section("ablation", "Removing nodes", figures=[ablation] if ablation else []),
    ]


def _accuracy(measured: MeasuredRun) -> Section:
    name, figure = metric_name(measured.metric), accuracy_figure(measured)
    if figure is not None:
        return Section("accuracy", name.capitalize(), figures=[figure])
    diverged = [str(r.number) for r in measured.rounds if r.diverged]
    lost = f"Round {', '.join(diverged)} diverged: " if diverged else ""
    text = f"{lost}there is no {name} to draw. {undefined_scores(measured.undefined)}".rstrip()
    return Section("accuracy", name.capitalize(), text[:1].upper() + text[1:])


def _masks(measured: MeasuredRun) -> Section:
    gallery = first_layer_gallery(measured)
    if gallery is None:
        place = measured.run.geometry.describe()
        return Section("masks", "Masks", f"The run has {place}, so there is no picture of a mask to show.")
    text = (
        "First-layer nodes, the same ones in every round: chosen at the headline round, so that one can watch them "
        f"empty. Drag the slider, or use the arrow keys. {gallery.canvas.caption}"
    )
    return Section("masks", "Masks", text, [("", gallery)])


def _locality_text(measured: MeasuredRun) -> str:
    raw, locality = measured.top.raw, measured.top.locality
    if locality is None:
        return "Nobody has said where the inputs live, so distances between them cannot be measured."
    said = "" if measured.points is None else _unit_text(locality.unit)
    if raw is None:
        return said
    seen, restored = raw.index_uniform, locality.index_uniform
    return f"{said} " * bool(said) + (
        "The inputs were shuffled by one fixed permutation. In the order that the network saw them the index against "
        f"uniform placement is {number(seen.value)}; put back to their places, as everywhere on this page, it is "
        f"{number(restored.value)}."
    )


def _unit_text(unit: float | None) -> str:
    """What distances between points are counted in."""
    if unit is None:
        return "All inputs lie at one place, so that there are no distances to measure."
    return (
        "Distances are counted in units of the points' own spacing, the median distance from a place to the nearest "
        f"other: {number(unit)} in the coordinates' unit. Inputs at one place share a site and are no near pair."
    )


def _deeper(measured: MeasuredRun) -> Section:
    figure, galleries = layers_figure(measured), deeper_galleries(measured)
    text = ""
    if galleries:
        text = (
            f"Weights multiplied along every kept path down to the inputs, at round {measured.top.number} (density "
            f"{density(measured.top.density)}): what a node would see if no nonlinearity lay below it."
        )
    return Section("deeper", "Deeper layers", text, galleries, [figure] if figure else [])


ROUND_COLUMNS = [
    "round", "density", "effective", "weights", "validation best", "last", "test", "index uniform", "index degree",
    "95% interval", "p", "length", "kernel", "seconds", "",
]  # fmt: skip
SCORES = ("validation best", "last", "test")


def _columns(measured: MeasuredRun) -> list[str]:
    """Headings of the table of rounds; an accuracy says by its sign what it is."""
    return [f"R² {name}" if name in SCORES and not measured.is_accuracy else name for name in ROUND_COLUMNS]


def _table(measured: MeasuredRun) -> Table:
    return Table(
        name="rounds",
        title="Round by round",
        columns=_columns(measured),
        rows=[[Cell(text) for text in row] for row in round_rows(measured)],
        note="Density counts the prunable weights and biases; the effective one leaves out what no signal passes. Test "
        "is measured with the weights that validation chose. p can be no smaller than 1 / (1 + shuffles): rounds other "
        "than the headline are measured against fewer shuffles. Length is the correlation length "
        f"{'in sites' if measured.points is None else 'in units of the spacing of the points'} against uniform "
        f"placement. The row of the headline round is marked. {undefined_scores(measured.undefined)}".rstrip(),
        marked=measured.headline_at,
    )


def round_rows(measured: MeasuredRun) -> list[list[str]]:
    """All numbers of every round, in the order of ROUND_COLUMNS."""
    return [_round_row(r, measured.metric) for r in measured.rounds]


def _round_row(r: MeasuredRound, metric: str) -> list[str]:
    locality = r.locality
    uniform, degree = (locality.index_uniform, locality.index_degree) if locality else (None, None)
    remark = f"diverged at step {r.summary.diverged_at}" if r.diverged else r.summary.stop or ""
    return [
        str(r.number),
        share(r.density, 3),
        share(r.summary.density_effective, 3),
        f"{r.summary.survivors:,}",
        score(r.score("best"), metric, 2),
        score(r.score("last"), metric, 2),
        score(r.score("test_best"), metric, 2),
        number(uniform.value if uniform else None),
        number(degree.value if degree else None),
        (degree and interval(degree.low, degree.high, degree.value)) or NONE,
        p_value(degree.p if degree else None),
        number(locality.correlation_length if locality else None),
        r.summary.kernel or NONE,
        seconds_cell(r.summary.seconds),
        remark,
    ]
