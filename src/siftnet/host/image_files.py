"""Pillow as siftnet reads images with it, whatever the caller's script has set."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def whole_images() -> Iterator[None]:
    """While this lasts an image that is cut off is refused and not filled up with grey, as scripts often ask for."""
    # A setting that nobody can have changed needs no Pillow to be loaded for it.
    pillow: Any = sys.modules.get("PIL.ImageFile")
    if pillow is None:
        yield
        return
    before = pillow.LOAD_TRUNCATED_IMAGES
    pillow.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        pillow.LOAD_TRUNCATED_IMAGES = before
