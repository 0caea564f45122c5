"""Batches against an independent splitmix64 and naive loops over images."""

from __future__ import annotations

import itertools
from zlib import crc32

import numpy as np
import pytest
import torch
from scipy import stats

from builders import dataset
from siftnet.data.batches import Augmentation, Batches, hash_bits, hash_integers, hash_key
from siftnet.geometry import Grid, ring, torus, volume

CPU = torch.device("cpu")
# The first outputs of the reference implementation (Vigna, prng.di.unimi.it/splitmix64.c) with seed 1234567.
PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]
GRIDS = {
    "line": Grid((9,), 2),
    "ring": ring(9),
    "image": Grid((6, 5), 3),
    "torus": torus(6, 5, 2),
    "volume": volume(4, 5, 3, 2),
    "periodic volume": Grid((4, 5, 4), periodic=True),
}


def splitmix64(seed: int, count: int) -> np.ndarray:
    """The reference implementation, in wrapping uint64."""
    with np.errstate(over="ignore"):
        state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))


def unsigned(bits: torch.Tensor) -> np.ndarray:
    return bits.numpy().view(np.uint64)


def test_the_hash_gives_the_published_outputs_of_splitmix64() -> None:
    assert splitmix64(1234567, 5).tolist() == PUBLISHED
    assert unsigned(hash_bits(1234567, 5, CPU)).tolist() == PUBLISHED


@pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1, 0x123456789ABCDEF0])
def test_the_hash_agrees_with_splitmix64_for_any_key(key: int) -> None:
    np.testing.assert_array_equal(unsigned(hash_bits(key, 1000, CPU)), splitmix64(key, 1000))


@pytest.mark.parametrize("below", [1, 2, 3, 1000, 2**31])
def test_integers_are_the_upper_half_of_the_hash_scaled_exactly(below: int) -> None:
    expected = [(int(bits) >> 32) * below >> 32 for bits in splitmix64(7, 500)]
    found = hash_integers(7, 500, below, CPU)
    assert found.tolist() == expected
    assert 0 <= int(found.min()) <= int(found.max()) < below


def test_keys_depend_on_every_part_and_on_their_order() -> None:
    keys = {hash_key(*parts) for parts in itertools.product(range(6), repeat=4)}
    assert len(keys) == 6**4
    assert hash_key(1, 2) != hash_key(2, 1)
    assert hash_key(0) != hash_key(0, 0)


def test_rows_follow_from_seed_round_step_and_position() -> None:
    data = dataset()
    batches = Batches(data, 32, seed=3, round_number=2)
    train = data.splits["train"]
    for step in (0, 1, 77):
        key = hash_key(3, crc32(b"example"), 2, step)
        expected = train[[(int(bits) >> 32) * len(train) >> 32 for bits in splitmix64(key, 32)]]
        np.testing.assert_array_equal(batches.rows_at(step), expected)


def test_another_seed_round_or_step_gives_other_rows() -> None:
    data = dataset()
    rows = [
        Batches(data, 64, seed, number).rows_at(step).tolist()
        for seed in (0, 1)
        for number in (0, 1)
        for step in (0, 1)
    ]
    assert len(set(map(tuple, rows))) == 8
    first = Batches(data, 64, 0, 0)
    assert first.for_round(1).rows_at(0).tolist() == Batches(data, 64, 0, 1).rows_at(0).tolist()
    assert first.rows_at(0).tolist() == rows[0], "for_round leaves the round it came from alone"


