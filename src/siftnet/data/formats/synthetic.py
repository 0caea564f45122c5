"""Inputs made on the spot with a known answer: NLGP, its Gaussian clone, and a label that alone knows the geometry.

N examples, I inputs, C channels, F frequencies. A field is (N, C, *shape), shape the sites along each periodic axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import asin, floor, inf, log10, pi, sqrt

import numpy as np
from scipy import fft, special

from siftnet import seeds
from siftnet.config.fields import DataConfig, SyntheticConfig
from siftnet.data.raw import Raw
from siftnet.geometry import Grid

# Added to the diagonal of every field's covariance, last (Ingrosso & Goldt 2022).
DIAGONAL = 1e-3
# Values drawn at a time: large enough for speed, small enough that the temporaries stay far below the data itself.
CHUNK = 2**22


def make(config: DataConfig) -> Raw:
    """Make the examples that `config.synthetic` describes, for format nlgp or planted.

    Returns float32 inputs (examples + test, channels * sites) on a periodic grid, the held-out test examples last; the
    same configuration and seed give the same examples, however they are chunked.
    Raises ValueError for an xi too large for the ring (naming the largest allowed) and for a mixing row of zeros.
    Source: Ingrosso & Goldt 2022 (arXiv 2202.00565) for nlgp; see `planted_labels` for planted.
    """
    synthetic = config.synthetic
    geometry = Grid(synthetic.shape, synthetic.channels, periodic=True)
    count = synthetic.examples + synthetic.test
    inputs_NI = np.empty((count, geometry.size), np.float32)
    notes: tuple[str, ...] = ()
    if config.format == "nlgp":
        class_names = tuple(f"xi={xi:g}" for xi in synthetic.xi)
        labels_N, notes = _fill_nlgp(inputs_NI, config)
    else:
        assert config.format == "planted", config.format
        class_names = ("unlike neighbours", "like neighbours")
        labels_N = _fill_planted(inputs_NI, config)
    return Raw(
        name="nlgp clone" if config.format == "nlgp" and synthetic.clone else config.format,
        inputs_NI=inputs_NI,
        labels_N=labels_N,
        classes=len(class_names),
        geometry=geometry,
        scaling="none",
        held_out_N=np.arange(synthetic.examples, count),
        class_names=class_names,
        notes=notes,
    )


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


def unit_variance(gain: float) -> float:
    """Z^2 = (2 / pi) asin(g^2 / (1 + g^2)): the variance of erf(g z / sqrt 2) for z of variance 1.

    The fields have variance 1 + 1e-3, so that nlgp inputs have variance 1 to within 1e-3; the clone has the same.
    """
    return 2 / pi * asin(gain**2 / (1 + gain**2))


def clone_covariance(field: np.ndarray, gain: float, channels_CC: np.ndarray) -> np.ndarray:
    """Covariance of nlgp inputs, (2 / (pi Z^2)) asin(g^2 C_ij / sqrt((1 + g^2 C_ii)(1 + g^2 C_jj))).

    field: float64 (*shape), `field_covariance`; channels_CC: correlation of the channels' fields, 1 on the diagonal, so
    that C_ij is channels_CC times field. Returns float64 (C, C, *shape), between site 0 and every site.
    Source: Ingrosso & Goldt 2022; the arcsine law of Gaussians.
    """
    diagonal = field.flat[0]
    ratio = gain**2 * np.multiply.outer(channels_CC, field) / (1 + gain**2 * diagonal)
    clone: np.ndarray = 2 / (pi * unit_variance(gain)) * np.arcsin(ratio)
    return clone


def unit_rows(mixing: tuple[tuple[float, ...], ...], channels: int) -> np.ndarray:
    """The matrix that mixes independent Gaussian fields into channels: rows scaled to norm 1, float64 (C, C).

    Fields are mixed before the nonlinearity. A row of another norm would change that channel's gain, so only its
    direction counts; with norm 1 every channel keeps the covariance of a single field and inputs of variance 1. Empty
    is the identity. Raises ValueError for a row of zeros.
    """
    if not mixing:
        return np.eye(channels)
    matrix_CC = np.array(mixing, np.float64)
    norm_C = np.linalg.norm(matrix_CC, axis=1)
    if not np.all((norm_C > 0) & np.isfinite(norm_C)):
        row = int(np.argmin((norm_C > 0) & np.isfinite(norm_C)))
        raise ValueError(
            f"data.synthetic.mixing needs finite rows that are not all zero, got {mixing[row]} in row {row}"
        )
    mixing_CC: np.ndarray = matrix_CC / norm_C[:, None]
    return mixing_CC


def planted_labels(inputs_NI: np.ndarray, geometry: Grid) -> np.ndarray:
    """Label 1 where the products of neighbouring inputs sum to more than 0, else 0.

    inputs_NI: float32 (N, I); geometry: periodic grid. Summed over sites, axes and channels, each within its channel.
    Returns int64 (N,). With white inputs nothing but the label knows the geometry: inputs are uncorrelated, and no
    linear function of them tells the classes apart (x and -x have the same label).
    """
    field = inputs_NI.reshape(-1, geometry.channels, *geometry.shape)
    total_N = np.zeros(len(field))
    for axis in range(2, field.ndim):
        products = field * np.roll(field, -1, axis=axis)
        total_N += products.reshape(len(field), -1).sum(1, dtype=np.float64)
    return (total_N > 0).astype(np.int64)


def _fill_planted(inputs_NI: np.ndarray, config: DataConfig) -> np.ndarray:
    geometry = Grid(config.synthetic.shape, config.synthetic.channels, periodic=True)
    rng = seeds.generator(config.seed, "synthetic inputs", "planted")
    labels_N = np.empty(len(inputs_NI), np.int64)
    for rows in _chunks(np.arange(len(inputs_NI)), geometry.size):
        inputs_NI[rows] = rng.standard_normal((len(rows), geometry.size), np.float32)
        labels_N[rows] = planted_labels(inputs_NI[rows], geometry)
    return labels_N


def _fill_nlgp(inputs_NI: np.ndarray, config: DataConfig) -> tuple[np.ndarray, tuple[str, ...]]:
    synthetic = config.synthetic
    _require_positive(synthetic)
    mixing_CC = unit_rows(synthetic.mixing, synthetic.channels)
    rng = seeds.generator(config.seed, "synthetic labels")
    # Balanced in each part by itself, so that the test set is as balanced as the rest.
    parts = [rng.permutation(np.arange(n) % len(synthetic.xi)) for n in (synthetic.examples, synthetic.test)]
    labels_N = np.concatenate(parts)
    for label, xi in enumerate(synthetic.xi):
        root_FCC = _spectral_root(synthetic, xi, mixing_CC)
        rng = seeds.generator(config.seed, "synthetic inputs", "nlgp", label)
        for rows in _chunks(np.flatnonzero(labels_N == label), inputs_NI.shape[1]):
            field_NI = _draw(rng, len(rows), root_FCC, synthetic.shape)
            inputs_NI[rows] = field_NI if synthetic.clone else _saturate(field_NI, synthetic.gain)
    if synthetic.mixing and not np.allclose(mixing_CC, np.array(synthetic.mixing), rtol=1e-6, atol=1e-9):
        return labels_N, ("the rows of data.synthetic.mixing were scaled to norm 1",)
    return labels_N, ()


def _saturate(field_NI: np.ndarray, gain: float) -> np.ndarray:
    """erf(g z / sqrt 2) / Z in place."""
    field_NI *= gain / sqrt(2)
    special.erf(field_NI, out=field_NI)
    field_NI /= sqrt(unit_variance(gain))
    return field_NI


def _spectral_root(synthetic: SyntheticConfig, xi: float, mixing_CC: np.ndarray) -> np.ndarray:
    """For each frequency a channels x channels matrix R with R R^T = the spectrum of the covariance; (F, C, C)."""
    field = field_covariance(synthetic.shape, xi)
    if not synthetic.clone:
        root: np.ndarray = np.sqrt(_half_spectrum(field)).reshape(-1, 1, 1) * mixing_CC
        return root
    channels = synthetic.channels
    covariance = clone_covariance(field, synthetic.gain, mixing_CC @ mixing_CC.T)
    spectra = np.array([_half_spectrum(between) for row in covariance for between in row])
    value_FC, vector_FCC = np.linalg.eigh(spectra.reshape(channels, channels, -1).transpose(2, 0, 1))
    # The arcsine has a positive power series, so this is a covariance; anything below 0 is rounding.
    assert value_FC.min() > -1e-9 * value_FC.max(), value_FC.min()
    return np.asarray(vector_FCC * np.sqrt(value_FC.clip(0))[:, None, :])


def _draw(rng: np.random.Generator, count: int, root_FCC: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
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


def _half_spectrum(covariance: np.ndarray) -> np.ndarray:
    """Eigenvalues of a circulant covariance, at the frequencies that a real transform keeps, flattened."""
    return np.asarray(fft.rfftn(covariance).real.ravel())


def _smallest_eigenvalue(shape: tuple[int, ...], xi: float) -> float:
    return float(_half_spectrum(field_covariance(shape, xi)).min())


def _require_positive(synthetic: SyntheticConfig) -> None:
    limit = largest_xi(synthetic.shape)
    if max(synthetic.xi) > limit:
        digits = 2 - floor(log10(limit))
        allowed = floor(limit * 10**digits) / 10**digits
        sites = " x ".join(map(str, synthetic.shape))
        raise ValueError(
            f"data.synthetic.xi = {max(synthetic.xi):g} is too large for {sites} periodic sites, where its covariance "
            f"is not positive definite; the largest xi allowed there is {allowed:g}"
        )


def _chunks(rows: np.ndarray, inputs: int) -> Iterator[np.ndarray]:
    step = max(1, CHUNK // inputs)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]
