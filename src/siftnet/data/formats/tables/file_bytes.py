"""What a table's file is, by its bytes rather than by its name, and the text of one that holds text."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from siftnet.config.fields import require

PARQUET = b"PAR1"
SUFFIXES = (".parquet", ".pq")
PACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh91AY&SY": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
OTHERS = {
    b"PK\x03\x04": "a zip archive, or a spreadsheet: unpack it, or save the sheet as CSV",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it",
    b"\xd0\xcf\x11\xe0": "a spreadsheet: save the sheet as CSV",
    b"ARROW1\0\0": "an Arrow (feather) file: save it as parquet, e.g. pandas.read_feather(file).to_parquet(other)",
    b"FEA1\0": "a feather file: save it as parquet, e.g. pandas.read_feather(file).to_parquet(other)",
    b"\x89HDF": "an HDF5 file: save it as parquet or CSV",
    b"SQLite format 3\0": "a database: save the table as CSV",
    b"\x93NUMPY": "a NumPy array: save it as .npz with arrays x and y, and set data.format npz",
    b"\x80\x04\x95": "a pickle, which is not read as it may run code: save it as parquet or CSV",
    b"%PDF-": "a PDF: save the table as CSV",
}
MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
SMALL, FACTOR = 64 * 2**20, 100
"""A packed file may unpack to SMALL bytes, or to FACTOR times its size where that is more."""
CHUNK = 2**20
WINDOWS = [bytes([code]) for code in range(0x80, 0xA0)]
"""Characters of Windows-1252 that Latin-1 has not."""


def holds_parquet(path: Path) -> bool:
    """Whether a file begins as parquet does, and not with a column that is called PAR1."""
    with path.open("rb") as file:
        head = file.read(len(PARQUET) + 1)
    named_so = path.suffix.lower() in SUFFIXES
    return head.startswith(PARQUET) and (named_so or (not chr(head[-1]).isprintable() and head[-1:] not in b"\t\r\n"))


def read_text(path: Path) -> bytes:
    r"""The text in a file as UTF-8 whose lines end in \n, unpacked where it is packed by gzip, bzip2 or xz.

    Raises ValueError for files of other kinds, for text that is neither UTF-8 nor UTF-16 or UTF-32 with a byte order
    mark, for NUL bytes, and for damaged archives or those that unpack to far more than their size.
    """
    with path.open("rb") as file:
        head = file.read(32)
    opened = next((opened for mark, opened in PACKED.items() if head.startswith(mark)), None)
    raw = _unpacked(path, opened) if opened else path.read_bytes()
    for mark, what in OTHERS.items():
        require(not raw.startswith(mark), f"{path} is {what}")
    require(
        opened is None or not raw.startswith((PARQUET + b"\x15", *PACKED)),
        f"{path} is packed, and what is in it is no text: unpack it, and name it after what it is",
    )
    require(raw[257:262] != b"ustar", f"{path} is a tar archive: unpack it, and set data.root to the table in it")
    require(
        path.suffix.lower() not in SUFFIXES,
        f"{path} does not begin as parquet does: save it anew, or name it .csv if it holds text",
    )
    data = _as_utf8(raw, path)
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def _unpacked(path: Path, opened: Callable[[Path], Any]) -> bytes:
    allowed = max(SMALL, FACTOR * path.stat().st_size)
    parts, size = [], 0
    try:
        with opened(path) as file:
            while part := file.read(CHUNK):
                size += len(part)
                require(
                    size <= allowed,
                    f"{path} unpacks to more than {FACTOR} times its size: unpack it yourself if that is right",
                )
                parts.append(part)
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{path} is packed and damaged ({error}): pack it again") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"{path} is packed and damaged ({error}): pack it again") from None
    return b"".join(parts)


def _as_utf8(raw: bytes, path: Path) -> bytes:
    encoding = next((name for mark, name in MARKS if raw.startswith(mark)), "utf-8")
    if encoding.startswith("utf-8"):
        _refuse_nul(raw, path)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        if encoding.startswith("utf-8"):
            raise ValueError(f"line {line} of {path} is not UTF-8: {_as_saved(raw)}") from None
        raise ValueError(
            f"line {line} of {path} is not {encoding.upper()}, as its first bytes say: save it as UTF-8"
        ) from None
    if encoding == "utf-8":
        return raw
    data = text.encode()
    _refuse_nul(data, path)
    return data


def _as_saved(raw: bytes) -> str:
    """What to do about text that is not UTF-8: Latin-1 has no characters where Windows has dashes and quotes."""
    if not raw.decode("utf-8-sig", "ignore").isascii():
        return "the file is UTF-8 but for that line and perhaps others, so correct it there"
    windows = any(byte in raw for byte in WINDOWS)
    name, code = ("Windows-1252", "cp1252") if windows else ("Latin-1", "latin1")
    return f"save it as UTF-8, e.g. iconv -f {code} -t utf-8 OLD > NEW where it is {name}"


def _refuse_nul(data: bytes, path: Path) -> None:
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise ValueError(
            f"line {line} of {path} holds NUL bytes: save it as UTF-8 text (it may be UTF-16 without its mark)"
        )
