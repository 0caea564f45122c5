"""Peak memory of a run beyond its data, and what the run takes on the disk against storing its weights dense.

    python benchmarks/bench_memory.py --data.root DIR [--steps 100] [--rounds 3] [--out FOLDER] [OPTIONS OF siftnet run]

Starts `siftnet run images` as a process of its own, asks it to stop in the dense round 0 and again in the last round
(so that it writes a checkpoint whose size is taken), and goes on with it each time. The peak is the largest resident
set of these processes, measuring and making the page included; the data are the inputs as they are stored. Adds a row
to benchmarks/results/memory.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from siftnet import Run

RESULTS = Path(__file__).parent / "results" / "memory.csv"
# Linux counts the resident set in KiB, macOS in bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
POLL_SECONDS = 0.05
# Seconds into a round at which a stop is asked for, so that some updates are made.
STOP_AFTER = 1.0


@dataclass(frozen=True)
class Finished:
    """A process that ended: exit status, negative for a signal, and largest resident set in bytes."""

    status: int
    peak_bytes: int


def siftnet(arguments: Sequence[str], stop_in: Path | None = None) -> Finished:
    """Run a siftnet command to its end, or ask it to stop shortly after the file or folder `stop_in` appears."""
    process = subprocess.Popen([sys.executable, "-m", "siftnet", *arguments], stdout=subprocess.DEVNULL)
    asked_at = None
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            # Popen must know that there is nobody left to wait for.
            process.returncode = os.waitstatus_to_exitcode(status)
            return Finished(process.returncode, usage.ru_maxrss * RSS_UNIT)
        if stop_in is not None and stop_in.exists():
            asked_at = asked_at or time.monotonic() + STOP_AFTER
            if time.monotonic() > asked_at:
                process.send_signal(signal.SIGTERM)
                stop_in = None
        time.sleep(POLL_SECONDS)


def size_of(path: Path) -> int:
    """Bytes of all files below a folder, 0 where it is not there."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def expected(arguments: Sequence[str]) -> dict[str, Any]:
    """What `siftnet run --dry-run` says: bytes of data, parameters."""
    words = [sys.executable, "-m", "siftnet", *arguments, "--dry-run", "--json"]
    told = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    return json.loads(told.stdout)["expected"]


def measure(arguments: Sequence[str], out: Path, rounds: int) -> dict[str, Any]:
    """One line of the CSV for a run of `rounds` pruned rounds, which is stopped twice on its way."""
    data = expected(arguments)
    idle = siftnet(["--version"])
    command = ["run", *arguments[1:], "--out", str(out)]
    peaks, checkpoints = [], []
    for mark in (out / "config.json", out / "rounds" / f"{rounds - 1:02d}"):
        stopped = siftnet(command, stop_in=mark)
        peaks.append(stopped.peak_bytes)
        checkpoints.append(size_of(out / "checkpoint"))
        if not checkpoints[-1]:
            raise SystemExit(
                f"siftnet {' '.join(command)} ended with status {stopped.status} and left no checkpoint: a round was "
                "over before it could be stopped, so take more --steps"
            )
        print(f"stopped with status {stopped.status}, checkpoint {checkpoints[-1]:,} bytes", flush=True)
    last = siftnet(command)
    if last.status != 0:
        raise SystemExit(f"siftnet {' '.join(command)} ended with status {last.status}")
    run, stored = Run(out), size_of(out / "rounds")
    # The best and the last weights of every round, in fp32.
    dense = len(run.rounds()) * 2 * 4 * data["parameters"]
    peak = max(*peaks, last.peak_bytes)
    return {
        "preset": arguments[1],
        "data_mb": megabytes(data["data_bytes"]),
        "peak_mb": megabytes(peak),
        "beyond_data_mb": megabytes(peak - data["data_bytes"]),
        "idle_mb": megabytes(idle.peak_bytes),
        "parameters": data["parameters"],
        "rounds": len(run.rounds()),
        "steps": run.config.train.steps,
        "batch": run.config.train.batch,
        "last_density": run.summaries()[-1].density,
        "checkpoint_dense_mb": megabytes(checkpoints[0]),
        "checkpoint_last_mb": megabytes(checkpoints[1]),
        "rounds_mb": megabytes(stored),
        "rounds_dense_mb": megabytes(dense),
        "run_mb": megabytes(size_of(out)),
        "kernel": run.config.kernel,
    } | {key: run.environment[key] for key in ("processor", "threads", "precision", "torch", "numba", "siftnet")}


def megabytes(count: int) -> float:
    """1e6 bytes."""
    return round(count / 1e6, 3)


def append(row: dict[str, Any], path: Path) -> None:
    """Add a row to a CSV file. Ends the program where the file has other columns."""
    fresh = not path.exists()
    if not fresh:
        with path.open(newline="", encoding="utf-8") as file:
            if csv.DictReader(file).fieldnames != list(row):
                raise SystemExit(f"{path} has other columns: move it away, or take another file with --results")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="images", help="preset or file")
    parser.add_argument("--data.root", dest="root", help="folder that holds the data")
    parser.add_argument("--steps", type=int, default=100, help="updates in each round")
    parser.add_argument("--rounds", type=int, default=3, help="pruned rounds, one at least")
    parser.add_argument("--out", type=Path, help="folder of the run, which must not be there; a temporary one without")
    parser.add_argument("--results", type=Path, default=RESULTS, help="CSV file")
    options, others = parser.parse_known_args()
    arguments = ["run", options.preset, *(["--data.root", options.root] if options.root else [])]
    arguments += ["--train.steps", str(options.steps), "--prune.rounds", str(options.rounds), *others]
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    with tempfile.TemporaryDirectory() as folder:
        row = measure(arguments, options.out or Path(folder) / "run", options.rounds)
    for name, value in row.items():
        print(f"{name:20s} {value}")
    append(row, options.results)
    print(options.results)


if __name__ == "__main__":
    main()
