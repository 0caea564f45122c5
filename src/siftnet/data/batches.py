"""Which example stands where in which batch, how it is augmented, and the batch itself, made on the device.

Every choice is a hash of (seed, stream, round, step, position), so it needs no state, is the same on every device, and
a resumed run repeats it. Steps are numbers, or lie in a tensor, so that the choices of many updates are made at once
and without the processor knowing which. B batch, I inputs, A axes, K updates, p largest shift.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from zlib import crc32

import torch
import torch.nn.functional as F
from torch import Tensor

from siftnet.data.dataset import Dataset
from siftnet.data.spread import target_spreads
from siftnet.geometry import Grid

# The constants of splitmix64 (Steele, Lea & Flood 2014).
GOLDEN, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WORD = (1 << 64) - 1


def _signed(value: int) -> int:
    """A 64-bit pattern as the int64 with the same bits, which is what torch multiplies modulo 2^64."""
    value &= WORD
    return value - (1 << 64) if value >> 63 else value


def _mix(value: int) -> int:
    value = ((value ^ (value >> 30)) * MIX_1) & WORD
    value = ((value ^ (value >> 27)) * MIX_2) & WORD
    return value ^ (value >> 31)


def hash_key(*parts: int) -> int:
    """One 64-bit key from several whole numbers, order mattering."""
    key = 0
    for part in parts:
        key = _mix((key + GOLDEN * ((part & WORD) + 1)) & WORD)
    return key


def _shift_right(bits: Tensor, count: int) -> Tensor:
    return (bits >> count) & ((1 << (64 - count)) - 1)


def _mix_bits(bits: Tensor) -> Tensor:
    bits = (bits ^ _shift_right(bits, 30)) * _signed(MIX_1)
    bits = (bits ^ _shift_right(bits, 27)) * _signed(MIX_2)
    return bits ^ _shift_right(bits, 31)


def hash_keys(*parts: int, last: Tensor) -> Tensor:
    """hash_key(*parts, k) for every k of `last`, int64 of any shape: the 64 bits of each as int64, of that shape."""
    return _mix_bits((last + 1) * _signed(GOLDEN) + _signed(hash_key(*parts)))


def hash_bits(key: int | Tensor, count: int, device: torch.device) -> Tensor:
    """splitmix64's outputs at positions 0..count-1 of the stream `key`: int64 (count,), all 64 bits random.

    Keys as int64 (...) give (..., count).
    """
    start = key[..., None] if isinstance(key, Tensor) else _signed(key)
    return _mix_bits(torch.arange(1, count + 1, device=device) * _signed(GOLDEN) + start)


def hash_integers(key: int | Tensor, count: int, below: int, device: torch.device) -> Tensor:
    """Whole numbers in [0, below): int64 (count,), from the upper 32 bits of each hash; `below` up to 2^31.

    Keys as int64 (...) give (..., count).
    """
    return (_shift_right(hash_bits(key, count, device), 32) * below) >> 32


@dataclass(frozen=True)
class Augmentation:
    """What is done to images in training, by chance of their own for each: both tell the network about geometry."""

    flip: bool = False
    """Mirror half of them left to right."""
    shift: int = 0
    """Shift each by up to so many sites along every axis."""


NO_AUGMENTATION = Augmentation()


class Batches:
    """The training batches of one round, and the splits in order, on one device."""

    def __init__(
        self,
        dataset: Dataset,
        batch: int,
        seed: int,
        round_number: int,
        *,
        augmentation: Augmentation = NO_AUGMENTATION,
        device: torch.device | str = "cpu",
    ) -> None:
        self.dataset, self.batch, self.seed, self.round = dataset, batch, seed, round_number
        self.flip, self.shift = augmentation.flip, augmentation.shift
        self.device = torch.device(device)
        self.inputs_NI = torch.from_numpy(dataset.inputs_NI).to(self.device)
        self.labels_N = torch.from_numpy(dataset.labels_N).to(self.device)
        self.rows = {name: torch.from_numpy(rows).to(self.device) for name, rows in dataset.splits.items()}
        self.center_I = torch.from_numpy(dataset.center_I).to(self.device)
        self.scale_I = torch.from_numpy(dataset.scale_I).to(self.device)
        self.target_spreads = target_spreads(dataset)
        """Of numeric targets: what R squared is a share of, by split; see `target_spread`."""

    def for_round(self, round_number: int) -> Batches:
        """The same data, in another round's order; nothing is copied."""
        other = copy(self)
        other.round = round_number
        return other

    def for_seed(self, seed: int) -> Batches:
        """The same data, in another seed's order; nothing is copied."""
        other = copy(self)
        other.seed = seed
        return other

    def _integers(self, stream: str, step: int | Tensor, below: int) -> Tensor:
        """Of each example of update `step` one number in [0, below): int64 (B,), or (K, B) for steps (K,)."""
        name = crc32(stream.encode())
        if isinstance(step, Tensor):
            return hash_integers(hash_keys(self.seed, name, self.round, last=step), self.batch, below, self.device)
        return hash_integers(hash_key(self.seed, name, self.round, step), self.batch, below, self.device)

    def rows_at(self, step: int | Tensor) -> Tensor:
        """Rows of the data set that make the batch of update `step` (from 0): int64 (B,), drawn with replacement.

        Steps as int64 (K,) on the device give (K, B).
        """
        train = self.rows["train"]
        return train[self._integers("example", step, len(train))]

    def train(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs float32 (B, I), augmented and normalised, and labels (B,) of update `step`."""
        rows = self.rows_at(step)
        return self.inputs(rows, *self.moves(step)), self.labels_N[rows]

    def split(self, name: str, chunk: int = 1000) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and labels of a split in its own order, never augmented, `chunk` at a time."""
        for rows in torch.split(self.rows[name], chunk):
            yield self.inputs(rows), self.labels_N[rows]

    def inputs(self, rows_B: Tensor, moved_BA: Tensor | None = None, mirrored_B: Tensor | None = None) -> Tensor:
        """Normalised inputs float32 (B, I) of these rows, augmented as `moves` says."""
        x_BI = self._augment(self.inputs_NI[rows_B], moved_BA, mirrored_B)
        return x_BI.to(torch.float32).sub_(self.center_I).mul_(self.scale_I)

    def moves(self, step: int | Tensor) -> tuple[Tensor | None, Tensor | None]:
        """How update `step` augments its examples: int64 (B, A), how far each moves along every axis, -p..p, and then
        bool (B,), whether it is mirrored along the last; None for what is not asked for. Steps as int64 (K,) on the
        device give (K, B, A) and (K, B)."""
        moved_BA = mirrored_B = None
        if self.shift:
            p, grid = self.shift, self.dataset.geometry
            assert isinstance(grid, Grid), "the configuration refuses augmentation without a grid"
            axes = [self._integers(f"shift {axis}", step, 2 * p + 1) for axis in range(grid.ndim)]
            moved_BA = p - torch.stack(axes, -1)
        if self.flip:
            mirrored_B = self._integers("flip", step, 2).bool()
        return moved_BA, mirrored_B

    def _augment(self, x_BI: Tensor, moved_BA: Tensor | None, mirrored_B: Tensor | None) -> Tensor:
        if moved_BA is None and mirrored_B is None:
            return x_BI
        grid = self.dataset.geometry
        assert isinstance(grid, Grid), "the configuration refuses augmentation without a grid"
        x = x_BI.reshape(-1, grid.channels, *grid.shape)
        if moved_BA is not None:
            x = self._shifted(x, grid, moved_BA)
        if mirrored_B is not None:
            x = torch.where(mirrored_B.reshape(-1, *[1] * (x.ndim - 1)), x.flip(-1), x)
        return x.reshape(len(x_BI), -1)

    def _shifted(self, x: Tensor, grid: Grid, moved_BA: Tensor) -> Tensor:
        """Each example moved along every axis; what comes in is 0 on a free grid, the other end on a periodic one. All
        windows of a padded batch are one strided view, so that the choice is one gather."""
        p, axes = self.shift, grid.ndim
        padding = [p, p] * axes
        padded = F.pad(x, padding, mode="circular") if grid.periodic else F.pad(x, padding)
        batch, channel, *sites = padded.stride()
        windows = padded.as_strided(
            (len(x), *[2 * p + 1] * axes, grid.channels, *grid.shape), (batch, *sites, channel, *sites)
        )
        return windows[(torch.arange(len(x), device=self.device), *(p - moved_BA).unbind(1))]
