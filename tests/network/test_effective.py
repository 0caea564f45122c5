"""Effective masks by hand and by differentiation."""

from __future__ import annotations

from typing import Any

import torch

from builders import random_masks
from siftnet.config.fields import NetworkConfig
from siftnet.geometry import Geometry, Grid, Unknown
from siftnet.network.effective import effective_masks
from siftnet.network.layers import Network, build, forward, initialise
from siftnet.network.masks import Masks
from siftnet.network.state import State


def network(layers: str, geometry: Geometry, *, norm: bool = False) -> Network:
    return build(NetworkConfig(layers=layers, norm=norm), geometry, 2, "cross_entropy")


def edited(masks: Masks, **zeros: Any) -> Masks:
    kept = {name: mask.clone() for name, mask in masks.items()}
    for name, index in zeros.items():
        kept[name.replace("__", ".").replace("l", "layers.", 1)][index] = False
    return Masks(kept)


def dense(net: Network) -> Masks:
    return Masks.dense(initialise(net, 0), net.prunable_names)


def test_a_network_without_dead_units_is_as_dense_as_it_says() -> None:
    net = network("f4:f3:x", Unknown(5))
    assert effective_masks(net, dense(net)).equals(dense(net))


def test_a_unit_without_inputs_leaves_its_outputs_idle_but_not_the_biases() -> None:
    net = network("f4:f3:x", Unknown(5))
    before = edited(dense(net), l0__weight=1)
    assert effective_masks(net, before).equals(edited(before, l1__weight=(slice(None), 1)))


def test_a_unit_without_outputs_leaves_its_inputs_and_its_bias_idle() -> None:
    net = network("f4:f3:x", Unknown(5))
    before = edited(dense(net), l1__weight=(slice(None), 2))
    assert effective_masks(net, before).equals(edited(before, l0__weight=2, l0__bias=2))


def test_death_spreads_over_several_layers() -> None:
    net = network("f4:f3:f2:x", Unknown(5))
    before = edited(dense(net), l2__weight=(slice(None), 0), l1__weight=(1, slice(None)))
    # Only unit 2 of the second layer carries signal; units 0 (no outputs) and 1 (no inputs) do not.
    expected = edited(before, l1__weight=0, l1__bias=0, l2__weight=(slice(None), 1))
    assert effective_masks(net, before).equals(expected)
    nothing = edited(dense(net), l1__weight=slice(None))
    assert effective_masks(net, nothing).survivors == 3 + 2  # biases of the two layers above still shift the output


def test_nothing_left_is_nothing_effective() -> None:
    net = network("f4:x", Unknown(5))
    empty = Masks({name: torch.zeros_like(mask) for name, mask in dense(net).items()})
    assert effective_masks(net, empty).survivors == 0


def test_convolutions_are_followed_channel_by_channel_through_pooling() -> None:
    net = network("c3-4:p2:f3:x", Grid((8,), 2))  # 8 -> 6 -> 3 sites: 12 inputs of the affine layer, 3 a channel
    no_taps = edited(dense(net), l0__weight=1)
    assert effective_masks(net, no_taps).equals(edited(no_taps, l2__weight=(slice(None), slice(3, 6))))
    unread = edited(dense(net), l2__weight=(slice(None), slice(6, 9)))
    assert effective_masks(net, unread).equals(edited(unread, l0__weight=2))
    one_tap = edited(dense(net), l0__weight=(slice(None), 0, slice(0, 2)))
    assert effective_masks(net, one_tap).equals(one_tap)


def test_effective_weights_are_those_that_a_gradient_or_a_signal_can_reach() -> None:
    """With positive weights and inputs nothing cancels, so a weight is idle exactly where it changes no output or no
    input reaches it."""
    net = network("f9:f8:f7:x", Unknown(10))
    for seed in range(5):
        state = initialise(net, seed)
        masks = random_masks(state, net.prunable_names, 0.15, seed)
        effective = effective_masks(net, masks)
        positive = State({name: value.abs() + 0.1 for name, value in state.parameters.items()})
        no_bias = positive.parameters | {n: 0 * v for n, v in positive.parameters.items() if n.endswith("bias")}
        leaves = {name: value.double().requires_grad_() for name, value in no_bias.items()}
        outputs, _ = forward(net, State(leaves), masks, torch.ones(1, 10, dtype=torch.float64), training=True)
        outputs.sum().backward()
        for name in net.prunable_names:
            if name.endswith("weight"):
                gradient = leaves[name].grad
                assert torch.equal(effective[name], (gradient != 0) & masks[name]), name
