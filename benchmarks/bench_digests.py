"""What a fixed set of small runs computes, as digests: the proof that a change of the code changes no result.

    python benchmarks/bench_digests.py --results before.csv      # before the change, and again after it:
    python benchmarks/bench_digests.py --results after.csv --against before.csv

Each row is one run made by the command line: single runs with every kernel of this machine, in fp32 and bf16, with
SGD, momentum and AdamW, convolutions, replicates one after the other and side by side, runs stopped by a signal and
resumed, prolonged, and started from another run's ticket. The columns are the run's own digest, and sha256 digests of
the tensors of all masks, of all weights, and of the arrays that were measured. Bits are those of one machine and its
threads: compare files of one machine only. `auto` is not among the kernels, because its plan is timed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors import safe_open

SMALL = (
    "nlgp --threads 1 --data.synthetic.shape 12 12 --data.synthetic.examples 3000 --data.synthetic.test 500 "
    "--data.synthetic.xi 0.7 2 "
    "--network.layers f64:f48:x --train.steps 120 --train.batch 100 --train.rewind 10 --train.validate-every 40 "
    "--train.lr 0.1 --prune.rounds 3 --prune.fraction 0.5 --analysis.samples 19 --analysis.samples-other 3 "
    "--analysis.bootstrap 100"
)
LONG = "--train.steps 4000 --train.validate-every 2000"
RUNS: dict[str, str] = {
    **{f"{kernel} fp32": f"--kernel {kernel} --train.precision fp32" for kernel in ("dense", "fused", "sparse")},
    **{f"{kernel} bf16": f"--kernel {kernel} --train.precision bf16" for kernel in ("dense", "fused", "sparse")},
    "plain fp32": "--kernel plain --train.precision fp32 --train.steps 60",
    "batched fp32": "--kernel batched --train.precision fp32",
    "dense adamw": "--kernel dense --train.precision fp32 --train.optimiser adamw --train.lr 0.003 "
    "--train.weight-decay 0.01 --train.schedule cosine",
    "sparse adamw": "--kernel sparse --train.precision fp32 --train.optimiser adamw --train.lr 0.003 "
    "--train.weight-decay 0.01",
    "sparse momentum": "--kernel sparse --train.precision fp32 --train.momentum 0.9 --train.nesterov --train.lr 0.02 "
    "--train.weight-decay 0.001",
    "two threads": "--kernel sparse --train.precision fp32 --threads 2",
    "movement, global": "--kernel fused --train.precision fp32 --prune.score movement --prune.scope global",
    "random, redrawn": "--kernel fused --train.precision fp32 --prune.score random --prune.reset redraw",
    "earlier mask": "--kernel sparse --train.precision fp32 --prune.at-step 50 --prune.init-density 0.6",
    "permuted": "--kernel sparse --train.precision fp32 --data.permute fixed",
    "convolution": "--kernel dense --train.precision fp32 --network.layers c3-6:p2:f32:x",
    "no norm": "--kernel fused --train.precision fp32 --network.no-norm --train.lr 0.02",
    "diverged": "--kernel dense --train.precision fp32 --train.lr 1e30",
}


def siftnet(*words: str, check: bool = True) -> None:
    """Run one command, its output kept for when it fails."""
    done = subprocess.run([sys.executable, "-m", "siftnet", *words], capture_output=True, text=True)
    if check and done.returncode not in (0, 1):
        raise SystemExit(f"siftnet {' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def run(folder: Path, options: str, *more: str) -> Path:
    """A run in a folder of its own."""
    siftnet("run", *SMALL.split(), *options.split(), *more, "--out", str(folder))
    return folder


def stopped(folder: Path, options: str, *more: str) -> Path:
    """A run that SIGTERM stops inside its second round, resumed to its end."""
    words = ["run", *SMALL.split(), *options.split(), *more, "--out", str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "siftnet", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not list(folder.rglob("rounds/00/round.json")):
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.wait()
    if not list(folder.rglob("checkpoint/progress.safetensors")):
        raise SystemExit(f"{folder} was not stopped inside a round: make its rounds longer in this script")
    siftnet("resume", str(folder))
    return folder


def digest_of(arrays: list[tuple[str, np.ndarray]]) -> str:
    """Names, shapes, types and bytes of arrays, in one digest."""
    sha = hashlib.sha256()
    for name, array in sorted(arrays, key=lambda pair: pair[0]):
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()[:16]


def tensors(paths: list[Path], root: Path) -> list[tuple[str, np.ndarray]]:
    """All tensors of some safetensors files."""
    found = []
    for path in paths:
        with safe_open(path, framework="np") as stored:
            found += [(f"{path.relative_to(root)} {key}", stored.get_tensor(key)) for key in stored.keys()]  # noqa: SIM118
    return found


def describe(name: str, folder: Path) -> dict[str, str]:
    """One run's row."""
    rounds = folder / "rounds"
    masks = tensors(sorted(rounds.glob("*/masks.safetensors")), folder)
    weights = [p for p in rounds.glob("*/*.safetensors") if p.name != "masks.safetensors"]
    weights += list((folder / "rewind").glob("*.safetensors"))
    measured: list[tuple[str, np.ndarray]] = []
    for path in sorted((folder / "analysis").glob("round-*.npz")):
        with np.load(path) as arrays:
            measured += [(f"{path.name} {key}", array) for key, array in arrays.items()]
    return {
        "run": name,
        "rounds": str(len(list(rounds.glob("[0-9]*")))),
        "digest": json.loads((folder / "config.json").read_text())["digest"][:16],
        "masks": digest_of(masks),
        "weights": digest_of(tensors(weights, folder)),
        "measures": digest_of(measured),
    }


