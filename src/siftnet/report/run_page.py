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
from siftnet.studies.measured_run import RunRecord, read_record
from siftnet.wording import number, score, share


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, a paragraph, galleries and figures."""

    name: str
    title: str
    text: str = ""
    galleries: Sequence[tuple[str, Gallery]] = ()
    figures: Sequence[Figure] = field(default_factory=tuple)


def build_report(run: Run) -> str:
    """The page about a run, self-contained HTML.

    Raises ValueError where the run has not been analysed.
    """
    record = read_record(run)
    sections = [section for section in _sections(record) if section.figures or section.galleries or section.text]
    figures = {figure.name: figure.payload() for section in sections for figure in section.figures}
    galleries = {gallery.name: gallery.payload() for section in sections for _, gallery in section.galleries}
    data = {"rounds": _labels(record), "start": record.headline_at, "figures": figures, "galleries": galleries}
    changed, all_settings = settings(run.config)
    return render(
        "run.html",
        data,
        eyebrow="what survived",
        name=run.path.resolve().name,
        subtitle=_subtitle(record),
        verdict=split_verdict(record.headline["verdict"]),
        keys=key_numbers(record),
        sections=sections,
        rounds=len(record.rounds),
        start=record.headline_at,
        start_label=_labels(record)[record.headline_at]["label"],
        changed=changed,
        settings=all_settings,
        circumstances=circumstances(record),
        columns=ROUND_COLUMNS,
        rows=round_rows(record),
        headline=record.headline_at,
    )


def split_verdict(verdict: str) -> tuple[str, str]:
    """The first sentence, which is set large, and the rest."""
    first, dot, rest = verdict.partition(". ")
    first = first + dot.strip()
    return first[:1].upper() + first[1:], rest


def _subtitle(record: RunRecord) -> str:
    network = record.run.config.network.layers
    return f"{record.run.data.name} · {record.run.geometry.describe()} · network {network}"


def _labels(record: RunRecord) -> list[dict[str, Any]]:
    found = []
    for r in record.rounds:
        state = "diverged" if r.diverged else f"validation {score(r.score('best'), record.is_accuracy)}"
        label = f"Round {r.number} of {record.rounds[-1].number} · density {share(r.density)} · {state}"
        found.append({"number": r.number, "label": label})
    return found


def _sections(record: RunRecord) -> list[Section]:
    accuracy = Section("accuracy", "Accuracy", figures=[accuracy_figure(record)])
    if not record.measured:
        return [accuracy]
    ablation = ablation_figure(record)
    return [
        _masks(record),
        accuracy,
        Section("locality", "Locality", _locality_text(record), figures=locality_figures(record)),
        Section("connections", "By connection count", figures=degree_figures(record)),
        Section("pixels", "Which inputs are used", figures=input_figures(record)),
        Section("fields", "Receptive fields", figures=receptive_figures(record)),
        _deeper(record),
        Section("ablation", "Removing nodes", figures=[ablation] if ablation else []),
    ]


def _masks(record: RunRecord) -> Section:
    gallery, grid = first_layer_gallery(record), record.grid
    if gallery is None or grid is None:
        place = record.run.geometry.describe()
        return Section("masks", "Masks", f"The run has {place}, so there is no picture of a mask to show.")
    text = (
        "First-layer nodes, the same ones in every round: chosen at the headline round, so that one can watch them "
        f"empty. Drag the slider, or use the arrow keys. {gallery_caption(grid)}"
    )
    return Section("masks", "Masks", text, [("", gallery)])


def _locality_text(record: RunRecord) -> str:
    raw = record.top.raw
    if record.top.locality is None:
        return "Nobody has said where the inputs live on a grid, so distances between them cannot be measured."
    if raw is None or raw["locality"] is None:
        return ""
    seen, restored = raw["locality"]["index_uniform"], record.top.locality["index_uniform"]
    return (
        "The inputs were shuffled by one fixed permutation. In the order that the network saw them the index against "
        f"uniform placement is {number(seen['value'])}; put back to their places, as everywhere on this page, it is "
        f"{number(restored['value'])}."
    )


def _deeper(record: RunRecord) -> Section:
    figure, galleries = layers_figure(record), deeper_galleries(record)
    text = ""
    if galleries:
        text = (
            f"Weights multiplied along every kept path down to the inputs, at round {record.top.number} (density "
            f"{share(record.top.density)}): what a node would see if no nonlinearity lay below it."
        )
    return Section("deeper", "Deeper layers", text, galleries, [figure] if figure else [])
