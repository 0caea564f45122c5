from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from siftnet.data.formats.halves import refuse_other_kind

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 8)).astype(np.uint8)
WIDE = 2**60 + PIXELS.astype(np.int64)


@pytest.mark.parametrize(
    ("x", "theirs"),
    [(PIXELS, PIXELS / 255), (PIXELS, PIXELS + 0.5), (WIDE, 2.0**60 + PIXELS), (PIXELS > 9, PIXELS / np.float32(255))],
)
def test_whole_numbers_and_floats_are_refused_with_both_ranges(x: Any, theirs: Any) -> None:
    for one, other in ((x, theirs), (theirs, x)):
        with pytest.raises(
            ValueError, match=r"^f.npz has x of (wh|fl)\S+ .* and x_test of \S+ .*: prepare both alike, and"
        ) as error:
            refuse_other_kind(("x", one), ("x_test", other), "f.npz")
        assert f"{float(one.min()):g} to {float(one.max()):g}" in str(error.value)


@pytest.mark.parametrize(
    ("x", "theirs"),
    [(PIXELS, PIXELS.astype(float)), (PIXELS, PIXELS.astype(np.int64)), (PIXELS > 9, PIXELS.astype(np.float16))],
)
def test_whole_floats_are_whole_numbers(x: Any, theirs: Any) -> None:
    refuse_other_kind(("x", x), ("x_test", theirs), "f.npz")
    refuse_other_kind(("x", theirs), ("x_test", x), "f.npz")
