"""Arrays of examples of any dtype joined into one, with no number changed on the way. N examples, I inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from siftnet.config.fields import require
from siftnet.data.casts import cast_nan
from siftnet.foreign import LARGEST_EXACT

WHOLE = "biu"
"""Kinds of dtype that hold whole numbers."""
REMEDIES = {
    "c": "complex numbers: give real and imaginary parts as two channels, e.g. numpy.stack([x.real, x.imag], axis=1)",
    "M": "times: turn them into numbers, e.g. x.astype('datetime64[s]').astype(float)",
    "m": "times: turn them into numbers, e.g. x / numpy.timedelta64(1, 's')",
    "V": "records of several fields: make one plain array of numbers of them, "
    "e.g. numpy.lib.recfunctions.structured_to_unstructured(x)",
    "O": "Python objects: make them numbers, e.g. x.astype(float)",
}


def check_numbers(x: np.ndarray, name: str, source: str) -> None:
    """Raise ValueError unless x is an array (n, ...) of finite numbers.

    name, source: of the array and of what holds it, for messages. Masked entries and what NaN becomes when it is cast
    to whole numbers are refused as NaN is.
    """
    kind = x.dtype.kind
    require(
        kind in "biuf",
        f"{source} has {name} of shape {x.shape} and type {x.dtype}, {REMEDIES.get(kind, 'no numbers: make them so')}",
    )
    if x.ndim < 2 or x.size == 0:
        remedy = f"of one number each, give {name}.reshape(-1, 1)" if x.ndim == 1 and x.size else "give more"
        raise ValueError(f"{source} has {name} of shape {x.shape}, and examples have shape (n, ...): {remedy}")
    masked = int(np.ma.getmaskarray(x).sum()) if isinstance(x, np.ma.MaskedArray) else 0
    require(masked == 0, f"{source} has {masked} masked values in {name}: fill them in or leave those examples out")
    if kind == "f":
        bad = x.size - int(np.count_nonzero(np.isfinite(x)))
        require(
            bad == 0, f"{source} has {bad} NaN or infinite values in {name}: fill them in or leave those examples out"
        )
    cast = cast_nan(x)
    if cast is not None:
        raise ValueError(
            f"{source} has {int((x == cast).sum())} values {cast} in {name}, which NaN becomes in whole numbers: fill "
            "them in or leave those examples out"
        )


def stack(parts: Mapping[str, np.ndarray], source: str) -> np.ndarray:
    """The examples of all parts one after the other, (N, ...), as checked by `check_numbers`.

    parts: by the names of their arrays. Returns uint8 where all are booleans or whole numbers within 0..255, float32
    where all are floats of at most 32 bits, float64 otherwise. Where double precision would not tell values apart
    (whole numbers beyond 2^53, extended floats), each input is taken relative to its smallest value, exactly, unless
    one spans more than 2^64. Raises ValueError for floats beyond double precision's range.
    """
    arrays = list(parts.values())
    if all(x.dtype.kind == "b" or (x.dtype.kind in "iu" and x.min() >= 0 and x.max() <= 255) for x in arrays):
        return _joined(arrays, np.dtype(np.uint8))
    if all(x.dtype.kind == "f" and x.dtype.itemsize <= 4 for x in arrays):
        return _joined(arrays, np.dtype(np.float32))
    if all(x.dtype.kind in WHOLE for x in arrays) and max(map(_largest, arrays)) > LARGEST_EXACT:
        return _relative_whole(arrays)
    if any(x.dtype.itemsize > 8 for x in arrays):
        return _relative_extended(parts, source)
    return _joined(arrays, np.dtype(np.float64))


def _joined(arrays: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    # Cast one by one: NumPy joins int64 and uint64 by way of float64.
    if len(arrays) == 1:
        return np.ascontiguousarray(arrays[0].astype(dtype, copy=False))
    joined = np.empty((sum(map(len, arrays)), *arrays[0].shape[1:]), dtype)
    at = 0
    for x in arrays:
        joined[at : at + len(x)] = x
        at += len(x)
    return joined


def _largest(x: np.ndarray) -> int:
    return max(-int(x.min()), int(x.max()))


def _relative_whole(arrays: list[np.ndarray]) -> np.ndarray:
    flat = [x.reshape(len(x), -1) for x in arrays]
    low_I = [min(lows) for lows in zip(*(x.min(axis=0).tolist() for x in flat), strict=True)]
    high_I = [max(highs) for highs in zip(*(x.max(axis=0).tolist() for x in flat), strict=True)]
    if any(high - low >= 2**64 for low, high in zip(low_I, high_I, strict=True)):
        # Beside such a range, what double precision drops is dropped by any scaling.
        return _joined(arrays, np.dtype(np.float64))
    low_bits_I = np.array([low % 2**64 for low in low_I], np.uint64)
    bits = [x.astype(np.int64 if x.dtype.kind == "i" else np.uint64).view(np.uint64) for x in flat]
    # The true difference fits into 64 bits, so that what overflows on the way cancels.
    relative = [(x - low_bits_I).reshape(array.shape) for x, array in zip(bits, arrays, strict=True)]
    return _joined(relative, np.dtype(np.float64))


def _relative_extended(parts: Mapping[str, np.ndarray], source: str) -> np.ndarray:
    low = np.min([x.min(axis=0) for x in parts.values()], axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        joined = _joined([x - low for x in parts.values()], np.dtype(np.float64))
    require(
        bool(np.isfinite(joined).all()),
        f"{source} has values in {' or '.join(parts)} beyond 1e308, the range of double precision: divide them",
    )
    return joined
