"""Where a network's inputs live: on a grid, at points, or nobody knows.

An input is numbered channel first, then the grid's axes in C order: on an image, index = c*H*W + y*W + x.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Grid:
    """Inputs on a regular grid in any number of dimensions, several channels a site.

    shape: sites along each axis, e.g. (32, 32); channels: inputs per site; periodic: whether opposite ends touch.

    >>> Grid((32, 32), channels=3).describe()
    '32 x 32 grid, 3 channels'
    >>> Grid((32, 32), channels=3).size
    3072
    """

    shape: tuple[int, ...]
    channels: int = 1
    periodic: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.shape, int | str) or not all(hasattr(n, "__index__") for n in self.shape):
            raise ValueError(f"a grid's shape is a tuple of whole numbers, e.g. (32, 32) or (100,), got {self.shape!r}")
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"a grid needs at least one axis, each of length 1 or more, got shape {self.shape}")
        if self.channels < 1:
            raise ValueError(f"a grid needs at least one channel, got {self.channels}")

    @property
    def size(self) -> int:
        """Number of inputs: channels times sites."""
        return self.channels * self.sites

    @property
    def sites(self) -> int:
        """Number of sites."""
        return prod(self.shape)

    @property
    def ndim(self) -> int:
        """Number of axes, channels not counted."""
        return len(self.shape)

    def describe(self) -> str:
        """In words, e.g. '32 x 32 grid, 3 channels'."""
        names = {1: "ring", 2: "torus", 3: "periodic volume"} if self.periodic else {1: "line", 2: "grid", 3: "volume"}
        name = names.get(self.ndim, "periodic lattice" if self.periodic else "lattice")
        channels = "1 channel" if self.channels == 1 else f"{self.channels} channels"
        return f"{' x '.join(map(str, self.shape))} {name}, {channels}"


@dataclass(frozen=True, eq=False)
class Points:
    """Inputs at known places without a grid, e.g. sensors: coordinates is float (inputs, dimensions)."""

    coordinates: np.ndarray

    def __post_init__(self) -> None:
        if not isinstance(self.coordinates, np.ndarray):
            object.__setattr__(self, "coordinates", np.asarray(self.coordinates, dtype=np.float64))
        if self.coordinates.ndim != 2:
            raise ValueError(f"coordinates must have shape (inputs, dimensions), got {self.coordinates.shape}")

    @property
    def size(self) -> int:
        """Number of inputs."""
        return len(self.coordinates)

    def describe(self) -> str:
        """In words."""
        return f"{self.size} points in {self.coordinates.shape[1]} dimensions"


@dataclass(frozen=True)
class Unknown:
    """Inputs of which nobody knows where they live, e.g. the columns of a table."""

    size: int

    def describe(self) -> str:
        """In words."""
        return f"{self.size} inputs of unknown geometry"


Geometry = Grid | Points | Unknown


def ring(sites: int, channels: int = 1) -> Grid:
    """A closed line of sites."""
    return Grid((sites,), channels, periodic=True)


def torus(height: int, width: int, channels: int = 1) -> Grid:
    """A two-dimensional grid whose opposite edges touch.

    >>> torus(20, 20)
    Grid(shape=(20, 20), channels=1, periodic=True)
    """
    return Grid((height, width), channels, periodic=True)


def volume(depth: int, height: int, width: int, channels: int = 1) -> Grid:
    """A three-dimensional grid with free edges."""
    return Grid((depth, height, width), channels)


def geometry_to_dict(geometry: Geometry) -> dict[str, Any]:
    """For JSON."""
    if isinstance(geometry, Grid):
        return {
            "kind": "grid",
            "shape": list(geometry.shape),
            "channels": geometry.channels,
            "periodic": geometry.periodic,
        }
    if isinstance(geometry, Points):
        return {"kind": "points", "coordinates": geometry.coordinates.tolist()}
    return {"kind": "unknown", "size": geometry.size}


def geometry_from_dict(values: dict[str, Any]) -> Geometry:
    """The inverse of `geometry_to_dict`."""
    if values["kind"] == "grid":
        return Grid(tuple(values["shape"]), values["channels"], values["periodic"])
    if values["kind"] == "points":
        return Points(np.array(values["coordinates"], dtype=float))
    return Unknown(values["size"])
