"""Arrays that NumPy writes are read to the number, or refused: against numpy.load, exact numbers, scikit-learn."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, StandardScaler

from siftnet.config.fields import DataConfig
from siftnet.data.formats import arrays
from siftnet.data.load import load_dataset
from siftnet.data.raw import MISSING, Raw
from siftnet.geometry import Grid

pytestmark = pytest.mark.property

NUMBERS = [f"{order}{kind}" for order in "<>" for kind in ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8")]
NUMBERS += ["?", "i1", "u1", "longdouble"]
SHAPES = st.one_of(
    st.tuples(st.integers(1, 5)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
)
CASTS = (-(2**63), -(2**31), 2**31, 2**63)
"""What NaN becomes when it is cast to whole numbers."""
WRITERS = [np.savez, np.savez_compressed]


def values_near_the_ends(dtype: np.dtype) -> st.SearchStrategy[Any]:
    """Elements where casts lose most: next to powers of two that types end at, and all others."""
    if dtype.kind not in "iu":
        return npst.from_dtype(dtype)
    limits = np.iinfo(dtype)
    edges = st.sampled_from([-(2**63), -(2**53), -(2**31), 0, 255, 2**31, 2**53, 2**60, 2**63, 2**64])
    near = edges.flatmap(lambda e: st.integers(e - 3, e + 3)).filter(lambda v: limits.min <= v <= limits.max)
    return st.one_of(near, st.integers(int(limits.min), int(limits.max)))


@st.composite
def examples(draw: Any, shape: tuple[int, ...], count: int) -> np.ndarray:
    """An array (count, *shape) of any dtype, order and byte order."""
    dtype = np.dtype(draw(st.sampled_from(NUMBERS)))
    if dtype.itemsize > 8:
        small = draw(npst.arrays(np.int64, (count, *shape), elements=st.integers(-5, 5)))
        made = small.astype(dtype) + dtype.type(2) ** draw(st.sampled_from([0, 53, 60]))
    else:
        made = draw(npst.arrays(dtype, (count, *shape), elements=values_near_the_ends(dtype)))
    return np.asfortranarray(made) if draw(st.booleans()) else made


def read(write: Any, content: dict[str, np.ndarray], **settings: Any) -> Raw | str:
    """What siftnet reads of a file, or the sentence with which it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.npz"
        write(path, **content)
        with np.load(path) as stored:
            for name, array in content.items():
                np.testing.assert_array_equal(stored[name], array)
        try:
            return arrays.read(DataConfig(format="npz", root=path, **settings))
        except ValueError as error:
            said = str(error)
    assert said.startswith((str(path), "examples of shape", "all labels in y of", "y of ")), said
    assert "\n" not in said
    return said


def exact(x: np.ndarray) -> np.ndarray:
    """The same as Python's whole numbers, or as extended floats, in which all is exact."""
    return x.astype(object) if x.dtype.kind in "iu" else x.astype(np.longdouble)


def assert_same_up_to_an_offset(found_NI: np.ndarray, given: list[np.ndarray]) -> None:
    """Each input is what the arrays hold, or how far that is from the smallest, rounded to double precision once."""
    expected_NI = np.concatenate([exact(x).reshape(len(x), -1).astype(object) for x in given])
    if any(x.dtype.kind == "f" and x.dtype.itemsize > 8 for x in given) or any(
        x.dtype.kind in "iu" and max(abs(int(x.min())), abs(int(x.max()))) > 2**53 for x in given
    ):
        relative_NI = expected_NI - expected_NI.min(axis=0)
        # Beside 2^64, what double precision drops of a number makes no difference, and either may come.
        if relative_NI.max() < 2**64 or (found_NI.min(axis=0) == 0).all():
            expected_NI = relative_NI
    np.testing.assert_array_equal(found_NI.astype(np.float64), expected_NI.astype(np.float64))


def channels_first(x: np.ndarray) -> np.ndarray:
    """As documented: channels are brought to the front where they can only be last."""
    shape = x.shape[1:]
    if len(shape) != 3 or shape[2] not in (1, 3, 4):
        return x
    if shape[0] not in (1, 3, 4):
        return x if shape[1] in (1, 3, 4) else np.moveaxis(x, -1, 1)
    if 1 in (shape[0], shape[2]):
        return x if shape[0] == 1 else np.moveaxis(x, -1, 1)
    return np.moveaxis(x, -1, 1) if shape[0] == shape[1] else x


