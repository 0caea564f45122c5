"""Where inputs live, from a table of coordinates: a row for each input, a column for each axis. N rows, A axes."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from siftnet.config.fields import POINTS, require
from siftnet.geometry import LARGEST, Points
from siftnet.wording import listed, named, quoted

HEADINGS = ("name", "input", "column")
"""Above a first column of numbers these say that they are names, as of columns that are called 1, 2, ..."""


@dataclass(frozen=True, eq=False)
class Places:
    """Coordinates as a file has them: float64 (N, A), and the inputs' names, none where it has only numbers."""

    path: Path
    coordinates_NA: np.ndarray
    names: tuple[str, ...] = ()

    def of(self, inputs: int, names: tuple[str, ...]) -> Points:
        """The points of so many inputs, in the order of their names, or of the file where it has none.

        Raises ValueError where the numbers or the names of both differ.
        """
        count = len(self.coordinates_NA)
        if not self.names:
            require(
                count == inputs,
                f"{self.path} has {count:,} rows of coordinates and the data have {inputs:,} inputs: give one row for "
                "each input",
            )
            return Points(self.coordinates_NA)
        require(
            bool(names),
            f"{self.path} names its {count:,} points ({listed(self.names)}) and the inputs of the data have no names: "
            "give the rows in the order of the inputs and leave the names out",
        )
        absent = [name for name in names if name not in self.names]
        require(not absent, f"{self.path} has no row for the inputs {listed(absent)}: add their coordinates")
        unknown = [name for name in self.names if name not in names]
        require(
            not unknown,
            f"{self.path} has rows for {listed(unknown)}, which are no inputs of the data ({listed(names)}): leave "
            "them out",
        )
        row = {name: k for k, name in enumerate(self.names)}
        return Points(self.coordinates_NA[[row[name] for name in names]])


def places_file(geometry: str) -> Path | None:
    """The file that data.geometry = points:FILE names; None for another geometry."""
    return Path(geometry.removeprefix(POINTS)) if geometry.startswith(POINTS) else None


def read_places(path: Path) -> Places:
    """Coordinates from a CSV, commas, semicolons or tabs between the fields, with or without a line of headings.

    A first column that holds anything but numbers, or is headed name, input or column, is the inputs' names. Raises
    ValueError for a file that is no such table, and for what is missing or no number in it.
    """
    rows = _rows(path)
    require(bool(rows), f"{path} is empty: give it a row of coordinates for each input")
    _, first = rows[0]
    fields = len(first)
    for line, row in rows:
        require(
            len(row) == fields,
            f"line {line} of {path} has {len(row)} fields and the first has {fields}: give each input as many",
        )
    has_headings = bool(np.isnan(_number(first[-1])))
    heading = [field.strip() for field in first] if has_headings else [str(k + 1) for k in range(fields)]
    rows = rows[has_headings:]
    require(bool(rows), f"{path} has headings ({listed(heading)}) and no row: give one for each input")
    has_names = heading[0].casefold() in HEADINGS or any(np.isnan(_number(row[0])) for _, row in rows if row[0].strip())
    require(fields > has_names, f"{path} has names and no coordinates: add a column for each axis")
    names = tuple(row[0].strip() for _, row in rows) if has_names else ()
    for name, count in Counter(names).items():
        require(count == 1, f"{path} has {count} rows for {quoted(name)}: leave one of them")
    axes = range(int(has_names), fields)
    coordinates_NA = np.array([[_coordinate(row[k], heading[k], line, path) for k in axes] for line, row in rows])
    return Places(path, coordinates_NA, names)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and fields of each row that is not blank."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(
            f"data.geometry names the coordinates in {path}, which cannot be read ({error.strerror}): give the path of "
            "a CSV with a row for each input"
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8: save the coordinates as CSV, a row for each input") from None
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = next((mark for mark in "\t;" if mark in head), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(field.strip() for field in row)]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} of {path} cannot be taken apart ({error}): correct it") from None


def _coordinate(text: str, heading: str, line: int, path: Path) -> float:
    where = f"line {line} of {path}"
    require(bool(text.strip()), f"{where} has no coordinate in column {named(heading)}: say where the input lives")
    value = _number(text)
    require(
        abs(value) <= LARGEST,
        f"{where} has {quoted(text.strip())} in column {named(heading)}, and a coordinate is a number with a decimal "
        f"point, within {LARGEST:g} of 0: correct it",
    )
    return value


def _number(text: str) -> float:
    """What text says in Python's spelling without underscores; NaN where it says no number."""
    try:
        return float(text) if "_" not in text else np.nan
    except ValueError:
        return np.nan
