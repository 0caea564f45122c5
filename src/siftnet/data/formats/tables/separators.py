"""What separates the fields of a CSV: as settings say or by the file's name, and whether its lines agree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from siftnet.config.fields import TableConfig, require
from siftnet.wording import quoted

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
BY_SUFFIX = {".csv": ",", ".tsv": "\t"}
OTHERS = (";", "\t", "|")
"""What may separate fields beside commas that are decimal signs or part of a name; a comma proves nothing."""
BARS = "write a comma, a semicolon or a tab in their place, and say which with data.table.separator"
ENCLOSED = re.compile(rb'"[^"]*"')


def separator_of(path: Path, table: TableConfig) -> str:
    """What separates the fields: as table.separator says, or by the file's name."""
    if table.separator != "auto":
        return SEPARATORS[table.separator]
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    for suffix in reversed(suffixes):
        if suffix in BY_SUFFIX:
            return BY_SUFFIX[suffix]
    raise ValueError(
        f"{path} holds text and its name ends in none of .csv, .tsv, .csv.gz, .tsv.gz: say what separates the fields "
        "with data.table.separator comma, semicolon or tab"
    )


def refuse_another(first: bytes, lines: Iterable[bytes], number: int, path: Path, table: TableConfig) -> None:
    """Raise ValueError where all lines have as many of another separator as the first, which has one at least.

    A file of semicolons whose numbers have decimal commas has commas enough to be divided by them. first: the first
    line, number: where it stands, lines: those after it. A separator that table.separator names is taken at its word.
    """
    if table.separator != "auto":
        return
    separator = separator_of(path, table)
    alike = {mark: _count(first, mark) for mark in OTHERS if mark != separator and _count(first, mark)}
    seen = both = False
    for line in lines if alike else ():
        seen, both = True, both or separator.encode() in line
        alike = {mark: count for mark, count in alike.items() if _count(line, mark) == count}
        if not alike:
            return
    both = both or separator.encode() in first
    for other, count in alike.items() if seen and both else ():
        word = _word(other)
        remedy = f"set data.table.separator {word}" if word else BARS
        if word and separator == ",":
            remedy += ", and data.table.decimal comma where numbers have decimal commas"
        raise ValueError(
            f"line {number} of {path} and all others have {count:,} times {other!r} as well as {separator!r}: "
            f"{remedy}; or set data.table.separator {_word(separator)} if that is what separates the fields"
        )


def _count(line: bytes, mark: str) -> int:
    """How often a mark stands outside quotation marks."""
    return (ENCLOSED.sub(b"", line) if b'"' in line else line).count(mark.encode())


def _word(separator: str) -> str | None:
    return next((word for word, mark in SEPARATORS.items() if mark == separator), None)


def refuse_one_field(head: str, number: int, path: Path, separator: str) -> None:
    """Raise ValueError for a first line that is one field, saying what would divide it."""
    for name, other in SEPARATORS.items():
        require(
            other == separator or other not in head,
            f"line {number} of {path} has no {separator!r} but {head.count(other)} times {other!r}: set "
            f"data.table.separator {name}",
        )
    require(
        not head.lstrip().startswith("#"),
        f"line {number} of {path} begins with #: remove it if it is a comment",
    )
    require(
        "|" not in head,
        f"line {number} of {path} has no {separator!r} but {head.count('|')} times '|': {BARS}",
    )
    raise ValueError(
        f"line {number} of {path} has one field, {quoted(head)}: it needs a feature column beside the target, with "
        f"{separator!r} between them"
    )
