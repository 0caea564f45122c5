from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data.formats import arrays
from siftnet.data.formats.axes import lay_out, parse_geometry
from siftnet.geometry import Grid, Points, Unknown, ring, torus, volume


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
    [note] = raw.notes
    assert "y is of floats and so a numeric target, though all its values are whole (2 different)" in note
    assert "give them as whole numbers, y.astype(int)" in note


def test_floats_with_fractions_are_plain_numeric_targets(tmp_path: Path) -> None:
    assert read(write(tmp_path, x=np.ones((3, 2)), y=np.array([1.0, 2.5, 1.0]))).notes == ()


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
        (np.array([[0, 0.5]] * 3, np.float16), np.float32),
        (np.array([[0, 1]] * 3, ">u8"), np.uint8),
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
        ((3, 4, 4), Grid((4, 4), 3)),
        ((1, 8, 3), Grid((8, 3), 1)),
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
        ("line:1x24", Grid((24,))),
        ("line:3x8", Grid((8,), 3)),
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
        ("line:1x4x6", "is not understood"),
        ("ring:1x" + 5000 * "9", "is not understood"),
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


@pytest.mark.parametrize("shape", [(3, 8, 3), (4, 9, 3), (3, 3, 3)])
def test_channels_at_either_end_are_refused_until_told(shape: Any) -> None:
    x = np.arange(2 * np.prod(shape)).reshape(2, *shape)
    with pytest.raises(ValueError, match="may have their channels first or last: bring them first, and say so") as said:
        lay_out(x, "auto")
    told = str(said.value).rpartition(" ")[2]
    inputs_NI, found = lay_out(x, told)
    assert found == Grid(shape[1:], shape[0])
    np.testing.assert_array_equal(inputs_NI, x.reshape(2, -1))


@pytest.mark.parametrize("shape", [(4, 4, 3), (3, 8, 1), (4, 9, 1)])
def test_square_images_and_single_channels_last_are_brought_to_the_front(shape: Any) -> None:
    x = np.arange(2 * np.prod(shape)).reshape(2, *shape)
    inputs_NI, found = lay_out(x, "auto")
    assert found == Grid(shape[:2], shape[2])
    np.testing.assert_array_equal(inputs_NI, np.moveaxis(x, -1, 1).reshape(2, -1))


def test_a_geometry_itself_may_be_given() -> None:
    x_NCHW = np.arange(2 * 3 * 8 * 9).reshape(2, 3, 8, 9)
    points = Points(np.zeros((216, 2)))
    assert lay_out(x_NCHW, points)[1] is points
    np.testing.assert_array_equal(lay_out(np.moveaxis(x_NCHW, 1, -1), Grid((8, 9), 3))[0], x_NCHW.reshape(2, -1))
    with pytest.raises(ValueError, match=r"the geometry is 8 x 8 grid, 3 channels and examples have"):
        lay_out(x_NCHW, Grid((8, 8), 3))
    with pytest.raises(ValueError, match=r"the geometry, a 9 x 8 grid, 3 channels, does not fit examples of shape"):
        lay_out(x_NCHW, Grid((9, 8), 3))


