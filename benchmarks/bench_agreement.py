"""The kernels that `auto` picks against the dense kernel in fp32: the same accuracy curve, and how far the masks agree.

    python benchmarks/bench_agreement.py images --data.root DIR [--seeds 0,1,2] [--rounding yes] [--out FOLDER]

Runs the preset for every seed with `--kernel auto` and with `--kernel dense --train.precision fp32` (what is there
already is not computed again). Writes one row a seed and round to benchmarks/results/agreement.csv: accuracies, and the
share of the kept weights that another run keeps too, beside the share by chance, which is the density. `--rounding yes`
adds a run of the first seed with `--kernel dense` in the preset's own precision: what rounding alone does to masks.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import siftnet
from siftnet import Run, load
from siftnet.config.fields import RunConfig
from siftnet.config.load import from_dict

RESULTS = Path(__file__).parent / "results"
WAYS: dict[str, dict[str, Any]] = {
    "auto": {},
    "dense-fp32": {"kernel": "dense", "train": {"precision": "fp32"}},
    "dense": {"kernel": "dense"},
}


def finished(out: Path, name: str, base: RunConfig, seed: int) -> Run:
    """The run of this way and seed, computed unless it is there."""
    return siftnet.run(from_dict(WAYS[name] | {"seed": seed}, base), out / f"{name}-seed{seed}")


def overlap(one: Run, other: Run, number: int) -> float:
    """Share of the entries that one run keeps in a round which the other keeps too."""
    mine, theirs = one.masks(number), other.masks(number)
    return sum(int((mine[name] & theirs[name]).sum()) for name in mine) / mine.survivors


def row(number: int, seed: int, auto: Run, dense: Run, rounded: Run | None, stranger: Run | None) -> dict[str, Any]:
    """One line of the CSV."""
    mine, theirs = auto.summary(number), dense.summary(number)
    line: dict[str, Any] = {"seed": seed, "round": number, "density": mine.density, "kernel": mine.kernel}
    for name, summary in (("auto", mine), ("dense_fp32", theirs)):
        best, test = summary.validation, summary.test_best
        line[f"validation_{name}"] = best.score if best else None
        line[f"test_{name}"] = test.score if test else None
    line["kept_by_dense_fp32_too"] = overlap(auto, dense, number)
    line["kept_by_dense_in_two_precisions"] = overlap(rounded, dense, number) if rounded else None
    line["kept_by_another_seed_too"] = overlap(auto, stranger, number) if stranger else None
    return line | {key: auto.environment[key] for key in ("processor", "threads", "torch", "numba", "siftnet")}


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", help="preset or file")
    parser.add_argument("--data.root", dest="root", required=True, help="folder that holds the data")
    parser.add_argument("--seeds", default="0,1,2", help="seeds with commas between")
    parser.add_argument(
        "--rounding", choices=("yes", "no"), default="no", help="the dense kernel in two precisions too"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/agreement"), help="folder of the runs")
    options = parser.parse_args()
    out, seeds = options.out, [int(seed) for seed in options.seeds.split(",")]
    base = from_dict({"data": {"root": options.root}}, load(options.preset))
    pairs = {seed: (finished(out, "auto", base, seed), finished(out, "dense-fp32", base, seed)) for seed in seeds}
    rounded = finished(out, "dense", base, seeds[0]) if options.rounding == "yes" else None
    lines = []
    for place, seed in enumerate(seeds):
        auto, dense = pairs[seed]
        # A run agrees with itself wholly, which says nothing.
        stranger = pairs[seeds[place - 1]][0] if len(seeds) > 1 else None
        same = rounded if seed == seeds[0] else None
        lines += [row(number, seed, auto, dense, same, stranger) for number in auto.rounds()]
    with (RESULTS / "agreement.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0].keys())
        writer.writeheader()
        writer.writerows(lines)
    print(RESULTS / "agreement.csv")


if __name__ == "__main__":
    main()
