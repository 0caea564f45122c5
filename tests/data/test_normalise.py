"""Centred and scaled in double precision, then single; against scikit-learn's scalers and exact sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from siftnet.data import normalise as module
from siftnet.data.normalise import normalise
from siftnet.geometry import Grid, Unknown

TRAIN = np.arange(0, 100, 2)


def seen(inputs_NI: np.ndarray, scaling: Any, geometry: Any = None, train_T: np.ndarray = TRAIN) -> np.ndarray:
    """What the network sees, in double precision."""
    found = normalise(inputs_NI, train_T, scaling, geometry or Unknown(inputs_NI.shape[1]))
    assert found.center_I.dtype == found.scale_I.dtype == np.float32
    result: np.ndarray = (found.inputs_NI.astype(np.float64) - found.center_I) * found.scale_I
    return result


@settings(deadline=None)
@given(
    offset=st.sampled_from([0.0, 1.0, -273.15, 2.46e6, 1.7e12, 1e15]),
    unit=st.sampled_from([1e-3, 1.0, 1e6]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_each_input_is_scaled_as_scikit_learn_does(offset: float, unit: float, dtype: Any, seed: int) -> None:
    # Closer together than that are equal to scikit-learn.
    assume(unit > 1e-10 * offset)
    x = (offset + unit * np.random.default_rng(seed).normal(size=(100, 3))).astype(dtype)
    exact = x.astype(np.float64)
    for scaling, scaler in (("each", StandardScaler()), ("range", MinMaxScaler())):
        if (exact[TRAIN].min(0) == exact[TRAIN].max(0)).any():
            continue
        expected = scaler.fit(exact[TRAIN]).transform(exact)
        np.testing.assert_allclose(seen(x, scaling), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("offset", [1_700_000_000_000.0, 24_600_000.5, 1e9])
def test_time_stamps_stay_apart(offset: float) -> None:
    x = offset + np.random.default_rng(0).permutation(100)[:, None].astype(np.float64)
    assert len(np.unique(x.astype(np.float32))) < 100, "single precision would not have held them"
    found = normalise(x, TRAIN, "each", Unknown(1))
    assert len(np.unique(found.inputs_NI)) == 100
    assert found.notes == ()
    np.testing.assert_array_equal(np.argsort(found.inputs_NI[:, 0]), np.argsort(x[:, 0]))


def test_values_that_single_precision_cannot_tell_apart_are_counted() -> None:
    x = np.random.default_rng(0).random((100, 2))
    x[4, 1] = 1e12
    found = normalise(x, TRAIN, "each", Unknown(2), ("a", "b"))
    after = len(np.unique(found.inputs_NI[:, 1]))
    assert after < 10
    [note] = found.notes
    assert f"in which the network computes: b ({after} of 100); correct the few values" in note


def test_values_too_large_to_be_squared_are_refused() -> None:
    x = np.random.default_rng(0).random((100, 2))
    x[4, 1] = 1e300
    with pytest.raises(ValueError, match=r"input 1 reaches 1e\+300, too large to be scaled"):
        normalise(x, TRAIN, "each", Unknown(2))


def test_one_scale_for_each_channel_of_a_grid() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 2, 4, 4)) * [[[[1.0]], [[1e5]]]] * np.linspace(1, 2, 4)
    found = seen(x.reshape(100, -1), "one", Grid((4, 4), 2)).reshape(100, 2, 16)[TRAIN]
    np.testing.assert_allclose((found**2).mean((0, 2)), 1, rtol=1e-5)
    deviation = found.std(0)
    assert 1.5 < deviation[0].max() / deviation[0].min() < 4, "sites of one channel keep their proportions"


def test_bytes_stay_bytes() -> None:
    x = np.random.default_rng(0).integers(0, 200, (100, 12), dtype=np.uint8)
    scaling: Any
    for scaling, scale in (("pixels", 1 / 255), ("largest", 1 / x[TRAIN].max())):
        found = normalise(x, TRAIN, scaling, Grid((3, 4)))
        assert found.inputs_NI is x
        np.testing.assert_allclose(found.center_I, x[TRAIN].mean(0), rtol=1e-6)
        np.testing.assert_allclose(found.scale_I, scale, rtol=1e-6)
    np.testing.assert_allclose(seen(x, "each"), StandardScaler().fit(x[TRAIN]).transform(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scaling", ["each", "range", "one", "largest", "pixels"])
@pytest.mark.parametrize("value", [0, 7, 0.1, 1e-30, -1e30])
def test_what_never_changes_is_centred_alone(scaling: Any, value: float) -> None:
    x = np.full((100, 3), value, np.uint8 if value in (0, 7) else np.float64)
    assert np.abs(seen(x, scaling)).max() < 1e-6


def test_nothing_is_done_where_nothing_is_asked_for() -> None:
    x = np.random.default_rng(0).normal(5, 3, (100, 2)).astype(np.float32)
    assert normalise(x, TRAIN, "none", Unknown(2)).inputs_NI is x
    np.testing.assert_array_equal(seen(x.astype(np.float64), "none"), x)


@pytest.mark.parametrize("scaling", ["each", "range", "one", "largest", "pixels"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_statistics_do_not_depend_on_the_block(scaling: Any, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).integers(0, 99, (100, 5)).astype(dtype)
    whole = seen(x, scaling)
    monkeypatch.setattr(module, "BLOCK", 7)
    np.testing.assert_allclose(seen(x, scaling), whole, rtol=1e-6, atol=1e-6)
