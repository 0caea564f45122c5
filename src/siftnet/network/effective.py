"""Dead structure: which survivors lie on a path from an input to an output.

A unit without inputs emits a constant, a unit without outputs emits nothing that counts; both make connections of the
neighbouring layers idle, and those theirs.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from siftnet.network.layers import Affine, Convolution, Network
from siftnet.network.masks import Masks


def effective_masks(network: Network, masks: Masks) -> Masks:
    """The survivors that carry signal: weights on some path from an input to an output, biases of units that reach one.

    Convolutions are followed channel by channel.
    """
    layers = [layer for layer in network.layers if isinstance(layer, Affine | Convolution)]
    kept = [_kept(layer, masks) for layer in layers]
    carries = _sources(kept)
    reaches = _targets(kept)
    effective = {}
    for layer, weight, source, target in zip(layers, kept, carries, reaches, strict=True):
        live = target[:, None] & source[None, :]
        name = f"{layer.name}.weight"
        if name in masks:
            effective[name] = weight & live.reshape(*live.shape, *[1] * (weight.ndim - 2))
        if f"{layer.name}.bias" in masks:
            effective[f"{layer.name}.bias"] = masks[f"{layer.name}.bias"] & target
    return Masks(effective)


def _kept(layer: Affine | Convolution, masks: Masks) -> Tensor:
    name = f"{layer.name}.weight"
    if name in masks:
        return masks[name]
    assert isinstance(layer, Affine), "convolutions always have a mask"
    return torch.ones(layer.outputs, layer.inputs, dtype=torch.bool)


def _connected(weight: Bool[Tensor, "O C ..."]) -> Bool[Tensor, "O C"]:
    """Unit-to-unit connections (outputs, inputs): a convolution's taps count as one."""
    return weight.flatten(2).any(2) if weight.ndim > 2 else weight


def _sources(kept: list[Tensor]) -> list[Tensor]:
    """For each layer, which of its inputs vary with the network's inputs."""
    source = torch.ones(kept[0].shape[1], dtype=torch.bool)
    sources = []
    for weight in kept:
        source = _per_site(source, weight.shape[1])
        sources.append(source)
        source = (_connected(weight) & source).any(1)
    return sources


def _targets(kept: list[Tensor]) -> list[Tensor]:
    """For each layer, which of its outputs reach the network's outputs."""
    target = torch.ones(kept[-1].shape[0], dtype=torch.bool)
    targets = [target]
    for below, weight in zip(reversed(kept[:-1]), reversed(kept[1:]), strict=True):
        reached = (_connected(weight) & target[:, None]).any(0)
        target = reached.reshape(below.shape[0], -1).any(1)
        targets.append(target)
    return targets[::-1]


def _per_site(channels: Bool[Tensor, "C"], inputs: int) -> Bool[Tensor, "I"]:
    """A channel's flag given to each of its sites, where an affine layer reads a grid."""
    return channels.repeat_interleave(inputs // len(channels))
