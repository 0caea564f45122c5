"""Examples that stand in two splits: what is tested was then already trained on. N examples, I inputs."""

from __future__ import annotations

import numpy as np

from siftnet.data.splits import Notes, Split

Keys = dict[str, list[bytes | int]]
KNOWN = {"validation": ("train",), "test": ("train", "validation")}
"""Of each split, those whose examples are known before it is asked."""
WORDS = {"train": "training", "validation": "validation"}


def treat_duplicates(inputs_NI: np.ndarray, splits: Split, *, drop: bool) -> tuple[Split, Notes]:
    """The splits, and sentences on examples that stand in two of them.

    inputs_NI: (N, I) of any dtype, compared byte for byte; drop: leave those out of training that are validation or
    test examples as well. Raises ValueError where nothing else would be left to train on.
    """
    keys = {name: [_key(inputs_NI[row]) for row in rows] for name, rows in splits.items()}
    notes: Notes = ()
    if drop:
        splits, notes = _without(splits, keys)
    for name, before in KNOWN.items():
        for other in before:
            if not (drop and other == "train"):
                notes += _shared(splits, keys, other, name)
    return splits, notes


def _shared(splits: Split, keys: Keys, known: str, name: str) -> Notes:
    """A sentence on the examples of a split that are those of one that is known."""
    rows = dict(zip(keys[known][::-1], splits[known][::-1].tolist(), strict=True))
    shared = [at for at, key in enumerate(keys[name]) if key in rows]
    for at in shared[:1]:
        row, twin = splits[name][at], rows[keys[name][at]]
        remedy = "data.duplicates drop leaves those out of training" if known == "train" else "remove them from one"
        return (
            f"{len(shared):,} of {len(splits[name]):,} {name} examples are {WORDS[known]} examples as well, value for "
            f"value (first: example {row} is example {twin}): {remedy}",
        )
    return ()


def _without(splits: Split, keys: Keys) -> tuple[Split, Notes]:
    tested = {key for name in KNOWN for key in keys[name]}
    kept = np.array([key not in tested for key in keys["train"]])
    if kept.all():
        return splits, ()
    if not kept.any():
        raise ValueError(
            "all training examples are validation or test examples as well: take other data, or set "
            "data.duplicates keep"
        )
    note = (
        f"{int((~kept).sum()):,} training examples that are validation or test examples as well were left out of "
        "training"
    )
    return splits | {"train": splits["train"][kept]}, (note,)


def _key(row_I: np.ndarray) -> bytes | int:
    """What stands for an example: its bytes where they are few, else a 64-bit hash of them, which in a data set of a
    million meets another's by chance once in 10^7 data sets."""
    raw = row_I.tobytes()
    return raw if len(raw) <= 64 else hash(raw)
