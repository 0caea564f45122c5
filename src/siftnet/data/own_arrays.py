"""Arrays of one's own as a data set, read exactly as an .npz file of them would be. N examples, I inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from siftnet.config.fields import DataConfig, RefusedError, RunConfig, require
from siftnet.data.dataset import Dataset
from siftnet.data.formats.array_names import ArrayNames, find_arrays
from siftnet.data.formats.arrays import ArraySource, raw_of
from siftnet.data.formats.axes import parse_geometry
from siftnet.data.formats.places import places_file, read_places
from siftnet.data.formats.tables.names import refuse_names
from siftnet.data.formats.tables.order import in_order
from siftnet.data.load import prepare
from siftnet.foreign import as_numpy, columns_of, in_columns_of, only_column, refuse_other_rows, shown
from siftnet.geometry import Geometry, Unknown
from siftnet.wording import listed

PLACE = "siftnet.from_arrays"


def from_arrays(
    x: Any,
    y: Any,
    *,
    geometry: str | Geometry = "auto",
    config: DataConfig | RunConfig | None = None,
    name: str = "arrays",
    **arrays: Any,
) -> Dataset:
    """A data set of arrays in memory, with the checks, splits and scaling that an .npz file of them gets.

    x: numbers (n, ...); y: (n,) whole numbers, truth values or text for classes, floats for a numeric target. Lists,
    pandas tables and PyTorch tensors are taken as they are; columns of a table name the inputs. arrays: x_test, y_test,
    x_val, y_val, and what config.group or config.time names, spelled as in a file. geometry: as data.geometry has it,
    or e.g. siftnet.Grid((32, 32), channels=3); config: how to split and label, of which format and root do not matter.
    The arrays are copied where need be, never changed. Raises ValueError, one sentence with the remedy, for what an
    .npz file would be refused for, and for an array that nothing reads.

    >>> x = np.random.default_rng(0).normal(size=(100, 8))
    >>> from_arrays(x, x[:, 0] > 0, geometry="ring:1x8")
    Dataset(arrays, 100 examples, ring of 8 sites, 1 channel, 2 classes)
    """
    given = {"x": x, "y": y} | arrays
    require(isinstance(name, str), f"the name of a data set is text, got {shown(name)}")
    config, geometry = _as_npz(config, geometry)
    found = find_arrays(given, config, PLACE)
    require(
        not found.unread,
        f"{PLACE} has no use for {', '.join(found.unread)}: call test examples and labels x_test and y_test, those for "
        "validation x_val and y_val, or name groups with data.group",
    )
    for spelled in (*found.y.values(), *found.group.values(), *found.time.values()):
        given[spelled] = only_column(given[spelled], spelled)
    columns = _columns(given, found, config, geometry)
    if isinstance(geometry, str) and columns and places_file(geometry):
        geometry = parse_geometry(geometry, len(columns), columns)
    plain = {key: as_numpy(value, key) for key, value in given.items()}
    raw = raw_of(ArraySource(name, PLACE, frozenset(plain), plain.__getitem__), config, geometry)
    if any(np.may_share_memory(raw.inputs_NI, array) for array in plain.values()):
        # A permutation would be done in the caller's array.
        raw = replace(raw, inputs_NI=raw.inputs_NI.copy())
    if len(columns) == raw.inputs_NI.shape[1]:
        raw = replace(raw, input_names=columns)
    return prepare(raw, config)


def _as_npz(config: DataConfig | RunConfig | None, geometry: str | Geometry) -> tuple[DataConfig, str | Geometry]:
    """The settings that an .npz file would be read with, and the geometry."""
    data = config.data if isinstance(config, RunConfig) else DataConfig() if config is None else config
    require(
        isinstance(data, DataConfig),
        f"config must be what siftnet.load or siftnet.from_dict makes, or a siftnet.DataConfig, got {shown(config)}",
    )
    require(
        isinstance(geometry, str | Geometry),
        f"geometry must be text, e.g. grid:3x32x32, or a siftnet.Grid, Points or Unknown, got {shown(geometry)}",
    )
    told = data.geometry if isinstance(geometry, str) and geometry == "auto" else geometry
    data = replace(data, format="npz", root=None, geometry=told if isinstance(told, str) else "auto")
    return data, told


def _columns(
    given: Mapping[str, Any], found: ArrayNames, config: DataConfig, geometry: str | Geometry
) -> tuple[str, ...]:
    """Names of the inputs, where x is a table; raises ValueError for tables whose rows or columns do not fit."""
    x = found.x["train"]
    columns = columns_of(given[x])
    refuse_names(columns, f"{x} of {PLACE}")
    for part, spelled in found.x.items():
        for own in (found.y, found.group, found.time):
            if part in own:
                refuse_other_rows(given[spelled], given[own[part]], (spelled, own[part]))
        theirs = columns_of(given[spelled])
        require(
            not columns or not theirs or theirs == columns,
            f"{spelled} has the columns {listed(theirs)} and {x} {listed(columns)}: give "
            f"{in_columns_of((spelled, x), given[spelled])}",
        )
    laid_out = not isinstance(geometry, Unknown) and geometry not in ("auto", "unknown")
    if isinstance(geometry, str) and (file := places_file(geometry)) is not None:
        laid_out = not read_places(file).names
    if columns and laid_out and config.table.order != "file":
        try:
            in_order(columns, "refuse", x)
        except ValueError:
            raise RefusedError(
                f"the numbers in the names of the columns of {x} do not ascend ({listed(columns)}), so that neighbours "
                f"of the geometry may be none: put the columns in order, or give {x}.to_numpy() to take them as they "
                "stand"
            ) from None
    return columns
