"""Gaussian fields of one correlation length, drawn exactly: by Fourier modes where opposite ends touch, else by axis.

N fields, C channels, F modes. A field is (N, C, *shape), shape the sites along each axis; two sites have the covariance
exp(-d^2 / xi^2), d their distance, and a site with itself 1e-3 more (Ingrosso & Goldt 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, inf, log10

import numpy as np
from scipy import fft

from siftnet.config.fields import SyntheticConfig

# Added to the diagonal of every field's covariance, last (Ingrosso & Goldt 2022).
DIAGONAL = 1e-3
# Values drawn at a time: large enough for speed, small enough that the temporaries stay far below the data itself.
CHUNK = 2**22


def field_covariance(shape: tuple[int, ...], xi: float) -> np.ndarray:
    """Covariance of a Gaussian field's first site with every site: product over axes of exp(-d^2 / xi^2), plus 1e-3.

    shape: sites along each periodic axis; xi: correlation length in sites. Returns float64 (*shape), at site
    0 itself 1 + 1e-3. Source: Ingrosso & Goldt 2022.
    """
    covariance = np.ones(())
    for sites in shape:
        distance = np.minimum(np.arange(sites), sites - np.arange(sites))
        covariance = np.multiply.outer(covariance, np.exp(-((distance / xi) ** 2)))
    covariance[(0,) * len(shape)] += DIAGONAL
    return covariance


def largest_xi(shape: tuple[int, ...]) -> float:
    """The largest correlation length, in sites, whose covariance on this periodic grid is positive definite.

    shape: sites along each axis. Infinite with at most 3 sites along every axis. By bisection on the smallest
    eigenvalue, which a Fourier transform gives exactly because the covariance is circulant along every axis.
    """
    # At xi = the longest axis the kink opposite site 0 always spoils it; far beyond, where the field is nearly
    # constant, the 1e-3 would hide that again, which is no reason to allow it.
    allowed, too_large = 0.0, float(max(shape))
    if _smallest_eigenvalue(shape, too_large) > 0:
        return inf
    while too_large - allowed > 1e-9 * too_large:
        middle = (allowed + too_large) / 2
        allowed, too_large = (middle, too_large) if _smallest_eigenvalue(shape, middle) > 0 else (allowed, middle)
    return allowed


def require_positive(synthetic: SyntheticConfig) -> None:
    """Raise ValueError for an xi too large for the periodic grid, naming the largest allowed."""
    limit = largest_xi(synthetic.shape)
    if max(synthetic.xi) > limit:
        digits = 2 - floor(log10(limit))
        allowed = floor(limit * 10**digits) / 10**digits
        sites = " x ".join(map(str, synthetic.shape))
        raise ValueError(
            f"data.synthetic.xi = {max(synthetic.xi):g} is too large for {sites} periodic sites, where its covariance "
            f"is not positive definite; the largest xi allowed there is {allowed:g}"
        )


def periodic_root(covariance: np.ndarray, mixing_CC: np.ndarray) -> np.ndarray:
    """For each Fourier mode a matrix R with R R^T = the spectrum of the channels' covariance; float64 (F, C, C).

    covariance: `field_covariance`; mixing_CC: `unit_rows`, which mixes independent fields into channels.
    """
    root: np.ndarray = np.sqrt(half_spectrum(covariance)).reshape(-1, 1, 1) * mixing_CC
    return root


def draw_periodic(rng: np.random.Generator, count: int, root_FCC: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Gaussian fields of the spectrum R R^T, float32 (count, C * sites).

    White noise filtered in Fourier space is exact for a circulant covariance. The kernel by itself (without the 1e-3)
    has slightly negative eigenvalues already for xi = 3 on 20 sites, so it cannot be drawn apart from the diagonal.
    """
    channels = root_FCC.shape[1]
    axes = tuple(range(2, 2 + len(shape)))
    noise = fft.rfftn(rng.standard_normal((count, channels, *shape), np.float32), axes=axes)
    noise_NCF = noise.reshape(count, channels, -1)
    mixed_NCF = np.einsum("fcd,ndf->ncf", root_FCC.astype(np.float32), noise_NCF)
    field = fft.irfftn(mixed_NCF.reshape(noise.shape), s=shape, axes=axes)
    assert field.dtype == np.float32, field.dtype
    flat: np.ndarray = field.reshape(count, -1)
    return flat


@dataclass(frozen=True, eq=False)
class FreeModes:
    """Eigenvectors of a field's covariance on a grid with free edges, which are products of those of its axes."""

    deviation: np.ndarray
    """float64 (*shape): square roots of the eigenvalues, 1e-3 included."""
    axes: tuple[np.ndarray, ...]
    """float64 (sites, sites) of each axis, eigenvectors as columns."""


def free_modes(shape: tuple[int, ...], xi: float) -> FreeModes:
    """The modes of covariance exp(-d^2 / xi^2), plus 1e-3 on its diagonal, positive definite for every xi."""
    value, axes = np.ones(()), []
    for sites in shape:
        distance_SS = np.subtract.outer(np.arange(sites), np.arange(sites))
        value_S, vector_SS = np.linalg.eigh(np.exp(-((distance_SS / xi) ** 2)))
        # What lies below 0 is rounding.
        value = np.multiply.outer(value, value_S.clip(0))
        axes.append(vector_SS)
    return FreeModes(np.sqrt(value + DIAGONAL), tuple(axes))


def draw_free(rng: np.random.Generator, count: int, modes: FreeModes, mixing_CC: np.ndarray) -> np.ndarray:
    """Gaussian fields of these modes, independent ones mixed into channels, float32 (count, C * sites).

    By the symmetric root of the covariance, which does not depend on the signs that a library gives to eigenvectors,
    and in double precision, so that how it multiplies matrices hardly ever shows in the digits that are kept.
    """
    field = rng.standard_normal((count, len(mixing_CC), *modes.deviation.shape))
    for axis, vector_SS in enumerate(modes.axes, start=2):
        field = _along(field, axis, vector_SS)
    field *= modes.deviation
    for axis, vector_SS in enumerate(modes.axes, start=2):
        field = _along(field, axis, vector_SS.T)
    mixed_NCS = np.einsum("cd,nds->ncs", mixing_CC, field.reshape(count, len(mixing_CC), -1))
    return np.asarray(mixed_NCS.reshape(count, -1), np.float32)


def half_spectrum(covariance: np.ndarray) -> np.ndarray:
    """Eigenvalues of a circulant covariance, at the frequencies that a real transform keeps, flattened."""
    return np.asarray(fft.rfftn(covariance).real.ravel())


def chunks(rows: np.ndarray, inputs: int) -> Iterator[np.ndarray]:
    """These rows in parts, so that the examples of one are CHUNK values at most."""
    step = max(1, CHUNK // inputs)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _smallest_eigenvalue(shape: tuple[int, ...], xi: float) -> float:
    return float(half_spectrum(field_covariance(shape, xi)).min())


def _along(field: np.ndarray, axis: int, matrix_SS: np.ndarray) -> np.ndarray:
    """The values along one axis times a matrix."""
    return np.moveaxis(np.tensordot(field, matrix_SS, axes=([axis], [0])), -1, axis)
