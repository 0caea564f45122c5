"""Dates and times that are written as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from siftnet.config.fields import require

ZONE = re.compile(r"(?:Z|[+-][0-9]{2}:?(?:[0-9]{2})?)$")
CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}")


def dates_of(texts: Iterable[object], source: str, place: Callable[[int], str]) -> np.ndarray:
    """Dates and times of ISO 8601 as whole numbers that sort them, int64 (N,).

    source: what holds them, place: where the k-th stands, for messages. Raises ValueError for other text, and for some
    with a time zone and some without.
    """
    stripped = [str(text).strip() for text in texts]
    parsed = pd.to_datetime(pd.Series(stripped), format="ISO8601", utc=True, errors="coerce")
    for wrong in np.flatnonzero(parsed.isna())[:1]:
        raise ValueError(
            f"{source} has {stripped[wrong][:60]!r} in {place(int(wrong))}, which is no date of ISO 8601: write "
            "numbers, or dates as 2026-01-31 or 2026-01-31T12:00:00, one way throughout"
        )
    zoned = sum(bool(CLOCK.search(text) and ZONE.search(text)) for text in stripped)
    require(
        zoned in (0, len(stripped)),
        f"{source} has a time zone in {zoned:,} of {len(stripped):,} rows: give it in all, or in none",
    )
    return np.asarray(parsed.astype("int64").to_numpy())
