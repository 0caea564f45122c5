"""Arrays of two units are refused; a random division of one data set never is, whatever its tails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from draws import DRAWN
from siftnet.config.fields import DataConfig
from siftnet.data.formats.arrays import ArraySource, raw_of
from siftnet.data.raw import Raw
from siftnet.data.units import compare_sets


def raw(x: Any, x_test: Any, y: Any = None, y_test: Any = None, geometry: Any = "auto") -> Raw:
    """Two arrays of one file, joined."""
    x, x_test = np.asarray(x), np.asarray(x_test)
    arrays = {
        "x": x,
        "x_test": x_test,
        "y": np.zeros(len(x), int) if y is None else y,
        "y_test": np.zeros(len(x_test), int) if y_test is None else y_test,
    }
    return raw_of(ArraySource("file", "file", frozenset(arrays), arrays.__getitem__), DataConfig(), geometry)


def look(*arrays: Any) -> tuple[str, ...]:
    return compare_sets(raw(*arrays))


RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (300, 8, 8)).astype(np.uint8)
DARK = (PIXELS.astype(float) ** 4 / 255**4 * 255).astype(np.uint8)
DIGITS = PIXELS * (RNG.random(PIXELS.shape) < 0.1)
COLUMNS = RNG.normal([3, -200, 5e4], [1, 40, 1e4], (300, 3))
POSITIVE = np.exp(RNG.normal([0, 3, 9], [0.3, 0.2, 0.1], (300, 3)))
BOTH = RNG.random((300, 5))


def standard(x: np.ndarray) -> np.ndarray:
    """Each column as a scaler leaves it."""
    result: np.ndarray = (x - x.mean(0)) / x.std(0)
    return result


REFUSED: dict[str, tuple[Any, Any]] = {
    "bytes and shares": (PIXELS, (PIXELS / 255).astype(np.float32)),
    "floats of 0..255 and of 0..1": (PIXELS.astype(np.float32), PIXELS / 255),
    "dark images": (DARK.astype(float), DARK / 255),
    "sparse images": (DIGITS.astype(float), DIGITS / 255),
    "0..1 and -1..1": (PIXELS / 255, PIXELS / 127.5 - 1),
    "0..255 and -1..1": (PIXELS.astype(float), PIXELS / 127.5 - 1),
    "0..1 and standardised": (PIXELS / 255, standard(PIXELS.astype(float))),
    "unsigned and signed bytes": (PIXELS, PIXELS.view(np.int8)),
    "16 and 8 bits": (PIXELS.astype(np.uint16) * 257, PIXELS),
    "12 and 8 bits": (PIXELS.astype(np.uint16) * 16, PIXELS),
    "zeros and ones, and zeros and 255": (PIXELS > 127, (PIXELS > 127) * np.uint8(255)),
    "columns in thousandths": (COLUMNS, COLUMNS * 1000),
    "one column in thousandths": (COLUMNS, COLUMNS * [1000, 1, 1]),
    "one column in percent": (POSITIVE, POSITIVE * [1, 1, 100]),
    "one column of a few rows": (COLUMNS, COLUMNS[:30] / [1, 1, 1000]),
    "a few rows": (COLUMNS, COLUMNS[:5] * 1000),
    "two of a few rows": (COLUMNS, COLUMNS[:2] * 1000),
    "a few rows of bytes beside shares": (PIXELS / 255, PIXELS[:4].astype(float)),
    "one of a few rows of bytes beside shares": (PIXELS / 255, PIXELS[:1].astype(float)),
    "shares of a few rows beside bytes": (PIXELS.astype(float), PIXELS[:2] / 255),
    "flat bytes of a few rows beside shares": (PIXELS.reshape(300, -1) / 255, PIXELS[:1].reshape(1, -1).astype(float)),
    "centred bytes of a few rows": (PIXELS / 255, PIXELS[:1] / 127.5 - 1),
    "masks beside bytes": (DARK, (DARK > 50).astype(np.uint8)),
    "raw and standardised columns": (POSITIVE, standard(POSITIVE)),
    "raw and standardised images": (PIXELS.astype(float), standard(PIXELS.astype(float))),
    "ranges 0..1 and -1..1 of columns": (BOTH, 2 * BOTH - 1),
    "seconds and milliseconds of time": (1.7e9 + BOTH, 1000 * (1.7e9 + BOTH)),
    "time, and time from the start": (1.7e9 + BOTH, BOTH),
    "whole numbers and fractions of one range": (PIXELS, PIXELS + 0.5),
    "whole numbers beyond 2^53 and floats": (2**60 + PIXELS.astype(np.int64), 2.0**60 + PIXELS),
}


# A few rows of training are no data set.
TURNED = [(name, turned) for name in REFUSED for turned in (False, True) if not (turned and "few rows" in name)]


@pytest.mark.parametrize(("name", "turned"), TURNED)
def test_two_units_are_refused_with_both_ranges(name: str, turned: bool) -> None:
    x, x_test = REFUSED[name][:: -1 if turned else 1]
    kind, unit = r"file has x of \S+ .* and x_test of \S+ ", "training examples are of .* and test examples of "
    with pytest.raises(ValueError, match=rf"^({kind}|{unit}).*: prepare both alike") as error:
        look(x, x_test)
    assert "\n" not in str(error.value)


def test_the_message_names_the_column_and_the_factor() -> None:
    with pytest.raises(ValueError, match=r"\(input 1: .* to .*\), values 1e\+03 times as large, as if in two units"):
        look(COLUMNS, COLUMNS * [1, 1000, 1])


ALIKE: dict[str, tuple[Any, Any]] = {
    "the same": (COLUMNS, COLUMNS),
    "whole floats and whole numbers": (PIXELS, PIXELS.astype(np.float64)),
    "two widths": (PIXELS, PIXELS.astype(np.int64)),
    "booleans and zeros and ones": (PIXELS > 127, (PIXELS > 127).astype(np.int32)),
    "constant columns": (np.ones((300, 4)), np.ones((50, 4))),
    "other constants": (np.ones((300, 4)), np.full((50, 4), 900)),
    "nothing but zeros in one half": (COLUMNS, COLUMNS * 0),
    "two rows of one column": (COLUMNS[:, :1], COLUMNS[:2, :1] * 1000),
    "dark images": (PIXELS, PIXELS[:4] // 64),
    "few quiet rows": (COLUMNS, COLUMNS[:4] / 1000),
    "scaled by training alone": (BOTH, BOTH * 1.2 - 0.08),
    "a day and a night": (
        PIXELS.astype(float),
        np.where(RNG.random(PIXELS.shape) < 0.005, 255, RNG.exponential(6, PIXELS.shape)),
    ),
    "summer and winter": (RNG.normal(20, 5, (300, 4)), RNG.normal(-5, 5, (300, 4))),
    "a counter that goes on": (np.arange(300.0)[:, None], 300 + np.arange(50.0)[:, None]),
    "a cold and a warm year": (RNG.normal(9, 8, (300, 4)), RNG.normal(11, 8, (300, 4))),
}


@pytest.mark.parametrize("name", ALIKE)
def test_other_data_of_one_unit_are_taken(name: str) -> None:
    look(*ALIKE[name])


def test_what_lies_elsewhere_is_told() -> None:
    [note] = look(RNG.normal(20, 5, (300, 2)).clip(1), RNG.normal(-5, 5, (300, 2)))
    assert note.startswith("test examples lie elsewhere than training examples (input 0 ")
    assert note.endswith(": see that both were prepared alike")
    kelvin = RNG.normal(293, 10, (300, 1))
    assert "input 0" not in look(kelvin, kelvin - 273)[0]
    assert look(COLUMNS[:150], COLUMNS[150:]) == ()
    assert "input 2" in look(COLUMNS, COLUMNS + np.array([0, 0, 1e5]))[0]


KINDS: dict[str, Callable[[np.random.Generator, Any], np.ndarray]] = DRAWN | {
    "lognormal": lambda rng, shape: np.exp(3 * rng.normal(size=shape)),
    "two sizes": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-6, 6, shape),
    "loud and quiet": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-2, 3, (shape[0], 1)),
    "rare ones": lambda rng, shape: (rng.random(shape) < 0.01).astype(float),
    "huge": lambda rng, shape: rng.normal(size=shape) * 1e300,
    "tiny": lambda rng, shape: rng.random(shape) * 1e-310,
}


@pytest.mark.property
@given(kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 10**6), test=st.integers(20, 300))
def test_one_data_set_in_two_parts_is_taken_without_a_word(kind: str, seed: int, test: int) -> None:
    x = KINDS[kind](np.random.default_rng(seed), (600, 50))
    assert look(x[test:], x[:test]) == ()


def test_channels_are_looked_at_one_by_one() -> None:
    x = RNG.normal(size=(100, 3, 6, 6)) + 5
    with pytest.raises(ValueError, match=r"\(channel 1: .*two units"):
        look(x, x * np.array([1, 1000, 1])[:, None, None])
    with pytest.raises(ValueError, match=r"\(channel 1: .*two units"):
        look(np.moveaxis(x, 1, -1), np.moveaxis(x * np.array([1, 1000, 1])[:, None, None], 1, -1))
