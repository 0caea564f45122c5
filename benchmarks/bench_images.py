"""The README's real-data run beside the best dense network at the same total number of updates.

    python benchmarks/bench_images.py images --data.root DIR [--out runs/bench]

Runs the preset (or goes on with it), then dense networks trained for as many updates as all its rounds together, over
two initialisation scales and three learning rates, all else as in the preset, weight decay included. Writes one row a
round and one a dense network to benchmarks/results/PRESET.csv as they come; what was computed before is not computed
again.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from siftnet import Run, load
from siftnet.config.fields import RunConfig
from siftnet.config.load import from_dict
from siftnet.runs.setup import set_up
from siftnet.runs.single import carry_out
from siftnet.store.summary import RoundSummary
from siftnet.studies.measure_run import measure_rounds
from siftnet.studies.measured_layer import Indices
from siftnet.studies.measured_run import read_round_indices

SCALES = (0.25, 1.0)
RATES = (0.05, 0.1, 0.2)
RESULTS = Path(__file__).parent / "results"


def dense_controls(config: RunConfig, updates: int) -> dict[str, RunConfig]:
    """Dense networks at the preset's total compute, by name."""
    controls = {}
    for scale in SCALES:
        for rate in RATES:
            train = replace(config.train, steps=updates, lr=rate)
            controls[f"dense-scale{scale}-lr{rate}"] = replace(
                config,
                network=replace(config.network, init_scale=scale),
                train=train,
                prune=replace(config.prune, rounds=0),
            )
    return controls


def row(name: str, run: Run, summary: RoundSummary, indices: Indices | None) -> dict[str, Any]:
    """One line of the CSV."""
    config, best, test, last = run.config, summary.best, summary.test_best, summary.last
    line = {
        "what": name,
        "round": summary.round,
        "density": summary.density,
        "kernel": summary.kernel,
        "init_scale": config.network.init_scale,
        "lr": config.train.lr,
        "updates": config.train.steps,
        "best_step": best.step if best else None,
        "validation": best.validation.score if best else None,
        "test": test.score if test else None,
        "validation_last": last.validation.score if last else None,
        "seconds": summary.seconds,
    }
    for null in ("uniform", "degree"):
        index = getattr(indices, f"index_{null}", None)
        for key in ("value", "low", "high", "p", "samples"):
            line[f"index_{null}_{key}"] = getattr(index, key, None)
    return line | {key: run.environment[key] for key in ("processor", "threads", "precision", "torch", "siftnet")}


def main() -> None:
    """See the module's text."""
    if len(sys.argv) < 4 or "--data.root" not in sys.argv:
        sys.exit(__doc__)
    preset, out = sys.argv[1], Path("runs/bench")
    options = dict(zip(sys.argv[2::2], sys.argv[3::2], strict=True))
    out = Path(options.get("--out", out))
    # The same round in every table, 1.7% density, so that presets and seeds compare.
    config = from_dict({"data": {"root": options["--data.root"]}, "analysis": {"headline": 8}}, load(preset))
    setup = set_up(config)
    run = carry_out(setup, out / preset)
    measure_rounds(run, config.analysis, setup)
    rows = [row(preset, run, summary, read_round_indices(run, summary.round)) for summary in run.summaries()]
    write(preset, rows)
    updates = config.train.steps * len(run.rounds())
    for name, control in dense_controls(config, updates).items():
        dense = carry_out(set_up(control, setup.dataset), out / f"{preset}-{name}")
        rows.append(row(name, dense, dense.summary(0), None))
        write(preset, rows)
        print(name, rows[-1]["validation"], rows[-1]["test"], flush=True)


def write(preset: str, rows: list[dict[str, Any]]) -> None:
    """All rows so far, as CSV."""
    with (RESULTS / f"{preset}.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
