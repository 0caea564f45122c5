"""Sensors, bands and channels of several units on one scale are told of; margins, spectra and windows are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from draws import DRAWN
from images import RGB, png
from siftnet.config.fields import DataConfig
from siftnet.data.load import load_dataset
from siftnet.data.own_arrays import from_arrays
from siftnet.geometry import Points

RNG = np.random.default_rng(0)


def noted(x: np.ndarray, geometry: Any = "auto") -> list[str]:
    found = from_arrays(x, np.arange(len(x)) % 2, geometry=geometry).notes
    return [note for note in found if "share a scale" in note]


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=(300, *shape))


def along(axis: int, factors: Any, axes: int) -> np.ndarray:
    """Factors that stand along an axis of examples with so many axes, the first of which is 1."""
    shape = [1] * axes
    shape[axis - 1] = len(factors)
    return np.reshape(np.array(factors, float), shape)


LAST, FIRST, MIDDLE = along(2, [1, 1, 1, 1e6], 2), along(1, [1, 1e4, 1], 2), along(2, [1, 1e4, 1, 1, 1], 3)
TOLD: dict[str, tuple[np.ndarray, str, str]] = {
    "a sensor": (normal(10, 4) * LAST, "number 3 along axis 2 of the 10 x 4 grid", "grid:4x10, with x of shape (n, 10"),
    "a small sensor": (
        normal(10, 4) / LAST,
        "number 3 along axis 2 of the 10 x 4",
        "grid:4x10, with x of shape (n, 10",
    ),
    "sensors first": (normal(3, 100) * FIRST, "number 1 along axis 1", "grid:3x100, with x of shape (n, 3, 100)"),
    "a band in the middle": (normal(7, 5, 9) * MIDDLE, "number 1 along axis 2", "numpy.moveaxis(x, 2, 1) of x of"),
    "a cube": (normal(6, 6, 6) * along(3, [1] * 5 + [1e4], 3), "number 5 along axis 3", "numpy.moveaxis(x, 3, 1) of"),
    "half of them": (normal(10, 4) * along(2, [1, 1, 1e3, 1e3], 2), "number 2, 3 along axis 2", "grid:4x10"),
    "beside a constant": (normal(10, 4) * along(2, [1, 1, 1e3, 0], 2), "number 2 along axis 2", "grid:4x10"),
    "a unit each": (normal(10, 6) * along(2, 5.0 ** np.arange(6), 2), "number 5 along axis 2", "grid:6x10"),
    "a row of many": (normal(2, 30, 30) * along(1, [1, 50], 3), "number 1 along axis 1", "grid:2x30x30"),
    "events": ((RNG.random((900, 10, 4)) < 0.05) * LAST, "number 3 along axis 2", "grid:4x10"),
    "bytes": (RNG.integers(0, [2, 256, 256], (300, 10, 3), np.uint8), "number 0 along axis 2", "and give x as floats"),
    "a mask": (
        RNG.integers(0, [[[256]], [[256]], [[2]]], (300, 3, 6, 6), np.uint8),
        "channels (number 2) are 64 times as small",
        "as floats (x.astype('float32')) each channel has a scale of its own",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_of_another_unit_is_told_with_what_to_do(name: str) -> None:
    x, which, remedy = TOLD[name]
    [note] = noted(x)
    assert which in note
    assert ": data.geometry unknown scales each input alone" in note
    assert remedy in note
    assert not noted(x, "unknown")


@pytest.mark.parametrize(
    ("name", "geometry", "moved"),
    [
        ("a sensor", "grid:4x10", None),
        ("sensors first", "grid:3x100", None),
        ("a band in the middle", "grid:5x7x9", 2),
        ("a cube", "grid:6x6x6", 3),
    ],
)
def test_the_channels_that_a_note_names_have_a_scale_of_their_own(name: str, geometry: str, moved: int | None) -> None:
    x = TOLD[name][0]
    assert geometry in noted(x)[0]
    x = x if moved is None else np.moveaxis(x, moved, 1)
    dataset = from_arrays(x, np.arange(len(x)) % 2, geometry=geometry)
    assert not [note for note in dataset.notes if "share a scale" in note]
    deviation = dataset.inputs_NI.std(axis=0)
    assert deviation.max() < 2 * deviation.min()


def test_channels_as_floats_have_a_scale_of_their_own() -> None:
    assert not noted(TOLD["a mask"][0].astype("float32"))
    assert not noted(TOLD["bytes"][0].astype("float32"), "grid:3x10")


def test_points_are_looked_at_one_by_one() -> None:
    x = normal(10)
    places = Points(RNG.random((10, 2)))
    assert not noted(x, places)
    [note] = noted(x * np.where(np.arange(10) == 7, 1e5, 1), places)
    assert note.startswith("inputs (number 7) are ")
    assert note.endswith(" times as large as the others and share a scale with them, on which small ones drown: "
                         "data.geometry unknown scales each input alone")  # fmt: skip


def test_a_ring_of_channels_stays_one() -> None:
    assert "set data.geometry ring:4x10, with x" in noted(normal(10, 4) * LAST, "torus:1x10x4")[0]


def padded(images: np.ndarray) -> np.ndarray:
    """Enlarged into frames of 28 x 28, shifted, as MNIST's digits are."""
    large = np.kron(images / 16, np.ones((1, 2, 2)))
    shifts = RNG.integers(-2, 3, (len(large), 2))
    framed = np.pad(large, ((0, 0), (6, 6), (6, 6)))
    return np.stack([np.roll(image, shift, (0, 1)) for image, shift in zip(framed, shifts, strict=True)])


