"""Milliseconds an update on one GPU: plain PyTorch with a data loader or data on the device, and siftnet's kernels.

    python benchmarks/bench_gpu.py [--results FOLDER] [--profile]     on a machine with a GPU, under 8 minutes
    python benchmarks/bench_gpu.py --draw benchmarks/results/gpu.json  the picture, anywhere
    python benchmarks/bench_gpu.py --device cpu --quick                the same code at small sizes, under a minute

Everybody takes turns in one process, under a random mask. Measures what the device reaches first, then two networks,
then trainings for the paper's schedule. Writes gpu.json and gpu.csv after each of these, so that nothing measured is
lost to what comes after. A contender that fails is a row with its reason.
"""

from __future__ import annotations

import faulthandler
import gc
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import torch
import tyro
from rich.console import Console

from ending import one_sentence
from gpu.figure import draw
from gpu.loops import GRAPH, Feed, Replicas, Way, choose, competitors
from gpu.report import Row, failures_of, goals_of, line_of, rows_of, tables_of, text_of
from gpu.scale import QUICK, Scale, Shape
from gpu.schedule import DENSITIES, Estimate, Slice, estimate_eager, estimate_schedule, measure_slices
from gpu.timing import Ceilings, Pace, measure_ceilings, race, reason, steady_memory
from siftnet.bench.config import BenchConfig
from siftnet.bench.floor import work_of
from siftnet.bench.problem import dense_instance
from siftnet.bench.results import make_room, to_csv
from siftnet.config.fields import NetworkConfig, TrainConfig, require
from siftnet.kernels.instance import Instance
from siftnet.runs.machine import (
    available_threads,
    computing,
    describe_machine,
    has_native_bf16,
    resolve_machine,
)
from siftnet.store.atomic import to_json, write_file

HERE = Path(__file__).parent
# Worker processes at most: more wait for the one thread that pins what they send.
MOST_WORKERS = 12
# Seconds after its limit at which a run that hangs says where, and ends.
GRACE = 120


@dataclass(frozen=True, kw_only=True)
class Options:
    """Milliseconds an update on one GPU."""

    results: Path = HERE / "results"
    """Folder for gpu.csv, gpu.json and, with --profile, gpu-profile.txt."""
    device: str = "auto"
    """cpu, cuda or cuda:N; auto takes a GPU where there is one."""
    quick: bool = False
    """Small networks and few slices, to try the benchmark itself."""
    contenders: tuple[Way, ...] = ()
    """Who takes part; empty takes all that need not emulate bf16."""
    density: float = 0.1
    """Share of the prunable weights that is kept; 1 frees the kernels, not the eager loops, of masks."""
    threads: int = 0
    """Processor threads; 0 takes all."""
    workers: int = -1
    """Worker processes of a data loader; 0 for none, -1 for two fewer than there are processors, 12 at most."""
    limit: float = 420.0
    """Seconds after which no contender begins another turn; what was left out is said."""
    profile: bool = False
    """Also profile the batched kernel, a replay of its graph and a single update without one."""
    draw: Path | None = None
    """Draw this gpu.json instead of measuring."""
    picture: Path = HERE.parent / "docs" / "images" / "gpu.png"
    """File for the picture."""

    def __post_init__(self) -> None:
        require(0 < self.density <= 1, f"density must be in (0, 1], got {self.density:g}")
        require(self.workers >= -1, f"workers must be -1 (as many as are useful) or more, got {self.workers}")
        require(self.limit > 0, f"limit must be positive, got {self.limit:g}")


