"""Gathered blocks against `Batches.train` and NumPy's means and variances."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from builders import dataset
from siftnet.data.batches import Augmentation, Batches
from siftnet.data.dataset import Dataset
from siftnet.geometry import Grid, Unknown, ring, torus, volume
from siftnet.kernels.blocks.gather import Gatherer, gather_plain
from siftnet.kernels.blocks.layout import Storage, allocate, blocks_of, from_blocks, round_bf16
from siftnet.runs.machine import numba_threads

SIZES = [1, 9, 16, 128, 129, 250]
STORAGES: list[Storage] = ["float32", "paired"]
GRIDS = {
    "line": Grid((9,), 2),
    "ring": ring(9),
    "image": Grid((6, 5), 3),
    "torus": torus(6, 5, 2),
    "volume": volume(4, 5, 3, 2),
    "periodic volume": Grid((4, 5, 4), periodic=True),
    "four axes": Grid((3, 4, 2, 5)),
}


def some_dataset(inputs: int, integers: bool) -> Dataset:
    data = dataset(Unknown(inputs), integers=integers, examples=400, seed=inputs)
    rng = np.random.default_rng(1)
    if not integers:
        data.center_I[:] = rng.standard_normal(inputs)
        data.scale_I[:] = np.exp(rng.standard_normal(inputs))
    return data


def some_places(inputs: int, kept: float) -> np.ndarray:
    """A share of the inputs alive, in order, with one feature left out."""
    alive = np.random.default_rng(2).random(inputs) < kept
    place_I = np.cumsum(alive).astype(np.int32)
    return np.where(alive, place_I, -1).astype(np.int32)


def expected_values(data: Dataset, rows: np.ndarray, storage: Storage) -> np.ndarray:
    x_BI = data.inputs_NI[rows].astype(np.float32)
    x_BI = x_BI - 128 if data.inputs_NI.dtype == np.uint8 else (x_BI - data.center_I) * data.scale_I
    return round_bf16(x_BI) if storage == "paired" else x_BI


def check(values_BI: np.ndarray, place_I: np.ndarray, out: np.ndarray, moments: np.ndarray) -> None:
    """Raise AssertionError unless out and moments hold these values, and 0 in every other place."""
    batch = len(values_BI)
    expected = np.zeros((len(out) * 128, out.shape[1]), np.float32)
    alive = place_I >= 0
    expected[:batch, place_I[alive]] = values_BI[:, alive]
    np.testing.assert_array_equal(from_blocks(out, len(expected)), expected)
    for s in range(blocks_of(batch)):
        block = expected[128 * s : min(128 * (s + 1), batch)].astype(np.float64)
        np.testing.assert_allclose(moments[s, :, 0], block.sum(0), rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(moments[s, :, 1], block.var(0) * len(block), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("kept", [1.0, 0.4, 0.02, 0.0])
@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("storage", STORAGES)
def test_rows_come_out_in_their_places_with_their_moments(storage: Storage, integers: bool, kept: float) -> None:
    for inputs in (1, 7, 16, 31, 64, 100, 300):
        data = some_dataset(inputs, integers)
        place_I = some_places(inputs, kept)
        gatherer = Gatherer(Batches(data, 8, 0, 0), place_I)
        for batch in SIZES:
            rows = np.random.default_rng(batch).integers(0, 400, batch)
            out = allocate(batch, int(place_I.max()) + 1 or 1, storage, multiple=8)
            moments = np.zeros((*out.shape[:2], 2))
            labels = gatherer.fill_rows(rows, out, moments)
            check(expected_values(data, rows, storage), place_I, out, moments)
            np.testing.assert_array_equal(labels, data.labels_N[rows])


def test_the_check_sees_a_wrong_value_a_wrong_column_and_a_wrong_moment() -> None:
    data = some_dataset(20, True)
    place_I = some_places(20, 0.7)
    rows = np.arange(130)
    out, moments = allocate(130, 20, "float32"), np.zeros((2, 20, 2))
    Gatherer(Batches(data, 8, 0, 0), place_I).fill_rows(rows, out, moments)
    values = expected_values(data, rows, "float32")
    check(values, place_I, out, moments)
    for array, index in ((out, (0, 3, 5)), (out, (1, 3, 2)), (moments, (1, 2, 0)), (moments, (0, 2, 1))):
        wrong = array.copy()
        wrong[index] += 1
        with pytest.raises(AssertionError):
            check(values, place_I, *((wrong, moments) if array is out else (out, wrong)))


@pytest.mark.parametrize("integers", [True, False])
def test_the_tiles_equal_the_plain_loops(integers: bool) -> None:
    data = some_dataset(300, integers)
    place_I = some_places(300, 0.7)
    gatherer = Gatherer(Batches(data, 8, 0, 0), place_I)
    rows = np.random.default_rng(0).integers(0, 400, 250)
    for storage in STORAGES:
        results = []
        for plain in (False, True):
            out, moments = allocate(250, 300, storage), np.zeros((2, 300, 2))
            if plain:
                tables = place_I, gatherer.center_I, gatherer.scale_I
                for s in range(2):
                    gather_plain(gatherer.inputs_NI, rows, *tables, s, 0, 300, out, moments)
            else:
                gatherer.fill_rows(rows, out, moments)
            results.append((out, moments))
        np.testing.assert_array_equal(results[0][0], results[1][0])
        np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-13)


@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("storage", STORAGES)
def test_constant_features_do_not_deviate(storage: Storage, integers: bool) -> None:
    data = some_dataset(40, integers)
    # A third of a bright pixel, and a number without a short binary expansion.
    data.inputs_NI[:] = 85 if integers else np.float32(0.1)
    gatherer = Gatherer(Batches(data, 8, 0, 0), np.arange(40, dtype=np.int32))
    for batch in (*SIZES, 104, 127, 253):
        out, moments = allocate(batch, 40, storage), np.ones((2, 40, 2))
        gatherer.fill_rows(np.arange(batch), out, moments)
        assert not moments[: blocks_of(batch), :, 1].any()


@pytest.mark.parametrize("integers", [True, False])
def test_the_number_of_threads_changes_no_bit(integers: bool) -> None:
    data = dataset(Grid((9, 11), 3), integers=integers, examples=400)
    gatherer = Gatherer(Batches(data, 250, 0, 0, augmentation=Augmentation(flip=True, shift=2)), some_places(297, 0.8))
    results = []
    for threads in (1, 2):
        before = numba.get_num_threads()
        numba.set_num_threads(min(threads, numba_threads()))
        out, moments = allocate(250, 297, "paired"), np.zeros((2, 297, 2))
        gatherer.fill(3, out, moments)
        numba.set_num_threads(before)
        results.append((out, moments))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(("flip", "shift"), [(False, 0), (True, 0), (False, 2), (True, 1)])
def test_batches_are_those_of_the_dense_kernel(name: str, integers: bool, flip: bool, shift: int) -> None:
    grid = GRIDS[name]
    data = dataset(grid, integers=integers, examples=60)
    batches = Batches(data, 30, seed=4, round_number=1, augmentation=Augmentation(flip=flip, shift=shift))
    gatherer = Gatherer(batches, np.arange(grid.size, dtype=np.int32))
    out, moments = allocate(30, grid.size, "float32"), np.zeros((1, grid.size, 2))
    for step in (0, 6):
        labels = gatherer.fill(step, out, moments)
        x_BI, expected_labels = batches.train(step)
        found_BI = from_blocks(out, 30)
        if integers:
            found_BI = (found_BI + 128 - data.center_I) * data.scale_I
        np.testing.assert_array_equal(found_BI, x_BI)
        np.testing.assert_array_equal(labels, expected_labels)


def test_examples_may_move_out_of_sight() -> None:
    data = dataset(Grid((2, 3)), integers=True, examples=60)
    batches = Batches(data, 40, seed=0, round_number=0, augmentation=Augmentation(shift=5))
    out, moments = allocate(40, 6, "float32"), np.zeros((1, 6, 2))
    Gatherer(batches, np.arange(6, dtype=np.int32)).fill(0, out, moments)
    np.testing.assert_array_equal((from_blocks(out, 40) + 128 - data.center_I) * data.scale_I, batches.train(0)[0])
    assert (from_blocks(out, 40) == -128).all(axis=1).any()
