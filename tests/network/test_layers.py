"""The network against PyTorch's own layers, its initialisation against its formula, its text against refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from builders import random_masks
from siftnet.config.fields import NetworkConfig
from siftnet.geometry import Geometry, Grid, Unknown, ring, volume
from siftnet.network.layers import Affine, Convolution, Network, Pooling, build, forward, initialise, loss_of
from siftnet.network.masks import Masks
from siftnet.network.state import State

NOTHING = Masks({})


def network(layers: str, geometry: Geometry, outputs: int = 3, **settings: Any) -> Network:
    return build(NetworkConfig(layers=layers, **settings), geometry, outputs, "cross_entropy")


def doubled(state: State) -> State:
    draws = torch.Generator().manual_seed(0)
    noise = {n: 0.3 * torch.randn(v.shape, generator=draws, dtype=torch.float64) for n, v in state.parameters.items()}
    return State({name: value.double() + noise[name] for name, value in state.parameters.items()})


def modules(net: Network, state: State) -> nn.Sequential:
    """The same network out of PyTorch's modules."""
    parts: list[nn.Module] = []
    for layer in net.layers:
        if isinstance(layer, Pooling):
            parts.append({1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}[len(layer.in_shape) - 1](layer.width))
            continue
        weight = state.parameters[f"{layer.name}.weight"]
        if isinstance(layer, Convolution):
            kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(layer.in_shape) - 1]
            conv = kind(layer.in_shape[0], layer.out_shape[0], layer.width, layer.stride, bias=False).double()
            conv.weight.data = weight
            parts += [conv, nn.ReLU()]
            continue
        parts.append(nn.Flatten())
        if net.norm:
            norm = nn.BatchNorm1d(layer.inputs, eps=net.norm_epsilon, momentum=1 - net.norm_decay).double()
            norm.weight.data = state.parameters[f"{layer.name}.norm.weight"]
            norm.bias.data = state.parameters[f"{layer.name}.norm.bias"]
            parts.append(norm)
        linear = nn.Linear(layer.inputs, layer.outputs).double()
        linear.weight.data, linear.bias.data = weight, state.parameters[f"{layer.name}.bias"]
        parts += [linear, nn.ReLU()] if layer.hidden else [linear]
    return nn.Sequential(*parts)


CASES = [
    ("f7:f5:x", Unknown(11), True),
    ("f7:f5:x", Unknown(11), False),
    ("x", Unknown(4), True),
    ("c3-4-2:p2:f6:x", ring(19, 2), True),
    ("c3-4:c2-5-2:p2:f6:x", Grid((11, 10), 3), True),
    ("c2-3:p2:x", volume(5, 4, 6), False),
]


