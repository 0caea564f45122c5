"""A table, CSV or parquet, with feature columns and one target column. N rows, I features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from siftnet.config.fields import DataConfig, TableConfig, require
from siftnet.data.formats.axes import parse_geometry
from siftnet.data.formats.places import places_file, read_places
from siftnet.data.formats.root import root_of
from siftnet.data.formats.tables.csv_columns import read_csv
from siftnet.data.formats.tables.doubts import row_numbers
from siftnet.data.formats.tables.features import Features, features_of
from siftnet.data.formats.tables.file_bytes import holds_parquet
from siftnet.data.formats.tables.frame import Column, Frame, dropping
from siftnet.data.formats.tables.order import in_order
from siftnet.data.formats.tables.parquet import read_parquet
from siftnet.data.formats.tables.pictures import is_picture, pictures_of
from siftnet.data.formats.tables.roles import group_of, roles_of, split_of, time_of
from siftnet.data.formats.tables.target import target_of
from siftnet.data.raw import Raw, Scaling
from siftnet.geometry import Geometry, Unknown
from siftnet.wording import listed, named

HOLDS = "a .csv, .tsv or .parquet file"


def read(config: DataConfig) -> Raw:
    """A table's features, float64, NaN where a value is missing and config.table asks to fill it in, and its target.

    A column of images (the bytes of files, in parquet) becomes uint8 on a grid. Raises ValueError for files that are no
    tables, CSV whose lines do not fit the first, columns that cannot become inputs as config.table says, a target that
    is absent or neither classes nor numbers, missing values that nobody asked to fill in, infinite values, columns
    whose order does not fit config.geometry, and parquet without pyarrow.
    """
    path = _file(config)
    frame = read_parquet(path, config) if holds_parquet(path) else read_csv(path, config)
    names = [column.name for column in frame.columns]
    roles = roles_of(names, path, config)
    columns = [column for k, column in enumerate(frame.columns) if k not in roles.taken]
    require(
        frame.rows > 0 and bool(columns),
        f"{path} has {frame.rows} rows and the columns {listed(names)}: it needs rows and a feature column",
    )
    targets = target_of(frame.columns[roles.target], frame, config)
    features, geometry = _inputs(columns, frame, config)
    split = None if roles.split is None else split_of(frame.columns[roles.split], frame)
    return Raw(
        name=path.name.partition(".")[0],
        inputs_NI=features.inputs_NI,
        labels_N=targets.labels_N,
        classes=targets.classes,
        scaling="pixels" if features.inputs_NI.dtype == np.uint8 else _scaling(config.table),
        geometry=geometry,
        held_out_N=None if split is None else split.test_N,
        validation_N=None if split is None else split.validation_N,
        group_N=None if roles.group is None else group_of(frame.columns[roles.group], frame),
        time_N=None if roles.time is None else time_of(frame.columns[roles.time], frame),
        class_names=targets.class_names,
        input_names=features.names,
        notes=(*frame.notes, *targets.notes, *features.notes),
    )


def _inputs(columns: Sequence[Column], frame: Frame, config: DataConfig) -> tuple[Features, Geometry]:
    """The inputs of feature columns, and where they lie."""
    if any(map(is_picture, columns)):
        inputs_NI, grid = pictures_of(columns, frame, config)
        return Features(inputs_NI, ()), grid
    columns = _as_they_lie(columns, frame.path, config)
    features = features_of(columns, frame, config)
    if config.split != "time" and not _is_laid_out(config):
        features = replace(features, notes=(*features.notes, *row_numbers(columns)))
    return features, _geometry(columns, features, frame.path, config)


def impute(inputs_NI: np.ndarray, train_T: np.ndarray, table: TableConfig, names: tuple[str, ...]) -> tuple[str, ...]:
    """Fill in missing values in place as table.missing says, by the training rows alone, and return notes on it.

    inputs_NI: float64, NaN where missing; train_T: int64 rows. Raises ValueError for a column that has no value at all
    among the training rows and would need one.
    """
    missing_NI = np.isnan(inputs_NI)
    columns = np.flatnonzero(missing_NI.any(axis=0))
    for i in columns:
        known = inputs_NI[train_T, i][~missing_NI[train_T, i]].astype(np.float64)
        if len(known) == 0 and table.missing != "zero":
            raise ValueError(
                f"column {named(names[i])} has no value in any training row to take the {table.missing} of: "
                f"{dropping(names[i])}, or set data.table.missing zero"
            )
        inputs_NI[missing_NI[:, i], i] = _stand_in(known, table.missing)
    if len(columns) == 0:
        return ()
    counts = listed([f"{named(names[i], 40)} {missing_NI[:, i].sum():,}" for i in columns])
    source = "zero" if table.missing == "zero" else f"the {table.missing} of the training rows"
    return (f"Missing values were filled in with {source} ({counts}).",)


def _stand_in(known: np.ndarray, missing: str) -> float:
    if missing == "zero":
        return 0.0
    return float(np.mean(known) if missing == "mean" else np.median(known))


def _file(config: DataConfig) -> Path:
    """The file data.root; raises ValueError where it is none, naming what a folder of parquet files needs."""
    path = root_of(config, HOLDS)
    if path.is_file():
        return path
    parts = sorted(part.relative_to(path) for part in path.rglob("*.parquet")) if path.is_dir() else []
    require(
        not parts,
        f"{path} is a folder of {len(parts):,} parquet files: make one file of them, e.g. "
        "pandas.concat(map(pandas.read_parquet, files)).to_parquet(other, index=False), with a column for "
        "data.table.split where their names tell train from test",
    )
    raise ValueError(f"{path} is not a file: set data.root to {HOLDS}")


def _scaling(table: TableConfig) -> Scaling:
    return "each" if table.scale == "standard" else table.scale


def _is_laid_out(config: DataConfig) -> bool:
    """Whether data.geometry says that columns are neighbours."""
    return config.geometry not in ("auto", "unknown")


def _as_they_lie(columns: Sequence[Column], path: Path, config: DataConfig) -> list[Column]:
    """Feature columns in the order in which they lie on the grid that data.geometry names."""
    places = places_file(config.geometry)
    # By their names points find their columns in any order.
    if not _is_laid_out(config) or (places is not None and read_places(places).names):
        require(
            config.table.order == "refuse",
            f"data.table.order = {config.table.order} is for columns that lie on a grid: say which with data.geometry, "
            "or leave it out",
        )
        return list(columns)
    order = in_order([column.name for column in columns], config.table.order, path)
    return [columns[k] for k in order]


def _geometry(columns: Sequence[Column], features: Features, path: Path, config: DataConfig) -> Geometry:
    inputs = features.inputs_NI.shape[1]
    if not _is_laid_out(config):
        return Unknown(inputs)
    several = [column.name for column in columns if not column.is_numeric]
    require(
        config.table.text == "refuse" or not several,
        f"data.table.text = one_hot makes several inputs of columns of {path} ({listed(several)}), which have no place "
        f"in data.geometry = {config.geometry}: leave them out with data.table.drop, or set data.geometry unknown",
    )
    return parse_geometry(config.geometry, inputs, features.names)
