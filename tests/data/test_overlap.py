from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data.overlap import note_windows
from siftnet.data.raw import Raw
from siftnet.geometry import Geometry, Grid, Unknown


def raw(inputs_NI: np.ndarray, geometry: Geometry | None = None, **more: Any) -> Raw:
    count, inputs = inputs_NI.shape
    geometry = geometry or Unknown(inputs)
    return Raw(name="w", inputs_NI=inputs_NI, labels_N=np.arange(count) % 2, classes=2, geometry=geometry, **more)


def windows(width: int, stride: int, channels: int = 1) -> np.ndarray:
    """Neighbouring windows of a random signal, one row each, channel first."""
    signal = np.random.default_rng(0).normal(size=(channels, 3000))
    view = np.lib.stride_tricks.sliding_window_view(signal, width, axis=1)[:, ::stride]
    return np.ascontiguousarray(view.transpose(1, 0, 2)).reshape(view.shape[1], -1)


@pytest.mark.parametrize("stride", [1, 5, 28])
@pytest.mark.parametrize("channels", [1, 3])
def test_overlapping_windows_are_told_of(stride: int, channels: int) -> None:
    x = windows(32, stride, channels)
    [note] = note_windows(raw(x, Grid((32,), channels)), DataConfig())
    assert f"the one before, shifted by {stride} values: windows of one signal" in note
    assert (note_windows(raw(x), DataConfig()) != ()) == (channels == 1)
    assert note_windows(raw(x[::-1], Grid((32,), channels)), DataConfig()) == (note,)


def test_windows_that_are_kept_together_or_apart_are_not() -> None:
    x = windows(32, 5)
    assert note_windows(raw(x), DataConfig(split="time")) == ()
    assert note_windows(raw(x, group_N=np.zeros(len(x), np.int64)), DataConfig(group="recording")) == ()
    assert note_windows(raw(x, held_out_N=np.arange(9), validation_N=np.arange(9, 19)), DataConfig()) == ()
    assert note_windows(raw(x, held_out_N=np.arange(9)), DataConfig()) != ()
    assert note_windows(raw(windows(32, 32)), DataConfig()) == ()
    assert note_windows(raw(np.random.default_rng(0).permutation(x)), DataConfig()) == ()


@pytest.mark.parametrize("values", [1, 2])
def test_flat_and_simple_data_are_no_windows(values: int) -> None:
    x = np.random.default_rng(0).integers(0, values, (300, 20)).astype(np.float32)
    assert note_windows(raw(x), DataConfig()) == ()
    x[:, :6] = 0
    assert note_windows(raw(x), DataConfig()) == ()
    assert note_windows(raw(x, Grid((4, 5))), DataConfig()) == ()
