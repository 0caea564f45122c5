"""Where data.root points: a folder or a file that is there and may be read."""

from __future__ import annotations

import os
from pathlib import Path

from siftnet.config.fields import DataConfig
from siftnet.config.load import absolute_path


def root_of(config: DataConfig, holds: str) -> Path:
    """The absolute path of data.root; raises ValueError where it is not given or not there.

    holds: what it should hold, in words, for the message.
    """
    if config.root is None:
        raise ValueError(f"data.format = {config.format} needs data.root, the path of {holds}")
    root = absolute_path(config.root)
    if not root.exists():
        raise ValueError(f"there is no {root}: set data.root to {holds}")
    return root


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
