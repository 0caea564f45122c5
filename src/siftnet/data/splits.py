"""Which examples are trained on, chosen on and tested on. Rows are int64 and ascending."""

from __future__ import annotations

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.seeds import generator

PAPER_VALIDATION = 10_000


def take_share(rows_T: np.ndarray, config: DataConfig) -> np.ndarray:
    """The share of the training rows that config.share asks for, drawn by config.seed; at least one row.

    rows_T: int64 (T,). Returns int64 rows, ascending.
    """
    if config.share == 1:
        return rows_T
    return _draw(rows_T, max(1, round(config.share * len(rows_T))), config, "share")


def split(
    count: int, held_out_N: np.ndarray | None, config: DataConfig, *, share_taken: bool = False
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The rows of train, validation and test, and sentences on what differs from what was asked for.

    count: number of examples; held_out_N: int64 rows of the authors' test set, or None, and then config.holdout of the
    examples are drawn for it. config.share is taken of the training examples before validation is drawn from them,
    unless share_taken says that the reader did so. Raises ValueError where there are too few examples, and for the
    paper's split of data without a held-out set.
    """
    if held_out_N is None:
        if config.split == "paper":
            raise ValueError(
                "data.split = paper takes validation from the held-out set, and these data have none: "
                "use data.split = draw"
            )
        held_out_N = _draw(np.arange(count), max(1, round(config.holdout * count)), config, "test")
    train_T = np.setdiff1d(np.arange(count), held_out_N)
    if not share_taken:
        train_T = take_share(train_T, config)
    if config.split == "paper":
        return _as_in_the_paper(train_T, held_out_N)
    return _drawn(train_T, held_out_N, config)


def _as_in_the_paper(train_T: np.ndarray, held_out_N: np.ndarray) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    held = len(held_out_N)
    if held < 2 or len(train_T) < 1:
        raise ValueError(
            f"data.split = paper needs a training example and two held-out ones at least, got {len(train_T)} and "
            f"{held}: use more data"
        )
    chosen = PAPER_VALIDATION
    notes: tuple[str, ...] = ()
    if held <= PAPER_VALIDATION:
        chosen = held // 2
        notes = (
            f"The held-out set has {held:,} examples, not more than the {PAPER_VALIDATION:,} that the paper validates "
            f"on: its first {chosen:,} are the validation set, the other {held - chosen:,} the test set.",
        )
    return {"train": train_T, "validation": held_out_N[:chosen], "test": held_out_N[chosen:]}, notes


def _drawn(
    train_T: np.ndarray, held_out_N: np.ndarray, config: DataConfig
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    chosen = min(config.validation, len(train_T) // 10)
    if chosen < 1 or len(held_out_N) < 1:
        raise ValueError(
            f"{len(train_T)} training and {len(held_out_N)} test examples are too few, ten and one are needed at "
            "least: use more data or a larger data.share"
        )
    validation = _draw(train_T, chosen, config, "validation")
    notes: tuple[str, ...] = ()
    if chosen < config.validation:
        notes = (
            f"{chosen:,} training examples are set aside for validation, a tenth, where data.validation asks for "
            f"{config.validation:,}.",
        )
    return {"train": np.setdiff1d(train_T, validation), "validation": validation, "test": held_out_N}, notes


def _draw(rows: np.ndarray, number: int, config: DataConfig, name: str) -> np.ndarray:
    return np.sort(generator(config.seed, "data", name).permutation(rows)[:number])
