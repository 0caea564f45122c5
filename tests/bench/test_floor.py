"""The floor against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch

from siftnet.bench.floor import Peak, Work, measure_peak, work_of
from siftnet.config.fields import NetworkConfig
from siftnet.geometry import Grid, Unknown
from siftnet.network.layers import Network, build, initialise
from siftnet.network.masks import Masks


def masks_of(network: Network, kept: int) -> Masks:
    """The first `kept` entries of every prunable tensor."""
    state = initialise(network, 0)
    found = {}
    for name in network.prunable_names:
        mask = torch.zeros(state.parameters[name].numel(), dtype=torch.bool)
        mask[:kept] = True
        found[name] = mask.reshape(state.parameters[name].shape)
    return Masks(found)


def test_work_of_affine_layers() -> None:
    network = build(NetworkConfig(layers="f12:f6:x"), Unknown(16), 8, "cross_entropy")
    work = work_of(network, masks_of(network, 10), batch=5, input_bytes=1)
    # First layer 16 x 12: forward and weight gradient; 12 x 6 and the output layer 6 x 8: the input's gradient too.
    assert work.dense_flops == 2 * 5 * (2 * 192 + 3 * 72 + 3 * 48)
    assert work.surviving_flops == 2 * 5 * (2 * 10 + 3 * 10)
    assert work.unpruned_flops == 2 * 5 * 3 * 48
    # A batch of bytes, and weights read and written in four bytes.
    assert work.dense_bytes == 5 * 16 + 2 * 4 * (192 + 72 + 48)
    assert work.sparse_bytes == 5 * 16 + 2 * 4 * (10 + 10 + 48)


def test_the_issues_network_takes_27_ms_at_960_gflops() -> None:
    network = build(NetworkConfig(), Grid((32, 32), 3), 200, "cross_entropy")
    work = work_of(network, masks_of(network, 0), batch=1000, input_bytes=1)
    assert work.dense_floor_ms(Peak(960.0, 471.0, 1e9)) == pytest.approx(27, abs=1)


def test_work_of_convolutions_counts_their_sites() -> None:
    network = build(NetworkConfig(layers="c3-4:p2:x"), Grid((8, 8), 2), 5, "cross_entropy")
    work = work_of(network, masks_of(network, 7), batch=3, input_bytes=4)
    # 4 filters of 3 x 3 x 2 on 6 x 6 sites, then 4 x 3 x 3 pooled inputs to 5 outputs.
    assert work.dense_flops == 2 * 3 * (2 * 72 * 36 + 3 * 180)
    assert work.surviving_flops == 2 * 3 * 2 * 7 * 36
    assert work.sparse_bytes == 3 * 128 * 4 + 8 * (7 + 180)


def test_floors_take_the_slower_of_products_and_traffic() -> None:
    peak = Peak(product_gflops=1000.0, fp32_gflops=500.0, copy_gbytes=10.0)
    work = Work(dense_flops=3e9, surviving_flops=1e9, unpruned_flops=2e9, dense_bytes=1e6, sparse_bytes=1e6)
    assert work.dense_floor_ms(peak) == pytest.approx(3.0)
    assert work.sparse_floor_ms(peak) == pytest.approx(2.0 + 2.0)
    slow = Peak(1000.0, 500.0, copy_gbytes=0.1)
    assert work.dense_floor_ms(slow) == work.sparse_floor_ms(slow) == pytest.approx(10.0)
    assert peak.best(slow) == peak


def test_rates_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("siftnet.bench.floor.SHAPES", ((64, 64, 64),))
    monkeypatch.setattr("siftnet.bench.floor.COPIED_BYTES", 2**16)
    peak = measure_peak("fp32", "cpu")
    assert peak.product_gflops == peak.fp32_gflops
    # Between a pocket calculator and a supercomputer.
    assert 1e-3 < peak.fp32_gflops < 1e6
    assert 1e-3 < peak.copy_gbytes < 1e6
