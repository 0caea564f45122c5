"""The network: its layers from a short text, its initial weights, and its reference forward pass.

B batch, I inputs of a layer, O outputs, C channels, K network outputs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod, sqrt
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Num
from torch import Tensor

from siftnet.config.fields import NetworkConfig
from siftnet.geometry import Geometry, Grid
from siftnet.host.torch_state import own_torch
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.seeds import generator

Loss = Literal["cross_entropy", "squared_error"]


@dataclass(frozen=True)
class Affine:
    """Fully connected layer, batch norm on its input where the network has it, ReLU unless it is the output."""

    name: str
    inputs: int
    outputs: int
    hidden: bool


@dataclass(frozen=True)
class Convolution:
    """Convolution without padding, batch norm or bias, then ReLU; shapes are (channels, *sites)."""

    name: str
    width: int
    stride: int
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]


@dataclass(frozen=True)
class Pooling:
    """Max pooling, stride equal to its width."""

    width: int
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]


Layer = Affine | Convolution | Pooling


@dataclass(frozen=True)
class Network:
    """A network's shape, without its weights."""

    layers: tuple[Layer, ...]
    loss: Loss
    norm: bool
    norm_epsilon: float
    norm_decay: float
    init_scale: float

    @property
    def prunable(self) -> dict[str, list[str]]:
        """Layer name -> its parameters that are pruned, ranked together; the output layer is not among them."""
        groups = {}
        for layer in self.layers:
            if isinstance(layer, Affine) and layer.hidden:
                groups[layer.name] = [f"{layer.name}.weight", f"{layer.name}.bias"]
            elif isinstance(layer, Convolution):
                groups[layer.name] = [f"{layer.name}.weight"]
        return groups

    @property
    def prunable_names(self) -> list[str]:
        """All parameters that are pruned."""
        return [name for names in self.prunable.values() for name in names]

    @property
    def undecayed(self) -> frozenset[str]:
        """Parameters that weight decay leaves alone: batch norm's gamma and beta."""
        names = [layer.name for layer in self.layers if isinstance(layer, Affine)] if self.norm else []
        return frozenset(f"{name}.norm.{part}" for name in names for part in ("weight", "bias"))

    @property
    def first_layer(self) -> str | None:
        """The layer whose weights read the network's inputs; None where pooling reads them."""
        first = self.layers[0]
        return None if isinstance(first, Pooling) else first.name

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(map(prod, self.shapes.values()))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter, layer by layer: weight, bias, gamma and beta."""
        found: dict[str, tuple[int, ...]] = {}
        for layer in self.layers:
            if isinstance(layer, Convolution):
                axes = len(layer.in_shape) - 1
                found[f"{layer.name}.weight"] = (layer.out_shape[0], layer.in_shape[0], *[layer.width] * axes)
            elif isinstance(layer, Affine):
                found[f"{layer.name}.weight"] = (layer.outputs, layer.inputs)
                found[f"{layer.name}.bias"] = (layer.outputs,)
                if self.norm:
                    found |= {f"{layer.name}.norm.{part}": (layer.inputs,) for part in ("weight", "bias")}
        return found


def build(config: NetworkConfig, geometry: Geometry, outputs: int, loss: Loss) -> Network:
    """The network that `config.layers` describes on inputs of this geometry.

    Raises ValueError, naming the layer, for a text that cannot be read or a layer that does not fit.
    """
    words = config.layers.split(":")
    if words[-1] != "x" or "x" in words[:-1]:
        raise ValueError(f"network.layers must end in the output layer x, as in 'f1024:f1024:x', got {config.layers!r}")
    shape: tuple[int, ...] = (geometry.channels, *geometry.shape) if isinstance(geometry, Grid) else (geometry.size,)
    layers: list[Layer] = []
    for index, word in enumerate(words):
        layer = _layer(word, f"layers.{index}", shape, outputs)
        layers.append(layer)
        shape = (layer.outputs,) if isinstance(layer, Affine) else layer.out_shape
    return Network(tuple(layers), loss, config.norm, config.norm_epsilon, config.norm_decay, config.init_scale)


def _layer(word: str, name: str, shape: tuple[int, ...], outputs: int) -> Layer:
    if word == "x":
        return Affine(name, prod(shape), outputs, hidden=False)
    if match := re.fullmatch(r"f([1-9]\d*)", word):
        return Affine(name, prod(shape), int(match[1]), hidden=True)
    match = re.fullmatch(r"c([1-9]\d*)-([1-9]\d*)(?:-([1-9]\d*))?", word) or re.fullmatch(r"p([1-9]\d*)", word)
    if not match:
        raise ValueError(
            f"network.layers has {word!r}; a layer is fN (affine), cK-N or cK-N-S (convolution of width K, N filters, "
            "stride S), pK (pooling) or x (output)"
        )
    width = int(match[1])
    if not 2 <= len(shape) <= 4:
        raise ValueError(f"network.layers has {word!r} where there is no grid of one to three axes: use f layers there")
    if width > min(shape[1:]):
        raise ValueError(f"network.layers has {word!r}, {width} wide, on inputs of {shape[1:]} sites: make it narrower")
    if word[0] == "p":
        return Pooling(width, shape, (shape[0], *(n // width for n in shape[1:])))
    stride = int(match[3] or 1)
    out_shape = (int(match[2]), *((n - width) // stride + 1 for n in shape[1:]))
    return Convolution(name, width, stride, shape, out_shape)


@own_torch()
def initialise(network: Network, seed: int, *names: str | int) -> State:
    """Fresh parameters: W ~ N(0, scale^2 2 / (fan_in + fan_out)), b = 0, gamma = 1, beta = 0.

    The draw depends on the seed, `names` and the layer alone. A convolution's fans are K^d c_in and c_out, as in the
    paper's code.
    """
    parameters, shapes = {}, network.shapes
    for layer in network.layers:
        if isinstance(layer, Pooling):
            continue
        shape = shapes[f"{layer.name}.weight"]
        deviation = network.init_scale * sqrt(2 / (prod(shape[1:]) + shape[0]))
        draw = generator(seed, "initialise", layer.name, *names).standard_normal(shape, dtype="float32")
        parameters[f"{layer.name}.weight"] = torch.from_numpy(draw) * deviation
        if isinstance(layer, Affine):
            parameters[f"{layer.name}.bias"] = torch.zeros(layer.outputs)
            if network.norm:
                parameters[f"{layer.name}.norm.weight"] = torch.ones(layer.inputs)
                parameters[f"{layer.name}.norm.bias"] = torch.zeros(layer.inputs)
    return State(parameters)


def forward(
    network: Network, state: State, masks: Masks, x_BI: Float[Tensor, "B I"], *, training: bool
) -> tuple[Float[Tensor, "B K"], dict[str, Tensor]]:
    """Outputs (B, K) and the running statistics after this batch: the reference that every kernel is held against.

    x_BI: float (B, I). In training, batch norm uses the batch's own biased variance and moves the running statistics,
    which start from the first batch's values; in evaluation it uses the running ones. Differentiable in
    `state.parameters`; computes in the parameters' dtype.
    """
    statistics = dict(state.statistics)
    hidden = x_BI
    for layer in network.layers:
        if isinstance(layer, Pooling):
            hidden = POOL[len(layer.in_shape) - 1](hidden.reshape(-1, *layer.in_shape), layer.width)
            continue
        weight = state.parameters[f"{layer.name}.weight"]
        if f"{layer.name}.weight" in masks:
            weight = weight * masks[f"{layer.name}.weight"].to(weight.device)
        if isinstance(layer, Convolution):
            conv = CONVOLVE[len(layer.in_shape) - 1]
            hidden = F.relu(conv(hidden.reshape(-1, *layer.in_shape), weight, stride=layer.stride))
            continue
        hidden = hidden.reshape(len(hidden), layer.inputs)
        if network.norm:
            hidden = _normalise(network, layer.name, state, statistics, hidden, training)
        bias = state.parameters[f"{layer.name}.bias"]
        if f"{layer.name}.bias" in masks:
            bias = bias * masks[f"{layer.name}.bias"].to(bias.device)
        hidden = F.linear(hidden, weight, bias)
        if layer.hidden:
            hidden = F.relu(hidden)
    return hidden, statistics


def _normalise(
    network: Network, name: str, state: State, statistics: dict[str, Tensor], x_BI: Tensor, training: bool
) -> Tensor:
    mean_name, var_name = f"{name}.norm.running_mean", f"{name}.norm.running_var"
    if training:
        mean, var = x_BI.mean(0), x_BI.var(0, correction=0)
        for key, value in ((mean_name, mean.detach()), (var_name, var.detach())):
            old = statistics.get(key)
            statistics[key] = value if old is None else network.norm_decay * old + (1 - network.norm_decay) * value
    else:
        mean, var = statistics[mean_name], statistics[var_name]
    x_hat = (x_BI - mean) * torch.rsqrt(var + network.norm_epsilon)
    return state.parameters[f"{name}.norm.weight"] * x_hat + state.parameters[f"{name}.norm.bias"]


CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def loss_of(
    network: Network, outputs_BK: Float[Tensor, "B K"], labels_B: Num[Tensor, "B"], reduction: str = "mean"
) -> Float[Tensor, "..."]:
    """Cross entropy of class numbers, or squared error of numeric targets (outputs (B, 1))."""
    if network.loss == "cross_entropy":
        return F.cross_entropy(outputs_BK, labels_B, reduction=reduction)
    return F.mse_loss(outputs_BK[:, 0], labels_B, reduction=reduction)
