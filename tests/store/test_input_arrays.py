"""What a run keeps of its inputs is read back, or refused in a sentence where the file was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siftnet.store.input_arrays import read_inputs

VARIANCE = np.array([1, 0, 2.5], np.float32)


def test_variance_and_permutation_are_read_back(tmp_path: Path) -> None:
    orders = {"permutation_I": np.array([2, 0, 1]), "label_order_I": np.array([1, 2, 0])}
    np.savez(tmp_path / "data.npz", variance_I=VARIANCE, **orders)
    found = read_inputs(tmp_path / "data.npz", 3)
    assert (found["variance_I"] == VARIANCE).all()
    assert found["permutation_I"].tolist() == [2, 0, 1]
    assert found["label_order_I"].tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"other": VARIANCE}, "holds no variance of each of 3 inputs: restore it from a copy"),
        ({"variance_I": VARIANCE[:2]}, "holds no variance of each of 3 inputs"),
        ({"variance_I": VARIANCE[:, None]}, "holds no variance of each of 3 inputs"),
        ({"variance_I": np.array([1, np.nan, 2])}, "holds no variance of each of 3 inputs"),
        ({"variance_I": np.array([1, np.inf, 2])}, "holds no variance of each of 3 inputs"),
        ({"variance_I": np.array(["a", "b", "c"])}, "holds no variance of each of 3 inputs"),
        ({"variance_I": VARIANCE, "permutation_I": np.array([2, 0])}, "holds no permutation of 3 inputs"),
        ({"variance_I": VARIANCE, "permutation_I": np.array([2, 0, 0])}, "holds no permutation of 3 inputs"),
        ({"variance_I": VARIANCE, "permutation_I": np.array([2.0, 0, 1])}, "holds no permutation of 3 inputs"),
        ({"variance_I": VARIANCE, "permutation_I": np.array([[2, 0, 1]])}, "holds no permutation of 3 inputs"),
        ({"variance_I": VARIANCE, "label_order_I": np.array([1, 1, 2])}, "holds no order of the labels of 3 inputs"),
    ],
)
def test_a_file_that_was_changed_is_refused(arrays: dict[str, Any], says: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(ValueError, match=rf"data\.npz {says}"):
        read_inputs(tmp_path / "data.npz", 3)
