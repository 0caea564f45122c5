from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builders import raw_of
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


GROUP = np.random.default_rng(1).integers(0, 40, 400)


def groups_of(splits: Any, group_N: Any = GROUP) -> Any:
    return {name: set(group_N[rows].tolist()) for name, rows in splits.items()}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("held_out", [False, True])
def test_a_group_is_never_in_two_splits(seed: int, held_out: bool) -> None:
    held_N = np.flatnonzero(GROUP >= 36) if held_out else None
    raw = raw_of(400, held_N, group_N=GROUP)
    splits, _ = split(raw, DataConfig(validation=30, group="patient", seed=seed))
    sizes = disjoint(splits)
    assert sum(sizes.values()) == 400
    found = groups_of(splits)
    assert not (found["train"] & found["validation"])
    assert not (found["train"] & found["test"])
    assert not found["validation"] & found["test"]
    assert 20 <= sizes["validation"] <= 40
    assert held_out or 30 <= sizes["test"] <= 50


def test_groups_that_cannot_be_divided_as_asked_are_told_of() -> None:
    group_N = np.repeat(np.arange(4), 100)
    splits, notes = split(raw_of(400, None, group_N=group_N), DataConfig(validation=20, group="site"))
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 200, "validation": 100, "test": 100}
    assert "test has 100 examples, 1 of 4 groups, where 40 were asked for: groups of data.group = site" in notes[0]
    for groups, name in ((1, "test"), (2, "test")):
        with pytest.raises(ValueError, match=f"makes {groups} group.* too few to set some aside for {name}"):
            split(raw_of(400, None, group_N=np.arange(400) % groups), DataConfig(group="site"))


@pytest.mark.parametrize("config", [DataConfig(group="g"), DataConfig(group="g", split="paper")])
def test_a_held_out_set_that_shares_a_group_with_training_is_refused(config: Any) -> None:
    group_N = np.arange(130) // 7
    remedy = "set data.split draw" if config.split == "paper" else "divide the data by group"
    with pytest.raises(ValueError, match=rf"are of groups of data.group = g that are in \w+ as well: {remedy}"):
        split(raw_of(130, np.arange(100, 130), group_N=group_N), config)
    with pytest.raises(ValueError, match=r"\d+ \w+ examples, the first of them example \d+, are of groups"):
        split(raw_of(130, np.arange(100, 130), group_N=np.arange(130) % 65), config)


def test_validation_and_test_sets_of_ones_own_share_no_group() -> None:
    """A patient in both makes the test set no surprise to what was chosen on validation."""
    group_N = np.arange(130)
    group_N[120] = group_N[90]
    own = raw_of(130, np.arange(100, 130), validation_N=np.arange(80, 100), group_N=group_N)
    with pytest.raises(
        ValueError, match=r"1 test examples, the first of them example 120, are .* in validation as well"
    ):
        split(own, DataConfig(group="g"))
    drawn = raw_of(130, None, validation_N=np.arange(80, 100), group_N=np.arange(130) // 40)
    with pytest.raises(ValueError, match="in validation as well: divide the data by group"):
        split(drawn, DataConfig(group="g"))


def test_the_papers_halves_of_a_held_out_set_share_no_group() -> None:
    group_N = np.r_[np.arange(100), np.full(30, 100)]
    held_out = raw_of(130, np.arange(100, 130), group_N=group_N)
    with pytest.raises(
        ValueError, match=r"15 test examples, the first of them example 115, .* validation as well: set data.split"
    ):
        split(held_out, DataConfig(group="g", split="paper"))
    splits, _ = split(held_out, DataConfig(group="g", split="draw", validation=20))
    assert len(splits["test"]) == 30


def test_a_validation_set_of_ones_own() -> None:
    own = np.arange(10, 25)
    for held_out in (np.arange(100, 130), None):
        splits, notes = split(raw_of(130, held_out, validation_N=own), DataConfig(validation=7, holdout=0.2))
        np.testing.assert_array_equal(splits["validation"], own)
        assert disjoint(splits) == {
            "train": 85 if held_out is not None else 92,
            "validation": 15,
            "test": len(splits["test"]),
        }
        assert len(splits["test"]) == (30 if held_out is not None else 23)
        assert notes == ()
    with pytest.raises(ValueError, match=r"have a validation set of their own: use data.split = draw"):
        split(raw_of(130, np.arange(100, 130), validation_N=own), DataConfig(split="paper"))
    with pytest.raises(ValueError, match="these data come with a validation set"):
        split(raw_of(130, None, validation_N=own), DataConfig(split="time"))


def test_in_time_nothing_later_is_trained_on() -> None:
    time_N = np.random.default_rng(2).permutation(200).astype("datetime64[s]")
    for held_out in (None, np.argsort(time_N)[-30:]):
        splits, _ = split(
            raw_of(200, None if held_out is None else np.sort(held_out), time_N=time_N),
            DataConfig(validation=12, split="time"),
        )
        assert disjoint(splits)["validation"] == 12
        assert time_N[splits["train"]].max() < time_N[splits["validation"]].min()
        assert time_N[splits["validation"]].max() < time_N[splits["test"]].min()
    splits, _ = split(raw_of(200), DataConfig(validation=12, split="time"))
    np.testing.assert_array_equal(splits["test"], np.arange(180, 200))
    np.testing.assert_array_equal(splits["validation"], np.arange(168, 180))


def test_what_is_of_one_time_stays_together() -> None:
    splits, _ = split(raw_of(200, None, time_N=np.arange(200) // 30), DataConfig(validation=12, split="time"))
    found = groups_of(splits, np.arange(200) // 30)
    assert not found["train"] & found["validation"]
    assert not found["validation"] & found["test"]
    with pytest.raises(ValueError, match="all 200 examples are of one time"):
        split(raw_of(200, None, time_N=np.zeros(200)), DataConfig(split="time"))
