"""What every page is made of: a header, sections, tables, and what was run; `Page.html` is one file without network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from siftnet.report.data_head import DataHead, ExampleGallery
    from siftnet.report.figures.figure import Figure
    from siftnet.report.pictures.gallery import Gallery
    from siftnet.report.provenance import Provenance


@dataclass(frozen=True)
class Key:
    """One figure of the row below the sentence that is set large."""

    value: str
    label: str
    remark: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, a paragraph, galleries and figures."""

    name: str
    title: str
    text: str = ""
    galleries: Sequence[tuple[str, Gallery]] = ()
    figures: Sequence[Figure] = ()


@dataclass(frozen=True)
class Cell:
    """What a cell says, what stands below it in small, and where it leads."""

    text: str
    below: str = ""
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with its heading; note: how to read it; marked: place of the row that stands out."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str
    marked: int | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page in the order in which one reads it.

    verdict: the sentence that is set large, and what has to be known to read it; rounds: number and label of each stop
    of the slider, none without one; start: where it stands at first.
    """

    eyebrow: str
    name: str
    subtitle: str
    verdict: tuple[str, str]
    keys: Sequence[Key]
    data: DataHead
    sections: Sequence[Section]
    tables: Sequence[Table]
    provenance: Provenance
    rounds: Sequence[tuple[int, str]] = ()
    start: int = 0

    def html(self) -> str:
        """The page as one self-contained file."""
        from siftnet.report.render import render

        return render("page.html", self._payload(), page=self)

    def _payload(self) -> dict[str, Any]:
        """What page.js draws."""
        return {
            "rounds": [{"number": number, "label": label} for number, label in self.rounds],
            "start": self.start,
            "figures": {figure.name: figure.payload() for section in self.sections for figure in section.figures},
            "galleries": {g.name: g.payload() for g in self._galleries()},
        }

    def _galleries(self) -> list[Gallery | ExampleGallery]:
        of_data = [self.data.gallery] if self.data.gallery else []
        return [*of_data, *(gallery for section in self.sections for _, gallery in section.galleries)]
