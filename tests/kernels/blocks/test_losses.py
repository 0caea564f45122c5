"""Losses in blocks against torch in float64 and its autograd, and scores against the dense kernel's ranks."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from siftnet.kernels.blocks.layout import Storage, allocate, blocks_of, from_blocks, round_bf16, to_blocks
from siftnet.kernels.blocks.losses import cross_entropy, exp_float32, score_classes, score_numbers, squared_error
from siftnet.kernels.dense import rank_of_label
from siftnet.runs.machine import numba_threads

SIZES = [1, 9, 16, 128, 129, 250]
CLASSES = [1, 2, 3, 200]
STORAGES: list[Storage] = ["float32", "paired"]


def case(batch: int, classes: int, spread: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits (B, K) and labels (B,)."""
    rng = np.random.default_rng(batch + 1000 * classes)
    return (spread * rng.standard_normal((batch, classes))).astype(np.float32), rng.integers(0, classes, batch)


def reference(logits_BK: np.ndarray, labels_B: np.ndarray) -> tuple[float, np.ndarray]:
    """torch's mean cross entropy and gradient in float64."""
    logits = torch.tensor(logits_BK, dtype=torch.float64, requires_grad=True)
    loss = F.cross_entropy(logits, torch.from_numpy(labels_B))
    loss.backward()
    assert logits.grad is not None
    return loss.item(), logits.grad.numpy()


def in_blocks(logits_BK: np.ndarray) -> np.ndarray:
    """float32 blocks whose last columns hold rubbish, as a product with a bias leaves it."""
    blocks = to_blocks(logits_BK, "float32")
    for s in range(len(blocks)):
        blocks[s, :, max(len(logits_BK) - 128 * s, 0) :] = 7.5
    return blocks


def check_gradient(expected_BK: np.ndarray, gradient: np.ndarray, sums_SK: np.ndarray, storage: Storage) -> None:
    """Raise AssertionError unless the stored gradient is this one, 0 elsewhere, with the right sums."""
    batch, classes = expected_BK.shape
    found = from_blocks(gradient, 128 * len(gradient))
    rtol, atol = 2**-8 if storage == "paired" else 1e-6, 1e-6 * np.abs(expected_BK).max()
    np.testing.assert_allclose(found[:batch, :classes], expected_BK, rtol=rtol, atol=atol)
    assert not found[batch:].any()
    assert not found[:, classes:].any()
    sums = found.reshape(len(gradient), 128, -1).astype(np.float64).sum(1)[:, :classes]
    np.testing.assert_allclose(sums_SK, sums, rtol=1e-12, atol=1e-15)


def test_exp_is_within_a_rounding_of_the_true_one() -> None:
    x = np.concatenate([np.linspace(-70, 88, 50_001), np.linspace(-1e-3, 1e-3, 1001), [0.0, -0.0]]).astype(np.float32)
    found = np.array([exp_float32(value) for value in x], np.float64)
    np.testing.assert_allclose(found, np.exp(x.astype(np.float64)), rtol=1.2e-7)
    assert exp_float32(np.float32(0)) == 1
    assert exp_float32(np.float32(-70.01)) == exp_float32(np.float32(-np.inf)) == 0
    assert np.isnan(exp_float32(np.float32(np.nan)))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("batch", SIZES)
def test_cross_entropy_and_its_gradient_agree_with_torch(batch: int, classes: int, storage: Storage) -> None:
    logits_BK, labels_B = case(batch, classes)
    expected_loss, expected_BK = reference(logits_BK, labels_B)
    gradient, sums_SK = allocate(batch, classes, storage, multiple=32), np.empty((blocks_of(batch), classes))
    loss = cross_entropy(in_blocks(logits_BK), labels_B, gradient, sums_SK)
    assert loss == pytest.approx(expected_loss, rel=1e-7, abs=1e-7)
    check_gradient(expected_BK, gradient, sums_SK, storage)


def test_the_gradient_may_take_the_place_of_the_logits() -> None:
    logits_BK, labels_B = case(250, 5)
    blocks, sums_SK = in_blocks(logits_BK), np.empty((2, 5))
    cross_entropy(blocks, labels_B, blocks, sums_SK)
    check_gradient(reference(logits_BK, labels_B)[1], blocks, sums_SK, "float32")


def test_the_check_sees_a_wrong_gradient_rubbish_and_a_wrong_sum() -> None:
    logits_BK, labels_B = case(250, 5)
    gradient, sums_SK = allocate(250, 5, "float32", multiple=8), np.empty((2, 5))
    cross_entropy(in_blocks(logits_BK), labels_B, gradient, sums_SK)
    expected_BK = reference(logits_BK, labels_B)[1]
    for array, index in ((gradient, (0, 1, 3)), (gradient, (1, 1, 127)), (gradient, (0, 6, 0)), (sums_SK, (1, 2))):
        kept = array[index]
        array[index] += 1e-5
        with pytest.raises(AssertionError):
            check_gradient(expected_BK, gradient, sums_SK, "float32")
        array[index] = kept
    check_gradient(expected_BK, gradient, sums_SK, "float32")


