"""The whole benchmark: resolve the machine, time every contender at every density, add up the schedule."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any

from siftnet.bench.config import BenchConfig
from siftnet.bench.contender import AUTO, Entrant, choose_entrants
from siftnet.bench.floor import Peak, measure_peak
from siftnet.bench.problem import dense_instance
from siftnet.bench.schedule import ScheduleRow, ratios, schedule_rows, totals
from siftnet.bench.sweep import Row, Tell, measure, rows_of
from siftnet.config.fields import RunConfig, require
from siftnet.config.load import to_dict
from siftnet.foreign import shown
from siftnet.kernels.interface import Problem
from siftnet.kernels.plan import Plan
from siftnet.kernels.planning import make_plan
from siftnet.kernels.registry import candidates
from siftnet.kernels.timing import Clock
from siftnet.runs.machine import computing, describe_machine, has_native_bf16, processor_name, resolve_machine

Others = Callable[[Problem], Sequence[Entrant]]


@dataclass(frozen=True)
class Result:
    """What was measured. rows: the densities asked for; rounds: the schedule; baselines: compared with the others."""

    config: BenchConfig
    machine: dict[str, Any]
    peak: Peak
    plan: Plan | None
    rows: list[Row]
    rounds: list[ScheduleRow]
    baselines: list[str]

    @property
    def shape(self) -> str:
        """The network in one word, e.g. 3072-1024-1024-1024-200."""
        config = self.config
        words = [str(config.classes) if w == "x" else w.removeprefix("f") for w in config.network.layers.split(":")]
        return "-".join([str(config.channels * prod(config.shape)), *words])

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        sums = totals(self.rounds)
        return {
            "shape": self.shape,
            "machine": self.machine,
            "config": to_dict(self.config),
            "peak": asdict(self.peak),
            "plan": self.plan.to_dict() if self.plan else None,
            "rows": [asdict(row) for row in self.rows],
            "schedule": {
                "rows": [asdict(row) for row in self.rounds],
                "total_ms": sums,
                "faster_than": ratios(sums, self.baselines),
            },
        }


def run_benchmark(
    config: BenchConfig,
    others: Others = lambda problem: (),
    tell: Tell = lambda text: None,
    clock: Clock = time.perf_counter,
) -> Result:
    """Time the kernels, and what `others` adds, as configured.

    tell: called with a line of progress after each density. Raises ValueError for an unknown contender, a device that
    is not there and a network that does not fit.
    """
    require(isinstance(config, BenchConfig), f"what to time is said by a siftnet.BenchConfig, got {shown(config)}")
    run = resolve_machine(config.as_run())
    with computing(run):
        return _run_benchmark(config, run, others, tell, clock)


def _run_benchmark(config: BenchConfig, run: RunConfig, others: Others, tell: Tell, clock: Clock) -> Result:
    config = replace(config, device=run.device, threads=run.threads, train=run.train)
    dense = dense_instance(config)
    native = has_native_bf16(config.device)
    # Emulated products take minutes; what is possible in bf16 there is what fp32 does.
    rated = config.train.precision if native else "fp32"
    entrants = choose_entrants(dense.problem, others(dense.problem), config.contenders, native_bf16=native, tell=tell)
    peak = measure_peak(rated, config.device)
    plan = None
    if not config.contenders or AUTO in config.contenders:
        kinds, threads = candidates(AUTO, dense.problem), config.threads
        plan = make_plan(kinds, dense.problem, config.visited, threads=threads, processor=processor_name(), clock=clock)
    measured = measure(dense, entrants, config, tell, clock)
    # The machine may have been busy at one end of a long run.
    peak = peak.best(measure_peak(rated, config.device))
    rows = rows_of(measured, entrants, peak, plan)
    baselines = [entrant.name for entrant in entrants if entrant.baseline] or [entrants[0].name]
    return Result(
        config,
        describe_machine(run),
        peak,
        plan,
        [row for row in rows if row.density in config.densities],
        schedule_rows(rows, config.schedule, config.train.validate_every),
        baselines,
    )