@pytest.mark.parametrize(("layers", "geometry", "norm"), CASES)
def test_forward_agrees_with_pytorchs_modules(layers: str, geometry: Geometry, norm: bool) -> None:
    net = network(layers, geometry, norm=norm)
    state = doubled(initialise(net, 0))
    peer = modules(net, state)
    x = torch.randn(9, geometry.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    grid = (geometry.channels, *geometry.shape) if isinstance(geometry, Grid) else (geometry.size,)
    outputs, statistics = forward(net, state, NOTHING, x, training=True)
    torch.testing.assert_close(outputs, peer.train()(x.reshape(-1, *grid)))
    outputs, _ = forward(net, State(state.parameters, statistics), NOTHING, x, training=False)
    norms = [module for module in peer if isinstance(module, nn.BatchNorm1d)]
    affine = [layer for layer in net.layers if isinstance(layer, Affine)] if norm else []
    for module, layer in zip(norms, affine, strict=True):
        module.running_mean = statistics[f"{layer.name}.norm.running_mean"]
        module.running_var = statistics[f"{layer.name}.norm.running_var"]
    torch.testing.assert_close(outputs, peer.eval()(x.reshape(-1, *grid)))


def test_running_statistics_start_at_the_first_batch_and_then_decay_with_the_biased_variance() -> None:
    net = network("x", Unknown(4), norm_decay=0.9)
    state, first, second = initialise(net, 0), torch.randn(8, 4), torch.randn(8, 4)
    _, statistics = forward(net, state, NOTHING, first, training=True)
    torch.testing.assert_close(statistics["layers.0.norm.running_mean"], first.mean(0))
    torch.testing.assert_close(statistics["layers.0.norm.running_var"], first.var(0, correction=0))
    _, after = forward(net, State(state.parameters, statistics), NOTHING, second, training=True)
    expected = 0.9 * first.var(0, correction=0) + 0.1 * second.var(0, correction=0)
    torch.testing.assert_close(after["layers.0.norm.running_var"], expected)
    torch.testing.assert_close(after["layers.0.norm.running_mean"], 0.9 * first.mean(0) + 0.1 * second.mean(0))


def test_masks_act_as_zeroed_parameters() -> None:
    net = network("c3-4:f6:x", Grid((6, 6), 2))
    state = doubled(initialise(net, 0))
    masks = random_masks(state, net.prunable_names, 0.4)
    x = torch.randn(5, 72, dtype=torch.float64)
    masked, _ = forward(net, state, masks, x, training=True)
    zeroed, _ = forward(net, masks.apply(state), NOTHING, x, training=True)
    torch.testing.assert_close(masked, zeroed, rtol=0, atol=0)
    plain, _ = forward(net, state, NOTHING, x, training=True)
    assert not torch.allclose(masked, plain)


def test_prunable_are_weights_and_biases_of_hidden_layers_and_taps_of_convolutions() -> None:
    net = network("c3-4:p2:f6:f5:x", Grid((8, 8)))
    assert net.prunable == {
        "layers.0": ["layers.0.weight"],
        "layers.2": ["layers.2.weight", "layers.2.bias"],
        "layers.3": ["layers.3.weight", "layers.3.bias"],
    }
    assert [name for names in net.prunable.values() for name in names] == net.prunable_names


def test_gamma_and_beta_do_not_decay_and_the_first_layer_reads_the_inputs() -> None:
    net = network("c3-4:p2:f6:x", Grid((8, 8)))
    names = [f"layers.{i}.norm.{part}" for i in (2, 3) for part in ("weight", "bias")]
    assert sorted(net.undecayed) == sorted(names)
    assert network("c3-4:p2:f6:x", Grid((8, 8)), norm=False).undecayed == frozenset()
    assert net.first_layer == "layers.0"
    assert network("p2:f6:x", Grid((8, 8))).first_layer is None


@pytest.mark.parametrize("norm", [True, False])
def test_shapes_are_those_of_what_is_drawn(norm: bool) -> None:
    net = network("c3-4:p2:f6:x", Grid((8, 8)), norm=norm)
    assert net.shapes["layers.0.weight"] == (4, 1, 3, 3)
    drawn = initialise(net, 0).parameters
    assert list(net.shapes.items()) == [(name, tuple(value.shape)) for name, value in drawn.items()]


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_initial_weights_have_the_papers_deviation(scale: float) -> None:
    net = network("c3-40:f300:x", Grid((9, 9), 20), outputs=50, init_scale=scale)
    parameters = initialise(net, 1).parameters
    for name, fans in (("layers.0", 9 * 20 + 40), ("layers.1", 40 * 49 + 300), ("layers.2", 300 + 50)):
        weight = parameters[f"{name}.weight"].double()
        deviation = scale * math.sqrt(2 / fans)
        error = 5 / math.sqrt(2 * weight.numel())
        assert float(weight.std()) == pytest.approx(deviation, rel=error)
        assert abs(float(weight.mean())) < 5 * deviation / math.sqrt(weight.numel())
        assert float(((weight / deviation) ** 4).mean()) == pytest.approx(3, abs=5 * math.sqrt(96 / weight.numel()))
    assert "layers.0.bias" not in parameters, "convolutions have no bias"
    assert not parameters["layers.1.bias"].any()
    assert (parameters["layers.1.norm.weight"] == 1).all()
    assert not parameters["layers.1.norm.bias"].any()
    assert all(value.dtype == torch.float32 for value in parameters.values())


def test_a_layers_draw_depends_on_seed_names_and_layer_alone() -> None:
    first = initialise(network("f7:f5:x", Unknown(11)), 0, 0).parameters["layers.0.weight"]

    def same(layers: str, *key: int) -> bool:
        return torch.equal(initialise(network(layers, Unknown(11)), *key).parameters["layers.0.weight"], first)

    assert same("f7:f9:x", 0, 0)
    assert not same("f7:f5:x", 1, 0)
    assert not same("f7:f5:x", 0, 1)
    square = initialise(network("f6:f6:x", Unknown(6)), 0).parameters
    assert not torch.equal(square["layers.0.weight"], square["layers.1.weight"])


def test_shapes_by_hand() -> None:
    net = network("c3-4-2:p2:f6:x", Grid((9, 10), 2), outputs=5)
    conv, pool, hidden, out = net.layers
    assert isinstance(conv, Convolution)
    assert conv.out_shape == (4, 4, 4)
    assert isinstance(pool, Pooling)
    assert pool.out_shape == (4, 2, 2)
    assert (hidden, out) == (Affine("layers.2", 16, 6, True), Affine("layers.3", 6, 5, False))


@pytest.mark.parametrize(
    ("layers", "geometry", "message"),
    [
        ("f5", Unknown(4), "must end in the output layer x"),
        ("f5:x:f5:x", Unknown(4), "must end in the output layer x"),
        ("", Unknown(4), "must end in the output layer x"),
        ("f0:x", Unknown(4), "has 'f0'; a layer is fN"),
        ("f-5:x", Unknown(4), "has 'f-5'; a layer is fN"),
        ("c3:x", Grid((8, 8)), "has 'c3'; a layer is fN"),
        ("q3:x", Grid((8, 8)), "has 'q3'; a layer is fN"),
        ("c3-4:x", Unknown(64), "has 'c3-4' where there is no grid"),
        ("f5:p2:x", Grid((8, 8)), "has 'p2' where there is no grid"),
        ("c9-4:x", Grid((8, 9)), r"has 'c9-4', 9 wide, on inputs of \(8, 9\) sites: make it narrower"),
        ("p2:p2:p2:p2:x", Grid((8, 8)), r"has 'p2', 2 wide, on inputs of \(1, 1\) sites"),
        ("c2-2:x", Grid((3, 3, 3, 3)), "has 'c2-2' where there is no grid of one to three axes"),
    ],
)
def test_texts_that_describe_no_network_are_refused_by_layer(layers: str, geometry: Geometry, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(layers, geometry)


def test_losses_are_cross_entropy_or_squared_error_by_hand() -> None:
    outputs = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    loss: Tensor = loss_of(network("x", Unknown(2)), outputs, torch.tensor([1, 0]))
    assert float(loss) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    numeric = build(NetworkConfig(layers="x"), Unknown(2), 1, "squared_error")
    assert float(loss_of(numeric, torch.tensor([[1.0], [4.0]]), torch.tensor([2.0, 2.0]))) == 2.5
