"""Random generators, one per purpose, so that drawing more of one thing never changes another."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """The random generator of one purpose, e.g. generator(seed, "redraw", round).

    seed: int >= 0; names: words and numbers that say what is drawn. Different names give independent streams.

    >>> generator(0, "redraw", 3).random() == generator(0, "redraw", 3).random()
    True
    >>> generator(0, "redraw", 3).random() == generator(0, "redraw", 4).random()
    False
    """
    # Hashed as one text: a SeedSequence of numbers pads with zeros, so ("redraw",) and ("redraw", 0) would collide.
    text = repr([int(seed), *(name if isinstance(name, str) else int(name) for name in names)])
    entropy = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
