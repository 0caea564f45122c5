"""Where a network's inputs live: on a grid, at points, or nobody knows.

An input is numbered channel first, then the grid's axes in C order: on an image, index = c*H*W + y*W + x.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from siftnet.foreign import as_numpy, is_whole, shown

LARGEST = 1e150
"""Coordinate whose square is still a number."""


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
        lengths: list[Any] = list(self.shape) if isinstance(self.shape, list | tuple | range | np.ndarray) else [None]
        if not all(is_whole(n) for n in lengths):
            raise ValueError(
                f"a grid's shape is a tuple of whole numbers, e.g. (32, 32) or (100,), got {shown(self.shape)}"
            )
        object.__setattr__(self, "shape", tuple(int(n) for n in lengths))
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"a grid needs at least one axis, each of length 1 or more, got shape {self.shape}")
        if not is_whole(self.channels) or self.channels < 1:
            raise ValueError(f"a grid's channels are a whole number, one at least, got {shown(self.channels)}")
        object.__setattr__(self, "channels", int(self.channels))
        if not isinstance(self.periodic, bool | np.bool_):
            raise ValueError(f"whether a grid is periodic is True or False, got {shown(self.periodic)}")
        object.__setattr__(self, "periodic", bool(self.periodic))

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

    def places(self) -> np.ndarray:
        """Coordinates of the sites in C order, int64 (sites, axes)."""
        return np.indices(self.shape).reshape(self.ndim, -1).T

    def describe(self) -> str:
        """In words, e.g. '32 x 32 grid, 3 channels' or 'ring of 128 sites, 1 channel'."""
        channels = "1 channel" if self.channels == 1 else f"{self.channels} channels"
        if self.ndim == 1:
            sites = "1 site" if self.sites == 1 else f"{self.sites} sites"
            return f"{'ring' if self.periodic else 'line'} of {sites}, {channels}"
        names = {2: "torus", 3: "periodic volume"} if self.periodic else {2: "grid", 3: "volume"}
        name = names.get(self.ndim, "periodic lattice" if self.periodic else "lattice")
        return f"{' x '.join(map(str, self.shape))} {name}, {channels}"


@dataclass(frozen=True, eq=False)
class Points:
    """Inputs at known places without a grid, e.g. sensors: coordinates is float (inputs, dimensions)."""

    coordinates: np.ndarray

    def __post_init__(self) -> None:
        given = as_numpy(self.coordinates, "coordinates")
        if given.ndim != 2 or given.dtype.kind not in "iuf" or given.size == 0:
            raise ValueError(
                f"coordinates must be numbers of shape (inputs, dimensions), got {given.dtype} {given.shape}: give one "
                "row for each input"
            )
        coordinates = np.asarray(given, np.float64)
        if not np.isfinite(coordinates).all():
            raise ValueError("coordinates must be finite, got NaN or infinity: say where each input lives")
        if (largest := np.abs(coordinates).max()) > LARGEST:
            raise ValueError(
                f"coordinates must lie within {LARGEST:g} of 0, got {largest:g}: give them in another unit"
            )
        object.__setattr__(self, "coordinates", coordinates)

    @property
    def size(self) -> int:
        """Number of inputs."""
        return len(self.coordinates)

    def describe(self) -> str:
        """In words."""
        points, dimensions = self.coordinates.shape
        counted = f"{points} {'point' if points == 1 else 'points'}"
        return f"{counted} in {dimensions} {'dimension' if dimensions == 1 else 'dimensions'}"


@dataclass(frozen=True)
class Unknown:
    """Inputs of which nobody knows where they live, e.g. the columns of a table."""

    size: int

    def __post_init__(self) -> None:
        if not is_whole(self.size) or self.size < 1:
            raise ValueError(f"the number of inputs is a whole number, one at least, got {shown(self.size)}")
        object.__setattr__(self, "size", int(self.size))

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
