"""What bench_gpu.py found, as rows beside their floors, as goals that were reached or not, and as a table.

The floor of an update is the larger of two times: its operations at the measured rate of products in its precision, and
its bytes at the measured rate of copying. Bytes: the batch once as uint8; every weight read and written, its gradient
written and read, in fp32; its mask read, one byte. R replicates take R times that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from gpu.loops import Competitor
from gpu.schedule import Estimate
from gpu.timing import Ceilings, Measured
from siftnet.bench.floor import Work
from siftnet.network.layers import Affine, Network

# A weight and its gradient move once each way in fp32; a mask is a byte.
GRADIENT_BYTES, MASK_BYTES = 8, 1
GOAL_MINUTES, GOAL_REPLICATES, GOAL_LOADER, GOAL_RESIDENT = 4.0, 2.5, 10.0, 3.0
REPLICATES = 8


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender on one network. Times are of all replicates together; ratio_to_one: median time over that of a
    single replicate, of the batched kernel; tflops: operations over median time; share: of the measured rate."""

    network: str
    contender: str
    way: str
    precision: str
    replicates: int
    measured: Measured
    floor_ms: float
    products_ms: float
    traffic_ms: float
    tflops: float | None
    share: float | None
    ratio_to_one: float | None


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Something wanted: met is whether `reached` keeps within `wanted`, None where there is no figure."""

    what: str
    unit: str
    wanted: float
    reached: float | None
    most: bool
    """Whether `wanted` is the most allowed, and not the least."""

    @property
    def met(self) -> bool | None:
        """Whether it was reached."""
        if self.reached is None:
            return None
        return self.reached <= self.wanted if self.most else self.reached >= self.wanted

    def __str__(self) -> str:
        words = {True: "met", False: "NOT met", None: "NO FIGURE"}[self.met]
        bound = "at most" if self.most else "at least"
        value = "-" if self.reached is None else f"{self.reached:.3g}"
        return f"{words}: {self.what}: {value} {self.unit} (goal: {bound} {self.wanted:g})"


def bytes_of(network: Network, work: Work) -> float:
    """Bytes that an update moves at least; see the module's text."""
    weights = sum(layer.inputs * layer.outputs for layer in network.layers if isinstance(layer, Affine))
    # `dense_bytes` has the batch, and weights read and written.
    return work.dense_bytes + (GRADIENT_BYTES + MASK_BYTES) * weights


def rows_of(
    name: str, network: Network, work: Work, entries: Sequence[tuple[Competitor, Measured]], ceilings: Ceilings
) -> list[Row]:
    """Rows with what follows from times, operations and ceilings."""
    ones = {(c.way, c.precision): m.p50_ms for c, m in entries if c.replicates == 1}
    rows = []
    for competitor, measured in entries:
        peak, count, ms = ceilings.tflops[competitor.precision], competitor.replicates, measured.p50_ms
        products = 1e-9 * count * work.dense_flops / peak
        traffic = 1e-9 * count * bytes_of(network, work) / ceilings.copy_tbytes
        one = ones.get((competitor.way, competitor.precision)) if competitor.way == "batched" else None
        tflops = 1e-9 * count * work.dense_flops / ms if ms else None
        rows.append(
            Row(
                network=name,
                contender=competitor.name,
                way=competitor.way,
                precision=competitor.precision,
                replicates=count,
                measured=measured,
                floor_ms=max(products, traffic),
                products_ms=products,
                traffic_ms=traffic,
                tflops=tflops,
                share=tflops / peak if tflops else None,
                ratio_to_one=ms / one if ms and one else None,
            )
        )
    return rows


def find(
    rows: Iterable[Row], network: str, way: str, precision: str | None = None, replicates: int = 1
) -> float | None:
    """Median milliseconds of this row, of the fastest where no precision is given; None where there is no figure."""
    times = [
        row.measured.p50_ms
        for row in rows
        if (row.network, row.way, row.replicates) == (network, way, replicates)
        and precision in (None, row.precision)
        and row.measured.p50_ms is not None
    ]
    return min(times, default=None)


def goals_of(rows: Sequence[Row], estimates: Sequence[Estimate], large: str, small: str) -> list[Goal]:
    """What was wanted and what was reached; eager loops count by their fastest precision, the kernel in bf16."""
    minutes = next((e.minutes for e in estimates if e.who == "batched"), None)
    own = find(rows, large, "batched", "bf16")
    one, many = (find(rows, small, "batched", "bf16", count) for count in (1, REPLICATES))

    def quicker(way: str) -> float | None:
        theirs = find(rows, large, way)
        return theirs / own if theirs and own else None

    return [
        Goal(what="the paper's schedule, one seed", unit="minutes", wanted=GOAL_MINUTES, reached=minutes, most=True),
        Goal(
            what=f"{REPLICATES} replicates of {small}",
            unit="times one",
            wanted=GOAL_REPLICATES,
            reached=many / one if one and many else None,
            most=True,
        ),
        Goal(
            what=f"{large} against the fastest eager loop with a data loader",
            unit="times as fast",
            wanted=GOAL_LOADER,
            reached=quicker("eager, loader"),
            most=False,
        ),
        Goal(
            what=f"{large} against the fastest eager loop with data on the device",
            unit="times as fast",
            wanted=GOAL_RESIDENT,
            reached=quicker("eager, resident"),
            most=False,
        ),
    ]  # fmt: skip


def line_of(row: Row, circumstances: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the CSV file."""
    flat = asdict(row)
    measured = flat.pop("measured")
    return {key: _short(value) for key, value in (flat | measured).items()} | dict(circumstances)


def _short(value: Any) -> Any:
    """Four significant digits, which is more than the noise leaves."""
    if value is None:
        return ""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def tables_of(rows: Sequence[Row]) -> list[Table]:
    """A table a network for the terminal, 120 columns; dashes where a contender failed, whose reason is below."""
    tables = []
    for network in dict.fromkeys(row.network for row in rows):
        table = Table(
            box=SIMPLE, title=f"{network}: milliseconds an update, all replicates together", title_style="bold"
        )
        table.add_column("contender", no_wrap=True)
        for column in ("p50", "p20", "p80", "best", "times R=1", "floor", "TFLOP/s", "of peak", "validate", "MB"):
            table.add_column(column, justify="right", no_wrap=True)
        for row in (row for row in rows if row.network == network):
            table.add_row(row.contender, *_cells(row))
        tables.append(table)
    return tables


def failures_of(rows: Iterable[Row]) -> list[str]:
    """A line for each contender without figures."""
    return [f"{row.network}, {row.contender}: {row.measured.failure}" for row in rows if row.measured.failure]


def _cells(row: Row) -> list[str]:
    measured = row.measured
    times = [measured.p50_ms, measured.p20_ms, measured.p80_ms, measured.best_ms]
    share = None if row.share is None else 100 * row.share
    cells = [text_of(value) for value in (*times, row.ratio_to_one, row.floor_ms, row.tflops)]
    return [*cells, text_of(share, "%"), text_of(measured.evaluate_ms), text_of(measured.memory_mb)]


def text_of(value: float | None, unit: str = "") -> str:
    """Three digits, or a dash."""
    if value is None:
        return "-"
    return f"{value:.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}"