GOOD = {"x": np.ones((4, 2)), "y": np.array([0, 1, 0, 1])}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.array([[1, np.nan]] * 2 + [[np.inf, 1]] * 2)}, "has 4 NaN or infinite values in x"),
        ({"x_test": np.full((2, 2), np.inf), "y_test": np.array([0, 1])}, "has 4 NaN or infinite values in x_test"),
        ({"y": np.array([1.0, np.inf, 2, 3])}, "y of .* has 1 infinite values"),
        ({"x": np.array([[None, 1]] * 4)}, "holds x as an array of Python objects"),
        ({"y": np.array(["a", None, "b", "c"], dtype=object)}, "holds y as an array of Python objects"),
        ({"x": np.ones(4)}, r"has x of shape \(4,\), and examples have shape .* give x.reshape\(-1, 1\)"),
        ({"x": np.float64(1)}, r"has x of shape \(\)"),
        ({"x": np.ones((4, 0))}, r"has x of shape \(4, 0\)"),
        ({"x": np.ones((4, 2), complex)}, "complex numbers: give real and imaginary parts as two channels"),
        ({"x": np.ones((4, 2), "M8[s]")}, r"type datetime64\[s\], times: turn them into numbers, e.g. x.astype"),
        ({"x": np.ones((4, 2), "m8[s]")}, "times: turn them into numbers, e.g. x / numpy.timedelta64"),
        ({"x": np.zeros(4, [("a", "f4"), ("b", "f4")])}, "save a plain array of numbers or text"),
        ({"x": np.array([[-(2**31), 1]] * 4, np.int32)}, "has 4 values -2147483648 in x, which NaN becomes"),
        ({"x": np.array([[-(2**63), 1]] * 4)}, "has 4 values -9223372036854775808 in x, which NaN becomes"),
        ({"x": np.ones((0, 2))}, r"has x of shape \(0, 2\)"),
        ({"x": np.array([["a", "b"]] * 4)}, "has x of shape .* and type <U1"),
        ({"y": np.array([0, 1])}, r"has y of shape \(2,\) for the 4 examples of x: give one value each"),
        ({"y": np.array([[0, 1, 0, 1]])}, r"has y of shape \(1, 4\) for the 4 examples of x: give y.reshape\(-1\)"),
        ({"y": np.eye(4)}, r"has y of shape \(4, 4\) for .*, 4 values each: give the class, y.argmax\(axis=1\)"),
        ({"y": np.ones((4, 3))}, "3 values each: give one class or one number each"),
        ({"y": np.int64(3)}, r"has y of shape \(\) for the 4 examples of x"),
        ({"y": np.zeros(4, complex)}, "has y of type complex128: give classes as whole numbers or text"),
        ({"y": np.zeros(4, "M8[s]")}, r"has y of type datetime64\[s\]"),
        (
            {"y": np.arange(4)},
            r"has 4 different values in 4 rows, .* give numeric targets as floats, e.g. y.astype",
        ),
        ({"y": np.array([*"abcd"])}, "has 4 different values in 4 rows, .* give fewer classes"),
        ({"x_test": np.ones((4, 2))}, "has x_test but no test labels, y_test: give both, or neither"),
        ({"y_val": np.ones(4)}, "has y_val but no validation examples, x_validation: give both, or neither"),
        ({"x_test": np.ones((2, 3)), "y_test": np.array([0, 1])}, "give examples of one shape"),
        ({"x_test": np.ones((2, 2)), "y_test": np.array([0.5, 1])}, "of whole numbers .int64. and y_test of floats"),
        ({"x_test": np.ones((2, 2)), "y_test": np.array(["0", "1"])}, "of whole numbers .int64. and y_test of text"),
        ({"x_test": np.ones((2, 2)), "y_test": np.array([True, False])}, "and y_test of truth values .bool.: give tar"),
        ({"x_test": np.ones((2, 2)), "y_test": np.array([0, 2])}, "has the class 2 only in y_test"),
        ({"x_valid": np.ones((2, 2)), "y_valid": np.array([0, 2])}, "has the class 2 only in y_valid"),
    ],
)
def test_bad_arrays(tmp_path: Path, changes: Any, message: Any) -> None:
    path = write(tmp_path, **(GOOD | changes))
    with pytest.raises(ValueError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)


