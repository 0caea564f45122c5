"""What a run keeps of its inputs, so that masks can be measured without the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siftnet.store.atomic import read_arrays


def read_inputs(path: Path, inputs: int) -> dict[str, np.ndarray]:
    """The arrays of a run's data.npz, of so many inputs: variance_I, and permutation_I where they were permuted.

    Raises ValueError for a damaged file, a variance that is not of each input, and a permutation that is none.
    """
    stored = read_arrays(path)
    variance_I = stored.get("variance_I")
    if (
        variance_I is None
        or variance_I.dtype.kind != "f"
        or variance_I.shape != (inputs,)
        or not np.isfinite(variance_I).all()
    ):
        raise ValueError(f"{path} holds no variance of each of {inputs:,} inputs: restore it from a copy")
    permutation_I = stored.get("permutation_I")
    if permutation_I is not None and not (
        permutation_I.dtype.kind in "iu"
        and permutation_I.ndim == 1
        and np.array_equal(np.sort(permutation_I), np.arange(inputs))
    ):
        raise ValueError(f"{path} holds no permutation of {inputs:,} inputs: restore it from a copy")
    return stored
