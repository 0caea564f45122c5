"""Inputs made on the spot with a known answer: NLGP, its Gaussian clone, a label that alone knows the geometry, fields.

N examples, I inputs, C channels, F frequencies. A field is (N, C, *shape), shape the sites along each axis.
"""

from __future__ import annotations

from math import asin, pi, sqrt

import numpy as np
from scipy import special

from siftnet import seeds
from siftnet.config.fields import DataConfig, SyntheticConfig
from siftnet.data.formats.gaussian import (
    chunks,
    draw_free,
    draw_periodic,
    field_covariance,
    free_modes,
    half_spectrum,
    periodic_root,
    require_positive,
)
from siftnet.data.raw import Notes, Raw
from siftnet.geometry import Grid


def make(config: DataConfig) -> Raw:
    """Make the examples that `config.synthetic` describes, for format nlgp, planted or field.

    Returns float32 inputs (examples + test, channels * sites) on a grid, the held-out test examples last; the same
    configuration and seed give the same examples, however they are chunked. A field has no labels: all are of one
    class, and data.labels makes others.
    Raises ValueError for an xi too large for the ring (naming the largest allowed) and for a mixing row of zeros.
    Source: Ingrosso & Goldt 2022 (arXiv 2202.00565) for nlgp; see `planted_labels` for planted.
    """
    synthetic = config.synthetic
    geometry = Grid(synthetic.shape, synthetic.channels, periodic=synthetic.periodic)
    count = synthetic.examples + synthetic.test
    inputs_NI = np.empty((count, geometry.size), np.float32)
    notes: Notes = ()
    class_names: tuple[str, ...]
    if config.format == "field":
        class_names, labels_N = ("none",), np.zeros(count, np.int64)
        notes = _fill_field(inputs_NI, config)
    elif config.format == "nlgp":
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
    for rows in chunks(np.arange(len(inputs_NI)), geometry.size):
        inputs_NI[rows] = rng.standard_normal((len(rows), geometry.size), np.float32)
        labels_N[rows] = planted_labels(inputs_NI[rows], geometry)
    return labels_N


def _fill_field(inputs_NI: np.ndarray, config: DataConfig) -> Notes:
    synthetic, shape = config.synthetic, config.synthetic.shape
    [xi] = synthetic.xi
    mixing_CC = unit_rows(synthetic.mixing, synthetic.channels)
    rng = seeds.generator(config.seed, "synthetic inputs", "field")
    parts = chunks(np.arange(len(inputs_NI)), inputs_NI.shape[1])
    if synthetic.periodic:
        require_positive(synthetic)
        root_FCC = periodic_root(field_covariance(shape, xi), mixing_CC)
        for rows in parts:
            inputs_NI[rows] = draw_periodic(rng, len(rows), root_FCC, shape)
    else:
        modes = free_modes(shape, xi)
        for rows in parts:
            inputs_NI[rows] = draw_free(rng, len(rows), modes, mixing_CC)
    return _on_mixing(synthetic, mixing_CC)


def _fill_nlgp(inputs_NI: np.ndarray, config: DataConfig) -> tuple[np.ndarray, Notes]:
    synthetic = config.synthetic
    require_positive(synthetic)
    mixing_CC = unit_rows(synthetic.mixing, synthetic.channels)
    rng = seeds.generator(config.seed, "synthetic labels")
    # Balanced in each part by itself, so that the test set is as balanced as the rest.
    parts = [rng.permutation(np.arange(n) % len(synthetic.xi)) for n in (synthetic.examples, synthetic.test)]
    labels_N = np.concatenate(parts)
    for label, xi in enumerate(synthetic.xi):
        root_FCC = _spectral_root(synthetic, xi, mixing_CC)
        rng = seeds.generator(config.seed, "synthetic inputs", "nlgp", label)
        for rows in chunks(np.flatnonzero(labels_N == label), inputs_NI.shape[1]):
            field_NI = draw_periodic(rng, len(rows), root_FCC, synthetic.shape)
            inputs_NI[rows] = field_NI if synthetic.clone else _saturate(field_NI, synthetic.gain)
    return labels_N, _on_mixing(synthetic, mixing_CC)


def _on_mixing(synthetic: SyntheticConfig, mixing_CC: np.ndarray) -> Notes:
    if synthetic.mixing and not np.allclose(mixing_CC, np.array(synthetic.mixing), rtol=1e-6, atol=1e-9):
        return ("the rows of data.synthetic.mixing were scaled to norm 1",)
    return ()


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
        return periodic_root(field, mixing_CC)
    channels = synthetic.channels
    covariance = clone_covariance(field, synthetic.gain, mixing_CC @ mixing_CC.T)
    spectra = np.array([half_spectrum(between) for row in covariance for between in row])
    value_FC, vector_FCC = np.linalg.eigh(spectra.reshape(channels, channels, -1).transpose(2, 0, 1))
    # The arcsine has a positive power series, so this is a covariance; anything below 0 is rounding.
    assert value_FC.min() > -1e-9 * value_FC.max(), value_FC.min()
    return np.asarray(vector_FCC * np.sqrt(value_FC.clip(0))[:, None, :])
