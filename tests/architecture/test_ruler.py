"""The planted convolution against PyTorch's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from siftnet.analysis.locality import locality
from siftnet.architecture.ruler import convolution_mask, local_mask
from siftnet.geometry import Grid

CONVOLUTIONS = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize(
    ("shape", "kernel", "stride"), [((9,), 4, 2), ((6, 7), (3, 2), (1, 2)), ((5, 4), 3, 1), ((4, 5, 3), (2, 3, 1), 1)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_mask_is_where_a_convolution_responds(
    shape: tuple[int, ...], kernel: Any, stride: Any, channels: int, periodic: bool
) -> None:
    grid = Grid(shape, channels, periodic)
    mask_JI = convolution_mask(grid, kernel, stride, filters=2)
    kernel = (kernel,) * len(shape) if isinstance(kernel, int) else kernel
    one_hot = torch.eye(grid.size).reshape(grid.size, channels, *shape)
    if periodic:
        for axis, k in enumerate(kernel):
            one_hot = torch.cat([one_hot, one_hot.narrow(2 + axis, 0, k - 1)], dim=2 + axis)
    response = CONVOLUTIONS[len(shape)](one_hot, torch.ones(2, channels, *kernel), stride=stride)
    assert np.array_equal(mask_JI, response.reshape(grid.size, -1).T.numpy() > 0)


def test_every_node_of_a_periodic_convolution_has_the_whole_kernel() -> None:
    mask_JI = convolution_mask(Grid((5, 5), 2, periodic=True), 3, filters=4)
    assert mask_JI.shape == (100, 50)
    assert set(mask_JI.sum(axis=1)) == {18}
    assert set(mask_JI.sum(axis=0)) == {36}


@pytest.mark.parametrize("arguments", [{"kernel": 0}, {"kernel": (2,)}, {"kernel": 2, "stride": 0}])
def test_kernel_and_stride_need_one_number_an_axis(arguments: Any) -> None:
    with pytest.raises(ValueError, match="takes one number of 1 or more for each of 2 axes"):
        convolution_mask(Grid((4, 4)), **arguments)


def test_kernels_must_fit() -> None:
    with pytest.raises(ValueError, match="larger than the 4 x 4 grid"):
        convolution_mask(Grid((4, 4)), 5)
    with pytest.raises(ValueError, match="filters must be at least 1"):
        convolution_mask(Grid((4, 4)), 2, filters=0)


def test_nodes_of_a_local_mask_see_one_place_and_a_little_of_everything() -> None:
    grid = Grid((12, 12), channels=2, periodic=True)
    mask_JCS = local_mask(grid, 400, 2, np.random.default_rng(0)).reshape(400, 2, 144)
    both_JS, one_JS = mask_JCS.all(axis=1), mask_JCS.any(axis=1) & ~mask_JCS.all(axis=1)
    # 13 sites within two of a place, 0.6 of them kept; of the others 0.3 times as many, channel by channel.
    assert both_JS.sum(axis=1).mean() == pytest.approx(13 * 0.6, rel=0.05)
    assert one_JS.sum(axis=1).mean() == pytest.approx(2 * 13 * 0.6 * 0.3, rel=0.1)
    near = locality(mask_JCS.reshape(400, -1), grid).index_uniform.value
    assert near > 3


def test_a_local_mask_at_radius_0_is_single_sites() -> None:
    mask_JI = local_mask(Grid((9,)), 50, 0, np.random.default_rng(0), keep=1.0)
    assert (mask_JI.sum(axis=1) >= 1).all()
    assert mask_JI.sum(axis=1).mean() < 2
