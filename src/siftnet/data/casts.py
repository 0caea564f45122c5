"""What NaN becomes where it is cast to whole numbers, which is no number at all."""

from __future__ import annotations

import numpy as np

NAN_AS_INTEGER = {
    "i": frozenset((-(2**63), -(2**31))),
    "u": frozenset((2**63, 2**31)),
    "f": frozenset((-(2**63),)),
}
"""By kind of dtype: the smallest int64 or int32, its bits without a sign, and what is cast back to floats."""
FEWEST_BYTES = 4
"""Narrower numbers may be the smallest of their kind for any reason."""


def cast_nan(values: np.ndarray) -> int | None:
    """The number among these that NaN became when it was cast; None where there is none, or others come near it.

    values: numbers of any shape, NaN allowed.
    """
    known = NAN_AS_INTEGER.get(values.dtype.kind)
    if known is None or values.size == 0 or values.dtype.itemsize < FEWEST_BYTES:
        return None
    outermost = np.fmax if values.dtype.kind == "u" else np.fmin
    found = outermost.reduce(values, axis=None)
    if found not in known:
        return None
    others = values[values != found]
    # Of the others the outermost has the same sign, or none of them comes near.
    near = others.size > 0 and float(outermost.reduce(others, axis=None)) / float(found) >= 0.5
    return None if near else int(found)
