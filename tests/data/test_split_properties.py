"""Splits of any size: no example twice, none lost but those not asked for, the same again for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from builders import raw_of
from siftnet.config.fields import DataConfig
from siftnet.data.splits import split

pytestmark = pytest.mark.property


@given(
    count=st.integers(1, 400),
    held_out=st.none() | st.integers(0, 100),
    validation=st.integers(1, 60),
    share=st.just(1.0) | st.floats(0.01, 1),
    holdout=st.floats(0.01, 0.9),
    seed=st.integers(0, 2**32),
)
def test_splits_are_disjoint_cover_and_repeat(
    count: int, held_out: int | None, validation: int, share: float, holdout: float, seed: int
) -> None:
    config = DataConfig(validation=validation, share=share, holdout=holdout, seed=seed)
    held_N = None if held_out is None else np.random.default_rng(seed).permutation(count)[:held_out]
    held_N = None if held_N is None else np.sort(held_N)
    tested = max(1, round(holdout * count)) if held_N is None else len(held_N)
    trained = count - tested if share == 1 else max(1, round(share * (count - tested)))
    assume(tested < count)
    if tested < 1 or trained < 10:
        with pytest.raises(ValueError, match="too few"):
            split(raw_of(count, held_N), config)
        return
    rows, notes = split(raw_of(count, held_N), config)
    together = np.concatenate([rows["train"], rows["validation"], rows["test"]])
    assert len(np.unique(together)) == len(together) == trained + tested
    assert together.min() >= 0
    assert together.max() < count
    assert len(rows["test"]) == tested
    assert len(rows["validation"]) == min(validation, trained // 10)
    assert bool(notes) == (trained // 10 < validation)
    for name, part in rows.items():
        assert part.dtype == np.int64
        np.testing.assert_array_equal(part, np.sort(part))
        np.testing.assert_array_equal(part, split(raw_of(count, held_N), config)[0][name])


@given(count=st.integers(3, 300), held_out=st.integers(2, 200))
def test_the_papers_split_takes_validation_from_the_held_out_set(count: int, held_out: int) -> None:
    assume(held_out < count)
    held_N = np.arange(count - held_out, count)
    rows, _ = split(raw_of(count, held_N), DataConfig(split="paper"))
    np.testing.assert_array_equal(np.concatenate([rows["validation"], rows["test"]]), held_N)
    np.testing.assert_array_equal(rows["train"], np.arange(count - held_out))