def test_rows_do_not_depend_on_the_dtype_of_the_inputs_or_on_augmentation() -> None:
    plain = Batches(dataset(), 50, 1, 0)
    for other in (
        Batches(dataset(integers=True), 50, 1, 0),
        Batches(dataset(), 50, 1, 0, augmentation=Augmentation(flip=True, shift=1)),
    ):
        assert all(torch.equal(plain.rows_at(step), other.rows_at(step)) for step in range(5))
        assert torch.equal(plain.train(3)[1], other.train(3)[1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_rows_and_augmentation_are_the_same_on_the_gpu() -> None:
    data = dataset(Grid((6, 5), 3), integers=True)
    here, there = (
        Batches(data, 50, 1, 0, augmentation=Augmentation(flip=True, shift=2), device=device)
        for device in ("cpu", "cuda")
    )
    for step in range(5):
        assert torch.equal(here.rows_at(step), there.rows_at(step).cpu())
        assert torch.equal(here.train(step)[0], there.train(step)[0].cpu())


def test_rows_are_drawn_uniformly_with_replacement_from_the_training_split() -> None:
    data = dataset()
    batches = Batches(data, 1000, 0, 0)
    drawn = np.concatenate([batches.rows_at(step).numpy() for step in range(80)])
    train = data.splits["train"]
    counts = np.bincount(drawn, minlength=len(data.labels_N))
    assert counts[np.setdiff1d(np.arange(len(counts)), train)].sum() == 0
    assert stats.chisquare(counts[train]).pvalue > 0.001
    repeated = 1000 - len(np.unique(drawn[:1000]))
    assert repeated >= 1000 - len(train)
    # Positions and steps are independent: neighbours in the stream repeat a row by chance only.
    pairs = np.sum(drawn[1:] == drawn[:-1])
    assert stats.binomtest(int(pairs), len(drawn) - 1, 1 / len(train)).pvalue > 0.001


def naive(image: np.ndarray, offsets: list[int], mirrored: bool, periodic: bool) -> np.ndarray:
    """One image (C, *shape) moved by each offset and then mirrored, site by site."""
    moved = np.zeros_like(image)
    shape = image.shape[1:]
    for site in np.ndindex(*shape):
        source = tuple(s - o for s, o in zip(site, offsets, strict=True))
        if periodic:
            source = tuple(s % n for s, n in zip(source, shape, strict=True))
        if all(0 <= s < n for s, n in zip(source, shape, strict=True)):
            moved[:, *site] = image[:, *source]
    return moved[..., ::-1] if mirrored else moved


@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(("flip", "shift"), [(True, 0), (False, 2), (True, 1)])
def test_flips_and_shifts_agree_with_a_loop_over_images(name: str, integers: bool, flip: bool, shift: int) -> None:
    grid = GRIDS[name]
    data = dataset(grid, integers=integers, examples=60)
    batches = Batches(data, 12, seed=4, round_number=1, augmentation=Augmentation(flip=flip, shift=shift))
    step = 6
    rows = batches.rows_at(step).numpy()

    def choices(stream: str, below: int) -> list[int]:
        key = hash_key(4, crc32(stream.encode()), 1, step)
        return [(int(bits) >> 32) * below >> 32 for bits in splitmix64(key, 12)]

    windows = [choices(f"shift {axis}", 2 * shift + 1) for axis in range(grid.ndim)]
    mirrored = choices("flip", 2) if flip else [0] * 12
    expected = []
    for position, row in enumerate(rows):
        image = data.inputs_NI[row].reshape(grid.channels, *grid.shape)
        offsets = [shift - window[position] for window in windows]
        expected.append(naive(image, offsets, bool(mirrored[position]), grid.periodic).reshape(-1))
    normalised = (np.array(expected).astype(np.float32) - data.center_I) * data.scale_I
    x, labels = batches.train(step)
    assert x.dtype == torch.float32
    np.testing.assert_array_equal(x, normalised)
    np.testing.assert_array_equal(labels, data.labels_N[rows])


def test_moves_say_how_far_examples_go_and_nothing_where_nothing_moves() -> None:
    data = dataset(Grid((5, 7)), examples=60)
    data.inputs_NI[:] = 0
    data.inputs_NI.reshape(-1, 5, 7)[:, 2, 3] = 1
    batches = Batches(data, 30, seed=4, round_number=1, augmentation=Augmentation(flip=True, shift=2))
    moved_BA, mirrored_B = batches.moves(6)
    assert moved_BA is not None
    assert mirrored_B is not None
    assert set(moved_BA.reshape(-1).tolist()) == {-2, -1, 0, 1, 2}
    # The bright pixel began in the middle, so that a mirror turns its displacement around.
    moved_BA[:, 1] *= 1 - 2 * mirrored_B.long()
    bright_B = batches.train(6)[0].argmax(1)
    assert torch.equal(bright_B, (2 + moved_BA[:, 0]) * 7 + 3 + moved_BA[:, 1])
    for flip, shift in ((True, 0), (False, 2), (False, 0)):
        moved, mirrored = Batches(data, 30, 4, 1, augmentation=Augmentation(flip=flip, shift=shift)).moves(6)
        assert (moved is not None, mirrored is not None) == (shift > 0, flip)


def test_half_of_the_images_are_mirrored_and_every_shift_comes_up() -> None:
    grid = Grid((5, 7))
    data = dataset(grid)
    data.inputs_NI[:] = 0
    data.inputs_NI.reshape(-1, 5, 7)[:, 2, 2] = 1
    batches = Batches(data, 4000, 0, 0, augmentation=Augmentation(flip=True, shift=1))
    x = batches.train(0)[0].reshape(-1, 5, 7)
    where = x.flatten(1).argmax(1)
    counts = np.bincount(where, minlength=35).reshape(5, 7)
    expected = np.zeros((5, 7))
    expected[1:4, 1:4] += 1
    expected[1:4, 3:6] += 1
    assert stats.chisquare(counts[expected > 0], 4000 * expected[expected > 0] / expected.sum()).pvalue > 0.001
    assert counts[expected == 0].sum() == 0


def test_splits_come_in_their_own_order_once_and_never_augmented() -> None:
    data = dataset(Grid((4, 4)), integers=True)
    batches = Batches(data, 8, 0, 0, augmentation=Augmentation(flip=True, shift=1))
    for name, rows in data.splits.items():
        parts = list(batches.split(name, chunk=7))
        assert all(len(x) == 7 for x, _ in parts[:-1])
        x, labels = (torch.cat(part) for part in zip(*parts, strict=True))
        np.testing.assert_array_equal(x, (data.inputs_NI[rows].astype(np.float32) - data.center_I) * data.scale_I)
        np.testing.assert_array_equal(labels, data.labels_N[rows])


def test_integer_inputs_stay_bytes_in_memory_and_are_not_copied() -> None:
    data = dataset(integers=True)
    before = data.inputs_NI.copy()
    batches = Batches(data, 8, 0, 0, augmentation=Augmentation(flip=True, shift=1))
    assert batches.inputs_NI.dtype == torch.uint8
    assert batches.inputs_NI.data_ptr() == data.inputs_NI.ctypes.data
    assert batches.for_round(3).inputs_NI.data_ptr() == data.inputs_NI.ctypes.data
    batches.train(0)
    list(batches.split("test"))
    np.testing.assert_array_equal(data.inputs_NI, before)
    floats = dataset()
    unchanged = floats.inputs_NI.copy()
    list(Batches(floats, 8, 0, 0).split("train"))
    np.testing.assert_array_equal(floats.inputs_NI, unchanged)


def test_the_content_hash_covers_everything_that_training_sees() -> None:
    hashes = [dataset().content_hash()]
    assert dataset().content_hash() == hashes[0]
    for edit in ("inputs", "labels", "center", "scale", "split"):
        data = dataset()
        if edit == "split":
            data.splits["train"][0] = data.splits["validation"][0]
        else:
            array = {
                "inputs": data.inputs_NI,
                "labels": data.labels_N,
                "center": data.center_I,
                "scale": data.scale_I,
            }[edit]
            array.reshape(-1)[-1] += 1
        hashes.append(data.content_hash())
    hashes += [dataset(Grid((2, 8))).content_hash(), dataset(torus(4, 4)).content_hash()]
    more_classes = dataset()
    object.__setattr__(more_classes, "classes", 4)
    hashes.append(more_classes.content_hash())
    assert len(set(hashes)) == len(hashes)
