from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from siftnet.data.duplicates import note_duplicates, without_duplicates


def splits(**changes: Any) -> dict[str, np.ndarray]:
    return {"train": np.arange(0, 60), "validation": np.arange(60, 80), "test": np.arange(80, 100)} | changes


@pytest.mark.parametrize("inputs", [3, 300])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_examples_of_two_splits_are_counted(inputs: int, dtype: Any) -> None:
    x = np.arange(100 * inputs).reshape(100, inputs) % 251
    x = (x * (1 + np.arange(100)[:, None]) % 253).astype(dtype)
    assert len(np.unique(x, axis=0)) == 100
    assert note_duplicates(x, splits()) == ()
    x[85], x[86], x[61], x[87] = x[3], x[3], x[59], x[71]
    on_validation, on_test, on_both = note_duplicates(x, splits())
    assert on_validation.startswith("1 of 20 validation examples are training examples as well, value for value")
    assert "(first: example 61 is example 59)" in on_validation
    assert on_test.startswith("2 of 20 test examples")
    assert "(first: example 85 is example 3)" in on_test
    assert on_both.startswith(
        "1 of 20 test examples are validation examples as well, value for value (first: example 87"
    )
    found, (of_training, of_validation) = without_duplicates(x, splits())
    assert of_training == "2 training examples that are validation or test examples as well were left out"
    assert of_validation == "1 validation examples that are test examples as well were left out"
    np.testing.assert_array_equal(found["train"], np.delete(np.arange(60), [3, 59]))
    np.testing.assert_array_equal(found["validation"], np.delete(np.arange(60, 80), 11))
    np.testing.assert_array_equal(found["test"], splits()["test"])
    assert note_duplicates(x, found) == ()
    assert without_duplicates(x, found)[1] == ()
    with pytest.raises(ValueError, match="all training examples are validation or test examples as well"):
        without_duplicates(np.zeros((100, 3)), splits())


def test_almost_the_same_is_not_the_same() -> None:
    x = np.random.default_rng(0).random((100, 40))
    x[90] = x[5]
    x[90, 39] = np.nextafter(x[5, 39], 2)
    assert note_duplicates(x, splits()) == ()
