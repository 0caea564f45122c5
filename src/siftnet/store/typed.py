"""Whether what was read from JSON has the types that its dataclass promises: other code relies on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from siftnet.wording import named

Read = TypeVar("Read")

MISFITS = (LookupError, TypeError, AttributeError, ValueError, OverflowError, AssertionError, RecursionError)
"""What building a dataclass raises from JSON that is something else."""


def typed(found: Read) -> Read:
    """A dataclass as it is. Raises TypeError, naming the field, where it or one in it holds another type than it says.

    A whole number will do for a float, which has to be finite.
    """
    for name, hint in _hints(type(found)).items():  # type: ignore[arg-type]
        value = getattr(found, name)
        if not _fits(value, hint):
            raise TypeError(f"{name} is {named(repr(value))}")
    return found


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin in (Mapping, dict):
        return isinstance(value, Mapping) and all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
    if origin in (tuple, Sequence, list):
        return isinstance(value, tuple | list) and all(_fits(one, inner[0]) for one in value)
    if hint is float:
        return type(value) in (int, float) and abs(value) < 2.0**1023 and isfinite(value)
    if dataclasses.is_dataclass(hint):
        return isinstance(value, hint) and typed(value) is value  # type: ignore[arg-type]
    return hint is Any or (value is None if hint is NoneType else type(value) is hint)
