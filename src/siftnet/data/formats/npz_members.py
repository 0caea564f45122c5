"""Single arrays of an .npz file: their shape before they are read, whole, or some rows straight into place."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from siftnet.config.fields import RefusedError
from siftnet.data.formats.npy_header import Header, read_header
from siftnet.wording import named

BLOCK_BYTES = 1 << 24
# A small file may not become a large array: beyond so many bytes it has to be at least one part in so many of it.
FREE_BYTES, RATIO = 1 << 28, 256
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError, OSError, LookupError, OverflowError,
)  # fmt: skip
"""What zipfile raises for archives that are none, which depends on where they are damaged."""


def names(path: Path) -> set[str]:
    """Names of the arrays in an .npz file; raises ValueError where it is not one, or has an array twice."""
    with _archive(path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


def header(path: Path, name: str) -> Header:
    """What the array `name` of an .npz file looks like; raises ValueError for a bad file and for Python objects."""
    with _member(path, name) as (_, found):
        return found


def read(path: Path, name: str) -> np.ndarray:
    """The whole array `name` of an .npz file; raises ValueError for a bad file and for Python objects."""
    found = header(path, name)
    if 0 in found.shape:
        return np.empty(found.shape, found.dtype)
    flat = np.empty((found.shape[0] if found.shape else 1, prod(found.shape[1:])), found.dtype)
    if not found.fortran:
        read_rows(path, name, np.arange(len(flat)), flat)
        return flat.reshape(found.shape)
    with _member(path, name) as (file, _):
        values = np.frombuffer(_exactly(file, flat.nbytes), found.dtype)
        return np.array(values.reshape(found.shape, order="F"), order="C")


def read_rows(path: Path, name: str, rows_R: np.ndarray, into_RI: np.ndarray) -> None:
    """Write rows of a stored array into place, holding no more than a few megabytes beside them.

    rows_R: int64 (R,), ascending; into_RI: (R, I), each row a stored row flattened in C order. Raises ValueError for a
    bad file and for Python objects.
    """
    found = header(path, name)
    if found.fortran:
        into_RI[:] = read(path, name)[rows_R].reshape(len(rows_R), -1)
        return
    with _member(path, name) as (file, _):
        count, width = (found.shape[0] if found.shape else 1), prod(found.shape[1:])
        step = max(1, BLOCK_BYTES // max(1, width * found.dtype.itemsize))
        for start in range(0, count, step):
            stop = min(start + step, count)
            raw = _exactly(file, (stop - start) * width * found.dtype.itemsize)
            first, last = np.searchsorted(rows_R, [start, stop])
            into_RI[first:last] = np.frombuffer(raw, found.dtype).reshape(-1, width)[rows_R[first:last] - start]
        file.read(1)  # reading on to the end is what makes zipfile compare the checksum


def _exactly(file: IO[bytes], count: int) -> bytes:
    raw = file.read(count)
    if len(raw) != count:
        raise EOFError("it ends early")
    return raw


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.namelist()
            for twice in {name for name in listed if listed.count(name) > 1}:
                raise RefusedError(f"{path} holds {named(repr(twice))} twice: write it again with one of each")
            yield archive
    except (RefusedError, PermissionError):
        raise
    except DAMAGE as error:
        raise ValueError(
            f"{path} is not a complete .npz file ({named(str(error) or type(error).__name__, 120)}): "
            "download or write it again and check its size or checksum"
        ) from None


@contextmanager
def _member(path: Path, name: str) -> Iterator[tuple[IO[bytes], Header]]:
    with _archive(path) as archive:
        if f"{name}.npy" not in archive.namelist():
            held = ", ".join(sorted(n.removesuffix(".npy") for n in archive.namelist()))
            raise RefusedError(
                f"{path} holds no array named {name}, it holds {named(held, 120) if held else 'nothing'}: "
                "save it under that name"
            )
        with archive.open(f"{name}.npy") as file:
            found = _parse_header(file, path, name)
            info = archive.getinfo(f"{name}.npy")
            stored = info.file_size - file.tell()
            if found.dtype.hasobject:
                raise RefusedError(
                    f"{path} holds {name} as an array of Python objects, which siftnet does not load: "
                    "save it with a numeric dtype"
                )
            if stored != prod(found.shape) * found.dtype.itemsize:
                raise EOFError(f"{name} has {stored} bytes for shape {found.shape} of {found.dtype}")
            if stored > max(FREE_BYTES, RATIO * info.compress_size):
                raise RefusedError(
                    f"{path} holds {name} in {info.compress_size:,} bytes that become {stored:,}, as no data do: "
                    "if they are yours, save them with numpy.savez, which does not compress them"
                )
            yield file, found


def _parse_header(file: IO[bytes], path: Path, name: str) -> Header:
    try:
        return read_header(file)
    except ValueError as error:
        raise RefusedError(
            f"{path} holds {name} not as an array ({error}): save a plain array of numbers or text with numpy.savez"
        ) from None
