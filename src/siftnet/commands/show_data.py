"""What `siftnet data` prints: facts, classes or targets by split, notes, and examples as a terminal can draw them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from siftnet.commands.drawing import draw_curve, draw_picture
from siftnet.commands.output import terminal
from siftnet.geometry import Grid
from siftnet.report.data_words import Rows, by_split, facts, plain_number, titles, values
from siftnet.report.pictures.examples import describe_pictures, example_curves, example_pictures
from siftnet.store.shown import ShownExamples
from siftnet.store.summary import DataSummary
from siftnet.wording import NOTE, named

WIDTH = 100
"""Columns where standard output is no terminal."""
PICTURE, CURVE, CHANNELS = 40, 64, 3
"""Columns of a picture and of a curve, and curves of an example, at most."""


def data_to_dict(data: DataSummary, shown: ShownExamples) -> dict[str, Any]:
    """For JSON: what a run stores about its data, and the examples."""
    rows = zip(shown.rows_E.tolist(), shown.labels_E.tolist(), shown.inputs_EI.tolist(), strict=True)
    return data.to_dict() | {"shown": [{"example": r, "label": label, "inputs": inputs} for r, label, inputs in rows]}


def print_data(data: DataSummary, shown: ShownExamples, permutation_I: np.ndarray | None, *, seed: int) -> None:
    """Print a data set; seed: that drew the examples."""
    console = terminal(**({} if sys.stdout.isatty() else {"width": WIDTH}))
    with console.capture() as drawn:
        console.print(Text(named(data.name), "bold"))
        console.print(_facts(facts(data)))
        console.print("", _table(rows) if (rows := by_split(data)) else "", "", sep="\n")
        for note in data.notes:
            console.print(Padding(Text(f"note: {named(note, NOTE)}"), (0, 2)))
        if not data.notes:
            console.print(Padding(Text("nothing was left out or changed"), (0, 2)))
        console.print(Padding(Text(f"{len(shown.rows_E)} training examples, drawn by data.seed = {seed}:"), (1, 2)))
        console.print(_examples(data, shown, permutation_I, console))
    print(*(line.rstrip() for line in drawn.get().splitlines()), sep="\n")


def _facts(rows: Sequence[tuple[str, str]]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for name, text in rows:
        table.add_row(Text(name, "dim"), Text(text))
    return Padding(table, (0, 2))


def _table(rows: Rows) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for place, column in enumerate(rows.columns):
        table.add_column(Text(column), justify="right" if place else "left")
    for row in rows.rows:
        table.add_row(*map(Text, row))
    return Padding(table, (0, 1))


def _examples(
    data: DataSummary, shown: ShownExamples, permutation_I: np.ndarray | None, console: Console
) -> RenderableType:
    geometry = data.geometry
    said = describe_pictures(geometry, shuffled=data.permuted or data.scrambled)
    if not isinstance(geometry, Grid):
        drawn = _table(values(data, shown, permutation_I))
    elif geometry.ndim == 1:
        drawn = _curves(data, shown, geometry, console)
    else:
        drawn = _pictures(data, shown, geometry, console)
    return Group(*([Padding(Text(said), (0, 2))] if said else []), drawn)


def _pictures(data: DataSummary, shown: ShownExamples, grid: Grid, console: Console) -> RenderableType:
    """Side by side, each under its class."""
    pictures = example_pictures(shown.inputs_EI, grid)
    columns = max(1, min(PICTURE, (console.width - 4) // len(pictures) - 2))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(*(Text(f"{target}\n{row}") for target, row in titles(data, shown)))
    table.add_row(*(draw_picture(pixels, console, columns) for pixels in pictures))
    return Padding(table, (0, 2))


def _curves(data: DataSummary, shown: ShownExamples, grid: Grid, console: Console) -> RenderableType:
    """Below each other, all between the same two values."""
    curves = example_curves(shown.inputs_EI, grid, max(8, min(CURVE, console.width - 36)))
    low, high = float(curves.min()), float(curves.max())
    table = Table.grid(padding=(0, 2, 0, 0))
    for (target, row), curve_CS in zip(titles(data, shown), curves, strict=True):
        for channel, values_S in enumerate(curve_CS[:CHANNELS]):
            table.add_row(Text(f"{target}, {row}" if channel == 0 else ""), draw_curve(values_S, low, high, console))
    more = f", {CHANNELS} of {grid.channels} channels" if grid.channels > CHANNELS else ""
    return Padding(
        Group(table, Text(f"from {plain_number(low, high - low)} to {plain_number(high, high - low)}{more}")), (0, 2)
    )
