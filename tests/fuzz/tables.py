"""Inputs for the reader of tables as text: CSV and TSV, plain or compressed, in several encodings."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from fuzz import zips
from fuzz.doors import data_door, data_settings
from fuzz.mutations import INTEGERS, TEXTS, Entry, Mutant, Target, chance, damaged

ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32")
QUOTINGS = (csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)
CELLS = (
    *TEXTS, "1", "2.5", "-3", "1e5", ".5", "5.", "+7", "1E400", "1e-400", "0.1e", "1 ", " 1", "1;2", "1|2", "TRUE",
    "yes",
    "NA", "N/A", "<NA>", "#N/A", "-", "?", "1/2", "1+2j", "0b1", "0o7", "infinity", "Infinity", "-Infinity",
    "9007199254740993", "18446744073709551616", "-9223372036854775809", "2^53", "1.7976931348623159e308", "'1'", "1,5",
    "1.234.567,8", "12,34,567", "１.５", "−1", "1\xa0000", "\u0661\u0662",
)  # fmt: skip
HEADERS = (
    "",
    " ",
    "0",
    "1",
    "1.5",
    "a",
    "A",
    "a ",
    "y",
    "Y",
    "Unnamed: 0",
    "index",
    "a.1",
    "\ufeffa",
    "a\nb",
    '"',
    "é",
    "x" * 1000,
    "__index_level_0__",
    "\x1b[31m",
)


@dataclass(frozen=True)
class Table:
    """Cells and how they are written."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    separator: str = ","
    suffix: str = ".csv"
    encoding: str = "utf-8"
    ends: str = "\n"
    quoting: Any = csv.QUOTE_MINIMAL
    settings: dict[str, Any] = field(default_factory=dict)

    def pack(self) -> bytes:
        """The file's bytes."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator, lineterminator=self.ends, quoting=self.quoting)
        writer.writerow(self.header)
        writer.writerows(self.rows)
        data = text.getvalue().encode(self.encoding, "replace")
        return gzip.compress(data, mtime=0) if self.suffix.endswith(".gz") else data


def table(draw: Random) -> Table:
    """Numbers with a target of classes or numbers."""
    width, count = draw.choice((1, 2, 3, 5)), draw.choice((20, 30, 60))
    header = (*(f"x{n}" for n in range(width)), "y")
    kind = draw.choice(("classes", "classes", "text", "numbers"))
    rows = []
    for n in range(count):
        target = {"classes": str(n % 3), "text": "abc"[n % 3], "numbers": f"{draw.uniform(-9, 9):.3f}"}[kind]
        rows.append((*(f"{draw.uniform(-9, 9):.2f}" for _ in range(width)), target))
    suffix = draw.choice((".csv", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".CSV"))
    separator = "\t" if "tsv" in suffix else ","
    settings = {"target": "y"}
    if chance(draw, 0.3):
        settings |= {
            "missing": draw.choice(("mean", "median", "zero")),
            "scale": draw.choice(("standard", "range", "none")),
        }
    if chance(draw, 0.15):
        settings["task"] = draw.choice(("classes", "numbers"))
    return Table(header, tuple(rows), separator, suffix, settings=settings)


def edit(one: Table, draw: Random) -> tuple[Table, str]:
    """One edit of cells, headers, or of how they are written."""
    edits = (_cell, _cell, _column, _target, _header, _header, _writing, _rows, _settings, _ragged)
    chosen = draw.choice(edits)
    return chosen(one, draw), chosen.__name__.strip("_")


def _cell(one: Table, draw: Random) -> Table:
    rows = [list(row) for row in one.rows]
    if not rows:
        return one
    for _ in range(draw.choice((1, 1, 3))):
        row = draw.choice(rows)
        if row:
            row[draw.randrange(len(row))] = draw.choice(CELLS)
    return replace(one, rows=tuple(map(tuple, rows)))


def _column(one: Table, draw: Random) -> Table:
    """A whole column of one kind."""
    at, kind = draw.randrange(len(one.header)), draw.randrange(6)
    values = [draw.choice(CELLS) for _ in range(draw.choice((1, 2, 3)))]

    def value(n: int) -> str:
        number = draw.choice(INTEGERS)
        return (values[n % len(values)], str(number), "", str(2**53 + n % 3), f"{1700000000000 + n}", "True")[kind]

    rows = [tuple(value(n) if i == at else cell for i, cell in enumerate(row)) for n, row in enumerate(one.rows)]
    return replace(one, rows=tuple(rows))


def _target(one: Table, draw: Random) -> Table:
    values = [draw.choice((*CELLS, *map(str, INTEGERS))) for _ in range(draw.choice((1, 2, 3)))]
    return replace(one, rows=tuple((*row[:-1], values[n % len(values)]) for n, row in enumerate(one.rows)))


def _header(one: Table, draw: Random) -> Table:
    header = list(one.header)
    kind = draw.randrange(5)
    if kind == 0:
        header[draw.randrange(len(header))] = draw.choice(header)
    elif kind == 1:
        header = [str(n) for n in range(len(header))]
    elif kind == 2:
        return replace(one, header=tuple(reversed(header)))
    else:
        header[draw.randrange(len(header))] = draw.choice(HEADERS)
    return replace(one, header=tuple(header))


def _writing(one: Table, draw: Random) -> Table:
    return draw.choice(
        (
            replace(one, encoding=draw.choice(ENCODINGS)),
            replace(one, ends=draw.choice(("\r\n", "\r", "\n\n", "\n\r", " \n"))),
            replace(one, quoting=draw.choice(QUOTINGS)),
            replace(one, separator=draw.choice((",", ";", "\t", "|", " "))),
            replace(one, suffix=draw.choice((".csv", ".tsv", ".csv.gz", ".txt", "", ".csv.bz2", ".data", ".tar.csv",
            ".csv.GZ"))),
        )
    )  # fmt: skip


def _rows(one: Table, draw: Random) -> Table:
    return replace(one, rows=one.rows[: draw.choice((0, 1, 2, 5, 11))] if chance(draw, 0.6) else one.rows * 3)


def _settings(one: Table, draw: Random) -> Table:
    changed = draw.choice(
        (
            {"target": draw.choice(("", "x0", "Y", "y ", "absent", "0", "\n"))},
            {"task": draw.choice(("classes", "numbers"))},
            {"missing": draw.choice(("refuse", "mean", "median", "zero"))},
            {"scale": draw.choice(("standard", "range", "none"))},
            {"text": "one_hot"},
            {"header": draw.choice(("names", "none")), "target": draw.choice(("y", str(len(one.header))))},
            {"separator": draw.choice(("comma", "semicolon", "tab"))},
            {"decimal": "comma"},
            {"split": draw.choice(("x0", "x1", "absent"))},
        )
    )
    return replace(one, settings=one.settings | changed)


def _ragged(one: Table, draw: Random) -> Table:
    """A row, or all, with fields more or fewer."""
    rows = list(one.rows)
    if not rows:
        return one
    at, more = draw.randrange(len(rows)), draw.choice((("",), ("1",), ("1", "2"), ("",) * 50))
    if chance(draw, 0.3):
        return replace(one, rows=tuple((*row, *more) for row in rows))
    rows[at] = (*rows[at], *more) if chance(draw, 0.5) else rows[at][:-1]
    return replace(one, rows=tuple(rows))


def make(draw: Random) -> Mutant:
    """A table with some edits, of its cells and of its bytes."""
    found, recipe = table(draw), []
    for _ in range(draw.choice((0, 1, 1, 2, 3))):
        found, done = edit(found, draw)
        recipe.append(done)
    data = found.pack()
    if chance(draw, 0.2):
        inside = gzip.decompress(data) if found.suffix.endswith(".gz") else data
        damage = damaged(inside, draw)
        data = gzip.compress(damage, mtime=0) if found.suffix.endswith(".gz") else damage
        recipe.append("damaged")
    if found.suffix.endswith(".gz") and chance(draw, 0.2):
        data = damaged(data, draw)
        recipe.append("damaged outside")
    if chance(draw, 0.002):
        found, data, done = bomb(draw)
        recipe = [done]
    name = f"table{found.suffix}"
    tree: dict[str, Entry] = {name: data}
    return Mutant(tree, name, {"table": found.settings} | data_settings(draw), tuple(recipe))


def bomb(draw: Random) -> tuple[Table, bytes, str]:
    """Text that is small compressed alone, in three shapes."""
    count = draw.choice((200, 900))
    kind = draw.choice((b"0,1\n", b"0,", b"\n", b'"', b"0"))
    block = (kind * (1 << 20))[: 1 << 20]
    import zlib

    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = squeeze.compress(b"x,y\n") + squeeze.flush(zlib.Z_FULL_FLUSH)
    body = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    crc = zlib.crc32(b"x,y\n")
    for _ in range(count):
        crc = zlib.crc32(block, crc)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    trailer = crc.to_bytes(4, "little") + ((4 + (count << 20)) % 2**32).to_bytes(4, "little")
    data = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + head + body * count + end + trailer
    return Table((), (), suffix=".csv.gz", settings={"target": "y"}), data, f"{count} MiB of {kind!r}"


def passes(path: Path) -> bool:
    """Whether it unpacks, decodes, and has the same number of fields in each row, as Python's csv module sees it."""
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        data = file.read(zips.LOOKED_AT)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding)
    separator = "\t" if ".tsv" in path.name.lower() else ","
    widths = {len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if row}
    return len(widths) == 1


def clean() -> Mutant:
    """A table without a fault."""
    found = replace(table(Random(1)), suffix=".csv", separator=",", settings={"target": "y"})
    return Mutant({"table.csv": found.pack()}, "table.csv", {"table": found.settings})


TARGET = Target("csv", make, (data_door("table"),), passes, clean)
