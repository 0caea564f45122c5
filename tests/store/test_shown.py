"""Examples that a run keeps are read back, or refused in a sentence where the file was changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from siftnet.store.shown import ShownExamples, read_shown

GOOD = {
    "rows_E": np.array([3, 1]),
    "labels_E": np.array([0, 2]),
    "inputs_EI": np.array([[0.5, 1e9, 2.0], [1.0, 2.0, 3.0]]),
}


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **{f"shown_{name}": values for name, values in arrays.items()})
    return path


def test_examples_are_read_back(tmp_path: Path) -> None:
    shown = ShownExamples(**GOOD)
    np.savez(tmp_path / "data.npz", variance_I=np.ones(3), **shown.to_arrays())
    found = read_shown(tmp_path / "data.npz", 3)
    assert found is not None
    for name, values in GOOD.items():
        assert (getattr(found, name) == values).all()


def test_a_file_of_before_has_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", variance_I=np.ones(3))
    assert read_shown(tmp_path / "data.npz", 3) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"rows_E": np.array([3])},
        {"rows_E": np.array(3)},
        {"labels_E": np.zeros((2, 1))},
        {"inputs_EI": np.zeros((2, 4))},
        {"inputs_EI": np.zeros(3)},
        {"labels_E": np.array([0.0, np.nan])},
        {"labels_E": np.array(["a", "b"])},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = save(tmp_path / "data.npz", GOOD | changes)
    with pytest.raises(ValueError, match=r"data\.npz holds examples to show .*restore it from a copy"):
        read_shown(path, 3)


def test_one_array_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="restore it from a copy"):
        read_shown(save(tmp_path / "data.npz", {"rows_E": GOOD["rows_E"]}), 3)
