"""How fast a step could be on this machine: its operations at the machine's measured rates, everything else free.

A step takes three products a layer (forward, weight gradient, input gradient), two in the first layer, whose inputs
need no gradient; a product of B examples with n weights, each used at s sites, is 2 B n s operations.

- dense floor: all products at the largest rate that torch.mm reaches in the precision asked for;
- sparse floor: the products of the surviving weights at the largest fp32 rate of torch.mm, plus those of the layers
  that are never pruned (the output layer) at the rate in the precision asked for;
- neither is less than the traffic: the batch read once as it is stored, and every weight read and written once as
  fp32, at the bandwidth of copying (bytes read and bytes written both count).

No sparse code reaches the sparse floor: it gives every multiply-add the rate of a dense product, as if loading the
activations that a row of survivors picks out cost nothing. Activations, batch norm, loss and optimiser arithmetic are
free in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch

from siftnet.kernels.dense import PRECISIONS
from siftnet.kernels.timing import device_clock, durations
from siftnet.network.layers import Affine, Convolution, Network, Pooling
from siftnet.network.masks import Masks

# (m, k, n) of the products whose best rate counts as the peak.
SHAPES = ((1024, 1024, 1024), (1024, 3072, 1024), (2048, 2048, 2048))
COPIED_BYTES = 2**27
REPEATS = 5


@dataclass(frozen=True)
class Peak:
    """What the machine reaches: dense products in the precision and in fp32, 1e9 operations a second, and copying,
    1e9 bytes a second (read and written)."""

    product_gflops: float
    fp32_gflops: float
    copy_gbytes: float

    def best(self, other: Peak) -> Peak:
        """The larger of each, of two looks at a noisy machine."""
        return Peak(
            max(self.product_gflops, other.product_gflops),
            max(self.fp32_gflops, other.fp32_gflops),
            max(self.copy_gbytes, other.copy_gbytes),
        )


@dataclass(frozen=True)
class Work:
    """Operations and bytes of a step: dense, of the survivors in pruned layers, of the layers that are never pruned."""

    dense_flops: float
    surviving_flops: float
    unpruned_flops: float
    dense_bytes: float
    sparse_bytes: float

    def dense_floor_ms(self, peak: Peak) -> float:
        """Milliseconds that a dense step takes at least."""
        return 1e-6 * max(self.dense_flops / peak.product_gflops, self.dense_bytes / peak.copy_gbytes)

    def sparse_floor_ms(self, peak: Peak) -> float:
        """Milliseconds that a sparse step takes at least."""
        products = self.surviving_flops / peak.fp32_gflops + self.unpruned_flops / peak.product_gflops
        return 1e-6 * max(products, self.sparse_bytes / peak.copy_gbytes)


@dataclass(frozen=True)
class _Weights:
    """A layer's weight: its name, entries, the sites each entry is used at, and the inputs of the layer."""

    name: str
    entries: int
    sites: int
    inputs: int


def work_of(network: Network, masks: Masks, batch: int, input_bytes: int) -> Work:
    """What a step of `batch` examples has to do; input_bytes: of one stored input value."""
    layers = [_weights(layer) for layer in network.layers if not isinstance(layer, Pooling)]
    dense = surviving = unpruned = kept = 0
    for number, layer in enumerate(layers):
        products = 2 if number == 0 else 3
        each = 2 * batch * products * layer.sites
        survivors = int(masks[layer.name].sum()) if layer.name in masks else layer.entries
        dense += each * layer.entries
        kept += survivors
        if layer.name in masks:
            surviving += each * survivors
        else:
            unpruned += each * layer.entries
    read = batch * layers[0].inputs * input_bytes
    return Work(dense, surviving, unpruned, read + 8 * sum(layer.entries for layer in layers), read + 8 * kept)


def _weights(layer: Affine | Convolution) -> _Weights:
    name = f"{layer.name}.weight"
    if isinstance(layer, Affine):
        return _Weights(name, layer.inputs * layer.outputs, 1, layer.inputs)
    axes = len(layer.in_shape) - 1
    entries = layer.out_shape[0] * layer.in_shape[0] * layer.width**axes
    return _Weights(name, entries, prod(layer.out_shape[1:]), prod(layer.in_shape))


def measure_peak(precision: str, device: str) -> Peak:
    """The machine's rates, the best of a few repeats of a few shapes."""
    fp32 = max(_product_gflops(shape, "fp32", device) for shape in SHAPES)
    low = max(_product_gflops(shape, precision, device) for shape in SHAPES) if precision != "fp32" else fp32
    source = torch.zeros(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    copying = _shortest(lambda: target.copy_(source), device)
    return Peak(low, fp32, 2e-9 * COPIED_BYTES / copying)


def _product_gflops(shape: tuple[int, int, int], precision: str, device: str) -> float:
    m, k, n = shape
    left = torch.ones(m, k, dtype=PRECISIONS[precision], device=device)
    right = torch.ones(k, n, dtype=PRECISIONS[precision], device=device)
    out = torch.empty(m, n, dtype=PRECISIONS[precision], device=device)
    return 2e-9 * m * k * n / _shortest(lambda: torch.mm(left, right, out=out), device)


def _shortest(call: Callable[[], object], device: str) -> float:
    """Seconds of the fastest call."""
    return min(durations(call, REPEATS, clock=device_clock(device)))
