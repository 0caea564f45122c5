"""The lines of a CSV before pandas sees them: which are names, which are examples, and that all have as many fields.

pandas takes what is one field too many for an index, fills in what is missing, and reads on past a quotation mark that
is not closed; none of that is what a line says.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from siftnet.config.fields import TableConfig, require
from siftnet.data.formats.tables.header import on_header
from siftnet.data.formats.tables.names import refuse_names
from siftnet.data.formats.tables.roles import kept
from siftnet.data.formats.tables.separators import refuse_another, refuse_one_field, separator_of
from siftnet.data.formats.tables.spelling import is_like_a_value, is_number
from siftnet.wording import listed, named


@dataclass(frozen=True, eq=False)
class CsvText:
    """A CSV whose lines have been looked at. N examples."""

    data: bytes
    r"""UTF-8; lines end in \n."""
    separator: str
    names: tuple[str, ...]
    """Of the columns that are read, without blanks around them; 1, 2, ... where the file has no names."""
    places: tuple[int, ...]
    """Which fields of a line those columns are, from 0."""
    fields: int
    """Of each line."""
    start: int
    """Byte at which the examples begin."""
    lines_N: np.ndarray
    """int64 (N,): line number of each example, from 1."""

    def examples(self) -> io.BytesIO:
        """The examples alone, to be read."""
        stream = io.BytesIO(self.data)
        stream.seek(self.start)
        return stream


def look_at(data: bytes, path: Path, table: TableConfig) -> CsvText:
    """The structure of a CSV, one example a line; lines without any field are passed over.

    data: UTF-8 text. Raises ValueError, with the line's number, for lines with more or fewer fields than the first, for
    quotation marks that are not closed on their line or that do not enclose the whole field, for column names that are
    empty, repeated or, unless table.header says what they are, all numbers, and for another separator.
    """
    separator = separator_of(path, table)
    lines = _lines(data, separator)
    number, end, first = next(lines, (0, 0, b""))
    require(number > 0, f"{path} is empty: it needs a line of names and lines of examples")
    require(
        not re.fullmatch(rb"sep=.", first.strip()),
        f"line {number} of {path} ({named(first.decode().strip())}) tells a spreadsheet what separates the fields: "
        "remove it, and set data.table.separator",
    )
    refuse_another(first, (line for _, _, line in islice(_lines(data, separator), 1, None)), number, path, table)
    fields = _fields(first, number, path, separator)
    if len(fields) == 1:
        refuse_one_field(fields[0], number, path, separator)
    if table.header == "none":
        names, start = tuple(str(k + 1) for k in range(len(fields))), 0
        lines = _lines(data, separator)
    else:
        names, start = tuple(field.strip() for field in fields), end
        _refuse_names(names, number, path, table)
    lines_N = array("q")
    mark = separator.encode()
    plain = b'"' not in data
    for row, _, line in lines:
        found = line.count(mark) + 1 if plain or b'"' not in line else len(_fields(line, row, path, separator))
        if found != len(fields):
            raise ValueError(_on_fields(line, row, found, path, (number, len(fields), separator)))
        lines_N.append(row)
    places = kept(names, path, table, on_header(names, table))
    return CsvText(
        data=data,
        separator=separator,
        names=tuple(names[k] for k in places),
        places=places,
        fields=len(names),
        start=start,
        lines_N=np.frombuffer(lines_N, np.int64) if lines_N else np.zeros(0, np.int64),
    )


def _lines(data: bytes, separator: str) -> Iterator[tuple[int, int, bytes]]:
    """Number from 1, byte after it, and text of each line that is not blank."""
    blank = b" \n" if separator == "\t" else b" \t\n"
    end = 0
    for number, line in enumerate(io.BytesIO(data), 1):
        end += len(line)
        if not line.isspace() or line.strip(blank):
            yield number, end, line.rstrip(b"\n")


def _fields(line: bytes, number: int, path: Path, separator: str) -> list[str]:
    """The fields of one line; raises ValueError where a quotation mark is not closed or stands where it must not."""
    text = line.decode()
    if '"' not in text:
        return text.split(separator)
    try:
        fields = next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as error:
        raise ValueError(_on_quotes(str(error), number, path)) from None
    for field in fields:
        require(
            not re.match(r'[ \t]+"', field),
            f"line {number} of {path} has a blank before a quotation mark, which then encloses nothing: remove the "
            "blank",
        )
    _refuse_stray_mark(text, number, path, separator)
    return fields


def _refuse_stray_mark(text: str, number: int, path: Path, separator: str) -> None:
    """Raise ValueError for a field that ends with a quotation mark which nothing opens; one within text is text."""
    for match in re.finditer(rf'(?:^|{separator})(?:"(?:[^"]|"")*"|([^{separator}]*))', text):
        field = (match[1] or "").rstrip(" \t")
        stray = field.endswith('"') and (field.count('"') % 2 == 1 or field.endswith('""'))
        enclosed = '"' + field.replace('"', '""') + '"'
        require(
            not stray,
            f"line {number} of {path} has a quotation mark at the end of the field {named(field)} that none opens: "
            f"remove it, or write {named(enclosed)} where it is part of the text",
        )


def _on_quotes(error: str, number: int, path: Path) -> str:
    if "unexpected end" in error:
        return (
            f"line {number} of {path} opens a quotation mark that is not closed on that line: close it, or write "
            "fields without line breaks"
        )
    if "expected after" in error:
        return (
            f"line {number} of {path} has text behind a closing quotation mark: enclose the whole field, and write a "
            'quotation mark within it twice (""), or remove the marks'
        )
    return f"line {number} of {path} cannot be taken apart ({error}): correct it"


def _on_fields(line: bytes, number: int, found: int, path: Path, header: tuple[int, int, str]) -> str:
    first, wanted, separator = header
    mark = {"\t": "tab"}.get(separator, separator)
    if line.lstrip().startswith(b"#"):
        remedy = "remove it if it is a comment"
    elif found == wanted + 1 and line.endswith(separator.encode()):
        remedy = f"remove the {mark!r} at the end of lines"
    elif found > wanted:
        remedy = f"enclose fields that hold a {mark!r} in quotation marks"
        if separator == ",":
            remedy += (
                "; where numbers have decimal commas, set data.table.decimal comma as well; and give row names, if "
                "that is what the first field is, a column name"
            )
    else:
        remedy = f"write a {mark!r} for each field that is empty, too, or remove the line"
    return f"line {number} of {path} has {found} fields and line {first} has {wanted}: {remedy}"


def _refuse_names(names: tuple[str, ...], number: int, path: Path, table: TableConfig) -> None:
    """Raise ValueError for a first line that can be no line of names, or may be none."""
    numbers = [is_number(name) for name in names if name]
    drop = [name.strip() for name in table.drop]
    if table.header == "auto":
        require(
            not numbers or not all(map(is_like_a_value, filter(None, names))),
            f"line {number} of {path} holds nothing but values ({listed(names)}): set data.table.header none if it "
            "is already an example, or names if these are the columns' names",
        )
    example = ", or set data.table.header none if the line is already an example" if any(numbers) else ""
    refuse_names(names, path, where=f" in line {number}", otherwise=example, drop=drop)
