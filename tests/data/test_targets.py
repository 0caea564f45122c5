"""Labels keep their exact values and names; against Python's own numbers and scikit-learn's LabelEncoder."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.preprocessing import LabelEncoder, StandardScaler

from siftnet.data.raw import MISSING
from siftnet.data.targets import MISSING_TEXT, Targets, classes_of, numbers_of, refuse_identifiers, standardise

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def named(targets: Targets) -> list[str | None]:
    """Each example's class by name, None where it is missing."""
    return [None if label == MISSING else targets.class_names[label] for label in targets.labels_N]


@st.composite
def integer_parts(draw: Any) -> list[np.ndarray]:
    """Arrays of any width and byte order, most of their values near the ends of the widths, where casts would lose."""
    edges = [0, 1, 2**31, 2**53, 2**63, 2**64 - 1, -(2**31), -(2**53), -(2**63)]
    near = st.sampled_from(edges).flatmap(lambda edge: st.integers(edge - 2, edge + 2))
    pool = draw(st.lists(near, min_size=1, max_size=6, unique=True))
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        dtype = np.dtype(draw(st.sampled_from(INTEGERS))).newbyteorder(draw(st.sampled_from("<>")))
        limits = np.iinfo(dtype)
        fitting = [value for value in pool if limits.min <= value <= limits.max]
        if fitting:
            parts.append(np.array(draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=9)), dtype))
    return parts


def is_missing(value: int, part: np.ndarray) -> bool:
    """As the documentation has it, one value at a time."""
    if part.dtype.kind == "u":
        return value in (2**31, 2**63)
    own = value == np.iinfo(part.dtype).min and min((v for v in part.tolist() if v != value), default=-2) >= -1
    return value in (-(2**31), -(2**63)) or own


@pytest.mark.property
@given(integer_parts())
def test_whole_numbers_of_any_widths_together_are_exact(parts: list[np.ndarray]) -> None:
    # Often enough that they are classes.
    parts = [np.tile(part, 3) for part in parts]
    values = [None if is_missing(value, part) else value for part in parts for value in part.tolist()]
    there = [value for value in values if value is not None]
    if not there:
        with pytest.raises(ValueError, match=r"y holds no label|all labels in y are missing"):
            classes_of(parts, "y")
        return
    found = classes_of(parts, "y")
    assert named(found) == [None if value is None else str(value) for value in values]
    assert list(found.class_names) == [str(value) for value in sorted(set(there))]


@pytest.mark.property
@given(
    npst.arrays(np.dtype("U3"), st.integers(4, 30), elements=st.text("abc Ä\u00e9", max_size=3)),
    st.sampled_from(["U", "S", "O", "T", "pandas"]),
)
def test_text_is_classes_as_scikit_learn_has_them(text: np.ndarray, as_: str) -> None:
    text = np.tile(np.char.add("x", text), 2)
    made: dict[str, Any] = {
        "U": text,
        "S": np.char.encode(text, "utf-8"),
        "O": text.astype(object),
        "T": text.astype(np.dtypes.StringDType()),
        "pandas": pd.Series(text, dtype="category").to_numpy(),
    }
    encoder = LabelEncoder().fit(text)
    found = classes_of([made[as_]], "y")
    np.testing.assert_array_equal(found.labels_N, encoder.transform(text))
    assert list(found.class_names) == encoder.classes_.tolist()


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("values", [["a", "b"], [1, 2], [1.0, 2.0], [True, False], [np.int64(1), 2.0]])
def test_objects_may_be_missing(values: list[Any], missing: Any) -> None:
    found = classes_of([np.array([*values, missing, *values], object)], "y")
    assert [name is None for name in named(found)] == [False, False, True, False, False]
    assert len(found.class_names) == 2


def test_nan_that_became_a_whole_number_is_missing() -> None:
    with np.errstate(invalid="ignore"):
        for dtype in ("int32", "int64", "uint64"):
            y = np.array([0, 1, np.nan, 1, 0, 1] * 16).astype(dtype)
            assert named(classes_of([y], "y"))[:4] == ["0", "1", None, "1"]
            # The bits stay when it is widened, or cast to what has a sign, afterwards.
            assert named(classes_of([y.astype(object)], "y"))[2] in (None, str(2**63))
    assert named(classes_of([np.array([0, 1, -(2**31), 1, 0])], "y"))[2] is None
    assert named(classes_of([np.array([0, 1, -128, 1, 0], np.int8)], "y"))[2] is None
    assert named(classes_of([np.array([-127, 1, -128, 1, -127, -128], np.int8)], "y"))[2] == "-128"


def test_masked_entries_are_missing() -> None:
    y = np.ma.array([3, 4, 3, 4], mask=[False, True, False, False])
    assert named(classes_of([y], "y")) == ["3", None, "3", "4"]
    floats = np.ma.array([3.0, 4.5, 3, 4], mask=[False, True, False, False])
    np.testing.assert_array_equal(numbers_of([floats], "y").labels_N, [3, np.nan, 3, 4])


