"""Measuring a mask loads neither PyTorch nor kernels; the examples of docstrings are what they say."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

import pytest


@pytest.mark.parametrize("forbidden", ["torch", "siftnet.kernels"])
def test_locality_loads_nothing_that_trains(forbidden: str) -> None:
    program = (
        "import sys, numpy, siftnet; siftnet.locality(numpy.eye(16, dtype=bool), siftnet.torus(4, 4), samples=3); "
        "import siftnet.analysis.layer, siftnet.analysis.ablation, siftnet.architecture.ruler; "
        f"assert {forbidden!r} not in sys.modules"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("name", ["analysis.locality", "analysis.pairs", "architecture.ruler", "geometry"])
def test_examples_say_what_they_print(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"siftnet.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
