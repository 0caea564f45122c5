"""Names of columns: there, one each, and given by whoever wrote the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from siftnet.config.fields import require
from siftnet.data.formats.tables.frame import dropping
from siftnet.data.targets import CONTROL
from siftnet.wording import named

STAND_IN = re.compile(r"Unnamed: [0-9]+|__index_level_[0-9]+__")
"""What pandas calls a column that has no name, most often row numbers."""


def refuse_names(
    names: Sequence[str], path: Path | str, *, where: str = "", otherwise: str = "", drop: Sequence[str] | None = None
) -> None:
    """Raise ValueError for names that are empty, repeated, pandas' own for none, or hold control characters.

    names: without blanks around them; where: the place in the file, e.g. ' in line 1'; otherwise: a further remedy;
    drop: names of columns that are not read, None where there is no setting for them.
    """
    seen: dict[str, int] = {}
    for column, name in enumerate(names, 1):
        if name in (drop or ()):
            continue
        leave_out = "leave it out" if drop is None else f"{dropping(name)} to leave it out"
        require(
            name != "",
            f"column {column} of {path} has no name{where}, perhaps row numbers: name it, or {leave_out}{otherwise}",
        )
        require(
            not CONTROL.search(name),
            f"column {column} of {path} has a name with a control character, {named(name)}: rename it",
        )
        require(
            name not in seen,
            f"columns {seen.get(name)} and {column} of {path} are both named {named(name)}: rename or remove one of "
            f"them{otherwise}",
        )
        require(
            not STAND_IN.fullmatch(name),
            f"column {column} of {path} is named {name}, as pandas names what has no name, most often row numbers: "
            f"rename it, or {leave_out}",
        )
        seen[name] = column
