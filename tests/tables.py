"""Tables as files, and what siftnet makes of them: an outcome, or the sentence with which it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from siftnet.config.fields import DataConfig, TableConfig
from siftnet.data.formats import table
from siftnet.data.load import load_dataset
from siftnet.data.raw import Raw

TABLE = {"target", "task", "missing", "scale", "text", "header", "separator", "decimal", "order", "split", "drop"}


def config(path: Path, **settings: Any) -> DataConfig:
    """Settings of a table whose target is y unless they say otherwise; those of data.table stand beside the others."""
    ours = {"target": "y"} | {name: value for name, value in settings.items() if name in TABLE}
    others = {name: value for name, value in settings.items() if name not in TABLE}
    if "time" in others:
        others["split"] = "time"
    return DataConfig(format="table", root=path, table=TableConfig(**ours), **others)


def put(root: Path, content: str | bytes, name: str = "t.csv") -> Path:
    """A file."""
    (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return root / name


def read(path: Path, **settings: Any) -> Raw:
    """What is read, before it is divided and scaled."""
    return table.read(config(path, **settings))


def refused(path: Path, **settings: Any) -> str:
    """The sentence with which a table is refused, which names its file."""
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z") as error:
        load_dataset(config(path, **settings))
    assert str(path) in str(error.value) or "data." in str(error.value)
    return str(error.value).replace(f"{path}", path.name)