def test_logits_far_apart_neither_overflow_nor_leave_denormal_numbers() -> None:
    logits_BK, labels_B = case(250, 5, spread=1e4)
    expected_loss, expected_BK = reference(logits_BK, labels_B)
    gradient, sums_SK = allocate(250, 5, "float32"), np.empty((2, 5))
    assert cross_entropy(in_blocks(logits_BK), labels_B, gradient, sums_SK) == pytest.approx(expected_loss, rel=1e-7)
    check_gradient(expected_BK, gradient, sums_SK, "float32")
    assert np.abs(gradient[gradient != 0]).min() > np.finfo(np.float32).tiny


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_gives_a_loss_of_nan(bad: float) -> None:
    for batch, place, label in ((130, (0, 1), 0), (130, (129, 1), 1), (9, (8, 0), 2), (9, (3, 2), 2)):
        logits_BK, labels_B = case(batch, 3)
        logits_BK[place], labels_B[place[0]] = bad, label
        for storage in STORAGES:
            gradient, sums_SK = allocate(batch, 3, storage), np.empty((blocks_of(batch), 3))
            assert np.isnan(cross_entropy(in_blocks(logits_BK), labels_B, gradient, sums_SK))
            assert np.isnan(from_blocks(gradient, batch)[place[0]]).any()
        assert np.isnan(score_classes(in_blocks(logits_BK), labels_B)[0])


def test_rubbish_in_columns_that_are_no_examples_does_no_harm() -> None:
    logits_BK, labels_B = case(130, 3)
    expected_loss, expected_BK = reference(logits_BK, labels_B)
    for bad in (np.nan, np.inf, -np.inf):
        blocks = in_blocks(logits_BK)
        blocks[1, :, 2:] = bad
        scores = score_classes(blocks.copy(), labels_B)
        assert scores[0] / 130 == pytest.approx(expected_loss, rel=1e-7)
        gradient, sums_SK = allocate(130, 3, "paired"), np.empty((2, 3))
        assert cross_entropy(blocks, labels_B, gradient, sums_SK) == pytest.approx(expected_loss, rel=1e-7)
        check_gradient(expected_BK, gradient, sums_SK, "paired")


@pytest.mark.parametrize("classes", [1, 2, 3, 12, 200])
@pytest.mark.parametrize("batch", SIZES)
def test_scores_are_those_of_the_dense_kernel(batch: int, classes: int) -> None:
    # Few values, so that ties abound; then values that are broken.
    logits_BK, labels_B = case(batch, classes)
    for broken in (False, True):
        rough_BK = np.round(logits_BK / 3)
        if broken:
            rough_BK[np.random.default_rng(0).random(rough_BK.shape) < 0.05] = np.nan
            rough_BK[np.random.default_rng(1).random(rough_BK.shape) < 0.02] = np.inf
            rough_BK[np.random.default_rng(2).random(rough_BK.shape) < 0.02] = -np.inf
        ranks = rank_of_label(torch.from_numpy(rough_BK), torch.from_numpy(labels_B)).numpy()
        loss, first, five = score_classes(in_blocks(rough_BK), labels_B)
        assert (first, five) == ((ranks < 1).sum(), (ranks < 5).sum())
        if not broken:
            assert loss / batch == pytest.approx(reference(rough_BK, labels_B)[0], rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("batch", SIZES)
def test_squared_error_and_its_gradient_agree_with_torch(batch: int, storage: Storage) -> None:
    outputs_B1, _ = case(batch, 1)
    targets_B = case(batch, 2)[0][:, 0].copy()
    outputs = torch.tensor(outputs_B1[:, 0], dtype=torch.float64, requires_grad=True)
    expected = F.mse_loss(outputs, torch.from_numpy(targets_B).double())
    expected.backward()
    assert outputs.grad is not None
    blocks, sums_S1 = in_blocks(outputs_B1), np.empty((blocks_of(batch), 1))
    gradient = allocate(batch, 1, storage, multiple=32)
    assert squared_error(blocks, targets_B, gradient, sums_S1) == pytest.approx(expected.item(), rel=1e-12)
    check_gradient(outputs.grad.numpy()[:, None], gradient, sums_S1, storage)
    assert score_numbers(blocks, targets_B) == pytest.approx(expected.item() * batch, rel=1e-12)
    squared_error(blocks, targets_B, blocks, sums_S1)
    check_gradient(outputs.grad.numpy()[:, None], blocks, sums_S1, "float32")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_output_that_is_not_finite_gives_a_squared_error_of_nan(bad: float) -> None:
    outputs_B1, _ = case(130, 1)
    outputs_B1[129] = bad
    targets_B, sums_S1 = np.zeros(130, np.float32), np.empty((2, 1))
    assert np.isnan(squared_error(in_blocks(outputs_B1), targets_B, allocate(130, 1, "paired"), sums_S1))
    assert np.isnan(score_numbers(in_blocks(outputs_B1), targets_B))


@pytest.mark.parametrize("storage", STORAGES)
def test_the_number_of_threads_changes_no_bit(storage: Storage) -> None:
    logits_BK, labels_B = case(1000, 20)
    results = []
    for threads in (1, 2):
        before = numba.get_num_threads()
        numba.set_num_threads(min(threads, numba_threads()))
        gradient, sums_SK = allocate(1000, 20, storage), np.empty((8, 20))
        loss = cross_entropy(in_blocks(logits_BK), labels_B, gradient, sums_SK)
        scores = score_classes(in_blocks(logits_BK), labels_B)
        numba.set_num_threads(before)
        results.append((loss, gradient, sums_SK, scores))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_gradient_in_bf16_is_the_one_in_float32_rounded() -> None:
    logits_BK, labels_B = case(250, 20)
    gradients = []
    for storage in STORAGES:
        gradient = allocate(250, 20, storage)
        cross_entropy(in_blocks(logits_BK), labels_B, gradient, np.empty((2, 20)))
        gradients.append(from_blocks(gradient, 250))
    np.testing.assert_array_equal(round_bf16(gradients[0]), gradients[1])
