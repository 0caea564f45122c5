"""Compiled code that an edit made stale is forgotten."""

from __future__ import annotations

import os
from pathlib import Path

from siftnet.kernels.blocks import _forget_stale_code


def test_code_older_than_any_file_of_the_folder_is_removed(tmp_path: Path) -> None:
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    for name, age in (("a.py", 30), ("b.py", 20), ("__pycache__/old.nbi", 25), ("__pycache__/new.nbi", 10)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    _forget_stale_code(tmp_path)
    assert [path.name for path in cache.iterdir()] == ["new.nbi"]
