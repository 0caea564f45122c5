"""What watches a reader as it reads: memory, what it prints and warns of, whether it runs what a file asks for."""

from __future__ import annotations

import os
import re
import resource
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from numba.core import caching, serialize

ALLOWANCE = 1 << 30
"""Bytes that reading one input may take beside what the process holds before."""
PAGE = os.sysconf("SC_PAGE_SIZE")

CANARY = "siftnet_canary"
"""A word in everything that inputs ask to be run."""

RUNS_CODE = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.kill", "os.putenv",
    "subprocess.Popen", "pty.spawn", "socket.", "urllib.Request", "http.client.", "ftplib.", "smtplib.",
    "webbrowser.open", "ctypes.dlopen", "ctypes.call_function", "pickle.find_class", "function.__new__",
    "builtins.input", "builtins.breakpoint", "cpython.run_", "syslog.", "signal.", "fcntl.ioctl",
)  # fmt: skip
"""Audit events (beginnings of their names) that no reader has a reason for."""
CHANGES_FILES = (
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.chown", "os.link", "os.symlink",
    "shutil.", "os.utime", "os.setxattr",
)  # fmt: skip
"""Audit events that a reader may cause inside the input's own folder, where a run's page is written."""
NAMES_CODE = ("import", "exec")
"""Audit events of every late import, too: they count where the canary is in them."""
LIBTIFF = re.compile(r"\s*$|\w*(TIFF|LZW|Fax|JPEG|ZIP|Deflate|PackBits|tempfile|Cannot)\w*: ", re.ASCII)
CACHING = {caching.__file__, serialize.__file__}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _is_of_cache() -> bool:
    """Whether Numba reads the index of its own compiled code, which is a pickle and no input."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename not in CACHING:
        frame = frame.f_back
    return frame.f_code.co_filename in CACHING


class Watch:
    """An audit hook, which cannot be taken away again: it sleeps unless a reader is at work."""

    def __init__(self) -> None:
        self.folder = ""
        self.awake = False
        self.seen: list[str] = []
        """What was asked for, refused by an exception before it could happen."""
        sys.addaudithook(self._hear)

    @contextmanager
    def over(self, folder: Path) -> Iterator[None]:
        """Watch what is done inside."""
        self.folder, self.seen, self.awake = str(folder), [], True
        try:
            yield
        finally:
            self.awake = False

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.awake or not self._is_forbidden(event, args) or (event == "pickle.find_class" and _is_of_cache()):
            return
        self.awake = False
        self.seen.append(f"{event} {args!r:.200}")
        self.awake = True
        raise RuntimeError(f"a file made its reader ask for {event}")

    def _is_forbidden(self, event: str, args: tuple[Any, ...]) -> bool:
        if event == "open":
            return bool(isinstance(args[2], int) and args[2] & WRITING and self._is_outside(args[0]))
        if event in NAMES_CODE:
            return _names_canary(args[0])
        if event.startswith(CHANGES_FILES):
            return self._is_outside(args[0])
        return event.startswith(RUNS_CODE)

    def _is_outside(self, path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        # Numba keeps what it compiled in folders of this name.
        return not place.startswith((self.folder, "/dev/null")) and "/__pycache__" not in place


def _names_canary(what: Any) -> bool:
    if isinstance(what, CodeType):
        return any(CANARY in str(value) for value in (*what.co_names, *what.co_consts, what.co_filename))
    if isinstance(what, bytes):
        return CANARY.encode() in what
    return isinstance(what, str) and CANARY in what


@dataclass
class Noise:
    """What was printed or warned of."""

    lines: list[str] = field(default_factory=list)


class Ears:
    """Standard output and error of this process, sent to a file from now on."""

    def __init__(self) -> None:
        self.file = os.memfd_create("printed")
        for number in (1, 2):
            os.dup2(self.file, number)

    @contextmanager
    def open(self) -> Iterator[Noise]:
        """Collect what is printed, also by C code, and what is warned of."""
        noise = Noise()
        os.ftruncate(self.file, 0)
        os.lseek(self.file, 0, os.SEEK_SET)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield noise
        sys.stdout.flush()
        sys.stderr.flush()
        noise.lines += [f"{w.category.__name__}: {w.message}" for w in caught]
        if length := os.fstat(self.file).st_size:
            said = os.pread(self.file, min(length, 5000), 0).decode(errors="replace")
            # libtiff tells of a damaged file itself, beside the exception that Pillow makes of it.
            own = "\n".join(line for line in said.splitlines() if not LIBTIFF.match(line))
            noise.lines += [own[:500]] if own.strip() else []


class Memory:
    """Physical and virtual memory of this process; Linux alone tells."""

    def __init__(self) -> None:
        self.peak = 0
        """Bytes that were taken at once inside the last `limited`, beside what was there before."""

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Have what asks for more than the allowance fail with MemoryError, and measure the peak."""
        virtual, resident = (int(word) * PAGE for word in Path("/proc/self/statm").read_text().split()[:2])
        Path("/proc/self/clear_refs").write_text("5")
        resource.setrlimit(resource.RLIMIT_AS, (virtual + ALLOWANCE, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        lines = Path("/proc/self/status").read_text().splitlines()
        highest = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
        self.peak = max(0, highest - resident)
