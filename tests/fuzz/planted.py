"""Readers with a fault planted in them, and one without: what the harness has to find."""

from __future__ import annotations

import os
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from fuzz.mutations import Mutant, Target
from fuzz.payloads import payload


def _make(draw: Random) -> Mutant:
    return Mutant({"data.bin": payload(draw)}, "data.bin", {}, ("made",))


def _target(name: str, fault: Callable[[Path], object]) -> Target:
    """A target whose reader has a fault, but not on the input that is without one."""

    def read(path: Path, settings: Mapping[str, Any]) -> object:
        return () if path.read_bytes() == b"" else fault(path)

    return Target(
        name, _make, (read,), lambda path: path.stat().st_size > 0, lambda: Mutant({"data.bin": b""}, "data.bin")
    )


def _refuse(text: str) -> Callable[[Path], object]:
    def refuse(path: Path) -> object:
        raise ValueError(text.format(path=path))

    return refuse


def _read(path: Path) -> object:
    return ("a name", str(len(path.read_bytes())))


def _raise(path: Path) -> object:
    return {"present": path}["absent"]


def _recurse(path: Path) -> object:
    return _recurse(path)


def _decode(path: Path) -> object:
    return (path.read_bytes() + b"\xff").decode()


def _sleep(path: Path) -> object:
    time.sleep(600)
    return ()


def _die(path: Path) -> object:
    os.abort()
    return ()


def _reserve(path: Path) -> object:
    return (str(len(bytearray(2 << 30))),)


def _reserve_quietly(path: Path) -> object:
    try:
        return (str(len(bytearray(2 << 30))),)
    except MemoryError:
        raise ValueError(f"{path} does not fit into memory: use less") from None


def _use_memory(path: Path) -> object:
    return (str(len(b"x" * (300 << 20))),)


def _unpickle(path: Path) -> object:
    pickle.loads(path.read_bytes())
    return ()


def _execute(path: Path) -> object:
    try:
        exec("siftnet_canary = 1")
    except RuntimeError as error:
        raise ValueError(f"{path} is refused: {error}") from None
    return ()


def _write_elsewhere(path: Path) -> object:
    with Path("/tmp/siftnet_canary").open("w") as file:
        file.write("sung")
    return ()


def _warn(path: Path) -> object:
    warnings.warn("something is odd", stacklevel=1)
    return ()


def _print(path: Path) -> object:
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"odd\n")
    return ()


FAULTS: dict[str, tuple[Target, str]] = {
    name: (_target(name, fault), kind)
    for name, fault, kind in (
        ("reads", _read, "read"),
        ("refuses", _refuse("{path} is no such file: bring another"), "refused"),
        ("names-setting", _refuse("data.share = 7 is too large: lower it"), "refused"),
        ("raises", _raise, "traceback"),
        ("recurses", _recurse, "traceback"),
        ("decodes", _decode, "traceback"),
        ("sleeps", _sleep, "hang"),
        ("dies", _die, "crash"),
        ("reserves", _reserve, "memory"),
        ("reserves-quietly", _reserve_quietly, "memory"),
        ("unpickles", _unpickle, "code"),
        ("executes", _execute, "code"),
        ("writes", _write_elsewhere, "code"),
        ("warns", _warn, "printed"),
        ("prints", _print, "printed"),
        ("breaks-line", _refuse("{path} is bad:\nbring another"), "sentence"),
        ("rambles", _refuse("{path} is bad" + "!" * 700), "sentence"),
        ("escapes", _refuse("{path} is \x1b[31mbad"), "sentence"),
        ("names-nothing", _refuse("cannot reshape array of size 3"), "sentence"),
        ("misnames", lambda path: ("a\nb",), "names"),
        ("surrogate", lambda path: ("\ud800",), "names"),
        ("uses-memory", _use_memory, "read"),
    )
}
"""Target and the kind of outcome by name."""

for _name, (_found, _) in FAULTS.items():
    globals()[_name.upper().replace("-", "_")] = _found
