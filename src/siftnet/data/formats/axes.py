"""How arrays of any shape become inputs numbered channel first, and where those inputs live."""

from __future__ import annotations

import re
from math import prod

import numpy as np

from siftnet.config.fields import require
from siftnet.data.formats.places import places_file, read_places
from siftnet.geometry import Geometry, Grid, Unknown

CHANNELS = (1, 3, 4)
AXES = {
    "grid": range(2, 10),
    "ring": range(2, 3),
    "line": range(2, 3),
    "torus": range(3, 10),
    "volume": range(4, 5),
}


def parse_geometry(text: str, inputs: int, names: tuple[str, ...] = ()) -> Geometry:
    """The geometry that data.geometry spells out: unknown, e.g. grid:3x32x32, channels first, or points:FILE.

    inputs: how many inputs the data have, names: what they are called, if anything. Raises ValueError for another
    spelling, for another number of inputs, and where coordinates cannot be read or belong to other inputs.
    """
    if (path := places_file(text)) is not None:
        return read_places(path).of(inputs, names)
    if text == "unknown":
        return Unknown(inputs)
    return parse_grid(text, inputs, "data.geometry", instead="auto, unknown, points:FILE.csv")


def parse_grid(text: str, inputs: int, setting: str, *, instead: str) -> Grid:
    """The grid that a setting spells out, e.g. grid:3x32x32 or line:1x40, channels first.

    inputs: how many inputs the data have; setting, instead: its name, and what else it takes, for messages. Raises
    ValueError for another spelling or another number of inputs.
    """
    match = re.fullmatch(r"(grid|ring|line|torus|volume):(\d{1,9}(?:x\d{1,9})+)", text)
    lengths = tuple(int(n) for n in match[2].split("x")) if match else ()
    require(
        match is not None and len(lengths) in AXES[match[1]] and min(lengths) >= 1,
        f"{setting} = {text} is not understood: give {instead}, grid:CxHxW, ring:CxN, line:CxN, torus:CxHxW or "
        "volume:CxDxHxW with channels C first",
    )
    assert match is not None
    require(
        prod(lengths) == inputs,
        f"{setting} = {text} has {prod(lengths)} inputs and the data have {inputs}: correct one of them",
    )
    return Grid(lengths[1:], lengths[0], periodic=match[1] in ("ring", "torus"))


def lay_out(x: np.ndarray, geometry: str | Geometry) -> tuple[np.ndarray, Geometry]:
    """Examples as rows of inputs, channel first, and where the inputs live.

    x: (n, ...); geometry: data.geometry, or one. With auto, (n, I) is unknown, (n, H, W) a grid, (n, C, H, W) and
    (n, H, W, C) a grid of C channels where C is 1, 3 or 4, and any other three axes are a volume. Where 3 or 4 stand
    at both ends, the image is square. Returns (n, I), a view of x where possible. Raises ValueError for more
    axes, for channels that may be at either end, and for a geometry that does not fit.
    """
    count, shape = len(x), x.shape[1:]
    if not isinstance(geometry, str):
        require(
            geometry.size == prod(shape),
            f"the geometry is {geometry.describe()} and examples have shape {shape}: correct one of them",
        )
        return _as_told(x, geometry, f"the geometry, a {geometry.describe()},"), geometry
    if geometry != "auto":
        found = parse_geometry(geometry, prod(shape))
        return _as_told(x, found, f"data.geometry = {geometry}"), found
    if len(shape) == 1:
        return x, Unknown(shape[0])
    if len(shape) == 2:
        return x.reshape(count, -1), Grid(shape)
    if len(shape) == 3:
        if _channels_come_last(shape):
            return _channels_first(x), Grid(shape[:2], shape[2])
        if shape[0] in CHANNELS:
            return x.reshape(count, -1), Grid(shape[1:], shape[0])
        return x.reshape(count, -1), Grid(shape)
    raise ValueError(
        f"examples of shape {shape} can be laid out in several ways: say which with data.geometry, e.g. volume:CxDxHxW"
    )


def _channels_come_last(shape: tuple[int, ...]) -> bool:
    first, last = shape[0] in CHANNELS, shape[2] in CHANNELS
    if not (first and last):
        return last and shape[1] not in CHANNELS
    if 1 in (shape[0], shape[2]):
        return shape[0] != 1
    require(
        (shape[1] == shape[2]) != (shape[0] == shape[1]),
        f"examples of shape {shape} may have their channels first or last: bring them first, and say so with "
        f"data.geometry, e.g. grid:{'x'.join(map(str, shape))}",
    )
    return shape[0] == shape[1]


def _as_told(x: np.ndarray, geometry: Geometry, text: str) -> np.ndarray:
    shape = x.shape[1:]
    if isinstance(geometry, Grid) and len(shape) > 1:
        told = (geometry.channels, *geometry.shape)
        if shape == (*geometry.shape, geometry.channels) != told:
            return _channels_first(x)
        if shape != told and not (geometry.channels == 1 and shape == geometry.shape):
            raise ValueError(f"{text} does not fit examples of shape {shape}: give their own lengths, channels first")
    return x.reshape(len(x), -1)


def _channels_first(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)).reshape(len(x), -1)
