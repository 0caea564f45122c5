"""Compaction: which entries of a masked affine network a batch can move, which are constant over it, which are dead.

O outputs, I inputs, L layers; O' and I' those that remain, C constant inputs, Z constant ("frozen") outputs.

Units are followed level by level: a unit varies when some path leads to it from the network's inputs, it is read when
some path leads from it to the network's outputs. With batch norm before every affine layer:

- A unit without inputs emits relu(bias), which batch norm turns into its beta whatever the bias is (trap 1), and
  likewise a unit that reads only such units. As an input i it adds W_oi beta_i to output o, and with s_o = sum over
  the batch of dA_o its gradients are dW_oi = beta_i s_o, d beta_i = sum_o W_oi s_o, d gamma_i = 0.
- A frozen output's bias and weights get no gradient, since batch norm takes the constant away again. What it emits
  still changes between updates (decay of its bias and weights, training of the betas below), and its running mean
  follows: in evaluation batch norm gives beta_i + gamma_i (x_i - mean_i) / sqrt(var_i + epsilon), not beta_i alone.
- A unit that nothing reads gets no gradient, but decay and momentum act on its bias and weights (trap 2).

Without batch norm a constant passes gradients on to the unit below it, so there every unit counts as varying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from siftnet.network.layers import Affine, Network
from siftnet.network.masks import Masks

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Part:
    """What of one affine layer has to be computed; every tensor is int64, ascending, on the processor.

    Units, by their number in the whole layer:
    inputs: (I',), vary and are read; constants: (C,), are read and do not vary;
    outputs: (O',), vary and are read (of the last layer: all); frozen: (Z,), are read and do not vary.
    A layer's inputs are the outputs of the one before, its constants that one's frozen outputs.

    Surviving weights, by their flat position in (O, I), each in exactly one of:
    live: from `inputs` to `outputs`; steady: from `constants` to `outputs` or `frozen`;
    dead: to an output that nothing reads, so that only decay and momentum act on them.

    Surviving biases, by their output:
    bias_live: of `outputs`; bias_idle: of all others, without a gradient.
    """

    layer: Affine
    inputs: Tensor
    constants: Tensor
    outputs: Tensor
    frozen: Tensor
    live: Tensor
    steady: Tensor
    dead: Tensor
    bias_live: Tensor
    bias_idle: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """(O', I'), the matrix that is left to multiply the batch with."""
        return len(self.outputs), len(self.inputs)

    @property
    def survivors(self) -> int:
        """Number of surviving weights."""
        return len(self.live) + len(self.steady) + len(self.dead)


def compact(network: Network, masks: Masks) -> list[Part]:
    """The parts of a network of affine layers, first layer first.

    A parameter without a mask is kept whole.
    """
    layers = [layer for layer in network.layers if isinstance(layer, Affine)]
    assert len(layers) == len(network.layers), "only affine layers can be compacted"
    kept = [_kept(f"{layer.name}.weight", (layer.outputs, layer.inputs), masks) for layer in layers]
    varies = _varying(kept, norm=network.norm)
    read = _read(kept)
    active = [v & r for v, r in zip(varies, read, strict=True)]
    fixed = [~v & r for v, r in zip(varies, read, strict=True)]
    parts = []
    for level, (layer, kept_OI) in enumerate(zip(layers, kept, strict=True)):
        above = level + 1
        every_I = np.ones(layer.inputs, bool)
        bias_O = _kept(f"{layer.name}.bias", (layer.outputs,), masks)
        parts.append(
            Part(
                layer,
                inputs=_positions(active[level]),
                constants=_positions(fixed[level]),
                outputs=_positions(active[above]),
                frozen=_positions(fixed[above]),
                live=_entries(kept_OI, active[above], active[level]),
                steady=_entries(kept_OI, read[above], fixed[level]),
                dead=_entries(kept_OI, ~read[above], every_I),
                bias_live=_positions(bias_O & active[above]),
                bias_idle=_positions(bias_O & ~active[above]),
            )
        )
    return parts


def live_share(parts: Sequence[Part]) -> float:
    """Share of the surviving weights that are live, the output layer's included; 0 where none survives."""
    return sum(len(part.live) for part in parts) / max(sum(part.survivors for part in parts), 1)


def _kept(name: str, shape: tuple[int, ...], masks: Masks) -> Flags:
    return masks[name].numpy() if name in masks else np.ones(shape, bool)


def _varying(kept: list[Flags], *, norm: bool) -> list[Flags]:
    """For each level, inputs of the network first: the units that count as varying over the batch."""
    varies: list[Flags] = [np.ones(kept[0].shape[1], bool)]
    for kept_OI in kept[:-1]:
        varies.append(np.any(kept_OI & varies[-1], axis=1) if norm else np.ones(len(kept_OI), bool))
    # The loss needs the network's outputs whether they vary or not, and no batch norm takes their constants away.
    return [*varies, np.ones(len(kept[-1]), bool)]


def _read(kept: list[Flags]) -> list[Flags]:
    """For each level, inputs of the network first: the units from which a path leads to the network's outputs."""
    read: list[Flags] = [np.ones(len(kept[-1]), bool)]
    for kept_OI in reversed(kept):
        read.append(np.any(kept_OI[read[-1]], axis=0))
    return read[::-1]


def _entries(kept_OI: Flags, rows_O: Flags, columns_I: Flags) -> Tensor:
    """Flat positions in (O, I), in mask order, of the survivors in these rows and columns."""
    if not (rows_O.any() and columns_I.any()):
        return torch.empty(0, dtype=torch.int64)
    # NumPy finds the positions of 3 M flags in 2 ms on one core at any density, torch in 3 to 70.
    return _positions(kept_OI & rows_O[:, None] & columns_I)


def _positions(flags: Flags) -> Tensor:
    return torch.from_numpy(np.flatnonzero(flags))
