"""Columns that are no inputs: the target, and what says which split, group or time a row belongs to. N rows."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from siftnet.config.fields import DataConfig, RefusedError, TableConfig, require
from siftnet.data.dates import dates_of
from siftnet.data.formats.split_names import WORDS
from siftnet.data.formats.tables.frame import Column, Frame
from siftnet.data.formats.tables.target import casts_of
from siftnet.data.groups import groups_of
from siftnet.wording import listed, named, quoted


@dataclass(frozen=True)
class Roles:
    """Numbers of the columns that are no inputs; None where no setting names one."""

    target: int
    split: int | None
    group: int | None
    time: int | None

    @property
    def taken(self) -> tuple[int, ...]:
        """The numbers of all of them."""
        return tuple(k for k in (self.target, self.split, self.group, self.time) if k is not None)


def roles_of(names: Sequence[str], path: Path, config: DataConfig, also: str = "") -> Roles:
    """The columns that settings name; raises ValueError for a name that is no column, or that two settings give.

    also: what else may be wrong where a name is no column, e.g. with the line of names.
    """
    wanted = {
        "data.table.target": config.table.target,
        "data.table.split": config.table.split,
        "data.group": config.group,
        "data.time": config.time,
    }
    found: dict[str, int | None] = {}
    dropped = {name.strip() for name in config.table.drop}
    for setting, name in wanted.items():
        require(
            not name or name.strip() not in dropped,
            f"data.table.drop and {setting} both name the column {named(name)} of {path}: leave it out of one of them",
        )
        if not name and setting != "data.table.target":
            found[setting] = None
            continue
        found[setting] = _number(name, names, setting, path, also)
        for other, column in found.items():
            require(
                other == setting or column != found[setting],
                f"{other} and {setting} both name the column {named(name)} of {path}: name another one",
            )
    target = found["data.table.target"]
    assert target is not None
    return Roles(target, found["data.table.split"], found["data.group"], found["data.time"])


def kept(names: Sequence[str], path: Path, table: TableConfig, also: str = "") -> tuple[int, ...]:
    """The numbers of the columns that table.drop does not name; raises ValueError for a name in it that is none."""
    drop = {name.strip() for name in table.drop}
    for name in drop:
        _number(name, names, "data.table.drop", path, also)
    return tuple(k for k, name in enumerate(names) if name not in drop)


def _number(name: str, names: Sequence[str], setting: str, path: Path, also: str) -> int:
    if name.strip() in names:
        return list(names).index(name.strip())
    if not name and setting == "data.table.target":
        raise RefusedError(f"no column of {path} is named as the target: set {setting} to one of {listed(names)}{also}")
    folded = {other.casefold(): other for other in names}
    near = [folded[match] for match in difflib.get_close_matches(name.strip().casefold(), folded, 1)] if name else []
    hint = f" (did you mean {named(near[0])}?)" if near else ""
    raise RefusedError(
        f"{setting} = {quoted(name)} is no column of {path}; its columns are {listed(names)}{hint}{also}"
    )


@dataclass(frozen=True, eq=False)
class Held:
    """int64 rows that a column holds out; None where it names no such split."""

    validation_N: np.ndarray | None
    test_N: np.ndarray | None


def split_of(column: Column, frame: Frame) -> Held:
    """The rows that a column of the words train, validation and test holds out.

    Raises ValueError for missing values, for other words, and where no row is for training.
    """
    source = f"the split column {column.shown} of {frame.path}"
    _refuse_missing(column, source, frame)
    wording = "write train, validation or test"
    require(column.kind == "text", f"{source} is {column.stored}, not text: {wording} in it")
    words = {word: WORDS.get(str(word).strip().casefold()) for word in dict.fromkeys(column.values_N.tolist())}
    for word, split in words.items():
        row = int(np.argmax(column.values_N == word))
        require(split is not None, f"{source} has {quoted(str(word))} in {frame.place(row)}: {wording} in it")
    split_N = np.array([words[word] for word in column.values_N.tolist()])
    require(bool((split_N == "train").any()), f"{source} says train of no row: {wording} in it, train at least")
    held = (np.flatnonzero(split_N == name) for name in ("validation", "test"))
    return Held(*(rows_N if len(rows_N) else None for rows_N in held))


def group_of(column: Column, frame: Frame) -> np.ndarray:
    """int64 (N,): a number for each different value, as `groups_of` has it.

    Raises ValueError for missing values, for lists and the like, and for names that differ only by case or blanks.
    """
    source = f"the group column {column.shown} of {frame.path}"
    _refuse_missing(column, source, frame)
    require(
        column.kind not in ("other", "image"),
        f"{source} is {column.stored}: write text or numbers in it, one for each group",
    )
    values_N = column.values_N
    if values_N.dtype.kind == "m" or (values_N.dtype == object and column.kind not in ("text", "whole")):
        # Durations, Decimals, and bytes that need not be text.
        return np.asarray(pd.factorize(values_N)[0], np.int64)
    return groups_of([values_N], source)


def time_of(column: Column, frame: Frame) -> np.ndarray:
    """(N,), what sorts the rows: numbers as they are, dates and times as whole numbers.

    Raises ValueError for missing and infinite values, and for text that is not ISO 8601, or some of it with a time zone
    and some without.
    """
    source = f"the time column {column.shown} of {frame.path}"
    _refuse_missing(column, source, frame)
    if column.kind == "moment":
        return column.values_N.astype(np.int64)
    if column.is_numeric:
        if column.kind == "float":
            infinite = int(np.isinf(column.values_N.astype(np.float64)).sum())
            require(infinite == 0, f"{source} has {infinite} infinite values: correct them")
        return column.values_N
    require(
        column.kind == "text",
        f"{source} is {column.stored}: write numbers in it, or dates as 2026-01-31 or 2026-01-31T12:00:00",
    )
    return dates_of(column.values_N, source, frame.place)


def _refuse_missing(column: Column, source: str, frame: Frame) -> None:
    cast, cast_N = casts_of(column)
    absent_N = column.absent_N | cast_N
    if absent_N.any():
        told = "" if cast is None else f" ({cast} is what NaN becomes in whole numbers)"
        raise ValueError(
            f"{source} lacks {int(absent_N.sum()):,} values{told}, the first in "
            f"{frame.place(int(np.argmax(absent_N)))}: fill them in"
        )
