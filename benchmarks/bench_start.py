"""How long siftnet takes to answer where nothing is computed, as ratios to `import torch` on the same machine.

Run `python benchmarks/bench_start.py --against OTHER/src`; it writes benchmarks/results/start.csv. Every answer is a
process of its own, from its start to its end, Python's own start included; all take turns, in both trees, with
`python -c "import torch"`, so that a busy machine slows them alike. The first turn (caches) is left out; n follow.
A ratio is that of the smallest times, or of the medians; without --against the columns of the tree before are empty.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results" / "start.csv"
HERE = Path(__file__).parent.parent / "src"
TORCH = "import torch"
TINY = (
    *(
        "--data.synthetic.shape",
        "8",
        "8",
        "--data.synthetic.xi",
        "0.5",
        "1.5",
        "--data.synthetic.examples",
        "1000",
        "--data.synthetic.test",
        "200",
    ),
    *("--network.layers", "f16:x", "--train.steps", "20", "--train.batch", "50", "--train.rewind", "5"),
    *("--train.validate-every", "10", "--prune.rounds", "2", "--threads", "1", "--kernel", "dense"),
    *("--analysis.samples", "5", "--analysis.samples-other", "2", "--analysis.bootstrap", "100"),
)
LOCALITY = "import numpy, siftnet; siftnet.locality(numpy.ones((3, 4), bool), siftnet.ring(4), samples=2)"


def answers(run: Path) -> dict[str, tuple[list[str], int]]:
    """What is timed by name: the interpreter's arguments, and the status that it has to end with."""
    command = ["-m", "siftnet"]
    return {
        TORCH: (["-c", TORCH], 0),
        "import siftnet": (["-c", "import siftnet"], 0),
        "siftnet --version": ([*command, "--version"], 0),
        "siftnet --help": ([*command, "--help"], 0),
        "siftnet run nlgp --trian.lr 1": ([*command, "run", "nlgp", "--trian.lr", "1"], 2),
        "siftnet show RUN": ([*command, "show", str(run)], 0),
        "siftnet.locality(mask, geometry)": (["-c", LOCALITY], 0),
    }


def seconds(tree: Path, arguments: list[str], status: int) -> float:
    """Duration of one process. Raises RuntimeError where it ends otherwise than it has to."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    start = time.perf_counter()
    ended = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    duration = time.perf_counter() - start
    if ended.returncode != status:
        raise RuntimeError(f"{arguments} in {tree} ended with {ended.returncode}, not {status}: {ended.stderr[-500:]}")
    return duration


def make_run(tree: Path, path: Path) -> Path:
    """A small run, made and measured by this tree."""
    seconds(tree, ["-m", "siftnet", "run", "nlgp", "--out", str(path), *TINY], 0)
    return path


def measure(trees: dict[str, Path], turns: int) -> dict[str, dict[str, list[float]]]:
    """Durations of every answer in every tree: by tree's name, by answer."""
    with tempfile.TemporaryDirectory() as folder:
        asked = {name: answers(make_run(tree, Path(folder) / name)) for name, tree in trees.items()}
        found: dict[str, dict[str, list[float]]] = {name: {what: [] for what in asked[name]} for name in trees}
        for turn in range(turns + 1):
            for what in asked[next(iter(trees))]:
                for name, tree in trees.items():
                    duration = seconds(tree, *asked[name][what])
                    if turn:
                        found[name][what].append(duration)
    return found


def of_processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def of_tree(tree: Path) -> str:
    """The version that a tree says it is."""
    return (tree / "siftnet" / "version.py").read_text(encoding="utf-8").split('"')[-2]


def rows_of(found: dict[str, dict[str, list[float]]], trees: dict[str, Path]) -> list[dict[str, object]]:
    """One row an answer: ratios first, then seconds, then where they hold."""
    environment = {
        "processor": of_processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
    }
    # `import torch` is the same in every tree: all its times are one sample.
    torch = [duration for tree in found.values() for duration in tree[TORCH]]
    rows = []
    for what in found["after"]:
        row: dict[str, object] = {"what": what}
        for summary, of in (("", min), ("median_", median)):
            for name in ("before", "after"):
                times = found.get(name, {}).get(what)
                row[f"{name}_{summary}ratio"] = round(of(times) / of(torch), 3) if times else ""
        for name in ("before", "after"):
            times = found.get(name, {}).get(what)
            row |= {f"{name}_min_s": round(min(times), 4) if times else ""}
            row |= {f"{name}_p50_s": round(median(times), 4) if times else ""}
        row |= {"torch_min_s": round(min(torch), 4), "torch_p50_s": round(median(torch), 4)}
        row |= {"n": len(found["after"][what])} | environment
        row |= {f"siftnet_{name}": of_tree(trees[name]) if name in trees else "" for name in ("before", "after")}
        rows.append(row)
    return rows


def main() -> None:
    """Time all, print the ratios and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another source tree, whose figures become the columns 'before'")
    parser.add_argument("--turns", type=int, default=10, help="timed processes of each answer")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file to write")
    given = parser.parse_args()
    trees = ({"before": given.against.absolute()} if given.against else {}) | {"after": HERE}
    rows = rows_of(measure(trees, given.turns), trees)
    for row in rows:
        print(f"{row['what']:34s} before {row['before_ratio']!s:6s} after {row['after_ratio']!s:6s} of import torch")
    with given.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
