"""Whether arrays that are joined hold one kind of numbers: whole ones or floats. Whether of one unit, see units.py."""

from __future__ import annotations

import numpy as np

from siftnet.config.fields import require
from siftnet.data.formats.stack import WHOLE
from siftnet.foreign import LARGEST_EXACT


def refuse_other_kind(training: tuple[str, np.ndarray], other: tuple[str, np.ndarray], source: str) -> None:
    """Raise ValueError where one array is of whole numbers and one of floats, unless those are whole as well.

    training, other: names, for messages, and finite numbers of any dtype and shape.
    """
    (name, x), (their_name, theirs) = training, other
    if (x.dtype.kind in WHOLE) == (theirs.dtype.kind in WHOLE):
        return
    exact = all(max(-float(array.min()), float(array.max())) <= LARGEST_EXACT for array in (x, theirs))
    floats = theirs if x.dtype.kind in WHOLE else x
    require(
        exact and not (floats != np.floor(floats)).any(),
        f"{source} has {name} of {_range(x)} and {their_name} of {_range(theirs)}: prepare both alike, and give them "
        "one dtype",
    )


def _range(x: np.ndarray) -> str:
    kind = "whole numbers" if x.dtype.kind in WHOLE else "floats"
    return f"{kind} {float(x.min()):g} to {float(x.max()):g}"
