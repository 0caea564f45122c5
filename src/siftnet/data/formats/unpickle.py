"""Reading pickles of arrays without running anything that the file asks for.

A pickle is a program. Here it may call only the few functions below, which build plain stand-ins: neither numpy's own
unpickling code nor any class of the file's choosing is ever reached, and nothing it made can be altered through BUILD.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

KINDS = "biufc"
"""Kinds of numpy dtype that are admitted: booleans, integers, floats, complex numbers."""


class RefusedError(Exception):
    """The pickle asks for something that is not admitted; the text says what."""


class _Dtype:
    """Stands for a numpy dtype: its name, then the byte order that BUILD brings."""

    __slots__ = ("dtype",)

    def __init__(self, name: Any = None, align: Any = False, copy: Any = False) -> None:
        if not isinstance(name, str):
            raise RefusedError(f"a numpy dtype made from {type(name).__name__}")
        dtype = np.dtype(name)
        if dtype.kind not in KINDS:
            raise RefusedError("an array of Python objects" if dtype.hasobject else f"an array of dtype {name}")
        self.dtype = dtype

    def __setstate__(self, state: Any) -> None:
        if state[1] not in ("<", ">", "|", "="):
            raise RefusedError(f"byte order {state[1]!r}")
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for a numpy array until its bytes are there."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array = np.empty(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        shape, dtype, fortran, raw = state[-4:]
        self.fill(raw, dtype, shape, "F" if fortran else "C")

    def fill(self, raw: Any, dtype: Any, shape: Any, order: Any) -> _Array:
        if isinstance(raw, list):
            raise RefusedError("an array of Python objects")
        # Python 2 wrote bytes as text, one character a byte.
        data = raw.encode("latin1") if isinstance(raw, str) else raw
        if len(data) != prod(shape) * dtype.dtype.itemsize:
            raise pickle.UnpicklingError(f"{len(data)} bytes for an array of shape {shape}")
        self.array = np.frombuffer(data, dtype.dtype).reshape(shape, order="F" if order == "F" else "C")
        return self


def _reconstruct(array_class: Any, shape: Any, code: Any) -> _Array:
    return _Array()


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    return _Array().fill(raw, dtype, (1,), "C").array[0]


def _frombuffer(raw: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    return _Array().fill(raw, dtype, shape, order)


def _encode(text: Any, codec: Any) -> bytes:
    """Bytes as Python 3 writes them into pickles that Python 2 can read."""
    if codec != "latin1":
        raise RefusedError(f"the codec {codec}")
    encoded: bytes = text.encode("latin1")
    return encoded


def _bytes(*values: Any) -> bytes:
    # A number here would reserve that many bytes.
    return bytes(v for value in values for v in value)


def _ndarray(*args: Any) -> Any:
    raise RefusedError("numpy.ndarray called directly")


_NUMPY_MODULES = ("numpy.core", "numpy._core")
ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "dtype"): _Dtype,
    **{(f"{module}.multiarray", "_reconstruct"): _reconstruct for module in _NUMPY_MODULES},
    **{(f"{module}.multiarray", "scalar"): _scalar for module in _NUMPY_MODULES},
    **{(f"{module}.numeric", "_frombuffer"): _frombuffer for module in _NUMPY_MODULES},
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): dict,
    **{(module, "bytes"): _bytes for module in ("builtins", "__builtin__")},
    **{(module, "set"): set for module in ("builtins", "__builtin__")},
    **{(module, "frozenset"): frozenset for module in ("builtins", "__builtin__")},
}
"""What a pickle may name, and what is called in its place."""


class _Callable:
    """An admitted function that the pickle can call and do nothing else with."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __setstate__(self, state: Any) -> None:
        raise RefusedError("changing a function")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise RefusedError(f"{module}.{name}")
        return _Callable(ADMITTED[module, name])


def _plain(value: Any) -> Any:
    """The value with arrays and dtypes in place of what stood for them."""
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, _Dtype):
        return value.dtype
    if isinstance(value, _Callable):
        raise RefusedError("a function as a value")
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_plain(v) for v in value)
    return value


def load(path: Path) -> Any:
    """The content of a pickle of arrays and plain containers, also of one that Python 2 wrote.

    path: the file. Returns numpy arrays (read-only) of booleans or numbers, numpy scalars, numbers, text, bytes, lists,
    tuples, sets and dictionaries of these; text of Python 2 is decoded as latin1. Raises ValueError for a file that
    asks for anything else, that is cut off, or that is no pickle; OSError where it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return _plain(_Unpickler(file, encoding="latin1").load())
    except RefusedError as refusal:
        raise ValueError(
            f"{path} asks for {refusal}, and siftnet loads only numeric arrays and plain containers from pickles: "
            "get the file from its official source, or convert it to .npz where you trust it"
        ) from None
    except (OSError, MemoryError):
        raise
    except Exception as error:  # what a broken pickle raises depends on where it broke: any type at all
        raise ValueError(
            f"{path} is not a complete pickle ({_first_line(error)}): download it again and check its size or checksum"
        ) from None


def load_dictionary(path: Path) -> dict[str, Any]:
    """The content of a pickled dictionary, its keys as text; raises as `load`, and ValueError for anything else."""
    content = load(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no dictionary but a {type(content).__name__}: use the official download")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}


def load_arrays(path: Path, *names: str) -> list[np.ndarray]:
    """The named entries of a pickled dictionary as arrays of any dtype; raises as `load_dictionary`.

    Raises ValueError also where an entry is absent, or a list of rows of different lengths.
    """
    content = load_dictionary(path)
    absent = [name for name in names if name not in content]
    if absent:
        raise ValueError(
            f"{path} holds {', '.join(content) or 'nothing'} but not {absent[0]}: use the official download"
        )
    try:
        return [np.asarray(content[name]) for name in names]
    except ValueError:
        raise ValueError(f"{path} has rows of different lengths: download it again") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
