"""Sparse rows and dense tiles, in every storage and tier, against float64 products of what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np
import pytest
import torch

from siftnet.kernels.blocks.layout import DTYPES, Storage, block_counts, from_blocks, padded, to_blocks
from siftnet.kernels.blocks.plain import PLAIN, VECTOR
from siftnet.kernels.blocks.products import Products, Terms
from siftnet.kernels.blocks.rule import Slots
from siftnet.kernels.blocks.sparse import Sparse
from siftnet.kernels.blocks.tile_product import has_amx
from siftnet.kernels.blocks.tiled import Tiled
from siftnet.kernels.blocks.workspace import Workspace, cuts
from siftnet.kernels.compaction import Part
from siftnet.network.layers import Affine
from siftnet.runs.machine import numba_threads

# B examples, O outputs, I inputs: neither whole blocks nor whole panels
B, O, I = 250, 45, 70  # noqa: E741
PLAIN_SGD = (0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0)
NONE = np.zeros(0, np.float32)
VARIANTS = [
    ("float32", VECTOR, False),
    ("float32", PLAIN, False),
    ("paired", VECTOR, False),
    ("paired", VECTOR, True),
    ("paired", PLAIN, False),
]


@dataclass
class Layer:
    """A layer of either kind with random weights, and what its products should be."""

    products: Products
    space: Workspace
    mask_OI: np.ndarray
    weight_OI: np.ndarray
    z: np.ndarray
    d: np.ndarray

    def __post_init__(self) -> None:
        rng = np.random.default_rng(3)
        self.scale_I, self.mean_I, self.beta_I = rng.standard_normal((3, I)).astype(np.float32)
        self.centre_O = rng.random(O, dtype=np.float32)
        self.weights = self.products.put(self.weight_OI.reshape(-1))
        self.z_BI, self.d_BO = (
            from_blocks(self.z, B, I).astype(np.float64),
            from_blocks(self.d, B, O).astype(np.float64),
        )
        self.folded_OI = self.weight_OI.astype(np.float64) * self.scale_I
        self.constant_O, self.predicted_O = np.full((2, O), 0.5, np.float32)
        padding = padded(I) - I
        scales, means, shifts = (np.pad(v, (0, padding)) for v in (self.scale_I, self.mean_I, self.beta_I))
        self.scales, self.means = scales, means
        self.products.fold(self.weights, scales, means, shifts, self.constant_O, self.predicted_O)


@pytest.fixture(params=VARIANTS, ids=lambda v: f"{v[0]}-{'plain' if v[1] == PLAIN else 'amx' if v[2] else 'vector'}")
def space(request: pytest.FixtureRequest) -> Workspace:
    storage, tier, amx = request.param
    if amx and not has_amx():
        pytest.skip("this processor has no AMX tiles")
    return Workspace(tier, amx, DTYPES[storage], block_counts(B), 1)


@pytest.fixture(params=[Sparse, Tiled])
def layer(request: pytest.FixtureRequest, space: Workspace) -> Layer:
    return make_layer(request.param, space)


def make_layer(kind: type, space: Workspace) -> Layer:
    rng = np.random.default_rng(1)
    mask_OI = rng.random((O, I)) < 0.3
    mask_OI[7], mask_OI[:, 9] = False, False
    every = (torch.empty(0, dtype=torch.int64),) * 5
    part = Part(
        Affine("layers.0", I, O, hidden=True), torch.arange(I), every[0], torch.arange(O), every[0],
        torch.from_numpy(np.flatnonzero(mask_OI)), *every[:4],
    )  # fmt: skip
    storage: Storage = "paired" if space.paired else "float32"
    z, d = (to_blocks(rng.standard_normal((B, n)).astype(np.float32), storage, 32) for n in (I, O))
    weight_OI = (rng.standard_normal((O, I)) * mask_OI).astype(np.float32)
    return Layer(kind(part, space, turned=True), space, mask_OI, weight_OI, z, d)


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def rounding(space: Workspace) -> float:
    """What storing costs: half a unit in the last place of bf16's eight bits, twice where weights are bf16 too."""
    return 6e-3 if space.paired else 1e-6


def test_folding_leaves_the_constants(layer: Layer) -> None:
    predicted_O = 0.5 + layer.weight_OI @ layer.beta_I.astype(np.float64)
    assert_close(layer.predicted_O, predicted_O, 1e-5)
    assert_close(layer.constant_O, predicted_O - layer.folded_OI @ layer.mean_I, 1e-5)


