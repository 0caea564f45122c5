"""The header of an .npy file, read as text and not as the Python that it is: nothing in it is evaluated.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import IO

import numpy as np

from siftnet.wording import named

MAGIC = b"\x93NUMPY"
LONGEST = 1 << 16
"""Bytes of a header, as many as version 1.0 can have; what has more has fields, which siftnet does not read."""
# Python 2 wrote long numbers with an L.
HEADER = re.compile(
    r"\s*\{\s*'descr'\s*:\s*(?P<descr>'[^'\\]*'|\[.*\]|\(.*\))\s*,\s*'fortran_order'\s*:\s*(?P<fortran>True|False)\s*,"
    r"\s*'shape'\s*:\s*\((?P<shape>(\s*\d{1,19}L?\s*,)*(\s*\d{1,19}L?)?\s*)\)\s*,?\s*\}\s*",
    re.DOTALL,
)
ONE_TYPE = re.compile(r"'([<>|=]?[biufcmMOSUV?]\d{0,10}(\[\w{1,8}\])?)'")
MOST_AXES = 32


@dataclass(frozen=True)
class Header:
    """Shape and dtype of a stored array; fortran: whether its first axis varies fastest."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool


def read_header(file: IO[bytes]) -> Header:
    """The header that a file begins with. Raises ValueError, what is wrong in a few words, for all else."""
    start = file.read(8)
    if start[:6] != MAGIC or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise ValueError(f"it begins with {start.hex(' ') or 'nothing'}")
    length = int.from_bytes(file.read(2 if start[6] == 1 else 4), "little")
    if length > LONGEST:
        raise ValueError(f"its header has {length} bytes")
    text = file.read(length).decode("utf-8" if start[6] == 3 else "latin1", "replace")
    found = HEADER.fullmatch(text)
    if found is None:
        raise ValueError(f"its header is {named(text) if text.strip() else 'empty'}")
    shape = tuple(int(word.strip().rstrip("L")) for word in found["shape"].split(",") if word.strip())
    dtype = _dtype(found["descr"])
    # NumPy counts no further, not even where one length of several is 0.
    if len(shape) > MOST_AXES or prod(max(1, n) for n in shape) * dtype.itemsize >= 2**62:
        raise ValueError(f"its shape is {named(str(shape))}")
    return Header(shape, dtype, found["fortran"] == "True" and len(shape) > 1)


def _dtype(descr: str) -> np.dtype:
    one = ONE_TYPE.fullmatch(descr)
    try:
        dtype = np.dtype(one[1] if one else "V")
    except (TypeError, ValueError):
        raise ValueError(f"its type is {named(descr)}") from None
    if not dtype.itemsize:
        raise ValueError(f"its type is {named(descr)}")
    return dtype
