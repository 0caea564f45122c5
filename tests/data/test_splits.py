from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.builders import raw_of

from siftnet.config.fields import DataConfig
from siftnet.data.splits import split, take_share


def disjoint(splits: Any) -> Any:
    rows = np.concatenate(list(splits.values()))
    assert all(np.array_equal(part, np.sort(part)) and part.dtype == np.int64 for part in splits.values())
    assert len(np.unique(rows)) == len(rows)
    return {name: len(part) for name, part in splits.items()}


def test_validation_is_drawn_from_training_and_the_test_set_is_the_held_out_one() -> None:
    splits, notes = split(raw_of(130, np.arange(100, 130)), DataConfig(validation=7))
    assert disjoint(splits) == {"train": 93, "validation": 7, "test": 30}
    np.testing.assert_array_equal(splits["test"], np.arange(100, 130))
    assert notes == ()
    assert not np.array_equal(splits["validation"], np.arange(7)), "drawn, not the first"


def test_never_more_than_a_tenth() -> None:
    splits, notes = split(raw_of(130, np.arange(100, 130)), DataConfig(validation=5000))
    assert disjoint(splits) == {"train": 90, "validation": 10, "test": 30}
    assert "10 training examples are set aside for validation" in notes[0]
    assert "5,000" in notes[0]


def test_test_set_is_drawn_where_none_is_held_out() -> None:
    splits, _ = split(raw_of(100, None), DataConfig(validation=5, holdout=0.2))
    assert disjoint(splits) == {"train": 75, "validation": 5, "test": 20}
    assert not np.array_equal(splits["test"], np.arange(20))


def test_share_is_taken_of_training_alone_before_validation() -> None:
    config = DataConfig(validation=1000, share=0.5)
    splits, _ = split(raw_of(300, np.arange(200, 300)), config)
    assert disjoint(splits) == {"train": 90, "validation": 10, "test": 100}
    splits, _ = split(raw_of(300, np.arange(200, 300), share_taken=True), config)
    assert disjoint(splits) == {"train": 180, "validation": 20, "test": 100}
    assert len(take_share(np.arange(3), DataConfig(share=0.01))) == 1


def test_the_seed_decides_and_one_draw_does_not_move_another() -> Any:
    def drawn(**changes: Any) -> Any:
        return split(raw_of(400, None), DataConfig(validation=10, **changes))[0]

    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(drawn()[name], drawn()[name])
        assert not np.array_equal(drawn()[name], drawn(seed=1)[name])
    np.testing.assert_array_equal(drawn()["test"], drawn(share=0.5)["test"])


def test_paper() -> None:
    held_out = np.arange(5, 5 + 10_003)
    splits, notes = split(raw_of(5 + 10_003, held_out), DataConfig(split="paper"))
    assert disjoint(splits) == {"train": 5, "validation": 10_000, "test": 3}
    np.testing.assert_array_equal(splits["validation"], held_out[:10_000])
    assert notes == ()


@pytest.mark.parametrize("held", [2, 51, 10_000])
def test_paper_with_a_small_held_out_set_halves_it_and_says_so(held: Any) -> None:
    splits, notes = split(raw_of(5 + held, np.arange(5, 5 + held)), DataConfig(split="paper"))
    assert disjoint(splits) == {"train": 5, "validation": held // 2, "test": held - held // 2}
    assert f"{held:,} examples" in notes[0]


@pytest.mark.parametrize(
    ("count", "held_out", "changes", "message"),
    [
        (20, None, {"split": "paper"}, "use data.split = draw"),
        (20, np.arange(1), {"split": "paper"}, "two held-out ones"),
        (12, np.arange(3), {}, "9 training and 3 test examples are too few"),
        (20, np.arange(0), {}, "20 training and 0 test examples are too few"),
        (100, np.arange(50), {"share": 0.1}, "a larger data.share"),
    ],
)
def test_too_little_data(count: Any, held_out: Any, changes: Any, message: Any) -> None:
    with pytest.raises(ValueError, match=message):
        split(raw_of(count, held_out), DataConfig(**changes))
