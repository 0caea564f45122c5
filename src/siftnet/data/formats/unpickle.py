"""Reading pickles of arrays without running anything that the file asks for.

A pickle is a program. Here it may call only the few functions below, which build plain stand-ins: neither numpy's own
unpickling code nor any class of the file's choosing is ever reached, and nothing it made can be altered through BUILD.
Nor can it have memory reserved that it does not fill, or a value made that doubles with every byte of the file.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from math import prod
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from siftnet.wording import named

KINDS = "biufc"
"""Kinds of numpy dtype that are admitted: booleans, integers, floats, complex numbers."""


class RefusedError(Exception):
    """The pickle asks for something that is not admitted; the text says what."""


def _shown(value: Any) -> str:
    """Text, or the type of anything else: of tuples that are in each other twice, what one writes out doubles."""
    return named(repr(value) if isinstance(value, str | bytes) else type(value).__name__)


class _Dtype:
    """Stands for a numpy dtype: its name, then the byte order that BUILD brings."""

    __slots__ = ("dtype",)

    def __init__(self, name: Any = None, align: Any = False, copy: Any = False) -> None:
        if not isinstance(name, str):
            raise RefusedError(f"a numpy dtype made from {type(name).__name__}")
        dtype = np.dtype(name)
        if dtype.kind not in KINDS:
            raise RefusedError("an array of Python objects" if dtype.hasobject else f"an array of dtype {named(name)}")
        self.dtype = dtype

    def __setstate__(self, state: Any) -> None:
        if state[1] not in ("<", ">", "|", "="):
            raise RefusedError(f"byte order {_shown(state[1])}")
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
        # Lengths that are no numbers would be multiplied all the same, into texts of any size.
        if not all(type(length) is int and length >= 0 for length in shape):
            raise pickle.UnpicklingError("an array whose shape is no whole numbers")
        if len(data) != prod(shape) * dtype.dtype.itemsize:
            raise pickle.UnpicklingError(f"{len(data)} bytes for an array of shape {named(str(tuple(shape)))}")
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
        raise RefusedError(f"the codec {_shown(codec)}")
    encoded: bytes = text.encode("latin1")
    return encoded


def _dict(pairs: Any = ()) -> dict[Any, Any]:
    return {key: value for key, value in pairs if _is_key(key)}


def _set(values: Any = ()) -> set[Any]:
    return {value for value in values if _is_key(value)}


def _frozenset(values: Any = ()) -> frozenset[Any]:
    return frozenset(_set(values))


def _is_key(value: Any) -> bool:
    """True; refuses what does not hash at once, as a tuple of tuples that are each in it twice, many deep."""
    if not isinstance(value, str | bytes | int | float | None):
        raise pickle.UnpicklingError(f"a {type(value).__name__.lstrip('_')} as a key")
    return True


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
    ("collections", "OrderedDict"): _dict,
    **{(module, "bytes"): _bytes for module in ("builtins", "__builtin__")},
    **{(module, "set"): _set for module in ("builtins", "__builtin__")},
    **{(module, "frozenset"): _frozenset for module in ("builtins", "__builtin__")},
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


class _Rest:
    """A file that is asked for no more bytes than it has left, since asking reserves them."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.left = file, size

    def read(self, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        found = self.file.read(min(count, self.left))
        self.left -= len(found)
        return found

    def readline(self) -> bytes:
        """Up to the end of a line, which has to be there: half a name is another name."""
        found = self.file.readline()
        self.left -= len(found)
        if not found.endswith(b"\n"):
            raise EOFError("it ends early")
        return found


class _Unpickler(pickle._Unpickler):
    """Python's own in Python, whose steps can be looked at; the one in C reserves what a file asks for."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    read: Callable[[int], bytes]
    append: Callable[[Any], None]

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise RefusedError(named(f"{module}.{name}"))
        return _Callable(ADMITTED[module, name])

    def load_bytearray8(self) -> None:
        """Bytes, without a place of the length that the file claims."""
        self.append(self.read(int.from_bytes(self.read(8), "little")))


# Where the keys lie on the stack of what becomes a dictionary or a set.
_KEYS: dict[bytes, Callable[[list[Any]], Iterable[Any]]] = {
    pickle.SETITEM: lambda stack: stack[-2:-1],
    pickle.SETITEMS: lambda stack: stack[::2],
    pickle.DICT: lambda stack: stack[::2],
    pickle.ADDITEMS: lambda stack: stack,
    pickle.FROZENSET: lambda stack: stack,
}


def _with_keys_checked(opcode: bytes) -> Callable[[Any], None]:
    step, keys = pickle._Unpickler.dispatch[opcode[0]], _KEYS[opcode]

    def checked(unpickler: Any) -> None:
        assert all(_is_key(key) for key in keys(unpickler.stack))
        step(unpickler)

    return checked


_Unpickler.dispatch |= {opcode[0]: _with_keys_checked(opcode) for opcode in _KEYS}
_Unpickler.dispatch[pickle.BYTEARRAY8[0]] = _Unpickler.load_bytearray8


def _plain(value: Any, made: dict[int, Any]) -> Any:
    """The value with arrays and dtypes in place of what stood for them; what is in it twice is made once.

    made: by the identity of a container what it became, None as long as it is being made.
    """
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, _Dtype):
        return value.dtype
    if isinstance(value, _Callable):
        raise RefusedError("a function as a value")
    if not isinstance(value, dict | list | tuple | set | frozenset):
        return value
    if id(value) not in made:
        made[id(value)] = None
        if isinstance(value, dict):
            made[id(value)] = {key: _plain(v, made) for key, v in value.items()}
        else:
            made[id(value)] = type(value)(_plain(v, made) for v in value)
    if made[id(value)] is None:
        raise pickle.UnpicklingError(f"a {type(value).__name__} that is in itself")
    return made[id(value)]


def load(path: Path) -> Any:
    """The content of a pickle of arrays and plain containers, also of one that Python 2 wrote.

    path: the file. Returns numpy arrays (read-only) of booleans or numbers, numpy scalars, numbers, text, bytes, lists,
    tuples, sets and dictionaries of these; text of Python 2 is decoded as latin1. Raises ValueError for a file that
    asks for anything else, that is cut off, or that is no pickle; OSError where it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            rest = _Rest(file, path.stat().st_size)
            return _plain(_Unpickler(rest, encoding="latin1").load(), {})
    except RefusedError as refusal:
        raise ValueError(
            f"{path} asks for {refusal}, and siftnet loads only numeric arrays and plain containers from pickles: "
            "get the file from its official source, or convert it to .npz where you trust it"
        ) from None
    except (OSError, MemoryError):
        raise
    except Exception as error:  # what a broken pickle raises depends on where it broke: any type at all
        raise ValueError(
            f"{path} is not a complete pickle ({named(str(error) or type(error).__name__, 120)}): "
            "download it again and check its size or checksum"
        ) from None


def load_dictionary(path: Path) -> dict[str, Any]:
    """The content of a pickled dictionary under its keys that are text; raises as `load`, and ValueError for others."""
    content = load(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no dictionary but a {type(content).__name__}: use the official download")
    entries: dict[str, Any] = {}
    for key, value in content.items():
        name = key.decode("latin1") if isinstance(key, bytes) else key
        if name in entries:
            raise ValueError(f"{path} holds {named(name)} both as text and as bytes: use the official download")
        if isinstance(name, str):
            entries[name] = value
    return entries


def load_arrays(path: Path, *names: str) -> list[np.ndarray]:
    """The named entries of a pickled dictionary as arrays of any dtype; raises as `load_dictionary`.

    Raises ValueError also where an entry is absent, no numbers, or a list of rows of different lengths.
    """
    content = load_dictionary(path)
    absent = [name for name in names if name not in content]
    if absent:
        raise ValueError(
            f"{path} holds {named(', '.join(content), 120) if content else 'nothing'} but not {absent[0]}: "
            "use the official download"
        )
    return [_as_array(content[name], name, path) for name in names]


def _as_array(value: Any, name: str, path: Path) -> np.ndarray:
    """An array as it is, and numbers, or rows of numbers, as one; without a row that is there again and again."""
    if isinstance(value, np.ndarray):
        return value
    rows = value if isinstance(value, list | tuple) else [value]
    if not any(isinstance(row, list | tuple | np.ndarray) for row in rows):
        rows = [rows]
    kinds = {kind for row in rows for kind in _kinds(row)}
    if not all(issubclass(kind, int | float | np.number | np.bool_) for kind in kinds):
        raise ValueError(f"{path} holds {name} that are not all numbers: download it again")
    # A number takes a byte at least.
    if sum(map(np.size, rows)) > path.stat().st_size:
        raise ValueError(f"{path} holds the same {name} many times over: download it again")
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{path} has rows of different lengths: download it again") from None


def _kinds(row: Any) -> set[type]:
    if isinstance(row, np.ndarray):
        return {row.dtype.type}
    return set(map(type, row)) if isinstance(row, list | tuple) else {type(row)}
