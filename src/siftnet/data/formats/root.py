"""Where data.root points: a folder or a file that is there and may be read."""

from __future__ import annotations

import os
from pathlib import Path

from siftnet.config.fields import DataConfig
from siftnet.config.load import absolute_path
from siftnet.data.formats.likely import remedy_for


def root_of(config: DataConfig, holds: str) -> Path:
    """The absolute path of data.root; raises ValueError where it is not given, not there, or holds another format.

    holds: what it should hold, in words, for the message. Nothing but names is looked at, and a file that begins as an
    archive of arrays does is one, whatever its name.
    """
    if config.root is None:
        raise ValueError(f"data.format = {config.format} needs data.root, the path of {holds}")
    root = absolute_path(config.root)
    if not root.exists():
        raise ValueError(f"there is no {root}: set data.root to {holds}")
    remedy = remedy_for(root, config.format)
    if remedy and not (config.format == "npz" and root.is_file() and _is_zip(root)):
        raise ValueError(f"{root} is not {holds}: {remedy}")
    return root


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def folder_of(config: DataConfig, holds: str) -> Path:
    """The folder data.root; raises ValueError where it is not one that can be listed."""
    root = root_of(config, holds)
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder: set data.root to {holds}")
    if not os.access(root, os.R_OK | os.X_OK):
        raise ValueError(f"the folder {root} may not be read: change its permissions")
    return root


def file_of(config: DataConfig, holds: str) -> Path:
    """The file data.root; raises ValueError where it is not one."""
    root = root_of(config, holds)
    if not root.is_file():
        raise ValueError(f"{root} is not a file: set data.root to {holds}")
    return root
