"""Columns of digits with leading zeros, such as postal codes, which are names rather than amounts. N rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from siftnet.config.fields import require
from siftnet.data.formats.tables.csv_text import CsvText
from siftnet.data.formats.tables.frame import dropping
from siftnet.data.formats.tables.spelling import CODE
from siftnet.data.targets import MISSING_TEXT
from siftnet.wording import listed, named, quoted

DIGITS = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class Codes:
    """What shows that a column holds codes."""

    merged: tuple[str, str] | None
    """Two of them that would be one number; None where all have one length instead."""


def has_leading_zeros(text: CsvText) -> bool:
    """Whether any field may have digits behind a leading zero."""
    ends = bytes.maketrans(b'123456789 \t"' + text.separator.encode(), b"000000000\n\n\n\n")
    digits = text.data.translate(ends, b"+-")
    return digits.startswith(b"00") or b"\n00" in digits


def codes_of(texts_N: np.ndarray) -> Codes | None:
    """What shows that these are codes; None where they are none.

    texts_N: objects (N,), str. Codes are digits alone, of which some have a leading zero (see CODE), and either two of
    them are one number (01 and 1) or all have one length (00501, 90210).
    """
    words = list(dict.fromkeys(text.strip(" \t") for text in pd.unique(texts_N) if text.strip() not in MISSING_TEXT))
    coded = [word for word in words if CODE.fullmatch(word)]
    if not coded or not all(map(DIGITS.fullmatch, words)):
        return None
    first: dict[str, str] = {}
    for word in (*coded, *words):
        other = first.setdefault(_number(word), word)
        if other != word:
            return Codes((other, word))
    return Codes(None) if len(set(map(len, words))) == 1 else None


def _number(word: str) -> str:
    """What two words have in common that are one number, however many digits it has."""
    digits = word.lstrip("+-").lstrip("0")
    return f"-{digits}" if digits and word.startswith("-") else digits


def refuse_merged(name: str, codes: Codes, texts_N: np.ndarray, text: CsvText) -> None:
    """Raise ValueError for codes that would be one number."""
    if codes.merged is None:
        return
    words = np.array([word.strip(" \t") for word in texts_N], object)
    lines = [text.lines_N[np.argmax(words == word)] for word in codes.merged]
    one, other = map(quoted, codes.merged)
    require(
        False,
        f"column {named(name)} has {one} in line {lines[0]} and {other} in line {lines[1]}, which are one number: set "
        f"data.table.text one_hot to take each for a name, {dropping(name)} to leave the column out, or write them "
        "alike",
    )


def note_codes(names: Sequence[str]) -> tuple[str, ...]:
    """A sentence on columns of codes that are read as numbers."""
    if not names:
        return ()
    return (
        f"digits of one length with leading zeros are read as numbers ({listed(names)}): set data.table.text one_hot "
        "if they are codes",
    )