def test_absent_array(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no array named y, it holds marks, x: call it so"):
        read(write(tmp_path, x=np.ones((4, 2)), marks=np.ones(4)))
    np.savez(tmp_path / "sensors.npz", np.ones((4, 2)), np.ones(4))
    with pytest.raises(ValueError, match=r"without names .* \(arr_0, arr_1\): say .* numpy.savez\(path, x=x, y=y"):
        read(tmp_path / "sensors.npz")


X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    "names",
    [
        ("x", "y", "x_test", "y_test", "x_validation", "y_validation"),
        ("X", "Y", "X_test", "Y_test", "X_val", "Y_val"),
        ("x_train", "y_train", "x_test", "y_test", "x_valid", "y_valid"),
        ("X_train", "y_train", "X_test", "y_test", "X_dev", "y_dev"),
        ("trainX", "trainY", "testX", "testY", "valX", "valY"),
        ("Xtr", "Ytr", "Xte", "Yte", "Xval", "Yval"),
        ("train_images", "train_labels", "test_images", "test_labels", "val_images", "val_labels"),
        ("data", "target", "data_test", "target_test", "data_val", "target_val"),
        ("training-data", "training-labels", "testing-data", "testing-labels", "valid-data", "valid-labels"),
        ("features", "label", "features test", "label test", "Features.Val", "label.val"),
        ("inputs", "outputs", "inputs_test", "outputs_test", "inputs_dev", "outputs_dev"),
    ],
)
def test_usual_spellings(tmp_path: Path, names: Any) -> None:
    rows = [slice(0, 3), slice(3, 5), slice(5, 6)]
    content = {name: (X if at % 2 == 0 else Y)[rows[at // 2]] for at, name in enumerate(names)}
    raw = read(write(tmp_path, **content))
    assert raw.inputs_NI.tolist() == X.tolist()
    assert raw.labels_N.tolist() == Y.tolist()
    assert (raw.held_out_N.tolist(), raw.validation_N.tolist()) == ([3, 4], [5])
    assert raw.notes == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"x": X, "X": X, "y": Y}, "holds X and x, which may each be the training examples: name the right one x"),
        ({"x": X, "y": Y, "y_train": Y}, "holds y and y_train, which may each be the training labels"),
        ({"data": X, "images": X, "y": Y}, "holds data and images, which may each be"),
        ({"x": X, "y": Y, "x_val": X, "x_dev": X}, "may each be the validation examples: name the right one x_valid"),
        ({"x_test": X, "y_test": Y}, "holds no array named x"),
    ],
)
def test_names_that_may_mean_two_things_are_refused(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(write(tmp_path, **content))


def test_what_nobody_reads_is_told(tmp_path: Path) -> None:
    content = {"x": X, "y": Y, "images": X, "label_names": np.array(["a", "b"]), "context": X, "object": None}
    [note] = read(write(tmp_path, **content)).notes
    assert note.endswith("were left out: context, images, label_names, object")


def test_groups_and_times_are_arrays_of_the_file(tmp_path: Path) -> None:
    content = {"x": X[:4], "y": Y[:4], "x_test": X[4:], "y_test": Y[4:]}
    person = {"person": np.array([2**53, 2**53 + 1, 7, 7]), "person_test": np.array([9, 2**63 + 1], np.uint64)}
    raw = read(write(tmp_path, **content, **person), group="person")
    assert raw.group_N.tolist() == [2, 3, 0, 0, 1, 4]
    assert raw.notes == ()
    when = {"t": np.array(["2020-01-03", "2020-01-01", "2021-01-01", "2019-01-01"], "M8[D]")}
    when["test_t"] = np.array(["2020-01-03T01:00", "2018-01-01T00:00"], "M8[m]")
    raw = read(write(tmp_path, **content, **when), time="t", split="time")
    assert raw.time_N.tolist() == [3, 2, 5, 1, 4, 0]
    as_text = {"t": np.array(["2020-01-03", "2020-01-01", "2021-01-01", "2019-01-01"]),
               "test_t": np.array([b"2020-01-03T01:00", b"2018-01-01T00:00"])}  # fmt: skip
    raw = read(write(tmp_path, **content, **as_text), time="t", split="time")
    assert raw.time_N.tolist() == [3, 2, 5, 1, 4, 0]
    numbers = {"t": np.array([2**63, 5, 2**63 + 1, 6], np.uint64), "t_test": np.array([-1, 7])}
    raw = read(write(tmp_path, **content, **numbers), time="t", split="time")
    assert raw.time_N.tolist() == [4, 1, 5, 2, 0, 3]


@pytest.mark.parametrize(
    ("arrays", "settings", "says"),
    [
        (
            {},
            {"group": "who"},
            "data.group = who needs an array who in .*, one value for each of x, and it holds x, x_t",
        ),
        ({"who": Y[:4]}, {"group": "who"}, "needs an array who_test in .*, one value for each of x_test"),
        ({"who": Y[:3], "who_test": Y[4:]}, {"group": "who"}, r"has who of shape \(3,\) for the 4 examples of x"),
        ({"who": np.array([*"ab", "", "b"]), "who_test": Y[4:].astype(str)}, {"group": "who"}, "is missing for 1 exam"),
        (
            {"t": Y[:4] * np.nan, "t_test": Y[4:]},
            {"time": "t", "split": "time"},
            "t of .* is missing, or infinite, for 4",
        ),
        (
            {"t": Y[:4].astype(str), "t_test": Y[4:]},
            {"time": "t", "split": "time"},
            r"t of .* is of <U\d+ and \w+: give times as numbers or as dates",
        ),
        (
            {"who": np.array(["P3", "P4", "P3 ", "p4"]), "who_test": np.array(["P5", "P5"])},
            {"group": "who"},
            "who of .* has 'P3' and 'P3 ', which differ only by case or blanks: write them alike",
        ),
        ({"who": np.ones(4, "M8[D]"), "who_test": np.ones(2)}, {"group": "who"}, "who of .* holds values of type date"),
        ({"t": np.array([1.0, np.inf, 2, 3]), "t_test": Y[4:]}, {"time": "t", "split": "time"}, "infinite, for 1 exam"),
        (
            {"t": np.array([b"2026-01-01", b"\xe9", b"a", b"b"]), "t_test": Y[4:].astype("S")},
            {"time": "t", "split": "time"},
            "bytes that are not UTF-8",
        ),
        (
            {"t": np.array(["1 May", *"abc"]), "t_test": Y[4:].astype(str)},
            {"time": "t", "split": "time"},
            "t of .* has '1 May' in example 0, which is no date of ISO 8601",
        ),
        (
            {"t": np.array(["2026-01-01T01:00Z"] * 4), "t_test": np.array(["2026-01-01T01:00"] * 2)},
            {"time": "t", "split": "time"},
            "t of .* has a time zone in 4 of 6 rows",
        ),
    ],
)
def test_groups_and_times_that_do_not_fit(tmp_path: Path, arrays: Any, settings: Any, says: str) -> None:
    content = {"x": X[:4], "y": Y[:4], "x_test": X[4:], "y_test": Y[4:]}
    with pytest.raises(ValueError, match=says):
        read(write(tmp_path, **content, **arrays), **settings)


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
