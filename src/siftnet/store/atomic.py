"""Files that are all there or not at all: atomic writes, a lock, and readers that say what is wrong in one sentence."""

from __future__ import annotations

import fcntl
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from siftnet.data.formats import npz_members
from siftnet.wording import named


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Be the one writer of a run's directory, which is made if need be.

    Raises ValueError where another process is, or where the directory cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = (path / "lock").open("a+")
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}): choose another --out") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{path} is being written by another siftnet process: wait for it, or stop it") from None
        yield


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises ValueError where it is missing or damaged."""
    try:
        return json.loads(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an .npz file, pickled ones refused. Raises ValueError where it is missing or damaged."""
    try:
        return {name: npz_members.read(path, name) for name in sorted(npz_members.names(regular(path)))}
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def regular(path: Path) -> Path:
    """The path of a file. Raises OSError for what is there and no file: one would wait for what a pipe says."""
    if path.exists() and not path.is_file():
        raise OSError("it is no file")
    return path


def _unreadable(path: Path, error: Exception) -> ValueError:
    # Some of these say the path themselves, and the remedy for data.
    reason = str(error).replace(f"'{path}'", "").replace(f"{path} ", "").partition(": download")[0].strip(" :")
    return ValueError(f"{path} cannot be read ({named(reason, 200)}): restore it from a copy")


def to_json(value: Any) -> bytes:
    """A value as the bytes of a JSON file; NaN and infinity are refused, which JSON does not have."""
    return (json.dumps(value, indent=1, allow_nan=False) + "\n").encode()


def write_file(path: Path, data: bytes) -> None:
    """Write all of the file or none of it, on the disk before this returns. Raises ValueError where it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        with draft.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        rename_durably(draft, path)
    except OSError as error:
        raise ValueError(f"{path} could not be written ({error.strerror}): make room, then siftnet resume") from None


def rename_durably(draft: Path, final: Path) -> None:
    """Rename a file or directory, and have the new name on the disk before this returns."""
    draft.replace(final)
    directory = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def to_npz(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays by name as the bytes of an .npz file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()
