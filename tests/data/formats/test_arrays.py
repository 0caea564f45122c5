from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data.formats import arrays
from siftnet.data.formats.axes import lay_out, parse_geometry
from siftnet.geometry import Grid, Unknown, ring, torus, volume


def write(root: Path, **content: Any) -> Any:
    np.savez(root / "sensors.npz", **content)
    return root / "sensors.npz"


def read(path: Path, **changes: Any) -> Any:
    return arrays.read(DataConfig(format="npz", root=path, **changes))


def test_classes_of_whole_numbers_need_not_start_at_0(tmp_path: Path) -> None:
    raw = read(write(tmp_path, x=np.arange(6.0).reshape(3, 2), y=np.array([7, -1, 7])))
    assert raw.inputs_NI.dtype == np.float64
    assert raw.inputs_NI.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert raw.labels_N.tolist() == [1, 0, 1]
    assert (raw.classes, raw.class_names) == (2, ("-1", "7"))
    assert (raw.name, raw.geometry, raw.held_out_N) == ("sensors", Unknown(2), None)


@pytest.mark.parametrize("y", [np.array(["b", "a", "b"]), np.array([b"b", b"a", b"b"])])
def test_classes_of_text(tmp_path: Path, y: Any) -> None:
    raw = read(write(tmp_path, x=np.ones((3, 2)), y=y))
    assert raw.labels_N.tolist() == [1, 0, 1]
    assert raw.class_names == ("a", "b")


def test_floats_are_numeric_targets_even_if_whole(tmp_path: Path) -> None:
    raw = read(write(tmp_path, x=np.ones((3, 2)), y=np.array([[1.0], [2.0], [1.0]])))
    assert raw.classes is None
    assert raw.labels_N.dtype == np.float64
    assert raw.labels_N.tolist() == [1, 2, 1]


def test_held_out_arrays(tmp_path: Path) -> None:
    path = write(tmp_path, x=np.ones((3, 2)), y=np.array([1, 2, 1]), x_test=np.zeros((2, 2)), y_test=np.array([2, 2]))
    raw = read(path)
    assert raw.inputs_NI.tolist() == [[1, 1]] * 3 + [[0, 0]] * 2
    assert raw.labels_N.tolist() == [0, 1, 0, 1, 1]
    assert raw.held_out_N.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (np.array([[True, False]] * 3), np.uint8),
        (np.array([[0, 255]] * 3, np.int64), np.uint8),
        (np.array([[0, 256]] * 3, np.int16), np.float64),
        (np.array([[-1, 0]] * 3, np.int8), np.float64),
        (np.array([[0, 1]] * 3, np.float64), np.float64),
        (np.array([[0, 1]] * 3, ">f4"), np.float32),
        (np.asfortranarray(np.array([[0, 1], [2, 3], [4, 5]], np.uint8)), np.uint8),
        (np.asfortranarray(np.array([[0, 1], [2, 3], [4, 5]], np.float32)), np.float32),
    ],
)
def test_whole_numbers_within_a_byte_stay_bytes(tmp_path: Path, x: Any, dtype: Any) -> None:
    inputs_NI = read(write(tmp_path, x=x, y=np.array([0, 1, 0]))).inputs_NI
    assert inputs_NI.dtype == dtype
    assert inputs_NI.dtype.isnative
    assert inputs_NI.flags.c_contiguous
    assert inputs_NI.flags.writeable
    np.testing.assert_array_equal(inputs_NI, x)


@pytest.mark.parametrize(
    ("shape", "geometry"),
    [
        ((7,), Unknown(7)),
        ((4, 5), Grid((4, 5))),
        ((3, 8, 9), Grid((8, 9), 3)),
        ((1, 8, 9), Grid((8, 9), 1)),
        ((3, 8, 3), Grid((8, 3), 3)),
        ((5, 8, 9), volume(5, 8, 9)),
    ],
)
def test_layout_that_the_shape_tells(shape: Any, geometry: Any) -> None:
    x = np.arange(2 * np.prod(shape)).reshape(2, *shape)
    inputs_NI, found = lay_out(x, "auto")
    assert found == geometry
    np.testing.assert_array_equal(inputs_NI, x.reshape(2, -1))


@pytest.mark.parametrize("geometry", ["auto", "grid:3x8x9", "torus:3x8x9"])
def test_channels_last_are_brought_to_the_front(geometry: Any) -> None:
    x_NCHW = np.arange(2 * 3 * 8 * 9).reshape(2, 3, 8, 9)
    inputs_NI, found = lay_out(np.moveaxis(x_NCHW, 1, -1), geometry)
    np.testing.assert_array_equal(inputs_NI, x_NCHW.reshape(2, -1))
    assert isinstance(found, Grid)
    assert (found.shape, found.channels) == ((8, 9), 3)
    assert found.periodic == geometry.startswith("torus")


