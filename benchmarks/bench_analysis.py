"""How long the measures take: everything without nulls, one sample of each null, and their parts.

Run `python benchmarks/bench_analysis.py`; it writes benchmarks/results/analysis.csv. The first call of each subject
(compilation, caches) is left out; n calls follow.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import scipy

from siftnet.analysis.layer import measure_layer
from siftnet.analysis.locality import Resampling, locality
from siftnet.analysis.near import near_pairs
from siftnet.analysis.nulls import DegreeShuffler, shuffle_uniform
from siftnet.analysis.pairs import pair_counts
from siftnet.geometry import Grid
from siftnet.kernels.timing import Percentiles, durations
from siftnet.runs.machine import processor_name

RESULTS = Path(__file__).parent / "results" / "analysis.csv"
# Nodes, sites, channels, density, and the deviation of the nodes' logarithmic in-degree: hubs ask for more trades.
CASES = (
    (1024, (32, 32), 3, 0.1, 0.0),
    (1024, (32, 32), 3, 0.017, 0.0),
    (1024, (32, 32), 3, 0.017, 1.0),
    (1024, (64, 64), 3, 0.1, 0.0),
)


def subjects(mask_JI: np.ndarray, grid: Grid) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    rng = np.random.default_rng(1)
    weights_JI = (rng.normal(size=mask_JI.shape) * mask_JI).astype(np.float32)
    shuffler = DegreeShuffler(mask_JI, rng)

    def degree_sample() -> None:
        shuffled_JI = shuffler.sample()
        pair_counts(shuffled_JI, grid)
        near_pairs(shuffled_JI, grid)

    return {
        "measure_layer without nulls": lambda: measure_layer(mask_JI, weights_JI, grid, Resampling(0, 1000, 0)),
        "degree-preserving sample with its maps": degree_sample,
        "uniform sample with its near pairs": lambda: near_pairs(shuffle_uniform(mask_JI, rng), grid),
        "20 samples of both nulls and all they measure": lambda: locality(mask_JI, grid, samples=20),
        "pair_counts": lambda: pair_counts(mask_JI, grid),
        "five curveball trades a node": lambda: shuffler.sample(5),
    }


def environment() -> dict[str, str]:
    """Where the figures hold."""
    return {
        "threads": str(len(os.sched_getaffinity(0))),
        "processor": processor_name(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
    }


def main() -> None:
    """Time every subject in every case, print the rows and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20, help="timed calls of each subject")
    repeats = parser.parse_args().repeats
    rows = []
    for nodes, shape, channels, density, spread in CASES:
        grid = Grid(shape, channels)
        rng = np.random.default_rng(0)
        share_J = density * np.exp(spread * rng.normal(size=(nodes, 1)) - spread**2 / 2)
        mask_JI = rng.random((nodes, grid.size)) < share_J
        for name, call in subjects(mask_JI, grid).items():
            found = Percentiles.of(durations(call, repeats, clock=time.perf_counter))
            p20, p50, p80 = (round(1000 * seconds, 1) for seconds in (found.p20, found.p50, found.p80))
            case = {"subject": name, "nodes": nodes, "inputs": grid.size, "density": density, "n": repeats}
            case["degree_spread"] = spread
            rows.append(case | {"p20_ms": p20, "p50_ms": p50, "p80_ms": p80} | environment())
            where = f"{nodes} x {grid.size:5d} at {density:5.1%}, spread {spread}"
            print(f"{name:46s} {where}: {p20:7.1f} {p50:7.1f} {p80:7.1f} ms")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
