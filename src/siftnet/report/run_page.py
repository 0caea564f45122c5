"""The page: sections in the order in which one reads them, in one file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from siftnet.report.figures.accuracy import ablation_figure, accuracy_figure
from siftnet.report.figures.degrees import degree_figures, input_figures
from siftnet.report.figures.figure import Figure
from siftnet.report.figures.locality import layers_figure, locality_figures
from siftnet.report.figures.receptive import receptive_figures
from siftnet.report.pictures.gallery import Gallery, deeper_galleries, first_layer_gallery, gallery_caption
from siftnet.report.provenance import ROUND_COLUMNS, circumstances, key_numbers, round_rows, settings
from siftnet.report.render import render
from siftnet.store.run import Run
from siftnet.studies.measured_run import MeasuredRun, read_measured
from siftnet.wording import number, score, share


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, a paragraph, galleries and figures."""

    name: str
    title: str
    text: str = ""
    galleries: Sequence[tuple[str, Gallery]] = ()
    figures: Sequence[Figure] = field(default_factory=tuple)


def run_page(run: Run) -> str:
    """The page about a run, self-contained HTML.

    Raises ValueError where the run has not been analysed.
    """
    measured = read_measured(run)
    sections = [section for section in _sections(measured) if section.figures or section.galleries or section.text]
    figures = {figure.name: figure.payload() for section in sections for figure in section.figures}
    galleries = {gallery.name: gallery.payload() for section in sections for _, gallery in section.galleries}
    data = {"rounds": _labels(measured), "start": measured.headline_at, "figures": figures, "galleries": galleries}
    changed, all_settings = settings(run.config)
    return render(
        "run.html",
        data,
        eyebrow="what survived",
        name=run.path.resolve().name,
        subtitle=_subtitle(measured),
        verdict=split_verdict(measured.headline.verdict),
        keys=key_numbers(measured),
        sections=sections,
        rounds=len(measured.rounds),
        start=measured.headline_at,
        start_label=_labels(measured)[measured.headline_at]["label"],
        changed=changed,
        settings=all_settings,
        circumstances=circumstances(measured),
        columns=ROUND_COLUMNS,
        rows=round_rows(measured),
        headline=measured.headline_at,
    )


def split_verdict(verdict: str) -> tuple[str, str]:
    """The first sentence, which is set large, and the rest."""
    first, dot, rest = verdict.partition(". ")
    first = first + dot.strip()
    return first[:1].upper() + first[1:], rest


def _subtitle(measured: MeasuredRun) -> str:
    network = measured.run.config.network.layers
    return f"{measured.run.data.name} · {measured.run.geometry.describe()} · network {network}"


def _labels(measured: MeasuredRun) -> list[dict[str, Any]]:
    found = []
    for r in measured.rounds:
        state = "diverged" if r.diverged else f"validation {score(r.score('best'), measured.metric)}"
        label = f"Round {r.number} of {measured.rounds[-1].number} · density {share(r.density)} · {state}"
        found.append({"number": r.number, "label": label})
    return found


def _sections(measured: MeasuredRun) -> list[Section]:
    accuracy = Section("accuracy", "Accuracy", figures=[accuracy_figure(measured)])
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


def _masks(measured: MeasuredRun) -> Section:
    gallery, grid = first_layer_gallery(measured), measured.grid
    if gallery is None or grid is None:
        place = measured.run.geometry.describe()
        return Section("masks", "Masks", f"The run has {place}, so there is no picture of a mask to show.")
    text = (
        "First-layer nodes, the same ones in every round: chosen at the headline round, so that one can watch them "
        f"empty. Drag the slider, or use the arrow keys. {gallery_caption(grid)}"
    )
    return Section("masks", "Masks", text, [("", gallery)])


def _locality_text(measured: MeasuredRun) -> str:
    raw = measured.top.raw
    if measured.top.locality is None:
        return "Nobody has said where the inputs live on a grid, so distances between them cannot be measured."
    if raw is None:
        return ""
    seen, restored = raw.index_uniform, measured.top.locality.index_uniform
    return (
        "The inputs were shuffled by one fixed permutation. In the order that the network saw them the index against "
        f"uniform placement is {number(seen.value)}; put back to their places, as everywhere on this page, it is "
        f"{number(restored.value)}."
    )


def _deeper(measured: MeasuredRun) -> Section:
    figure, galleries = layers_figure(measured), deeper_galleries(measured)
    text = ""
    if galleries:
        text = (
            f"Weights multiplied along every kept path down to the inputs, at round {measured.top.number} (density "
            f"{share(measured.top.density)}): what a node would see if no nonlinearity lay below it."
        )
    return Section("deeper", "Deeper layers", text, galleries, [figure] if figure else [])