def test_what_stands_below_a_mask_is_no_class() -> None:
    masked = np.ma.MaskedArray(np.array([0, 7, 8, 0]), [True, False, False, True])
    targets = classes_of([masked], "y")
    assert (targets.class_names, targets.labels_N.tolist()) == (("7", "8"), [MISSING, 0, 1, MISSING])
    texts = np.ma.MaskedArray(np.array(["?", "a"]), [True, False])
    assert classes_of([texts, np.array(["b"])], "y").class_names == ("a", "b")


@pytest.mark.parametrize("text", sorted(MISSING_TEXT))
def test_text_that_says_missing(text: str) -> None:
    y = np.array(["cat", text, "dog", f" {text} ", "cat", "dog"])
    assert named(classes_of([y], "y")) == ["cat", None, "dog", None, "cat", "dog"]
    assert named(classes_of([y], "y", "keep"))[1] == (text or None)


@pytest.mark.parametrize("text", ["?", r"\N", "-", "#VALUE!", "none", "NONE", "na", "<null>", "Missing"])
def test_text_that_may_say_missing_is_told_of(text: str) -> None:
    y = np.array(["cat", text, "dog", "cat"])
    [note] = classes_of([y], "y").notes
    assert note == (
        f"y has classes that may stand for no label: '{text}' (1); leave those examples out, or set "
        "data.missing_labels keep if they are classes"
    )
    assert classes_of([y], "y", "keep").notes == ()
    assert classes_of([np.array(["+", "-", "-"])], "y").notes == ()


def test_a_number_that_may_mark_a_missing_target_is_told_of() -> None:
    y = np.random.default_rng(0).uniform(0, 90, 50)
    assert numbers_of([y], "y").notes == ()
    y[[3, 7]] = -999
    [note] = numbers_of([y], "y").notes
    assert note.startswith("y is -999 in 2 examples, and ")
    assert numbers_of([y * 20], "y").notes == ()
    assert numbers_of([np.r_[y, -500.0]], "y").notes == ()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0, 1, 2, -1], "y has the class -1 (2 examples) beside 0 to 2: leave it out if it marks"),
        ([0, 1, 2, 255], "y has the class 255 (2 examples) beside 0 to 2"),
        ([0, 1, 999_999], "y has the class 999999 (2 examples) beside 0 to 1"),
        ([-999, 5, 6], "y has the class -999 (2 examples) beside 5 to 6"),
        ([-1, 1], None),
        ([0, 1, 2, 3], None),
        ([*range(100)], None),
        ([97, 98, 99], None),
        ([1900, 2000, 9999], "9999"),
        ([*range(150), 255], "y has the class 255 (2 examples) beside 0 to 149"),
        ([-100, 0, 1, 2], "y has the class -100"),
        ([-9, 0, 1, 2], "y has the class -9"),
        ([*range(98), 99], "y has the class 99"),
        ([0, 1, 2**31 - 1], "y has the class 2147483647"),
        ([*range(0, 300, 5), 255 + 60], None),
    ],
)
def test_a_number_that_may_mark_a_missing_label_is_told_of(values: list[int], said: str | None) -> None:
    notes = classes_of([np.array(values * 2)], "y").notes
    assert notes == () if said is None else said in notes[0]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([np.array([1, 2]), np.array(["a", "b"])], "y holds text and whole numbers: save labels of one kind"),
        ([np.array([True, False]), np.array([0, 1])], "y holds truth values and whole numbers"),
        ([np.array(["a", 1, "a"], object)], "y holds text and whole numbers"),
        ([np.array([True, 1, 1.0], object)], "y holds truth values and whole numbers"),
        ([np.array([0.5, 1.0])], "y has the label 0.5, which no exact whole number stands for"),
        ([np.array([2.0**54, 1.0])], "y has the label 1.8014398509481984e"),
        ([np.array([np.inf, 1.0])], "y has the label inf"),
        ([np.array([], object)], "y holds no label"),
        ([np.array([1j, 2j])], "y holds values of type complex128: save text or whole numbers"),
        ([np.array(["2020-01-01"], "M8[D]")], r"y holds values of type datetime64\[D\]"),
        ([pd.Series([(1,), (2,)]).to_numpy()], "y holds values of type tuple"),
        ([pd.Series([[1], [2]]).to_numpy()], "y holds values of type list"),
        ([np.array([b"th\xe9", b"vin"])], r"y has the label b'th\\xe9', bytes that are not UTF-8: .*'latin1'"),
        ([np.array(["a\nb", "c"])], "holds a line break or another control character"),
        ([np.array(["nan", "nan"])], "all labels in y are missing"),
        ([np.array([None, None])], "y holds no label"),
        ([np.array([0.0, np.nan])[1:]], "all labels in y are missing"),
    ],
)
def test_what_is_no_set_of_classes_is_refused(parts: list[np.ndarray], says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        classes_of(parts, "y")
    assert "\n" not in str(error.value)


def test_a_class_for_each_example_is_no_class() -> None:
    with pytest.raises(ValueError, match="y has 30 different values in 30 rows, which is no set of classes: ask"):
        refuse_identifiers(classes_of([np.arange(30)], "y"), "y", "ask for numbers")
    with pytest.raises(ValueError, match="y has 3 different values in 5 rows"):
        refuse_identifiers(classes_of([np.array([*"abcab", "nan"])], "y"), "y", "ask for numbers")
    for few in (np.arange(2), np.array([0, 1, 2, 0, 1, 2])):
        assert refuse_identifiers(classes_of([few], "y"), "y", "").classes == len(set(few.tolist()))


def test_the_remedy_for_another_encoding_works() -> None:
    y = np.array([b"th\xe9", b"vin"])
    assert classes_of([np.char.decode(y, "latin1")], "y").class_names == ("th\u00e9", "vin")


def test_names_that_differ_by_case_or_blanks_are_told_of() -> None:
    [note] = classes_of([np.array(["Cat", "cat ", "dog", "cat "])], "y").notes
    assert note.startswith(
        "classes that differ only by case, blanks or invisible signs: 'Cat' (1) and 'cat ' (2); write them alike"
    )


@pytest.mark.property
@given(
    npst.arrays(
        st.sampled_from(["f2", ">f4", "f8", "i1", "u2", ">i8", "u8"]).map(np.dtype),
        st.integers(1, 20),
    )
)
def test_numeric_targets_keep_their_value(values: np.ndarray) -> None:
    # What NaN is cast to counts as missing.
    assume(not {-(2**31), 2**31, -(2**63), 2**63} & {int(v) for v in values.tolist() if abs(v) < 2**64})
    try:
        found = numbers_of([values], "y")
    except ValueError as error:
        lost = len({float(value) for value in values.tolist()}) < len(set(values.tolist()))
        assert lost if "different numbers" in str(error) else np.isinf(values).any()  # noqa: PT017
        return
    assert found.classes is None
    assert found.labels_N.dtype == np.float64
    np.testing.assert_array_equal(found.labels_N, [float(value) for value in values.tolist()])


def test_targets_beyond_double_precision_are_refused_and_the_remedy_works() -> None:
    y = 2**60 + np.arange(5)
    with pytest.raises(ValueError, match="y has 5 different numbers, of which double precision keeps 1: subtract the"):
        numbers_of([y], "y")
    assert numbers_of([y - y.min()], "y").labels_N.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["int64", "uint16", "U9", "object"])
