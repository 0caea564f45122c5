"""One writer at a time, on file systems with locks and without."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from pathlib import Path
from typing import Any

import pytest

import siftnet
from builders import config, dataset
from siftnet.store.atomic import write_file
from siftnet.store.lock import OWNER, lock


def refusing(number: int) -> Any:
    def flock(handle: object, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("name", ["ENOLCK", "EOPNOTSUPP", "ENOSYS", "EINVAL"])
def test_where_there_are_no_locks_one_writer_is_the_only_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(getattr(errno, name)))
    mark = tmp_path / OWNER
    for _ in range(2):
        with lock(tmp_path):
            assert mark.read_text() == f"process {os.getpid()} on {os.uname().nodename}"
            with pytest.raises(ValueError, match=f"is being written by process {os.getpid()} on "), lock(tmp_path):
                pass
            assert mark.exists(), "who was refused leaves the writer's"
        assert not mark.exists()
    with pytest.raises(KeyError), lock(tmp_path):
        raise KeyError
    assert not mark.exists()


def test_what_a_killed_writer_left_is_removed_as_the_sentence_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOLCK))
    stored = siftnet.run(config(prune__rounds=0), tmp_path / "run", dataset=dataset())
    (stored.path / OWNER).write_text("process 12 on another")
    with pytest.raises(ValueError, match="by process 12 on another: wait for it, or, where that has ended, ") as raised:
        siftnet.run(config(prune__rounds=1), stored.path, dataset=dataset())
    named = re.search(r"remove (\S+),", str(raised.value))
    assert named
    Path(named[1]).unlink()
    assert siftnet.run(config(prune__rounds=1), stored.path, dataset=dataset()).rounds() == [0, 1]


def test_an_owner_that_cannot_be_read_is_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOLCK))
    for content in (b"", b"\xff\xfe\x00"):
        (tmp_path / OWNER).write_bytes(content)
        with pytest.raises(ValueError, match="by another process: wait for it"), lock(tmp_path):
            pass


def test_any_other_trouble_with_a_lock_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.EIO))
    with pytest.raises(ValueError, match=r"cannot be locked \(Input/output error\): choose another --out"):
        lock(tmp_path).__enter__()


def test_a_file_system_that_cannot_flush_a_folder_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def files_alone(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", files_alone)
    number = errno.EINVAL
    write_file(tmp_path / "a" / "b", b"all")
    assert (tmp_path / "a" / "b").read_bytes() == b"all"
    number = errno.EIO
    with pytest.raises(ValueError, match="could not be written"):
        write_file(tmp_path / "a" / "c", b"all")
