"""One writer of a directory at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What flock says where the file system has none: NFS without its daemon, Lustre and FUSE as they are often mounted.
NO_FLOCK = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})
OWNER = "lock-owner"
"""The file that says who writes, where the file system has no locks."""


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
        except OSError as error:
            if error.errno not in NO_FLOCK:
                raise ValueError(f"{path} cannot be locked ({error.strerror}): choose another --out") from None
            with _owned(path / OWNER):
                yield
            return
        yield


@contextmanager
def _owned(mark: Path) -> Iterator[None]:
    """Hold a file that only one process can make.

    The system does not remove it when its owner is killed. Nor does siftnet: two that find it there could not tell who
    of them removes the other's.
    """
    try:
        with mark.open("x") as handle:
            handle.write(f"process {os.getpid()} on {platform.node()}")
    except FileExistsError:
        raise ValueError(
            f"{mark.parent} is being written by {_owner(mark)}: wait for it, or, where that has ended, remove {mark}, "
            "which stands for a lock as this file system has none"
        ) from None
    except OSError as error:
        # Made, and not written: it would keep everybody out.
        mark.unlink(missing_ok=True)
        raise ValueError(f"{mark.parent} cannot be written ({error.strerror}): choose another --out") from None
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _owner(mark: Path) -> str:
    try:
        return mark.read_text(encoding="utf-8") or "another process"
    except (OSError, UnicodeDecodeError):
        # Removed just now, or being written.
        return "another process"
