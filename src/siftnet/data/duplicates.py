"""Examples that stand in two splits: what is tested was then already trained on. N examples, I inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def shared_examples(inputs_NI: np.ndarray, splits: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """A sentence for validation and for test that says how many of its examples are training examples as well.

    inputs_NI: (N, I) of any dtype, compared byte for byte; splits: int64 rows by name.
    """
    notes = []
    training = {_key(inputs_NI[row]): int(row) for row in splits["train"][::-1]}
    for name in ("validation", "test"):
        rows = splits[name]
        shared = [int(row) for row in rows if _key(inputs_NI[row]) in training]
        if shared:
            first = shared[0]
            twin = training[_key(inputs_NI[first])]
            notes.append(
                f"{len(shared):,} of {len(rows):,} {name} examples are training examples as well, input for input "
                f"(first: example {first} is example {twin}): leave them out, or keep them together with data.group"
            )
    return tuple(notes)


def _key(row_I: np.ndarray) -> bytes | int:
    """What stands for an example: its bytes where they are few, else a 64-bit hash, which meets by chance once in
    10^8 pairs of data sets of a million."""
    raw = row_I.tobytes()
    return raw if len(raw) <= 64 else hash(raw)
