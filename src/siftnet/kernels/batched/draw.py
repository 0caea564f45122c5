"""The batches of several networks, each by its own seed, from one data set on the device."""

# R replicates, B batch, I inputs, A axes, U updates

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

import torch
from torch import Tensor

from siftnet.data.batches import Batches


def drawn(batches: Sequence[Batches], steps_U: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs float32 (R, B, I) and labels (R, B) of each update, what is drawn for them drawn for all at once."""
    data, rows_URB = batches[0], torch.stack([own.rows_at(steps_U) for own in batches], 1)
    moved, mirrored = zip(*(own.moves(steps_U) for own in batches), strict=True)
    for rows_RB, moved_RBA, mirrored_RB in zip(rows_URB, _stacked(moved), _stacked(mirrored), strict=False):
        x_NI = data.inputs(rows_RB.flatten(), _joined(moved_RBA), _joined(mirrored_RB))
        yield x_NI.unflatten(0, rows_RB.shape), data.labels_N[rows_RB]


def _stacked(moves: Sequence[Tensor | None]) -> Iterable[Tensor | None]:
    """What each replicate draws for U updates, as R of each update; endless None where nothing is drawn."""
    given = [own for own in moves if own is not None]
    return torch.stack(given, 1) if given else repeat(None)


def _joined(move: Tensor | None) -> Tensor | None:
    return None if move is None else move.flatten(0, 1)