def make(home: Path) -> list[dict[str, str]]:
    """All runs and their rows."""
    rows = []

    def add(name: str, *folders: Path) -> None:
        for folder in folders:
            label = name if len(folders) == 1 else f"{name}, {folder.name}"
            rows.append(describe(label, folder))
            print(*rows[-1].values(), sep="\t", flush=True)

    for name, options in RUNS.items():
        add(name, run(home / name.replace(" ", "-"), options))
    started = f"--kernel sparse --train.precision fp32 --start.run {home / 'sparse-fp32'} --start.round 2"
    add("started from a ticket", run(home / "started", started))
    add("started, redrawn", run(home / "redrawn", started + " --start.weights redraw"))
    prolonged = run(home / "prolonged", RUNS["fused fp32"], "--prune.rounds", "1")
    siftnet("resume", str(prolonged), "--prune.rounds", "3")
    add("prolonged", prolonged)
    for kernel in ("dense", "sparse"):
        for extra in ("", " --train.momentum 0.9 --train.lr 0.02"):
            name = f"stopped {kernel}{' with momentum' if extra else ''}"
            options = f"--kernel {kernel} --train.precision fp32{extra} {LONG}"
            add(name, stopped(home / name.replace(" ", "-"), options))
    add("stopped adamw", stopped(home / "stopped-adamw", RUNS["dense adamw"] + " " + LONG))
    for kernel, how in (("sparse", "one after the other"), ("batched", "side by side")):
        options = f"--kernel {kernel} --train.precision fp32"
        together = run(home / f"together-{kernel}", options, "--replicates", "3")
        add(f"replicates {how}", *sorted(together.glob("seed-*")))
    resumed = stopped(home / "together-stopped", f"--kernel batched --train.precision fp32 {LONG}", "--replicates", "2")
    add("replicates stopped", *sorted(resumed.glob("seed-*")))
    return rows


def main() -> None:
    """Make the runs, write the digests, and compare them with earlier ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--against", type=Path, help="CSV file of another state of the code, made on this machine")
    options = parser.parse_args()
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    with tempfile.TemporaryDirectory() as folder:
        rows = make(Path(folder))
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with options.results.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    if options.against:
        with options.against.open(newline="") as handle:
            before = {row["run"]: row for row in csv.DictReader(handle)}
        differing = [row["run"] for row in rows if row != before.get(row["run"])]
        print(f"{len(rows) - len(differing)} of {len(rows)} runs have equal digests")
        sys.exit(f"these differ: {', '.join(differing)}" if differing else 0)


if __name__ == "__main__":
    main()
