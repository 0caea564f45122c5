"""What a run keeps of its inputs, so that masks can be measured without the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siftnet.store.atomic import read_arrays


def read_inputs(path: Path, inputs: int) -> dict[str, np.ndarray]:
    """The arrays of a run's data.npz, of so many inputs: variance_I, permutation_I where they were permuted, and
    label_order_I where labels were made from neighbours in a geometry of their own.

    Raises ValueError for a damaged file, a variance that is not of each input, and a permutation or order that is none.
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
    for name, called in (("permutation_I", "permutation"), ("label_order_I", "order of the labels")):
        order_I = stored.get(name)
        if order_I is not None and not (
            order_I.dtype.kind in "iu" and order_I.ndim == 1 and np.array_equal(np.sort(order_I), np.arange(inputs))
        ):
            raise ValueError(f"{path} holds no {called} of {inputs:,} inputs: restore it from a copy")
    return stored
