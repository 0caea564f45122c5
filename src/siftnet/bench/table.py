"""The terminal's view: density by contender, the fastest marked; the schedule's sums below."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from siftnet.bench.benchmark import Result
from siftnet.bench.contender import AUTO
from siftnet.bench.schedule import ratios, totals
from siftnet.bench.sweep import Row
from siftnet.wording import milliseconds_cell, share


def step_table(result: Result) -> Table:
    """Median milliseconds a step; * marks the fastest at each density, and auto names the kernel that it takes."""
    names = list(dict.fromkeys(row.contender for row in result.rows))
    table = Table(box=SIMPLE, title="milliseconds a step (median); * the fastest")
    table.add_column("density", justify="right", no_wrap=True)
    for name in [*names, "floor"]:
        table.add_column(name, justify="right", no_wrap=True)
    found = {(row.density, row.contender): row for row in result.rows}
    for density in sorted({row.density for row in result.rows}, reverse=True):
        here = [found[density, name] for name in names]
        # auto repeats a kernel's row: two stars would say the same thing twice.
        fastest = min((row for row in here if row.contender != AUTO), key=lambda row: row.timing.p50_ms)
        floor = min(fastest.dense_floor_ms, fastest.sparse_floor_ms)
        cells = [_cell(row, marked=row is fastest) for row in here]
        table.add_row(share(density, 3), *cells, milliseconds_cell(floor))
    return table


def _cell(row: Row, *, marked: bool) -> Text:
    if row.contender == AUTO:
        return Text(row.kernel)
    star = "* " if marked else ""
    return Text(star + milliseconds_cell(row.timing.p50_ms), style="bold" if marked else "")


def schedule_table(result: Result) -> Table:
    """Each contender's sum over the schedule's rounds and how many times faster that is than the baselines."""
    sums = totals(result.rounds)
    faster = ratios(sums, result.baselines)
    fraction = share(result.config.fraction)
    title = f"{result.config.rounds} rounds at {fraction}, one update of each, validation included"
    table = Table(box=SIMPLE, title=title)
    table.add_column("contender")
    table.add_column("ms in total", justify="right")
    for base in result.baselines:
        table.add_column(f"times as fast as {base}", justify="right")
    for name, total in sorted(sums.items(), key=lambda item: -item[1]):
        table.add_row(name, milliseconds_cell(total), *(f"{faster[name][base]:.2f}" for base in result.baselines))
    return table


def headline(result: Result) -> str:
    """What was timed, where."""
    machine, peak = result.machine, result.peak
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    return (
        f"{result.shape}, batch {result.config.train.batch}, {machine['precision']} products, {threads} "
        f"({machine['threading layer of numba']}), "
        f"{machine['gpu'] or machine['processor']}, torch {machine['torch']}, numba {machine['numba']}, "
        f"siftnet {machine['siftnet']}; peak {peak.product_gflops:.0f} GFLOP/s ({machine['precision']}), "
        f"{peak.fp32_gflops:.0f} GFLOP/s (fp32), copying {peak.copy_gbytes:.1f} GB/s"
    )
