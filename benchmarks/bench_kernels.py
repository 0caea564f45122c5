"""Step time against density, siftnet's kernels beside plain PyTorch, and an 18-round schedule at 30% a round.

    python benchmarks/bench_kernels.py [--slices 30] [--threads 2] [--train.batch 1000] ...

takes the options of `siftnet bench` and adds the baselines of baselines.py to its contenders, all in one process and
taking turns. Writes benchmarks/results/kernels.csv, kernels.json and schedule.csv, and docs/images/kernels.png where a
headless Chromium is there to draw it. Takes minutes; a line of progress after each density.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from PIL import Image
from rich.console import Console

from baselines import entrants
from ending import one_sentence
from siftnet.bench.benchmark import run_benchmark
from siftnet.bench.config import BenchConfig
from siftnet.bench.results import write_results
from siftnet.bench.table import headline, schedule_table, step_table

HERE = Path(__file__).parent
# The densities of the sweep, finer than those of `siftnet bench`.
DENSITIES = (1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01, 0.003, 0.001)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH, HEIGHT = 960, 690


@dataclass(frozen=True, kw_only=True)
class Options:
    """Step time against density, siftnet's kernels beside plain PyTorch."""

    results: Path = HERE / "results"
    """Folder for the CSV and JSON files."""
    picture: Path = HERE.parent / "docs" / "images" / "kernels.png"
    """File for the figure."""
    config: Annotated[BenchConfig, tyro.conf.arg(name="")] = field(
        default_factory=lambda: BenchConfig(densities=DENSITIES)
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write."""
    with one_sentence("bench_kernels"):
        options = tyro.cli(Options, args=arguments, description=__doc__)
        result = run_benchmark(options.config, entrants, lambda text: print(text, flush=True))
    console = Console(highlight=False, width=140)
    console.print(step_table(result))
    if result.rounds:
        console.print(schedule_table(result))
    console.print(headline(result), soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        for path in write_results(result, Path(folder)):
            if path.suffix != ".html":
                options.results.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, options.results / path.name)
                print(options.results / path.name)
        draw(Path(folder) / "kernels.html", options.picture)


def draw(page: Path, picture: Path) -> None:
    """A picture of the page, twice as fine as it is shown; a sentence instead where there is no browser."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        print(f"no picture: none of {', '.join(BROWSERS)} is installed", file=sys.stderr)
        return
    picture.parent.mkdir(parents=True, exist_ok=True)
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=10000"]
    words += ["--force-device-scale-factor=2", f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={picture}"]
    subprocess.run([*words, page.resolve().as_uri()], check=True, capture_output=True, timeout=120)
    # Few colours: a palette makes it a quarter of the size.
    with Image.open(picture) as drawn:
        drawn.convert("RGB").quantize(256).save(picture, optimize=True)
    print(picture)


if __name__ == "__main__":
    main()
