"""Values of settings: each of the type that its field says, or refused in a sentence."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Hashable
from functools import cache
from math import inf, isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from siftnet.wording import printable

ENDLESS = re.compile(r"[^\s/]{300,}")
DATES = (datetime.date, datetime.time)


class RefusedError(ValueError):
    """A value that siftnet itself refuses; the message names it and the remedy."""


def require(condition: bool, message: str) -> None:
    """Raise RefusedError, a ValueError, with `message` unless `condition` holds.

    What values say in it is escaped where it cannot be shown in one line, and cut where it has no end.
    """
    if not condition:
        raise RefusedError(printable(ENDLESS.sub(lambda word: word[0][:200] + "…", message)))


def take_values(group: Any, prefix: str = "") -> None:
    """Bring the fields of a group of settings to their types, as it is made.

    prefix: of the fields' paths, e.g. 'train.'. Raises ValueError for a value of another type.
    """
    kind: Any = type(group)
    for name, hint in _hints(kind).items():
        value = getattr(group, name)
        taken = converted(value, hint, prefix + name)
        if taken is not value:
            object.__setattr__(group, name, taken)


@cache
def _hints(group: Hashable) -> dict[str, Any]:
    return get_type_hints(group)


def told(value: Any) -> str:
    """A value as it stands in a file, cut where it is long."""
    try:
        text = f"the date or time {value} (text stands in quotes)" if isinstance(value, DATES) else repr(value)
    except (ValueError, RecursionError):
        # Python writes out neither a number of thousands of digits nor thousands of lists within each other.
        text = f"a {type(value).__name__} too long to be shown"
    if "\n" in text:
        return f"a {type(value).__name__}"
    return text if len(text) <= 200 else text[:199] + "…"


def converted(value: Any, hint: Any, path: str) -> Any:
    """A value as the type that a field has. Raises ValueError where it is of another, naming the field's path."""
    if get_origin(hint) is Literal:
        known = isinstance(value, str) and value in get_args(hint)
        require(known, f"{path} must be one of {', '.join(get_args(hint))}, got {told(value)}")
        return value
    if get_origin(hint) is tuple:
        require(isinstance(value, list | tuple), f"{path} takes a list, got {told(value)}")
        return tuple(converted(v, get_args(hint)[0], path) for v in value)
    if hint == Path | None:
        require(value is None or isinstance(value, str | Path), f"{path} takes a path, got {told(value)}")
        return Path(value) if value is not None else None
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        require(isinstance(value, hint), f"{path} must be a {hint.__name__}, got {told(value)}")
        return value
    # NumPy's numbers and texts are Python's, but a truth value is no number.
    if hint is bool and type(value).__name__ in ("bool", "bool_"):
        value = bool(value)
    if hint is str and isinstance(value, str):
        value = str(value)
    if hint is float and isinstance(value, Real) and not isinstance(value, bool):
        value = _as_float(value)
    if hint is int and isinstance(value, Integral) and not isinstance(value, bool):
        value = int(value)
    require(type(value) is hint, f"{path} takes {'an' if hint is int else 'a'} {hint.__name__}, got {told(value)}")
    require(hint is not float or isfinite(value), f"{path} takes a finite number, got {told(value)}")
    return value


def _as_float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf
