"""The ruler: masks with a known answer, of a convolution written out and of nodes that each see one place."""

# J nodes, I inputs, P places of the kernel, T taps of the kernel, A axes of the grid

from __future__ import annotations

import numpy as np

from siftnet.analysis.neighbours.lattice import distances
from siftnet.geometry import Grid

STRAY = 0.3
"""Connections anywhere for each local one."""


def convolution_mask(
    grid: Grid, kernel: int | tuple[int, ...], stride: int | tuple[int, ...] = 1, filters: int = 1
) -> np.ndarray:
    """Connections of a convolutional (or locally connected) layer as a block-Toeplitz mask, bool (J, I).

    kernel, stride: in sites, one for all axes or one for each; a node sees every channel under its kernel. Free edges
    are not padded (VALID); a periodic grid wraps around and has a place every `stride` sites. Nodes are numbered filter
    first, then the places in C order, as a convolution's output is. Raises ValueError for a kernel larger than the grid
    and for numbers below 1.

    >>> convolution_mask(Grid((5,)), kernel=3).astype(int)
    array([[1, 1, 1, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 1, 1, 1]])
    """
    kernel_A, stride_A = _per_axis(kernel, grid, "kernel"), _per_axis(stride, grid, "stride")
    if filters < 1:
        raise ValueError(f"filters must be at least 1, got {filters}")
    if any(k > n for k, n in zip(kernel_A, grid.shape, strict=True)):
        raise ValueError(f"kernel {kernel_A} is larger than the {grid.describe()}; make it smaller")
    place_PA = _lattice([range(0, n if grid.periodic else n - k + 1, s) for n, k, s in _axes(grid, kernel_A, stride_A)])
    tap_TA = _lattice([range(k) for k in kernel_A])
    site_PTA = (place_PA[:, None, :] + tap_TA[None, :, :]) % np.array(grid.shape)
    site_PT = np.ravel_multi_index(tuple(np.moveaxis(site_PTA, 2, 0)), grid.shape)
    mask_PCS = np.zeros((len(place_PA), grid.channels, grid.sites), dtype=np.bool_)
    mask_PCS[np.arange(len(place_PA))[:, None], :, site_PT] = True
    return np.tile(mask_PCS.reshape(len(place_PA), grid.size), (filters, 1))


def local_mask(grid: Grid, nodes: int, radius: float, rng: np.random.Generator, keep: float = 0.6) -> np.ndarray:
    """Connections of nodes that each see one place and a little of everything, as pruning leaves them; bool (nodes, I).

    Each node stands at a drawn site, keeps a share `keep` of the sites no farther than `radius` sites, all channels of
    each, and STRAY times as many single inputs anywhere.
    """
    within_SS = distances(grid) <= radius
    mask_JCS = np.zeros((nodes, grid.channels, grid.sites), dtype=np.bool_)
    for mask_CS in mask_JCS:
        kept_S = within_SS[rng.integers(grid.sites)] & (rng.random(grid.sites) < keep)
        mask_CS[:] = kept_S | (rng.random(mask_CS.shape) < STRAY * kept_S.sum() / grid.sites)
    return mask_JCS.reshape(nodes, grid.size)


def _per_axis(value: int | tuple[int, ...], grid: Grid, name: str) -> tuple[int, ...]:
    values = (value,) * grid.ndim if isinstance(value, int) else tuple(value)
    if len(values) != grid.ndim or min(values) < 1:
        raise ValueError(f"{name} takes one number of 1 or more for each of {grid.ndim} axes, got {value}")
    return values


def _axes(grid: Grid, kernel_A: tuple[int, ...], stride_A: tuple[int, ...]) -> list[tuple[int, int, int]]:
    return list(zip(grid.shape, kernel_A, stride_A, strict=True))


def _lattice(axes: list[range]) -> np.ndarray:
    """All points of a product of ranges in C order, int64 (points, A)."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes)).astype(np.int64)