@dataclass
class Result:
    """What was measured so far."""

    machine: dict[str, Any]
    scale: Scale
    density: float
    workers: int
    seconds: float = 0.0
    ceilings: Ceilings | None = None
    rows: list[Row] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Parts of the benchmark that broke as a whole."""

    @property
    def headline(self) -> str:
        """What was timed, where."""
        machine, scale = self.machine, self.scale
        ceilings = self.ceilings
        rates = ", ".join(f"{name} {rate:.4g}" for name, rate in ceilings.tflops.items()) if ceilings else "-"
        copying = f"{ceilings.copy_tbytes:.3g}" if ceilings else "-"
        return (
            f"batch {scale.batch}, density {100 * self.density:g}%, {scale.examples} examples, {self.workers} workers, "
            f"{machine['gpu'] or machine['processor']}, torch {machine['torch']}, siftnet {machine['siftnet']}; "
            f"products of {scale.product} x {scale.product} in TFLOP/s: {rates}; copying {copying} TB/s"
        )

    def goals(self) -> list[str]:
        """Goals and whether they were reached."""
        large, small = (shape.name for shape in self.scale.shapes)
        return [str(goal) for goal in goals_of(self.rows, self.estimates, large, small)]

    def write(self, folder: Path) -> None:
        """gpu.json and gpu.csv."""
        shown = asdict(self) | {"headline": self.headline, "goals": self.goals()}
        write_file(folder / "gpu.json", to_json(shown))
        machine = self.machine
        circumstances = {"density": self.density, "batch": self.scale.batch, "examples": self.scale.examples}
        circumstances |= {"workers": self.workers, "processor": machine["gpu"] or machine["processor"]}
        circumstances |= {key: machine[key] for key in ("device", "torch", "siftnet")}
        if self.rows:
            write_file(folder / "gpu.csv", to_csv([line_of(row, circumstances) for row in self.rows]))


class Session:
    """A measurement under way: one part after the other, what was found written after each."""

    def __init__(self, options: Options, scale: Scale) -> None:
        self.options, self.scale, self.start = options, scale, time.perf_counter()
        device = "cuda:0" if (given := self._resolve(options.device)) == "cuda" else given
        self.device = device
        train = TrainConfig(batch=scale.batch, lr=0.01, precision="fp32")
        self.config = BenchConfig(device=device, threads=options.threads, train=train)
        run = resolve_machine(self.config.as_run())
        self.computing = partial(computing, run)
        if device != "cpu":
            torch.cuda.set_device(device)
        spare = max(1, min(MOST_WORKERS, available_threads() - 2))
        self.workers = options.workers if options.workers >= 0 else spare
        with self.computing():
            self.result = Result(describe_machine(run), scale, options.density, self.workers)

    @staticmethod
    def _resolve(device: str) -> str:
        return resolve_machine(BenchConfig(device=device).as_run()).device

    def tell(self, text: str) -> None:
        """A line of progress with the seconds so far."""
        print(f"[{time.perf_counter() - self.start:4.0f} s] {text}", flush=True)

    def run(self) -> Result:
        """All parts; one that breaks is noted and the next one begins."""
        large, small = self.scale.shapes
        with self.computing():
            self._part("ceilings", self._ceilings)
            self._part(large.name, partial(self._network, large))
            self._part("schedule", self._schedule)
            self._part(small.name, partial(self._network, small))
            if self.options.profile:
                self._part("profile", self._profile)
        return self.result

    def _part(self, name: str, action: Callable[[], None]) -> None:
        self.tell(f"--- {name}")
        try:
            action()
        except Exception as error:
            self.result.failures.append(f"{name}: {reason(error)}")
            self.tell(f"{name} FAILED: {reason(error)}")
        gc.collect()
        if self.device != "cpu":
            # A device that no longer answers must not keep what was found from being written.
            with suppress(RuntimeError):
                torch.cuda.empty_cache()
        self.result.seconds = time.perf_counter() - self.start
        self.result.write(self.options.results)

    def _ceilings(self) -> None:
        self.result.ceilings = found = measure_ceilings(self.device, self.scale.product, self.scale.copied_bytes)
        rates = ", ".join(f"{name} {rate:.4g} TFLOP/s" for name, rate in found.tflops.items())
        self.tell(f"{rates}, copying {found.copy_tbytes:.3g} TB/s")

    def _dense(self, shape: Shape) -> Instance:
        """A network of which nothing is pruned."""
        scale = self.scale
        return dense_instance(
            replace(
                self.config,
                shape=(shape.side, shape.side),
                classes=shape.classes,
                examples=scale.examples,
                validation=scale.validation,
                network=NetworkConfig(layers=shape.layers),
            )
        )

    def _network(self, shape: Shape) -> None:
        instance, scale = self._dense(shape).at_density(self.options.density), self.scale
        problem = instance.problem
        # Without rates, times are still worth having: their floors are 0.
        ceilings = self.result.ceilings or Ceilings(dict.fromkeys(("bf16", "tf32", "fp32"), inf), inf)
        pinned = self.device != "cpu"
        images = problem.batches.dataset
        feeds = [Feed(images, scale.batch, self.workers, pinned=pinned, items=items) for items in (False, True)]
        everybody, left_out = choose(
            competitors(instance, feeds, scale.replicates, compiled=scale.compiled),
            self.options.contenders,
            native_bf16=has_native_bf16(self.device),
        )
        if left_out:
            self.tell(f"left out, since this processor would emulate bf16: {'; '.join(left_out)} (name them to time)")
        ends = self.start + self.options.limit
        pace = Pace(slice_ms=scale.slice_ms, turns=scale.turns, seconds=scale.seconds, ends=ends)
        try:
            measured = race(everybody, self.device, pace, lambda text: self.tell(f"{shape.name}, {text}"))
        finally:
            for feed in feeds:
                feed.close()
        work = work_of(problem.network, instance.masks, scale.batch, problem.batches.inputs_NI.element_size())
        pairs = list(zip(everybody, measured, strict=True))
        self.result.rows += rows_of(shape.name, problem.network, work, pairs, ceilings)

    def _schedule(self) -> None:
        result, scale = self.result, self.scale
        named = not self.options.contenders or "batched" in self.options.contenders
        if named and (self.options.contenders or has_native_bf16(self.device)):
            dense = self._dense(scale.shapes[0])
            result.slices = measure_slices(dense, scale.lengths, scale.every, self.tell)
        else:
            self.tell("left out: its trainings are batched in bf16, which is emulated here or was not asked for")
            result.slices = [Slice(density=density, failure="left out") for density in DENSITIES]
        result.estimates = [estimate_schedule("batched", result.slices)]
        for row in result.rows:
            if row.way == "eager, resident" and row.network == scale.shapes[0].name:
                result.estimates.append(estimate_eager(row.contender, row.measured))

    def _profile(self) -> None:
        instance = self._dense(self.scale.shapes[0]).at_density(self.options.density)
        replicas = Replicas(instance, [instance.state], "bf16")
        with steady_memory(self.device):
            replicas.advance(GRAPH)
        replayed = self._table(lambda: replicas.advance(GRAPH))
        # Without its graph the kernel launches the same work one by one.
        replicas.kernels[0].stack.replayed = None  # type: ignore[attr-defined]
        replicas.advance(1)
        single = self._table(lambda: replicas.advance(1))
        text = f"one replay, {GRAPH} updates\n{replayed}\n\none update without a graph\n{single}\n"
        write_file(self.options.results / "gpu-profile.txt", text.encode())

    def _table(self, call: Callable[[], object]) -> str:
        """torch.profiler's table of a call, by the device's time."""
        activities = [torch.profiler.ProfilerActivity.CPU]
        cuda = self.device != "cpu"
        if cuda:
            activities.append(torch.profiler.ProfilerActivity.CUDA)
            torch.cuda.synchronize(self.device)
        with torch.profiler.profile(activities=activities) as profiler:
            call()
            if cuda:
                torch.cuda.synchronize(self.device)
        order = "self_device_time_total" if cuda else "self_cpu_time_total"
        return str(profiler.key_averages().table(sort_by=order, row_limit=80, max_name_column_width=110))


def show(result: Result) -> None:
    """Tables, schedule and goals."""
    console = Console(highlight=False, width=120)
    for table in tables_of(result.rows):
        console.print(table)
    for part in result.slices:
        if part.failure is None:
            console.print(
                f"training at density {part.density:g}: {text_of(part.update_ms)} ms an update with validations, "
                f"{text_of(part.round_seconds)} s a round besides (capture, moving weights, test), "
                f"{text_of(part.export_ms)} ms for each best validation"
            )
    for found in result.estimates:
        if found.minutes is None:
            console.print(f"the paper's schedule, {found.who}: no figure")
            continue
        most = (
            f", at most {found.minutes_at_most:.3g} were every validation a best one" if found.minutes_at_most else ""
        )
        console.print(
            f"the paper's schedule, {found.who}: {found.minutes:.3g} minutes ({found.update_us:.4g} us){most}"
        )
    broken = [f"schedule at density {part.density:g}: {part.failure}" for part in result.slices if part.failure]
    for failure in [*failures_of(result.rows), *broken, *result.failures]:
        console.print(f"FAILED: {failure}", markup=False)
    for goal in result.goals():
        console.print(goal, markup=False)
    console.print(result.headline, markup=False)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write; or draw."""
    with one_sentence("bench_gpu"):
        options = tyro.cli(Options, args=arguments, description=__doc__)
        if options.draw is not None:
            draw(options.draw, options.picture)
            return
        make_room(options.results)
        session = Session(options, QUICK if options.quick else Scale())
    assert sys.__stderr__ is not None
    faulthandler.dump_traceback_later(options.limit + GRACE, exit=True, file=sys.__stderr__)
    try:
        result = session.run()
    finally:
        faulthandler.cancel_dump_traceback_later()
    show(result)
    print(options.results / "gpu.json")


if __name__ == "__main__":
    main()
