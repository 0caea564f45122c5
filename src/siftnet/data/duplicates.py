"""Examples that stand in two splits: what is tested was then already trained on. N examples, I inputs."""

from __future__ import annotations

import numpy as np

from siftnet.data.raw import Notes
from siftnet.data.splits import IN_WORDS, LATER, Split

Keys = dict[str, list[bytes | int]]


def note_duplicates(inputs_NI: np.ndarray, splits: Split) -> Notes:
    """Sentences on examples that stand in two splits. inputs_NI: (N, I) of any dtype, compared byte for byte."""
    keys = _keys(inputs_NI, splits)
    pairs = [(known, name) for known, later in LATER.items() for name in later]
    return tuple(note for known, name in pairs for note in _shared(splits, keys, known, name))


def without_duplicates(inputs_NI: np.ndarray, splits: Split) -> tuple[Split, Notes]:
    """The splits without training examples that are validation or test examples, and validation examples that are test
    examples, and sentences that count them. Raises ValueError where nothing else would be left.

    inputs_NI: (N, I) of any dtype, compared byte for byte.
    """
    keys = _keys(inputs_NI, splits)
    notes: Notes = ()
    left = dict(splits)
    for known, later in LATER.items():
        asked = {key for name in later for key in keys[name]}
        kept = np.array([key not in asked for key in keys[known]])
        if not kept.any():
            raise ValueError(
                f"all {IN_WORDS[known]} examples are {' or '.join(later)} examples as well: take other data, or set "
                "data.duplicates keep"
            )
        if not kept.all():
            left[known] = splits[known][kept]
            notes += (
                f"{int((~kept).sum()):,} {IN_WORDS[known]} examples that are {' or '.join(later)} examples as well "
                "were left out",
            )
    return left, notes


def _shared(splits: Split, keys: Keys, known: str, name: str) -> Notes:
    """A sentence on the examples of a split that are those of one that is known."""
    rows = dict(zip(keys[known][::-1], splits[known][::-1].tolist(), strict=True))
    shared = [at for at, key in enumerate(keys[name]) if key in rows]
    for at in shared[:1]:
        row, twin = splits[name][at], rows[keys[name][at]]
        return (
            f"{len(shared):,} of {len(splits[name]):,} {name} examples are {IN_WORDS[known]} examples as well, value "
            f"for value (first: example {row:,} is example {twin:,}): data.duplicates drop leaves them out of "
            f"{IN_WORDS[known]}",
        )
    return ()


def _keys(inputs_NI: np.ndarray, splits: Split) -> Keys:
    return {name: [_key(inputs_NI[row]) for row in rows] for name, rows in splits.items()}


def _key(row_I: np.ndarray) -> bytes | int:
    """What stands for an example: its bytes where they are few, else a 64-bit hash of them, which in a data set of a
    million meets another's by chance once in 10^7 data sets."""
    raw = row_I.tobytes()
    return raw if len(raw) <= 64 else hash(raw)
