"""Synthetic inputs against closed forms: covariance, kurtosis, normalisation, labels that know geometry."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.linalg import circulant
from scipy.special import erf

from siftnet.config.fields import DataConfig, SyntheticConfig
from siftnet.data.formats import gaussian, synthetic
from siftnet.data.raw import Raw
from siftnet.geometry import Grid

Format = Literal["nlgp", "planted", "field"]


def made(format: Format = "nlgp", seed: int = 0, **given: Any) -> Raw:  # noqa: A002
    settings: dict[str, Any] = {"shape": (12,), "xi": (0.7, 2.0), "examples": 20_000, "test": 100} | given
    labels: Any = "products" if format == "field" else "given"
    return synthetic.make(DataConfig(format=format, seed=seed, labels=labels, synthetic=SyntheticConfig(**settings)))


def covariance_agrees(inputs_NI: np.ndarray, expected_II: np.ndarray, sigmas: float = 5.5) -> bool:
    """Whether each entry of the empirical covariance lies within its sampling error, measured on the products."""
    products = inputs_NI[:, :, None].astype(np.float64) * inputs_NI[:, None, :]
    error_II = products.std(0) / np.sqrt(len(products))
    return bool(np.all(np.abs(products.mean(0) - expected_II) < sigmas * error_II))


def ring_covariance(sites: int, xi: float) -> np.ndarray:
    """SCIENCE: C_ij = exp(-d_ij^2 / xi^2), 1e-3 added to the diagonal, written out without a Fourier transform."""
    i = np.arange(sites)
    d = np.abs(i[:, None] - i[None, :])
    covariance: np.ndarray = np.exp(-((np.minimum(d, sites - d) / xi) ** 2)) + 1e-3 * np.eye(sites)
    return covariance


def arcsine(field_II: np.ndarray, gain: float) -> np.ndarray:
    diagonal = np.sqrt(1 + gain**2 * np.diag(field_II))
    z2 = 2 / np.pi * np.arcsin(gain**2 / (1 + gain**2))
    clone: np.ndarray = 2 / (np.pi * z2) * np.arcsin(gain**2 * field_II / np.outer(diagonal, diagonal))
    return clone


@pytest.mark.parametrize(("gain", "z2"), [(1, 0.3333), (3, 0.7129)])
def test_normalisation_is_the_variance_of_a_saturated_gaussian(gain: float, z2: float) -> None:
    assert synthetic.unit_variance(gain) == pytest.approx(z2, abs=5e-5)

    def integrand(z: float) -> float:
        return float(erf(gain * z / np.sqrt(2)) ** 2 * stats.norm.pdf(z))

    assert synthetic.unit_variance(gain) == pytest.approx(integrate.quad(integrand, -10, 10)[0], rel=1e-8)


@pytest.mark.parametrize(("gain", "kurtosis"), [(1.0, -1.200), (2.0, -1.618), (3.0, -1.757)])
def test_excess_kurtosis_falls_with_the_gain(gain: float, kurtosis: float) -> None:
    inputs = made(gain=gain, xi=(0.5, 0.6)).inputs_NI
    assert inputs.var() == pytest.approx(1, abs=0.01)
    assert stats.kurtosis(inputs, axis=None) == pytest.approx(kurtosis, abs=0.015)


@pytest.mark.parametrize("clone", [False, True])
def test_each_class_has_the_covariance_of_its_correlation_length(clone: bool) -> None:
    raw = made(clone=clone)
    for label, xi in enumerate((0.7, 2.0)):
        inputs = raw.inputs_NI[raw.labels_N == label]
        assert covariance_agrees(inputs, arcsine(ring_covariance(12, xi), gain=3.0))
        assert not covariance_agrees(inputs, arcsine(ring_covariance(12, xi * 1.2), gain=3.0))


def test_clone_is_gaussian() -> None:
    inputs = made(clone=True).inputs_NI
    assert stats.kurtosis(inputs, axis=None) == pytest.approx(0, abs=0.05)
    assert stats.kurtosis(made(clone=False).inputs_NI, axis=None) < -1.5


@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 4)])
def test_covariance_is_the_product_over_axes(shape: tuple[int, ...]) -> None:
    raw = made(shape=shape, xi=(0.6, 1.0), clone=False)
    assert raw.geometry == Grid(shape, 1, periodic=True)
    expected: np.ndarray = np.ones((1, 1))
    for sites in shape:
        expected = np.kron(expected, ring_covariance(sites, 1.0) - 1e-3 * np.eye(sites))
    expected += 1e-3 * np.eye(len(expected))
    assert covariance_agrees(raw.inputs_NI[raw.labels_N == 1], arcsine(expected, 3.0))
    # Axes in the wrong order would pass on a square grid only.
    swapped = expected.reshape(*shape, *shape).transpose(*reversed(range(2 * len(shape)))).reshape(expected.shape)
    assert not covariance_agrees(raw.inputs_NI[raw.labels_N == 1], arcsine(swapped, 3.0))


@pytest.mark.parametrize("clone", [False, True])
def test_channels_are_independent_or_mixed_before_the_nonlinearity(clone: bool) -> None:
    alone = made(shape=(5,), channels=2, xi=(0.5, 1.0), clone=clone)
    mixed = made(shape=(5,), channels=2, xi=(0.5, 1.0), clone=clone, mixing=((1.0, 0.0), (3.0, 4.0)))
    between = np.array([[1, 0.6], [0.6, 1]])
    field = ring_covariance(5, 1.0)
    pick = mixed.labels_N == 1
    assert covariance_agrees(alone.inputs_NI[alone.labels_N == 1], arcsine(np.kron(np.eye(2), field), 3.0))
    assert covariance_agrees(mixed.inputs_NI[pick], arcsine(np.kron(between, field), 3.0))
    assert not covariance_agrees(mixed.inputs_NI[pick], arcsine(np.kron(np.eye(2), field), 3.0))
    assert "scaled to norm 1" in mixed.notes[0]
    assert made(channels=2, mixing=((1.0, 0.0), (0.6, 0.8)), examples=20).notes == ()


def test_clone_of_dependent_channels_is_drawn_although_its_covariance_is_singular() -> None:
    inputs = made(shape=(5,), channels=2, xi=(0.5, 1.0), clone=True, mixing=((1.0, 1.0), (1.0, 1.0))).inputs_NI
    np.testing.assert_allclose(inputs[:, :5], inputs[:, 5:], atol=1e-3)


def test_mixing_row_of_zeros_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("not all zero, got (0.0, 0.0) in row 1")):
        made(channels=2, mixing=((1.0, 0.0), (0.0, 0.0)))


@pytest.mark.parametrize(("shape", "xi"), [((20,), 5.0), ((20, 20), 3.5), ((4, 9), 1.5), ((8, 8, 8), 1e6)])
def test_too_long_a_correlation_is_refused_with_the_longest_allowed(shape: tuple[int, ...], xi: float) -> None:
    with pytest.raises(ValueError, match="too large") as error:
        made(shape=shape, xi=(0.5, xi), examples=20)
    named = float(re.findall(r"allowed there is ([\d.]+)$", str(error.value))[0])
    assert made(shape=shape, xi=(0.5, named), examples=20).classes == 2
    with pytest.raises(ValueError, match="too large"):
        made(shape=shape, xi=(0.5, named * 1.006), examples=20)


def test_largest_length_is_where_the_smallest_eigenvalue_vanishes() -> None:
    limit = gaussian.largest_xi((20,))
    for factor, sign in ((0.9999, 1), (1.0001, -1)):
        covariance = circulant(ring_covariance(20, limit * factor)[0])
        assert np.sign(np.linalg.eigvalsh(covariance).min()) == sign
    # SCIENCE: D = 20, xi = 5 has smallest eigenvalue -0.016 before the 1e-3.
    assert np.linalg.eigvalsh(ring_covariance(20, 5.0)).min() - 1e-3 == pytest.approx(-0.016, abs=5e-4)
    assert gaussian.largest_xi((3, 2)) == np.inf


def test_classes_are_balanced_shuffled_and_the_test_set_comes_last() -> None:
    raw = made(xi=(0.5, 1.0, 2.0), examples=301, test=100)
    assert raw.classes == 3
    assert raw.held_out_N is not None
    np.testing.assert_array_equal(raw.held_out_N, np.arange(301, 401))
    for part in (raw.labels_N[:301], raw.labels_N[301:]):
        counts = np.bincount(part, minlength=3)
        assert counts.max() - counts.min() <= 1
        assert np.all(np.bincount(part[:60], minlength=3) > 8)


@pytest.mark.parametrize(
    ("format_", "settings"),
    [("nlgp", {}), ("planted", {}), ("field", {"xi": (1.0,)}), ("field", {"xi": (1.0,), "periodic": False})],
)
def test_seed_decides_and_chunks_do_not(
    format_: Format, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (made(format_, seed, examples=300, **settings) for seed in (0, 1))
    monkeypatch.setattr(gaussian, "CHUNK", 97)
    again = made(format_, examples=300, **settings)
    np.testing.assert_allclose(one.inputs_NI, again.inputs_NI, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(one.labels_N, again.labels_N)
    assert np.abs(one.inputs_NI - two.inputs_NI).max() > 0.5


def free_covariance(sites: int, xi: float) -> np.ndarray:
    """exp(-d^2 / xi^2) along an open line."""
    i = np.arange(sites)
    covariance: np.ndarray = np.exp(-(((i[:, None] - i[None, :]) / xi) ** 2))
    return covariance


@pytest.mark.parametrize("periodic", [True, False])
def test_a_field_is_gaussian_of_its_one_length(periodic: bool) -> None:
    raw = made("field", xi=(1.0,), periodic=periodic)
    assert (raw.name, raw.geometry, raw.scaling) == ("field", Grid((12,), 1, periodic=periodic), "none")
    ring = ring_covariance(12, 1.0)
    line = free_covariance(12, 1.0) + 1e-3 * np.eye(12)
    assert covariance_agrees(raw.inputs_NI, ring if periodic else line)
    assert not covariance_agrees(raw.inputs_NI, line if periodic else ring)
    assert stats.kurtosis(raw.inputs_NI, axis=None) == pytest.approx(0, abs=0.05)


def test_a_field_with_free_edges_is_the_product_over_axes_for_any_length() -> None:
    # Of axes that no periodic field of this length could have.
    inputs = made("field", shape=(3, 5), xi=(6.0,), periodic=False).inputs_NI
    expected = np.kron(free_covariance(3, 6.0), free_covariance(5, 6.0)) + 1e-3 * np.eye(15)
    assert covariance_agrees(inputs, expected)
    assert not covariance_agrees(inputs, np.kron(free_covariance(5, 6.0), free_covariance(3, 6.0)) + 1e-3 * np.eye(15))
    with pytest.raises(ValueError, match="too large for 3 x 5 periodic sites"):
        made("field", shape=(3, 5), xi=(6.0,))


@pytest.mark.parametrize("periodic", [True, False])
def test_channels_of_a_field_are_mixed(periodic: bool) -> None:
    given: dict[str, Any] = {"shape": (5,), "channels": 2, "xi": (1.0,), "periodic": periodic}
    mixed = made("field", mixing=((1.0, 0.0), (3.0, 4.0)), **given)
    sites = ring_covariance(5, 1.0) if periodic else free_covariance(5, 1.0) + 1e-3 * np.eye(5)
    assert covariance_agrees(mixed.inputs_NI, np.kron(np.array([[1, 0.6], [0.6, 1]]), sites))
    assert covariance_agrees(made("field", **given).inputs_NI, np.kron(np.eye(2), sites))
    assert mixed.notes == ("the rows of data.synthetic.mixing were scaled to norm 1",)


def test_a_tiny_length_makes_white_inputs() -> None:
    assert covariance_agrees(made("field", xi=(0.1,)).inputs_NI, 1.001 * np.eye(12))


def test_planted_label_is_the_sign_of_neighbouring_products() -> None:
    x = np.array([[1, 2, -1, 3], [1, -2, 1, -3]], np.float32)
    # Ring: 1*2 - 2*1 - 1*3 + 3*1 = 0 is not above 0.
    np.testing.assert_array_equal(synthetic.planted_labels(x, Grid((4,), 1, True)), [0, 0])
    np.testing.assert_array_equal(synthetic.planted_labels(np.abs(x), Grid((4,), 1, True)), [1, 1])
    # Two channels of two sites: products stay within a channel, (1*2)*2 + (-1*3)*2 < 0 < (-5*-4)*2.
    planes = np.array([[1, 2, -1, 3], [-5, -4, 1, 1]], np.float32)
    np.testing.assert_array_equal(synthetic.planted_labels(planes, Grid((2,), 2, True)), [0, 1])


def test_planted_label_alone_knows_the_geometry() -> None:
    raw = made("planted", shape=(4, 6), channels=1)
    assert raw.geometry == Grid((4, 6), 1, periodic=True)
    assert covariance_agrees(raw.inputs_NI, np.eye(24))
    sign_N = 2 * raw.labels_N - 1
    assert abs(sign_N.mean()) < 5 / np.sqrt(len(sign_N))
    linear_I = (raw.inputs_NI * sign_N[:, None]).mean(0) * np.sqrt(len(sign_N))
    assert np.abs(linear_I).max() < 4.5
    field = raw.inputs_NI.reshape(-1, 4, 6)
    near = [(field * np.roll(field, 1, axis)).mean((1, 2)) for axis in (1, 2)]
    far = (field * np.roll(field, (1, 1), (1, 2))).mean((1, 2))
    assert min(np.corrcoef(product, sign_N)[0, 1] for product in near) > 0.4
    assert abs(np.corrcoef(far, sign_N)[0, 1]) < 0.05