def test_a_million_labels_take_no_second(kind: str) -> None:
    codes = np.random.default_rng(0).integers(0, 1000, 1_300_000)
    y: Any = np.array([f"n{n:08d}" for n in range(1000)])[codes].astype(kind) if kind in ("U9", "object") else codes
    y = y.astype(kind)
    start = time.process_time()
    assert len(classes_of([y], "y").class_names) == 1000
    # 0.2 seconds on a machine of 2025; a loop over the entries takes ten times as long.
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize(
    ("offset", "unit"), [(0.0, 1.0), (1_700_000_000.25, 1.0), (1.7e12, 1.0), (0.0, 1e-100), (0.0, 1e150)]
)
def test_numeric_targets_are_standardised_as_scikit_learn_does(offset: float, unit: float) -> None:
    ticks = np.random.default_rng(0).integers(0, 60, 500).astype(np.float64)
    y, train = offset + unit * ticks, np.arange(0, 500, 2)
    found = standardise(y, train)
    expected = StandardScaler().fit(ticks[train].reshape(-1, 1)).transform(ticks.reshape(-1, 1)).ravel()
    np.testing.assert_allclose(found.labels_N, expected, rtol=1e-5, atol=1e-5)
    again = found.labels_N.astype(np.float64) * found.deviation + found.mean
    np.testing.assert_allclose((again - offset) / unit, ticks, atol=1e-3)
    assert found.labels_N.dtype == np.float32
    assert found.notes == ()


def test_targets_that_single_precision_cannot_tell_apart_are_counted() -> None:
    y = np.arange(100.0)
    y[3] = 1e12
    [note] = standardise(y, np.arange(100)).notes
    assert note.startswith("of 100 different targets 2 are left in single precision")


@pytest.mark.parametrize("largest", [1e300, -1e308])
def test_targets_too_large_to_be_scaled_are_refused(largest: float) -> None:
    with pytest.raises(ValueError, match=r"the target reaches 1e\+30., too large or too small to be scaled"):
        standardise(np.array([1.0, 2.0, largest]), np.arange(3))
    assert standardise(np.full(4, 0.1), np.arange(4)).deviation == 1


def test_text_that_no_character_has_is_refused() -> None:
    for point in (0x110000, 0x2FFFFF, 0xD800, 0xDFFF):
        damaged = np.array(["no", "yes"])
        damaged.view(np.uint32)[0] = point
        for order in "<>":
            with pytest.raises(ValueError, match="y holds text that is damaged"):
                classes_of([damaged.astype(f"{order}U3")], "y")
    assert classes_of([np.array(["é", "\U0010fffd", "é"])], "y").class_names == ("é", "\U0010fffd")
