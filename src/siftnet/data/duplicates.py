"""Examples that stand in two splits: what is tested was then already trained on. N examples, I inputs."""

from __future__ import annotations

import numpy as np

from siftnet.data.splits import Notes, Split

TESTED = ("validation", "test")


def treat_duplicates(inputs_NI: np.ndarray, splits: Split, *, drop: bool) -> tuple[Split, Notes]:
    """The splits, and a sentence on training examples that are validation or test examples as well.

    inputs_NI: (N, I) of any dtype, compared byte for byte; drop: leave those out of training. Raises ValueError where
    nothing else would be left to train on.
    """
    keys = {name: [_key(inputs_NI[row]) for row in rows] for name, rows in splits.items()}
    trained = dict(zip(keys["train"][::-1], splits["train"][::-1].tolist(), strict=True))
    shared = {name: [at for at, key in enumerate(keys[name]) if key in trained] for name in TESTED}
    if not any(shared.values()):
        return splits, ()
    if drop:
        return _without(splits, keys)
    notes = []
    for name in TESTED:
        for at in shared[name][:1]:
            row, twin = splits[name][at], trained[keys[name][at]]
            notes.append(
                f"{len(shared[name]):,} of {len(splits[name]):,} {name} examples are training examples as well, value "
                f"for value (first: example {row} is example {twin}): data.duplicates drop leaves those out of training"
            )
    return splits, tuple(notes)


def _without(splits: Split, keys: dict[str, list[bytes | int]]) -> tuple[Split, Notes]:
    tested = {key for name in TESTED for key in keys[name]}
    kept = np.array([key not in tested for key in keys["train"]])
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