@given(data=st.data(), shape=SHAPES, count=st.integers(2, 6), write=st.sampled_from(WRITERS))
def test_inputs_of_any_dtype_and_order(data: Any, shape: Any, count: int, write: Any) -> None:
    x = data.draw(examples(shape, count))
    raw = read(write, {"x": x, "y": np.arange(count) % 2})
    if isinstance(raw, str):
        finite = x.dtype.kind != "f" or np.isfinite(x).all()
        nan_as_integer = "which NaN becomes" in raw and any((x.astype(object) == end).any() for end in CASTS)
        assert not finite or nan_as_integer or "channels first or last" in raw
        return
    assert raw.inputs_NI.dtype in (np.uint8, np.float32, np.float64)
    assert raw.inputs_NI.dtype.isnative
    assert_same_up_to_an_offset(raw.inputs_NI, [channels_first(x)])


@given(data=st.data(), width=st.integers(1, 3), write=st.sampled_from(WRITERS))
def test_parts_of_any_two_dtypes_are_joined_to_the_number_or_refused(data: Any, width: int, write: Any) -> None:
    x, x_test = data.draw(examples((width,), 4)), data.draw(examples((width,), 3))
    raw = read(write, {"x": x, "y": np.array([0, 1, 0, 1]), "x_test": x_test, "y_test": np.array([0, 1, 1])})
    if isinstance(raw, str):
        reasons = ("NaN", "prepare", "beyond 1e308")
        assert any(reason in raw for reason in reasons), raw
        return
    assert raw.held_out_N is not None
    assert raw.held_out_N.tolist() == [4, 5, 6]
    assert_same_up_to_an_offset(raw.inputs_NI, [x, x_test])


LABELS = ["?", *(dtype for dtype in NUMBERS if np.dtype(dtype).kind in "iu"), "U4", "S4"]


@given(data=st.data(), dtypes=st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)))
def test_labels_of_any_two_dtypes_are_joined_to_the_number_or_refused(data: Any, dtypes: Any) -> None:
    parts = []
    for dtype in map(np.dtype, dtypes):
        text = dtype.kind in "US"
        element = st.text("abcxyz", min_size=1, max_size=4) if text else values_near_the_ends(dtype)
        pool = data.draw(npst.arrays(dtype, 3, elements=element if dtype.kind == "U" else None if text else element))
        parts.append(np.tile(pool, 3))
    y, y_test = parts
    content = {"x": np.zeros((9, 2)), "y": y, "x_test": np.zeros((9, 2)), "y_test": y_test}
    raw = read(np.savez, content)
    if isinstance(raw, str):
        reasons = ("targets of one kind", "only in y_test", "missing", "not UTF-8", "control character")
        assert any(reason in raw for reason in reasons), raw
        return
    assert {y.dtype.kind, y_test.dtype.kind} <= ({"i", "u"} if y.dtype.kind in "iu" else set("US") | {y.dtype.kind})
    values = [value.decode() if isinstance(value, bytes) else value for value in [*y.tolist(), *y_test.tolist()]]
    there = [value for value, label in zip(values, raw.labels_N, strict=True) if label != MISSING]
    ranks = {value: rank for rank, value in enumerate(sorted(set(there)))}
    encoder = LabelEncoder().fit(list(ranks.values()))
    np.testing.assert_array_equal(raw.labels_N[raw.labels_N != MISSING], encoder.transform([ranks[v] for v in there]))
    assert list(raw.class_names) == [str(value) for value in sorted(set(there))]


@given(y=npst.arrays(st.sampled_from(["<f2", ">f4", "<f8", ">f8"]).map(np.dtype), st.integers(2, 9)))
def test_numeric_targets(y: np.ndarray) -> None:
    raw = read(np.savez, {"x": np.zeros((len(y), 1)), "y": y})
    if isinstance(raw, str):
        assert np.isinf(y).any()
        return
    assert raw.classes is None
    np.testing.assert_array_equal(raw.labels_N, y.astype(np.float64))


