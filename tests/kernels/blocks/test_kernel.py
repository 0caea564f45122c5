"""What holds for kernels on blocks beyond the shared suite: bits, threads, wide layers, broken numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numba
import numpy as np
import pytest
import torch

from kernels.suite import assert_agree, changes, make_case, reference, with_empty_rows_and_columns
from siftnet.geometry import Grid, Unknown
from siftnet.kernels.blocks.kernel import BlockKernel
from siftnet.kernels.blocks.sparse import Sparse
from siftnet.kernels.registry import KERNELS
from siftnet.runs.machine import numba_threads

BLOCKS = ["fused", "sparse", "plain"]


@pytest.fixture
def threads_restored() -> Iterator[None]:
    before = numba.get_num_threads()
    yield
    numba.set_num_threads(before)


@pytest.mark.skipif(numba_threads() < 2, reason="one processor")
@pytest.mark.parametrize("kernel", BLOCKS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("batch", [100, 600])
@pytest.mark.parametrize("rule", [{"momentum": 0.9, "weight_decay": 0.01}, {"optimiser": "adamw", "lr": 0.01}])
def test_two_threads_train_to_the_bits_of_one(
    kernel: str, precision: str, batch: int, rule: dict[str, Any], threads_restored: None
) -> None:
    states = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        torch.set_num_threads(threads)
        p = make_case("f70:f50:x", Grid((9, 9), 3), batch=batch, density=0.3, **rule)
        trained = p.kernel(KERNELS[kernel], precision=precision)
        losses = trained.advance(4)
        states.append((losses, trained.evaluate("validation"), trained.export()))
    (losses_1, evaluation_1, state_1), (losses_2, evaluation_2, state_2) = states
    assert losses_1 == losses_2
    assert evaluation_1 == evaluation_2
    assert state_1.equals(state_2)


def test_many_tall_rows_leave_the_stack_as_it_was() -> None:
    p = make_case("f3000:x", Grid((40, 40), 3), batch=3000, density=0.002)
    assert np.isfinite(p.kernel(KERNELS["sparse"]).advance(2)).all()


@pytest.mark.parametrize("kernel", BLOCKS)
@pytest.mark.parametrize("batch", [130, 300])
def test_several_blocks_agree_with_the_reference(kernel: str, batch: int) -> None:
    p = with_empty_rows_and_columns(make_case("f40:f35:x", batch=batch, density=0.5, weight_decay=0.01))
    trained = p.kernel(KERNELS[kernel])
    expected, losses = reference(p, 5)
    assert trained.advance(5) == pytest.approx(losses, rel=1e-5)
    assert_agree(changes(trained.export(), p.state), changes(expected, p.state), 3e-4)


@pytest.mark.parametrize("kernel", BLOCKS)
def test_a_tiny_epsilon_does_not_magnify_what_rounding_makes_of_a_constant(kernel: str) -> None:
    p = with_empty_rows_and_columns(make_case(density=0.7))
    p = p.changed(network=replace(p.network, norm_epsilon=1e-10))
    trained = p.kernel(KERNELS[kernel])
    expected, losses = reference(p, 5)
    assert trained.advance(5) == pytest.approx(losses, rel=1e-4)
    assert_agree(changes(trained.export(), p.state), changes(expected, p.state), 1e-3)


# By its own type of columns nearly all of a sparse kernel is compiled anew; test_registers has the two products of it.
@pytest.mark.long
def test_more_inputs_than_sixteen_bits_count() -> None:
    p = make_case("f3:x", Unknown(70_000), density=1.0, batch=4)
    trained = p.kernel(KERNELS["sparse"])
    assert isinstance(trained, BlockKernel)
    assert isinstance(trained.stages[0].products, Sparse)
    columns = trained.stages[0].products.columns
    assert columns.dtype == np.uint32
    assert columns.max() > 1 << 16
    expected, losses = reference(p, 1)
    assert trained.advance(1) == pytest.approx(losses, rel=1e-5)
    assert_agree(changes(trained.export(), p.state), changes(expected, p.state), 1e-4)


@pytest.mark.parametrize("kernel", BLOCKS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_broken_weight_breaks_the_loss(kernel: str, precision: str) -> None:
    p = make_case(density=1.0)
    for value in (float("nan"), float("inf")):
        broken = p.state.clone()
        broken.parameters["layers.1.weight"][0, 0] = value
        losses = p.kernel(KERNELS[kernel], broken, precision=precision).advance(2)
        assert not np.isfinite(losses[-1])


@pytest.mark.parametrize("kernel", BLOCKS)
def test_a_state_of_the_dense_kernel_is_continued(kernel: str) -> None:
    p = make_case(momentum=0.9, density=0.5)
    first = p.kernel(KERNELS["dense"])
    first.advance(3)
    second = p.kernel(KERNELS[kernel], first.export())
    first.advance(3)
    second.advance(3)
    assert_agree(changes(second.export(), p.state), changes(first.export(), p.state), 1e-4)
    found, expected = second.export().optimiser, first.export().optimiser
    assert found.keys() == expected.keys() == {"momentum_buffer"}
    assert_agree(found["momentum_buffer"], expected["momentum_buffer"], 1e-4)
