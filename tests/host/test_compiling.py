"""Compiled code finds a place to be kept wherever siftnet is installed."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import pytest

import siftnet
from siftnet.host import compiling

SOURCE = Path(siftnet.__file__).parent


def function_of(path: str) -> FunctionType:
    """A function whose source seems to be a file of a folder that nobody can write, not even root."""
    space: dict[str, Any] = {}
    exec(compile("def double(x):\n    return 2 * x\n", path, "exec"), space)
    made: FunctionType = space["double"]
    return made


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Numba has no place to write; the temporary one is where this is."""
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    compiling._temporary_place.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    compiling._temporary_place.cache_clear()


needs_proc = pytest.mark.skipif(not Path("/proc/version").exists(), reason="there is no /proc")


@needs_proc
@pytest.mark.parametrize("asked_for", ["", "/proc/none"])
def test_without_a_place_it_is_a_temporary_one_which_is_said_once(
    nowhere: Path, asked_for: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", asked_for)
    with pytest.raises(RuntimeError, match="no locator"):
        numba.njit(cache=True)(function_of("/proc/version"))
    with caplog.at_level(logging.WARNING):
        first, second = (compiling.njit(cache=True)(function_of("/proc/version")) for _ in range(2))
    assert (first(3), second(4.0)) == (6, 8.0)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["note"]
    assert list(nowhere.glob("siftnet-compiled-*/*/*.nbi"))
    settings: Any = numba.config
    assert asked_for == settings.CACHE_DIR, "functions of others are left to their own places"


def test_where_there_is_a_place_nothing_is_said_and_nothing_is_temporary(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "double.py"
    source.write_text("def double(x):\n    return 2 * x\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert compiling.njit(cache=True)(function_of(str(source)))(3) == 6
    assert not caplog.records
    assert not list(tmp_path.glob("temporary/siftnet-*"))


@needs_proc
def test_without_a_temporary_place_either_one_sentence_says_what_to_set(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(**given: str) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "mkdtemp", nothing)
    with pytest.raises(ValueError, match=r"^compiled code can be kept nowhere, .* set NUMBA_CACHE_DIR to a folder"):
        compiling.njit(cache=True)(function_of("/proc/version"))


def test_where_numba_compiles_nothing_nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(ValueError, match=r"^NUMBA_DISABLE_JIT is set, .*: unset it$"):
        compiling.njit(cache=True)


def test_whatever_numba_refuses_otherwise_is_not_hidden() -> None:
    with pytest.raises(numba.core.errors.NumbaError):
        compiling.njit(cache=True)(lambda x: nothing_like_it(x))(1)  # type: ignore[name-defined] # noqa: F821


def test_every_function_is_compiled_through_it() -> None:
    through_numba = re.compile(r"^\s*(from numba import .*\bn?jit\b|@?numba\.(n?jit|vectorize|guvectorize)\b)", re.M)
    assert through_numba.search("from numba import njit, prange")
    assert [path.name for path in SOURCE.rglob("*.py") if through_numba.search(path.read_text())] == []


def may_mount() -> bool:
    if os.getuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="only root mounts")
def test_a_read_only_installation_without_a_home_computes(tmp_path: Path) -> None:
    again = "mount --bind {0} {0} && mount -o remount,ro,bind {0}"
    mounts = " && ".join(again.format(place) for place in (SOURCE, sys.prefix))
    program = (
        "import siftnet; from siftnet.commands.cli import main; "
        "siftnet.locality([[True, True, False, False]] * 3, siftnet.ring(4), samples=2); main(['--version'])"
    )
    words = ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$0" "$@"', sys.executable, "-c", program]
    scene = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR")}
    scene |= {"HOME": "/proc/none", "TMPDIR": str(tmp_path)}
    made = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False, env=scene)
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"siftnet {siftnet.__version__}\n"
    assert made.stderr.startswith("note: neither siftnet's folder nor HOME can be written")
    assert len(made.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir()), "what was temporary is gone"
