"""Masks: density, nesting, application, bit-packing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from siftnet.network.masks import Masks, pack, unpack
from siftnet.network.state import State


def masks(**kept: object) -> Masks:
    return Masks({name: torch.tensor(value, dtype=torch.bool) for name, value in kept.items()})


def test_density_counts_weights_and_biases_together() -> None:
    found = masks(w=[[1, 0, 0], [1, 1, 0]], b=[0, 1])
    assert (found.entries, found.survivors, found.density) == (8, 4, 0.5)
    assert Masks({}).density == 0


def test_dense_masks_keep_everything_of_the_named_parameters_alone() -> None:
    state = State({"w": torch.zeros(2, 3), "b": torch.zeros(2), "gamma": torch.zeros(3)})
    found = Masks.dense(state, ["w", "b"])
    assert list(found) == ["w", "b"]
    assert found.survivors == found.entries == 8


def test_within_means_that_nothing_came_back() -> None:
    outer = masks(w=[1, 1, 0])
    assert masks(w=[1, 0, 0]).within(outer)
    assert outer.within(outer)
    assert not masks(w=[1, 0, 1]).within(outer)
    assert not masks(v=[1, 0, 0]).within(outer)
    assert not masks(w=[1, 0, 1]).equals(outer)
    assert not masks(w=[1, 1, 0], v=[1]).equals(outer)
    assert masks(w=[1, 1, 0]).equals(outer)


def test_applying_zeroes_what_is_pruned_and_nothing_else() -> None:
    values = torch.tensor([1.0, -2, float("nan"), float("inf"), -0.0])
    state = State({"w": values, "gamma": torch.ones(2)}, {"mean": torch.ones(1)}, {"m": {"w": torch.ones(5)}}, step=7)
    found = masks(w=[1, 0, 0, 0, 0]).apply(state)
    assert found.parameters["w"].tolist() == [1, 0, 0, 0, 0]
    assert not torch.signbit(found.parameters["w"]).any()
    assert found.parameters["gamma"] is state.parameters["gamma"]
    assert (found.statistics, found.optimiser, found.step) == (state.statistics, state.optimiser, 7)
    assert torch.isnan(values[2]), "the state given is left alone"


@pytest.mark.parametrize("shape", [(1,), (8,), (9,), (3, 5), (4, 3, 2, 2), (0, 4)])
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
def test_packing_takes_a_bit_an_entry_and_loses_nothing(shape: tuple[int, ...], density: float) -> None:
    mask = torch.from_numpy(np.random.default_rng(0).random(shape) < density)
    packed = pack(mask)
    assert packed.dtype == torch.uint8
    assert len(packed) == -(-mask.numel() // 8)
    assert torch.equal(unpack(packed, shape), mask)


def test_the_first_entry_is_the_highest_bit() -> None:
    assert pack(torch.tensor([True, False, False, False, False, False, False, True, True])).tolist() == [129, 128]


def test_packing_does_not_depend_on_how_a_mask_lies_in_memory() -> None:
    mask = torch.tensor([[True, False, True], [False, False, True]])
    assert torch.equal(pack(mask.T), pack(mask.T.contiguous()))


def test_a_repr_is_one_line_without_arrays() -> None:
    state = State({"w": torch.zeros(30, 40), "b": torch.zeros(30)}, step=7)
    masks = Masks({"w": torch.arange(1200).reshape(30, 40) < 12})
    assert repr(masks) == "Masks(12 of 1,200 entries in 1 parameters, 1.00% density)"
    assert repr(state) == "State(1,230 parameters in 2 tensors after 7 updates)"
