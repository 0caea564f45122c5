"""One .npz file of arrays: x (n, ...), y (n,), and x_test, y_test where a test set is held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.formats import npz_members
from siftnet.data.formats.axes import lay_out
from siftnet.data.formats.root import file_of
from siftnet.data.raw import Raw
from siftnet.data.targets import Targets, classes_of, group_numbers, numbers_of
from siftnet.geometry import Unknown

KINDS = "biuSUTf"
"""Kinds of dtype that y may have."""


def read(config: DataConfig) -> Raw:
    """Arrays x and y of an .npz file, with x_test and y_test held out where they are there.

    Whole numbers within 0..255 and booleans become uint8, other numbers float64, or stay
    float32. y of whole numbers, booleans or text
    is classes, in sorted order; y of floats is a numeric target. Geometry as `lay_out` says. Raises ValueError for
    missing arrays, lengths that differ, NaN or infinity, Python objects, and damaged files.
    """
    path = file_of(config, "an .npz file with arrays x and y")
    names = npz_members.names(path)
    if ("x_test" in names) != ("y_test" in names):
        raise ValueError(f"{path} has only one of x_test and y_test: save both, or neither")
    parts = ("", "_test") if "x_test" in names else ("",)
    x = [_read_x(path, f"x{part}") for part in parts]
    y = [_read_y(path, f"y{part}", len(inputs)) for part, inputs in zip(parts, x, strict=True)]
    if x[-1].shape[1:] != x[0].shape[1:]:
        raise ValueError(
            f"{path} has x of shape {x[0].shape} with y of {y[0].dtype} and x_test of shape "
            f"{x[-1].shape} with y_test of {y[-1].dtype}: save examples of one kind"
        )
    targets = _targets(y, config, path)
    count = len(x[0])
    stacked = _compact(np.concatenate(x) if len(x) > 1 else x[0], path)
    inputs_NI, geometry = lay_out(stacked, config.geometry)
    return Raw(
        name=path.stem,
        inputs_NI=inputs_NI,
        labels_N=targets.labels_N,
        classes=targets.classes,
        geometry=geometry,
        scaling="each" if isinstance(geometry, Unknown) else "largest" if inputs_NI.dtype == np.uint8 else "one",
        held_out_N=np.arange(count, len(inputs_NI)) if len(parts) > 1 else None,
        group_N=_group(path, config.group, [f"{config.group}{part}" for part in parts], [len(part) for part in x]),
        time_N=_per_example(path, [f"{config.time}{part}" for part in parts], [len(part) for part in x])
        if config.time
        else None,
        class_names=targets.class_names,
        notes=targets.notes,
    )


def _group(path: Path, name: str, members: list[str], counts: list[int]) -> np.ndarray | None:
    """Numbers of the groups; None where none are asked for."""
    if not name:
        return None
    return group_numbers(_per_example(path, members, counts), f"data.group = {name} of {path}")


def _per_example(path: Path, members: list[str], counts: list[int]) -> np.ndarray:
    """One value for each example, of the arrays that belong to x and x_test."""
    found = [npz_members.read(path, member) for member in members]
    for member, values, count in zip(members, found, counts, strict=True):
        if values.shape != (count,) or values.dtype.kind not in "biufSUM" or (values != values).any():
            raise ValueError(
                f"{path} has {member} of shape {values.shape} and type {values.dtype} for {count} examples: save one "
                "number, date or text each, none missing"
            )
    if len({values.dtype.kind for values in found}) > 1:
        raise ValueError(f"{path} has {' and '.join(members)} of different types: save them alike")
    return np.concatenate(found)


def _read_x(path: Path, name: str) -> np.ndarray:
    x = npz_members.read(path, name)
    if x.ndim < 2 or x.size == 0 or x.dtype.kind not in "biuf":
        raise ValueError(f"{path} has {name} of shape {x.shape} and type {x.dtype}: save numbers of shape (n, ...)")
    return x


def _read_y(path: Path, name: str, count: int) -> np.ndarray:
    y = npz_members.read(path, name)
    if y.shape not in ((count,), (count, 1)) or y.dtype.kind not in KINDS:
        raise ValueError(
            f"{path} has {name} of shape {y.shape} and type {y.dtype} for {count} examples: "
            "save one class or one number each"
        )
    return y.reshape(count)


def _compact(x: np.ndarray, path: Path) -> np.ndarray:
    """The same numbers as uint8 where they fit, else as float64; float32 stays."""
    if x.dtype.kind == "b" or (x.dtype.kind in "iu" and x.min() >= 0 and x.max() <= 255):
        return x.astype(np.uint8, copy=False)
    x = x.astype(np.float32 if x.dtype.kind == "f" and x.dtype.itemsize <= 4 else np.float64, copy=False)
    _refuse_gaps(x, "x", path)
    return x


def _targets(y: list[np.ndarray], config: DataConfig, path: Path) -> Targets:
    floats = [part.dtype.kind == "f" for part in y]
    if any(floats) != all(floats):
        raise ValueError(f"{path} has y of {y[0].dtype} and y_test of {y[-1].dtype}: save targets of one kind")
    if all(floats):
        return numbers_of(y, f"y of {path}")
    return classes_of(y, f"y of {path}", config.missing_labels)


def _refuse_gaps(values: np.ndarray, name: str, path: Path) -> None:
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise ValueError(f"{path} has {bad} NaN or infinite values in {name}: fill them in or leave those examples out")
