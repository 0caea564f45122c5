"""Windows cut from one signal, of which neighbours share most of their values. N examples, C channels, S sites."""

from __future__ import annotations

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.raw import Raw
from siftnet.data.splits import Notes
from siftnet.geometry import Grid, Unknown

PAIRS = 200
"""Neighbouring examples that are looked at, all over the data."""
SHORTEST = 4
"""Values at least that two windows share; fewer meet by chance."""


def note_windows(raw: Raw, config: DataConfig) -> Notes:
    """A sentence where most examples are the one before, shifted, and yet are drawn into splits one by one.

    Looked for in data of one axis, or of none that is known; not where data.group or data.split time keeps windows of
    one signal together, or training is divided by the data's authors.
    """
    drawn = config.split == "draw" and raw.group_N is None and (raw.held_out_N is None or raw.validation_N is None)
    geometry = raw.geometry
    channels = geometry.channels if isinstance(geometry, Grid) and geometry.ndim == 1 else 1
    if not drawn or not (isinstance(geometry, Unknown) or (isinstance(geometry, Grid) and geometry.ndim == 1)):
        return ()
    stride = _stride(raw.inputs_NI, channels)
    if stride is None:
        return ()
    return (
        f"each example is the one before, shifted by {stride} values: windows of one signal, which must not lie in "
        "two splits; name the recording with data.group, or set data.split time",
    )


def _stride(inputs_NI: np.ndarray, channels: int) -> int | None:
    """By how many sites most neighbouring examples are shifted against each other; None where they are not."""
    count, sites = len(inputs_NI), inputs_NI.shape[1] // channels
    if count < 2 or sites <= SHORTEST:
        return None
    first_P = np.unique(np.linspace(0, count - 2, PAIRS).astype(np.int64))
    before_PCS = inputs_NI[first_P].reshape(-1, channels, sites)
    after_PCS = inputs_NI[first_P + 1].reshape(-1, channels, sites)
    # A flat stretch continues any other.
    changing_P = (after_PCS[:, :, :SHORTEST] != after_PCS[:, :, :1]).any(axis=(1, 2))
    if 2 * changing_P.sum() < len(first_P):
        return None
    before_PCS, after_PCS = before_PCS[changing_P], after_PCS[changing_P]
    for stride in range(1, sites - SHORTEST + 1):
        # Windows run forwards; a table of lagged values runs backwards.
        for one_PCS, other_PCS in ((before_PCS, after_PCS), (after_PCS, before_PCS)):
            shared_P = (one_PCS[:, :, stride:] == other_PCS[:, :, :-stride]).all(axis=(1, 2))
            if 2 * shared_P.sum() > len(shared_P):
                return stride
    return None
