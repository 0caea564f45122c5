"""Files that are all there or not at all: atomic writes, and readers that say what is wrong in one sentence."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from siftnet.data.formats import npz_members
from siftnet.wording import named


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
