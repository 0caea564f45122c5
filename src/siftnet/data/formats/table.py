"""A table, CSV or parquet, with numeric feature columns and one target column. N rows, I features."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from siftnet.config.fields import DataConfig, TableConfig
from siftnet.data.formats.axes import parse_geometry
from siftnet.data.formats.root import file_of
from siftnet.data.raw import Raw
from siftnet.data.targets import (
    Targets,
    classes_of,
    group_numbers,
    numbers_of,
    refuse_control_characters,
    refuse_identifiers,
)
from siftnet.geometry import Unknown
from siftnet.wording import named

SEPARATORS = {".csv": ",", ".tsv": "\t"}
FEW_CLASSES = 20


def read(config: DataConfig) -> Raw:
    """A table's features, float64, NaN where a value is missing and config.table asks to fill it in, and its target.

    Raises ValueError for files that are no tables, columns that are not numeric, a target that is absent or has missing
    values, missing values that nobody asked to fill in, infinite values, and parquet without pyarrow.
    """
    path = file_of(config, "a .csv, .tsv or .parquet file")
    frame = _read_frame(path)
    table = config.table
    columns = ", ".join(map(str, frame.columns))
    if table.target not in frame.columns:
        raise ValueError(f"data.table.target = {table.target!r} is no column of {path}; its columns are {columns}")
    for setting, name in (("group", config.group), ("time", config.time)):
        if name and (name not in frame.columns or name == table.target):
            raise ValueError(f"data.{setting} = {name!r} is no column beside the target; the columns are {columns}")
    features = frame.drop(columns=list({table.target, config.group, config.time} - {""}))
    if features.shape[1] == 0 or len(frame) == 0:
        raise ValueError(f"{path} has {len(frame)} rows and the columns {columns}: it needs rows and a feature column")
    targets = _target(frame[table.target], config, path)
    inputs_NI = np.column_stack([_feature(features[name], str(name), path) for name in features.columns])
    names = tuple(str(name) for name in features.columns)
    refuse_control_characters(names, f"the header of {path}")
    if table.missing == "refuse":
        _refuse_missing(inputs_NI, names, path)
    return Raw(
        name=path.name.partition(".")[0],
        inputs_NI=inputs_NI,
        labels_N=targets.labels_N,
        classes=targets.classes,
        scaling="each" if table.scale == "standard" else table.scale,
        geometry=Unknown(len(names)) if config.geometry == "auto" else parse_geometry(config.geometry, len(names)),
        group_N=group_numbers(frame[config.group].to_numpy(), f"data.group = {config.group} of {path}")
        if config.group
        else None,
        time_N=_times(frame[config.time], path) if config.time else None,
        class_names=targets.class_names,
        input_names=names,
        notes=targets.notes,
    )


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
                f"column {names[i]} has no value in any training row to take the {table.missing} of, which "
                "data.table.missing asks for: leave the column out"
            )
        inputs_NI[missing_NI[:, i], i] = _stand_in(known, table.missing)
    if len(columns) == 0:
        return ()
    counts = ", ".join(f"{names[i]} {missing_NI[:, i].sum()}" for i in columns)
    source = "zero" if table.missing == "zero" else f"the {table.missing} of the training rows"
    return (f"Missing values were filled in with {source} ({counts}).",)


def _stand_in(known: np.ndarray, missing: str) -> float:
    if missing == "zero":
        return 0.0
    return float(np.mean(known) if missing == "mean" else np.median(known))


def _read_frame(path: Path) -> pd.DataFrame:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    try:
        if suffixes[-1:] in ([".parquet"], [".pq"]):
            return pd.read_parquet(path, engine="pyarrow")
        kind = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])
        if kind not in SEPARATORS:
            raise ValueError("its name ends in none of .csv, .tsv, .csv.gz, .tsv.gz, .parquet")
        frame = pd.read_csv(path, sep=SEPARATORS[kind], low_memory=False)
    except PermissionError:
        raise
    except ImportError:
        raise ValueError(f"reading {path} needs pyarrow: pip install siftnet[parquet]") from None
    except (ValueError, LookupError, TypeError, AttributeError, OSError, EOFError, zlib.error) as error:
        reason = named(str(error).strip().partition("\n")[0], 200)
        raise ValueError(f"{path} cannot be read as a table ({reason}): save it as CSV or parquet") from None
    for name in frame.columns[frame.columns.astype(str).str.startswith("Unnamed: ")]:
        raise ValueError(f"{path} has a column without a name ({name}), perhaps row numbers: name it or leave it out")
    return frame


def _numbers(column: pd.Series) -> np.ndarray | None:
    """A column of numbers or booleans as float64, NaN where missing; None for anything else."""
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)
    if numeric or pd.api.types.infer_dtype(column, skipna=True) in ("boolean", "empty"):
        return np.asarray(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))
    return None


def _feature(column: pd.Series, name: str, path: Path) -> np.ndarray:
    values = _numbers(column)
    if values is None:
        raise ValueError(
            f"column {name} of {path} is {column.dtype}, not numeric: turn it into numbers, e.g. a column of 0 and 1 "
            "for each value, or leave it out"
        )
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ValueError(f"column {name} of {path} has {infinite} infinite values: correct them or leave them empty")
    return values


def _refuse_missing(inputs_NI: np.ndarray, names: tuple[str, ...], path: Path) -> None:
    missing_I = np.isnan(inputs_NI).sum(axis=0)
    if missing_I.any():
        counts = ", ".join(f"{name} {count}" for name, count in zip(names, missing_I, strict=True) if count)
        raise ValueError(f"{path} has missing values ({counts}): set data.table.missing to mean, median or zero")


def _times(column: pd.Series, path: Path) -> np.ndarray:
    """What orders the rows: numbers, or dates as ISO 8601 writes them."""
    values = column
    if not pd.api.types.is_numeric_dtype(column):
        try:
            values = pd.to_datetime(column, format="ISO8601", utc=True)
        except (ValueError, TypeError):
            raise ValueError(
                f"data.time = {column.name} of {path} holds neither numbers nor dates as in 2026-11-25 or "
                "2026-11-25T07:30:00: write them so"
            ) from None
    if values.isna().any():
        raise ValueError(f"data.time = {column.name} of {path} lacks {int(values.isna().sum())} values: fill them in")
    return np.asarray(values.to_numpy())


def _target(column: pd.Series, config: DataConfig, path: Path) -> Targets:
    """Classes or numbers, as config.table.task says."""
    task, source = config.table.task, f"the target column {config.table.target} of {path}"
    numbers = None if pd.api.types.is_bool_dtype(column) else _numbers(column)
    if numbers is None and task == "numbers":
        raise ValueError(f"{source} is {column.dtype}, not numbers: set data.table.task")
    if numbers is not None and (task == "numbers" or (task == "auto" and not _is_few_whole(numbers))):
        return numbers_of([numbers], source)
    targets = classes_of([column.to_numpy()], source, config.missing_labels)
    return refuse_identifiers(targets, source, "name another column, or set data.table.task = numbers")


def _is_few_whole(numbers: np.ndarray) -> bool:
    known = numbers[~np.isnan(numbers)]
    return bool((known == np.round(known)).all()) and len(np.unique(known)) <= FEW_CLASSES
