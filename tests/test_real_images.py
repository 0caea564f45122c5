"""The main path on real images: a small network, pruned in two rounds, becomes local and says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from siftnet.config.load import from_dict, load
from siftnet.runs.single import run
from siftnet.runs.verify import verify
from siftnet.studies.measure_run import measure_rounds
from siftnet.studies.measured_run import read_round_indices


@pytest.mark.data
def test_a_network_on_real_images_becomes_local(tmp_path: Path) -> None:
    if "SIFTNET_DATA" not in os.environ:
        pytest.skip("SIFTNET_DATA does not say where the real data are")
    images = tmp_path / "images"
    subprocess.run([sys.executable, Path(os.environ["SIFTNET_DATA"]) / "unpack.py", images], check=True)
    config = from_dict(
        {
            "data": {"root": str(images), "share": 0.5},
            "network": {"layers": "f128:f128:x"},
            "train": {"steps": 200, "rewind": 20},
            "prune": {"rounds": 2, "fraction": 0.8},
            "analysis": {"samples": 99, "samples_other": 0, "headline": 2, "ablation": False},
        },
        load("images-small"),
    )
    sifted = run(config, tmp_path / "run")
    headline = measure_rounds(sifted, config.analysis)
    indices = read_round_indices(sifted, 2)
    assert indices is not None
    assert indices.index_degree is not None
    assert indices.index_degree.p == 0.01
    assert (indices.index_degree.low or 0) > 1.3
    assert headline.verdict.startswith("local: index")
    # Two hundred classes: chance is 0.5%.
    validation = sifted.summary(2).validation
    assert validation is not None
    assert validation.score > 0.03
    assert all(check.passed for check in verify(sifted))
