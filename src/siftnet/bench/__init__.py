"""How long a step takes on this machine: every kernel at every density, in one run, beside the floor."""

from siftnet.bench.benchmark import Result, bench
from siftnet.bench.config import BenchConfig
from siftnet.bench.contender import Contender, Entrant
from siftnet.bench.problem import Problem
from siftnet.bench.record import make_room, write_results
from siftnet.bench.table import headline, schedule_table, step_table

__all__ = [
    "BenchConfig",
    "Contender",
    "Entrant",
    "Problem",
    "Result",
    "bench",
    "headline",
    "make_room",
    "schedule_table",
    "step_table",
    "write_results",
]
