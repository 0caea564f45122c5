from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data.overlap import note_windows, part_in_time
from siftnet.data.raw import Raw
from siftnet.data.splits import split
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
    assert note_windows(raw(x[::-1], Grid((32,), channels)), DataConfig()) == (note,)


@pytest.mark.parametrize(("width", "stride"), [(32, 1), (32, 5), (32, 28), (12, 4)])
def test_in_time_no_two_splits_share_a_value(width: int, stride: int) -> None:
    x = windows(width, stride)
    data = raw(x)
    splits, notes = part_in_time(data, split(data, DataConfig(split="time", validation=60))[0])
    values = {name: set(x[rows].ravel().tolist()) for name, rows in splits.items()}
    assert not values["train"] & (values["validation"] | values["test"])
    assert not values["validation"] & values["test"]
    reach = -(-width // stride) - 1
    assert notes == (
        f"{2 * reach:,} examples were left out before the borders of the splits, as windows of the signal reach over "
        "them",
    )
    assert sum(map(len, splits.values())) == len(x) - 2 * reach
    assert splits["train"].max() + reach + 1 == splits["validation"].min()


def test_splits_by_time_of_other_data_stay() -> None:
    data = raw(np.random.default_rng(0).normal(size=(300, 20)))
    splits, _ = split(data, DataConfig(split="time"))
    assert part_in_time(data, splits) == (splits, ())
    data = raw(windows(2000, 1))
    with pytest.raises(ValueError, match="all train examples are windows that reach into the validation or test set"):
        part_in_time(data, split(data, DataConfig(split="time"))[0])


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


@pytest.mark.parametrize("layout", ["time, channel", "channel, time", "time, 1", "1, time"])
def test_windows_of_several_channels_lie_in_any_layout(layout: str) -> None:
    channels = 1 if "1" in layout else 4
    x = windows(32, 8, channels)
    shape: tuple[int, ...] = (channels, 32)
    if layout.startswith("time"):
        x, shape = x.reshape(-1, channels, 32).transpose(0, 2, 1).reshape(len(x), -1), (32, channels)
    [note] = note_windows(raw(x, Grid(shape)), DataConfig())
    assert "shifted by 8 values" in note
    [flat] = note_windows(raw(x), DataConfig())
    assert f"shifted by {8 * (channels if layout == 'time, channel' else 1)} values" in flat
    assert note_windows(raw(np.random.default_rng(0).permutation(x), Grid(shape)), DataConfig()) == ()
    assert note_windows(raw(np.random.default_rng(0).permutation(x)), DataConfig()) == ()


@pytest.mark.parametrize("at", [0, 5, 12])
def test_a_table_of_lagged_values_may_have_further_columns(at: int) -> None:
    rng = np.random.default_rng(1)
    x = np.insert(windows(12, 1)[:, ::-1], at, rng.normal(size=2989), axis=1)
    assert "shifted by 1 values" in note_windows(raw(x), DataConfig())[0]
    one_lag = rng.normal(size=(500, 9))
    one_lag[1:, 5] = one_lag[:-1, 4]
    assert note_windows(raw(one_lag), DataConfig()) == ()


def test_counts_and_indicators_are_no_windows() -> None:
    rng = np.random.default_rng(2)
    for x in (rng.poisson(0.3, (400, 30)), np.eye(12)[rng.integers(0, 12, 400)], rng.normal(size=(400, 30)).round(0)):
        assert note_windows(raw(x.astype(np.float64)), DataConfig()) == ()
        assert note_windows(raw(x[:, :12].astype(np.float64), Grid((3, 4))), DataConfig()) == ()