def test_forward_is_relu_of_the_product_with_its_moments(layer: Layer) -> None:
    out, moments = layer.space.activations(O), np.zeros((2, O, 2))
    layer.products.forward(layer.z, layer.constant_O, layer.centre_O, True, out, moments)
    found_BO = from_blocks(out, B, O).astype(np.float64)
    expected_BO = np.maximum(layer.z_BI @ layer.folded_OI.T + layer.constant_O, 0) - layer.centre_O
    assert_close(found_BO, expected_BO, rounding(layer.space))
    for s, block in enumerate((slice(0, 128), slice(128, B))):
        assert_close(moments[s, :, 0], found_BO[block].sum(0), 1e-5)
        assert_close(moments[s, :, 1], found_BO[block].var(0) * len(found_BO[block]), 1e-5)
    assert not from_blocks(out, 256)[B:].any(), "columns that are no examples stay 0"


def test_the_update_follows_from_the_gradient_at_survivors_alone(layer: Layer) -> None:
    total_O = layer.d_BO.sum(0)
    shift_I = (layer.beta_I - layer.scale_I * layer.mean_I).astype(np.float32)
    by_input = layer.products.update(
        PLAIN_SGD, layer.d, layer.z, Terms(total_O, layer.scales, np.pad(shift_I, (0, padded(I) - I))),
        Slots(layer.weights, NONE, NONE),
    )  # fmt: skip
    after = np.zeros(O * I, np.float32)
    layer.products.take(layer.weights, after)
    d_OI = layer.d_BO.T @ layer.z_BI
    gradient_OI = (layer.scale_I * d_OI + shift_I * total_O[:, None]) * layer.mask_OI
    assert_close(layer.weight_OI - after.reshape(O, I), gradient_OI, 3e-6)
    assert not after.reshape(O, I)[~layer.mask_OI].any()
    found = by_input.astype(np.float64).sum(0)[:, :I]
    assert_close(found, np.stack([(layer.weight_OI * d_OI).sum(0), layer.weight_OI.T @ total_O]), 3e-6)


def test_backward_is_the_transposed_product_under_relu(layer: Layer) -> None:
    rng = np.random.default_rng(2)
    offset_I, slope_I = rng.standard_normal((2, I)).astype(np.float32)
    centre_I, sums = np.full(I, 0.25, np.float32), np.zeros((2, I))
    z = layer.z.copy()
    layer.products.backward(layer.d, offset_I, slope_I, centre_I, z, sums)
    found_BI = from_blocks(z, B, I).astype(np.float64)
    expected_BI = np.where(layer.z_BI > -0.25, layer.d_BO @ layer.folded_OI + offset_I + slope_I * layer.z_BI, 0)
    assert_close(found_BI, expected_BI, rounding(layer.space))
    assert_close(sums.sum(0), found_BI.sum(0), 1e-5)


def test_cuts_share_loads_evenly() -> None:
    np.testing.assert_array_equal(cuts(np.ones(6), 3), [0, 2, 4, 6])
    np.testing.assert_array_equal(cuts(np.array([9, 1, 1, 1, 9]), 2), [0, 3, 5])
    assert cuts(np.ones(2), 5).tolist() == sorted(cuts(np.ones(2), 5))
    np.testing.assert_array_equal(cuts(np.zeros(0), 2), [0, 0, 0])


def test_the_checking_helper_sees_a_wrong_entry() -> None:
    right = np.ones(9)
    assert_close(right + 1e-7, right, 1e-6)
    with pytest.raises(AssertionError):
        assert_close(right + np.eye(9)[3], right, 0.5)
    with pytest.raises(AssertionError):
        assert_close(np.full(9, np.nan), right, 0.5)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = numba.get_num_threads()
    yield
    numba.set_num_threads(before)


@pytest.mark.skipif(numba_threads() < 2, reason="one processor")
@pytest.mark.parametrize("kind", [Sparse, Tiled])
def test_any_number_of_threads_gives_the_bits_of_one(kind: type, space: Workspace, two_threads: None) -> None:
    results = []
    for threads in (1, 2, 3, 5, 64):
        # More threads than there are cut the work as if they were there, and take turns.
        numba.set_num_threads(min(threads, 2))
        layer = make_layer(kind, Workspace(space.tier, space.amx, space.word, space.counts, threads))
        out, moments = layer.space.activations(O), np.zeros((2, O, 2))
        layer.products.forward(layer.z, layer.constant_O, layer.centre_O, True, out, moments)
        by_input = layer.products.update(
            PLAIN_SGD, layer.d, layer.z, Terms(np.ones(O), layer.scales, layer.means), Slots(layer.weights, NONE, NONE)
        )
        sums = np.zeros((2, I))
        ones = np.ones(I, np.float32)
        layer.products.backward(layer.d, ones, ones, ones, layer.z, sums)
        results.append((out, moments, by_input, layer.weights, layer.z, sums))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert np.array_equal(one, two)
