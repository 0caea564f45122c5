"""Masks and states come back from bytes to the bit, whatever their shapes and densities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from siftnet.network.masks import Masks, pack, unpack
from siftnet.network.state import State
from siftnet.store import tensors

pytestmark = pytest.mark.property

SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)
NAMES = st.sampled_from(["layers.0.weight", "layers.0.bias", "layers.10.weight", "odd name/with.dots|bars"])
DENSITY = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)


@st.composite
def networks(draw: st.DrawFn) -> tuple[State, Masks]:
    """A state of any shapes, of which some parameters have masks of any density."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shapes = draw(st.dictionaries(NAMES, SHAPES, min_size=1, max_size=4))
    values = {name: torch.from_numpy(rng.standard_normal(shape).astype(np.float32)) for name, shape in shapes.items()}
    masked = draw(st.permutations([name for name in shapes if draw(st.booleans())]))
    kept = {name: torch.from_numpy(rng.random(shapes[name]) < draw(DENSITY)) for name in masked}
    masks = Masks(kept)
    statistics = {name: value[:1].clone() for name, value in values.items()}
    # Buffers are 0 where parameters are pruned, except those that are one number for all entries.
    parameters = masks.apply(State(values)).parameters
    buffers = {"exp_avg": parameters, "step": {name: torch.tensor(3.0) for name in values}}
    return State(parameters, statistics, buffers, 7), masks


@given(SHAPES, st.integers(0, 2**32), DENSITY)
def test_a_mask_comes_back_from_bits(shape: tuple[int, ...], seed: int, density: float) -> None:
    mask = torch.from_numpy(np.random.default_rng(seed).random(shape) < density)
    packed = pack(mask)
    assert packed.numel() == (mask.numel() + 7) // 8
    assert torch.equal(unpack(packed, shape), mask)


@given(networks())
def test_masks_come_back_in_their_order(tmp_path_factory: pytest.TempPathFactory, made: tuple[State, Masks]) -> None:
    _, masks = made
    # A network with nothing to prune is refused before anything is stored.
    assume(masks)
    path = written(tmp_path_factory, tensors.pack_masks(masks))
    found = tensors.unpack_masks(path)
    assert list(found) == list(masks)
    assert found.equals(masks)


@given(networks())
def test_a_state_comes_back_to_the_bit(tmp_path_factory: pytest.TempPathFactory, made: tuple[State, Masks]) -> None:
    state, masks = made
    found = tensors.unpack_state(written(tmp_path_factory, tensors.pack_state(state, masks)), masks)
    assert found.equals(State(state.parameters, state.statistics, step=state.step))


@given(networks())
def test_what_flattens_a_state_with_its_buffers_is_undone(made: tuple[State, Masks]) -> None:
    state, masks = made
    flat = tensors.flatten(state, masks)
    assert tensors.unflatten(flat, state.step, masks).equals(state)
    owned = {"state": flat, "best": tensors.flatten(State(state.parameters))}
    parted = tensors.part_owners(tensors.join_owners(owned))
    assert {owner: list(of) for owner, of in parted.items()} == {owner: list(of) for owner, of in owned.items()}


def written(folders: pytest.TempPathFactory, content: bytes) -> Path:
    """A file with this content."""
    path = folders.mktemp("packed") / "file.safetensors"
    path.write_bytes(content)
    return path
