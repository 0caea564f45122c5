"""Which examples are trained on, chosen on and tested on. Rows are int64 and ascending."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.raw import Notes, Raw
from siftnet.seeds import generator
from siftnet.wording import shell_word

PAPER_VALIDATION = 10_000
UNEVEN = 1.25
"""Groups are told of that make a split larger or smaller than asked for by this factor."""

Split = dict[str, np.ndarray]
IN_WORDS = {"train": "training", "test": "test", "validation": "validation"}
LATER = {"train": ("validation", "test"), "validation": ("test",)}
"""Of each split, those that are asked what it may have taught."""


def take_share(rows_T: np.ndarray, config: DataConfig) -> np.ndarray:
    """The share of the training rows that config.share asks for, drawn by config.seed; at least one row.

    rows_T: int64 (T,). Returns int64 rows, ascending.
    """
    if config.share == 1:
        return rows_T
    return _draw(rows_T, max(1, round(config.share * len(rows_T))), config, "share")


def split(raw: Raw, config: DataConfig) -> tuple[Split, Notes]:
    """The rows of train, validation and test, and sentences on what differs from what was asked for.

    What the data come with is taken as it is: a test set, a validation set. Where there is none, config.holdout of the
    examples are drawn for the test set, and config.validation of the training examples for validation: whole groups
    where raw.group_N names them, the latest examples with config.split = time. config.share is taken of the training
    examples before validation is drawn from them, unless the reader did so. Raises ValueError where there are too few
    examples or groups, for a group in two of the sets that the data come with, for the paper's split of data without a
    held-out set, and for the split by time of data with a validation set, or with a test set of earlier times.
    """
    splits, notes = _split(raw, config)
    if raw.group_N is not None:
        _refuse_shared_groups(splits, raw.group_N, config)
    return splits, notes


def _split(raw: Raw, config: DataConfig) -> tuple[Split, Notes]:
    rows_N = np.arange(len(raw.labels_N))
    if config.split == "paper":
        return _as_in_the_paper(rows_N, raw, config)
    if config.split == "time":
        require(
            raw.validation_N is None,
            "data.split = time takes validation from the training examples, and these data come with a validation set: "
            "use data.split = draw",
        )
        return _in_time(rows_N, raw, config)
    test_N, notes = raw.held_out_N, Notes()
    if test_N is None:
        free_N = rows_N if raw.validation_N is None else np.setdiff1d(rows_N, raw.validation_N)
        test_N, notes = _set_aside(free_N, max(1, round(config.holdout * len(free_N))), raw, config, "test")
    train_T = np.setdiff1d(raw.training_T, test_N)
    if not raw.share_taken:
        train_T = take_share(train_T, config)
    if raw.validation_N is not None:
        require(
            min(len(train_T), len(raw.validation_N), len(test_N)) > 0,
            f"{len(train_T)} training, {len(raw.validation_N)} validation and {len(test_N)} test examples are too few, "
            "one of each is needed at least: use more data or a larger data.share",
        )
        return {"train": train_T, "validation": raw.validation_N, "test": test_N}, notes
    wanted = _validation_size(train_T, test_N, config)
    validation_N, uneven = _set_aside(train_T, wanted, raw, config, "validation")
    return _divided(train_T, validation_N, test_N), (*notes, *_smaller(validation_N, raw, config), *uneven)


def _divided(train_T: np.ndarray, validation_N: np.ndarray, test_N: np.ndarray) -> Split:
    return {"train": np.setdiff1d(train_T, validation_N), "validation": validation_N, "test": test_N}


def _as_in_the_paper(rows_N: np.ndarray, raw: Raw, config: DataConfig) -> tuple[Split, Notes]:
    if raw.held_out_N is None or raw.validation_N is not None:
        has = "none" if raw.held_out_N is None else "a validation set of their own"
        raise ValueError(
            f"data.split = paper takes validation from the held-out set, and these data have {has}: "
            "use data.split = draw"
        )
    held_out_N, held = raw.held_out_N, len(raw.held_out_N)
    train_T = np.setdiff1d(rows_N, held_out_N)
    if not raw.share_taken:
        train_T = take_share(train_T, config)
    if held < 2 or len(train_T) < 1:
        raise ValueError(
            f"data.split = paper needs a training example and two held-out ones at least, got {len(train_T)} and "
            f"{held}: use more data"
        )
    chosen = PAPER_VALIDATION
    notes: Notes = ()
    if held <= PAPER_VALIDATION:
        chosen = held // 2
        notes = (
            f"The held-out set has {held:,} examples, not more than the {PAPER_VALIDATION:,} that the paper validates "
            f"on: its first {chosen:,} are the validation set, the other {held - chosen:,} the test set.",
        )
    return {"train": train_T, "validation": held_out_N[:chosen], "test": held_out_N[chosen:]}, notes


def _in_time(rows_N: np.ndarray, raw: Raw, config: DataConfig) -> tuple[Split, Notes]:
    """The latest examples for the test set, those before them for validation; equal times stay together."""
    time_N = rows_N if raw.time_N is None else raw.time_N
    test_N = raw.held_out_N
    if test_N is None:
        test_N = _latest(rows_N, max(1, round(config.holdout * len(rows_N))), time_N)
    train_T = np.setdiff1d(rows_N, test_N)
    later = int((time_N[train_T] > time_N[test_N].min(initial=time_N.max())).sum())
    require(
        later == 0,
        f"{later:,} training examples are later than the first of the test set that the data come with: put the latest "
        "into the test set, leave it out so that data.split = time takes them, or use data.split = draw",
    )
    if not raw.share_taken:
        train_T = take_share(train_T, config)
    validation_N = _latest(train_T, _validation_size(train_T, test_N, config), time_N)
    return _divided(train_T, validation_N, test_N), _smaller(validation_N, raw, config)


def _latest(rows: np.ndarray, number: int, time_N: np.ndarray) -> np.ndarray:
    """The `number` latest rows, and those of the same time as the first of them."""
    order = rows[np.argsort(time_N[rows], kind="stable")]
    latest: np.ndarray = rows[time_N[rows] >= time_N[order[-number]]]
    require(
        len(latest) < len(rows),
        f"all {len(rows):,} examples are of one time: name with data.time what orders them, or use data.split draw",
    )
    return latest


def _validation_size(train_T: np.ndarray, test_N: np.ndarray, config: DataConfig) -> int:
    """How many examples to set aside for validation, never more than a tenth."""
    chosen = min(config.validation, len(train_T) // 10)
    if chosen < 1 or len(test_N) < 1:
        raise ValueError(
            f"{len(train_T)} training and {len(test_N)} test examples are too few, ten and one are needed at "
            "least: use more data or a larger data.share"
        )
    return chosen


def _smaller(validation_N: np.ndarray, raw: Raw, config: DataConfig) -> Notes:
    """A sentence where fewer are set aside for validation than asked for."""
    chosen = len(validation_N)
    if chosen >= (config.validation if raw.group_N is None else config.validation / UNEVEN):
        return ()
    return (
        f"{chosen:,} training examples are set aside for validation, "
        f"{'a tenth' if raw.group_N is None else 'about a tenth, in whole groups'}, where data.validation asks for "
        f"{config.validation:,}.",
    )


def _set_aside(rows: np.ndarray, number: int, raw: Raw, config: DataConfig, name: str) -> tuple[np.ndarray, Notes]:
    """About `number` of these rows by chance: exactly so many, or whole groups."""
    if raw.group_N is None:
        return _draw(rows, number, config, name), ()
    group_R = raw.group_N[rows]
    groups, sizes = np.unique(group_R, return_counts=True)
    # For training, and where it comes from the same groups for validation.
    left = 2 if name == "test" and raw.validation_N is None else 1
    require(
        len(groups) > left,
        f"data.group = {config.group} makes {len(groups)} group(s) of {len(rows):,} examples, too few to set some "
        f"aside for {name}: name what divides them more finely",
    )
    order = generator(config.seed, "data", name, "groups").permutation(len(groups))
    # The number of groups that comes nearest to what is asked for.
    reached = np.cumsum(sizes[order])[:-left]
    taken = order[: int(np.argmin(np.abs(reached - number))) + 1]
    chosen = rows[np.isin(group_R, groups[taken])]
    notes: Notes = ()
    if not number / UNEVEN <= len(chosen) <= number * UNEVEN:
        notes = (
            f"{name} has {len(chosen):,} examples, {len(taken)} of {len(groups)} groups, where {number:,} were asked "
            f"for: groups of data.group = {config.group} are not divided",
        )
    return chosen, notes


def _refuse_shared_groups(splits: Split, group_N: np.ndarray, config: DataConfig) -> None:
    """Raise ValueError where two splits share a group; those that are drawn here do not."""
    remedy = "divide the data by group, or leave data.group out"
    if config.split == "paper":
        remedy = "set data.split draw"
    elif column := config.table.split:
        remedy = (
            f"divide the rows by group in the column {column}, or leave data.table.split out and set data.table.drop "
            f"{shell_word(column)}, so that whole groups are drawn"
        )
    for one, other in combinations(splits, 2):
        rows = splits[other]
        shared = rows[np.isin(group_N[rows], group_N[splits[one]])]
        for row in shared[:1]:
            raise ValueError(
                f"{len(shared):,} {other} examples, the first of them example {row}, are of groups of data.group = "
                f"{config.group} that are in {one} as well: {remedy}"
            )


def _draw(rows: np.ndarray, number: int, config: DataConfig, name: str) -> np.ndarray:
    return np.sort(generator(config.seed, "data", name).permutation(rows)[:number])