@pytest.mark.parametrize(
    ("text", "geometry"),
    [
        ("unknown", Unknown(24)),
        ("grid:2x3x4", Grid((3, 4), 2)),
        ("grid:1x24", Grid((24,))),
        ("grid:1x2x3x2x2", Grid((2, 3, 2, 2))),
        ("ring:2x12", ring(12, 2)),
        ("torus:1x4x6", torus(4, 6)),
        ("torus:1x2x3x4", Grid((2, 3, 4), periodic=True)),
        ("volume:1x2x3x4", volume(2, 3, 4)),
    ],
)
def test_spelled_geometry(text: Any, geometry: Any) -> None:
    assert parse_geometry(text, 24) == geometry
    inputs_NI, found = lay_out(np.arange(48).reshape(2, 24), text)
    assert found == geometry
    assert inputs_NI[1, 0] == 24


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sphere:1x24", "is not understood"),
        ("grid:24", "is not understood"),
        ("grid", "is not understood"),
        ("ring:1x4x6", "is not understood"),
        ("torus:1x24", "is not understood"),
        ("volume:1x4x6", "is not understood"),
        ("grid:0x24", "is not understood"),
        ("unknown:24", "is not understood"),
        ("grid:1x5x5", "has 25 inputs and the data have 24"),
    ],
)
def test_geometry_that_does_not_fit(text: Any, message: Any) -> None:
    with pytest.raises(ValueError, match=message):
        parse_geometry(text, 24)


def test_geometry_that_contradicts_the_shape() -> None:
    with pytest.raises(ValueError, match=r"grid:1x6x4 does not fit examples of shape \(4, 6\)"):
        lay_out(np.zeros((2, 4, 6)), "grid:1x6x4")
    with pytest.raises(ValueError, match="can be laid out in several ways"):
        lay_out(np.zeros((2, 2, 2, 2, 2)), "auto")


GOOD = {"x": np.ones((4, 2)), "y": np.array([0, 1, 0, 1])}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.array([[1, np.nan]] * 2 + [[np.inf, 1]] * 2)}, "has 4 NaN or infinite values in x"),
        ({"y": np.array([1.0, np.inf, 2, 3])}, "y of .* has 1 infinite values"),
        ({"x": np.array([[None, 1]] * 4)}, "holds x as an array of Python objects"),
        ({"y": np.array(["a", None, "b", "c"], dtype=object)}, "holds y as an array of Python objects"),
        ({"x": np.ones(4)}, r"has x of shape \(4,\)"),
        ({"x": np.ones((0, 2))}, r"has x of shape \(0, 2\)"),
        ({"x": np.array([["a", "b"]] * 4)}, "has x of shape .* and type <U1"),
        ({"y": np.array([0, 1])}, r"has y of shape \(2,\) and type int64 for 4 examples"),
        ({"y": np.eye(4)}, "save one class or one number each"),
        ({"x_test": np.ones((4, 2))}, "only one of x_test and y_test"),
        ({"x_test": np.ones((2, 3)), "y_test": np.array([0, 1])}, "save examples of one kind"),
        ({"x_test": np.ones((2, 2)), "y_test": np.array([0.5, 1])}, "save targets of one kind"),
    ],
)
def test_bad_arrays(tmp_path: Path, changes: Any, message: Any) -> None:
    path = write(tmp_path, **(GOOD | changes))
    with pytest.raises(ValueError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)


def test_absent_array(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no array named y, it holds labels, x"):
        read(write(tmp_path, x=np.ones((4, 2)), labels=np.ones(4)))


def replace_member(path: Path, content: Any) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", content)
        archive.writestr("y.npy", content)


HEADER = (
    b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (4, 2), }".ljust(117) + b"\n"
)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-30]), "is not a complete .npz file"),
        (lambda path: path.write_bytes(b"hello"), "is not a complete .npz file"),
        (lambda path: path.write_bytes(b""), "is not a complete .npz file"),
        (lambda path: replace_member(path, b"hello"), "holds x not as an array"),
        (lambda path: replace_member(path, HEADER.replace(b"descr", b"what!") + bytes(8)), "holds x not as an array"),
        (lambda path: replace_member(path, HEADER + bytes(7)), r"x has 7 bytes for shape \(4, 2\) of uint8"),
        (lambda path: replace_member(path, HEADER + bytes(9)), "x has 9 bytes"),
        (lambda path: replace_member(path, HEADER.replace(b"(4, 2), }", b"(-4, -2)}") + bytes(8)), "not as an array"),
    ],
)
def test_bad_files(tmp_path: Path, damage: Any, message: Any) -> None:
    path = write(tmp_path, **GOOD)
    damage(path)
    with pytest.raises(ValueError, match=message):
        read(path)