def seen(content: dict[str, np.ndarray], **settings: Any) -> tuple[np.ndarray, np.ndarray]:
    """What the network sees of a file, and the training rows."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "file.npz", **content)  # type: ignore[arg-type]  # arrays by name
        found = load_dataset(DataConfig(format="npz", root=Path(folder) / "file.npz", **settings))
    result = (found.inputs_NI.astype(np.float64) - found.center_I) * found.scale_I.astype(np.float64)
    return result, found.splits["train"]


@given(
    dtype=st.sampled_from(["u1", "i2", ">i4", "u4", "f2", "<f4", ">f8"]),
    unit=st.sampled_from([1.0, 30.0]),
    seed=st.integers(0, 99),
)
def test_each_input_is_scaled_as_scikit_learn_does(dtype: str, unit: float, seed: int) -> None:
    x = (100 + np.random.default_rng(seed).normal(0, unit, (60, 4))).clip(0, 250).astype(dtype)
    found, train = seen({"x": x, "y": np.arange(60) % 3})
    expected = StandardScaler().fit(x[train].astype(np.float64)).transform(x.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(
    dtype=st.sampled_from(["<i8", ">i8", "<u8"]),
    offset=st.sampled_from([0, 2**53 - 7, 1_700_000_000_000_000_000, 2**62]),
    step=st.sampled_from([1, 1000, 10**9]),
    seed=st.integers(0, 99),
)
def test_nanoseconds_keep_their_digits(dtype: str, offset: int, step: int, seed: int) -> None:
    ticks = np.random.default_rng(seed).permutation(120).reshape(60, 2)
    found, train = seen({"x": (offset + step * ticks).astype(dtype), "y": np.arange(60) % 2})
    expected = StandardScaler().fit(ticks[train].astype(float)).transform(ticks.astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("offset", [1.7e9, 1.7e12, 2_460_000.5])
def test_time_stamps_in_floats_keep_their_digits(offset: float) -> None:
    ticks = np.random.default_rng(0).integers(0, 60, (2000, 4)).astype(np.float64)
    found, train = seen({"x": offset + ticks, "y": (ticks[:, 0] > 40).astype(int)})
    assert [len(np.unique(found[:, i])) for i in range(4)] == [60] * 4
    np.testing.assert_allclose(found, StandardScaler().fit(ticks[train]).transform(ticks), rtol=1e-5, atol=1e-5)


def test_columns_of_different_size_each_have_their_scale() -> None:
    x = np.random.default_rng(0).normal(size=(500, 10)) * 10.0 ** np.arange(-5, 5)
    found, train = seen({"x": x, "y": (x[:, 0] > 0).astype(int)})
    np.testing.assert_allclose(found[train].std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(found[train].mean(axis=0), 0, atol=1e-5)


def test_channels_of_a_grid_each_have_their_scale() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3, 5, 6)) * np.array([1, 1e6, 1e-6])[:, None, None] + 7
    found, train = seen({"x": x, "y": np.arange(200) % 2})
    by_channel = found[train].reshape(len(train), 3, -1)
    np.testing.assert_allclose((by_channel**2).mean(axis=(0, 2)), 1, rtol=1e-5)
    sites = np.random.default_rng(0).random((200, 5, 6)) * np.linspace(1, 3, 6)
    found, train = seen({"x": sites, "y": np.arange(200) % 2})
    deviation = found[train].std(axis=0).reshape(5, 6).mean(axis=0)
    assert 2 < deviation[-1] / deviation[0] < 4, "sites of one channel keep their proportions"


def test_bytes_on_a_grid_are_divided_by_their_largest() -> None:
    x = np.random.default_rng(0).integers(0, 200, (100, 4, 4))
    found, train = seen({"x": x, "y": np.arange(100) % 2})
    flat = x.reshape(100, -1).astype(np.float64)
    largest = MinMaxScaler((0, 1)).fit([[0.0], [flat[train].max()]])
    scaled = largest.transform(flat.reshape(-1, 1)).reshape(100, -1)
    np.testing.assert_allclose(found, scaled - scaled[train].mean(axis=0), atol=1e-5)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format(version: Any, tmp_path: Path) -> None:
    import zipfile

    x = np.asfortranarray(np.random.default_rng(0).random((6, 5, 4)))
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        for name, array in {"x": x, "y": np.arange(6) % 2}.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, version)
    raw = arrays.read(DataConfig(format="npz", root=tmp_path / "file.npz"))
    np.testing.assert_array_equal(raw.inputs_NI, x.reshape(6, -1))
    assert raw.geometry == Grid((5, 4))
