"""Files that are all there or not at all: atomic writes, and readers that say what is wrong in one sentence."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises ValueError where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}): restore it from a copy") from None


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an .npz file, pickled ones refused. Raises ValueError where it is missing or damaged."""
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} cannot be read ({error}): restore it from a copy") from None


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
        raise ValueError(f"{path} could not be written ({error.strerror}): {_write_remedy(error)}") from None


def _write_remedy(error: OSError) -> str:
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY):
        return "something else lies in its place, move it away, then do the same again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "let its folder be written to, or copy the run to where that is so, then do the same again"
    return "make room, then siftnet resume"


def rename_durably(draft: Path, final: Path) -> None:
    """Rename a file or directory, and have the new name on the disk before this returns."""
    draft.replace(final)
    directory = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    except OSError as error:
        # Some file systems, of a network or a user's program, cannot do that to a directory.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
    finally:
        os.close(directory)


def to_npz(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays by name as the bytes of an .npz file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()
