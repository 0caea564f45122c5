"""CITATION.cff says the version that the package says, and a date."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import siftnet

CITATION = (Path(__file__).parent.parent / "CITATION.cff").read_text(encoding="utf-8")


def field(name: str) -> str:
    """The value of a field at the top."""
    found = re.search(rf"^{name}: *(\S+) *$", CITATION, flags=re.MULTILINE)
    assert found, name
    return found[1]


def test_the_version_is_the_packages() -> None:
    assert field("version") == siftnet.__version__


def test_the_date_is_a_day_that_has_been() -> None:
    released = date.fromisoformat(field("date-released"))
    # A clock elsewhere may be a day ahead.
    assert date(2026, 1, 1) <= released <= datetime.now(UTC).date() + timedelta(days=1)
