"""Training on blocks of 128 examples, compiled by Numba: the README in this folder leads through it."""

from __future__ import annotations

import contextlib
from pathlib import Path


def _forget_stale_code(folder: Path) -> None:
    """Remove cached compiled code that is older than any file of the folder.

    Numba compiles a function again when its own file has changed, but not when a file that it imports from has.
    """
    newest = max(path.stat().st_mtime for path in folder.glob("*.py"))
    for index in (folder / "__pycache__").glob("*.nbi"):
        if index.stat().st_mtime < newest:
            index.unlink(missing_ok=True)


# An installation that cannot be written to is not edited either.
with contextlib.suppress(OSError):
    _forget_stale_code(Path(__file__).parent)