def spectra(width: float, noise: float) -> np.ndarray:
    at, peaks = np.arange(200), RNG.uniform(20, 180, 8)
    heights = 10 ** RNG.uniform(0, 2, 8) * RNG.lognormal(0, 0.3, (300, 8))
    shapes = np.exp(-((at - peaks[:, None]) ** 2) / 2 / width**2)
    return (heights @ shapes + RNG.normal(0, noise, (300, 200)))[:, None]


DIGITS = load_digits().images
SIGNAL = np.cumsum(RNG.normal(size=4000))
QUIET: dict[str, np.ndarray] = {
    "digits": DIGITS,
    "digits as bytes": (DIGITS * 15).astype(np.uint8),
    "wide margins": (padded(DIGITS[:500]) * 255).astype(np.uint8),
    "wide margins of floats": padded(DIGITS[:500]),
    "margins with noise": (padded(DIGITS[:500]) * 255 + RNG.normal(0, 1.5, (500, 28, 28)))
    .clip(0, 255)
    .astype(np.uint8),
    "margins with little noise": padded(DIGITS[:500]) + RNG.normal(0, 1e-3, (500, 28, 28)),
    "black bars": RNG.integers(0, np.repeat([3, 255, 3], [6, 20, 6])[:, None], (300, 32, 32), np.uint8),
    "a vignette": normal(32, 32) * np.exp(-((np.arange(32) - 15.5) ** 2) / 60),
    "wide peaks": spectra(5, 0.1),
    "narrow peaks": spectra(2, 1e-3),
    "windows": np.stack([SIGNAL[10 * n : 10 * n + 64].reshape(1, 64) for n in range(390)]),
    "windows from their start": np.stack([(SIGNAL - SIGNAL[10 * n])[10 * n :][:64].reshape(1, 64) for n in range(390)]),
    "nights without sun": np.maximum(0, np.sin((np.arange(24) - 6) / 12 * np.pi)) * RNG.lognormal(0, 0.5, (300, 2, 24)),
    "units that differ by five": normal(10, 4) * along(2, [1, 5, 1, 1], 2),
    "constants": np.ones((300, 3, 4)),
    "nothing but zeros": np.zeros((300, 3, 4), np.uint8),
    "values that hardly occur": np.arange(300 * 12).reshape(300, 3, 4) == 7,
}


@pytest.mark.parametrize("name", QUIET)
def test_what_lives_on_one_scale_is_taken_without_a_word(name: str) -> None:
    assert not noted(QUIET[name])


KINDS: dict[str, Callable[[np.random.Generator, Any], np.ndarray]] = DRAWN | {
    "lognormal": lambda rng, shape: np.exp(2 * rng.normal(size=shape)),
    "loud and quiet": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-2, 3, (shape[0], 1, 1)),
    "bytes": lambda rng, shape: rng.integers(0, 256, shape, np.uint8),
}


@pytest.mark.property
@given(kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 10**6), count=st.integers(50, 300))
def test_inputs_of_one_kind_are_taken_without_a_word(kind: str, seed: int, count: int) -> None:
    assert not noted(KINDS[kind](np.random.default_rng(seed), (count, 8, 5)))


@pytest.mark.parametrize("unit", [1e-319, 1e-200, 1e150])
def test_numbers_whose_squares_no_number_holds(unit: float) -> None:
    assert noted(normal(3, 5) * unit) == []


def test_files_of_images_are_to_be_given_as_arrays(tmp_path: Path) -> None:
    for row in range(60):
        path = tmp_path / "ab"[row % 2] / f"{row}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png(np.random.default_rng(row).integers(0, [256, 256, 2], (8, 8, 3)).astype(np.uint8), RGB))
    [note] = [n for n in load_dataset(DataConfig(format="folder", root=tmp_path)).notes if "share a scale" in n]
    assert note.startswith("channels (number 2) are ")
    assert "read them in Python and give them to siftnet.from_arrays: as floats (x.astype('float32'))" in note
