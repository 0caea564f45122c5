"""Numba's compiler, with a place to keep what it compiled: a temporary one where there is no other.

Numba keeps compiled code beside the source or in the user's cache, and refuses to compile where it can write neither.
"""

from __future__ import annotations

import atexit
import functools
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit`, whose cache lies in a temporary folder, for this process alone, where it could lie nowhere else.

    Raises ValueError where there is no temporary folder either, and where Numba is told to compile nothing: sums of
    integers that are meant to run over do not as Python's, and what is measured would be wrong.
    """
    settings: Any = numba.config
    if settings.DISABLE_JIT:
        raise ValueError("NUMBA_DISABLE_JIT is set, and siftnet computes with what Numba compiles: unset it")

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(**options)(function)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            with _cache_in(_temporary_place()):
                return numba.njit(**options)(function)

    return compiled


@functools.cache
def _temporary_place() -> str:
    """A folder that is removed when the process ends: one that lasts would have to be safe from others' code."""
    try:
        place = tempfile.mkdtemp(prefix="siftnet-compiled-")
    except OSError:
        raise ValueError(
            "compiled code can be kept nowhere, neither beside siftnet nor in HOME nor in a temporary folder: set "
            "NUMBA_CACHE_DIR to a folder that can be written"
        ) from None
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    logging.getLogger(__name__).warning(
        "note: neither siftnet's folder nor HOME can be written, so kernels are compiled anew in each process, half a "
        "minute: set NUMBA_CACHE_DIR to a folder that can be written and lasts"
    )
    return place


@contextmanager
def _cache_in(place: str) -> Iterator[None]:
    """Where Numba looks first, for what is decorated now; functions of others are left to their own places."""
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = place
    try:
        yield
    finally:
        settings.CACHE_DIR = before
