"""What is removed: scores -> masks, pure and exact; the scores themselves stand in scores.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from siftnet.network.masks import Masks

Groups = Sequence[Sequence[str]]


def pruned_after(entries: int, kept_at_start: int, fraction: Fraction, rounds: int) -> int:
    """Entries of a group that are pruned after `rounds` prunings: floor(n - kept_at_start (1 - f)^t), exactly.

    With nothing pruned at the start this is the floor(n (1 - (1 - f)^t)) of Pellegrini & Biroli's code.

    >>> [pruned_after(100, 100, Fraction(3, 10), t) for t in range(4)]
    [0, 30, 51, 65]
    """
    exact = entries - kept_at_start * (1 - fraction) ** rounds
    return exact.numerator // exact.denominator


def prune(masks: Masks, scores: Mapping[str, Tensor], groups: Groups, pruned: Sequence[int]) -> Masks:
    """Remove the lowest-scored survivors of each group until exactly `pruned[g]` of its entries are pruned in all.

    Ties go to the lower index, tensors in the order that the group names them. What was pruned stays pruned. Raises
    ValueError where a group already has more entries pruned than asked for, or has no such number of entries, and for
    a score that is NaN.
    """
    kept = dict(masks.kept)
    for names, target in zip(groups, pruned, strict=True):
        mask = np.concatenate([kept[name].numpy().reshape(-1) for name in names])
        values = np.concatenate([scores[name].numpy().reshape(-1) for name in names])
        already = int((~mask).sum())
        if not already <= target <= len(mask):
            raise ValueError(
                f"{', '.join(names)}: {target} of {len(mask)} entries cannot be pruned, {already} already are"
            )
        if np.isnan(values[mask]).any():
            raise ValueError(f"{', '.join(names)}: some scores are NaN, so that nothing can be ranked")
        mask[_lowest(values, mask, target - already)] = False
        start = 0
        for name in names:
            size = kept[name].numel()
            kept[name] = torch.from_numpy(mask[start : start + size].reshape(tuple(kept[name].shape)))
            start += size
    return Masks(kept)


def _lowest(values: Float[np.ndarray, "N"], mask: Bool[np.ndarray, "N"], count: int) -> Int64[np.ndarray, "C"]:
    """Indices of the `count` lowest values among the survivors, ties by index."""
    alive = np.flatnonzero(mask)
    if count == 0:
        return alive[:0]
    candidates = values[alive]
    threshold = np.partition(candidates, count - 1)[count - 1]
    below = alive[candidates < threshold]
    ties = alive[candidates == threshold]
    return np.concatenate([below, ties[: count - len(below)]])


def prune_groups(prunable: Mapping[str, Sequence[str]], scope: Literal["layerwise", "global"]) -> list[list[str]]:
    """The names that are ranked together: one group a layer, or all in one."""
    layers = [list(names) for names in prunable.values()]
    return layers if scope == "layerwise" else [[name for names in layers for name in names]]


def group_sizes(masks: Masks, groups: Groups) -> tuple[list[int], list[int]]:
    """Entries and survivors of each group."""
    entries = [sum(masks[name].numel() for name in names) for names in groups]
    return entries, [sum(int(masks[name].sum()) for name in names) for names in groups]
