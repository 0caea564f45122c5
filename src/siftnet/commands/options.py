"""Options that commands share, and the types that say how a field is read from the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

Flat = tyro.conf.arg(name="")
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]
Strict = Annotated[
    Switch,
    tyro.conf.arg(help="Refuse the data, with exit status 2, where anything is noted that no setting asked for."),
]
Directory = tyro.conf.Positional[Path]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Options of every command."""

    json: Switch = False
    """Print one JSON document on standard output and nothing else there."""
    debug: Switch = False
    """Show the traceback of an error."""

    def __call__(self) -> int:
        """Do it; returns the exit status."""
        raise NotImplementedError
