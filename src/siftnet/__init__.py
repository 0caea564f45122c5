"""siftnet: find the architecture hidden in data.

import siftnet

run = siftnet.run(siftnet.load("nlgp"), "runs/nlgp")  # train, prune, rewind, repeat
headline = siftnet.measure_rounds(run)  # measure what survived
siftnet.locality(run.ticket(8).mask_JI("layers.0"), run.geometry)  # or any mask of your own

Names load what is behind them when they are first used (SPEC 1), so that measuring a mask does not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from siftnet.version import __version__

if TYPE_CHECKING:
    from siftnet.analysis.locality import locality
    from siftnet.config.fields import RunConfig
    from siftnet.config.load import load
    from siftnet.data.dataset import Dataset
    from siftnet.geometry import Grid, Points, Unknown, ring, torus, volume
    from siftnet.network.masks import Masks
    from siftnet.network.state import State
    from siftnet.pruning.ticket import Ticket
    from siftnet.runs.replicates import resume_replicates, run_replicates
    from siftnet.runs.single import resume, run
    from siftnet.runs.verify import verify
    from siftnet.store.folder import RunFolder
    from siftnet.store.run import Run
    from siftnet.studies.measure_run import measure_rounds

__all__ = [
    "Dataset",
    "Grid",
    "Masks",
    "Points",
    "Run",
    "RunConfig",
    "RunFolder",
    "State",
    "Ticket",
    "Unknown",
    "__version__",
    "load",
    "locality",
    "measure_rounds",
    "resume",
    "resume_replicates",
    "ring",
    "run",
    "run_replicates",
    "torus",
    "verify",
    "volume",
]

_HOMES = {
    "analysis.locality": ("locality",),
    "config.fields": ("RunConfig",),
    "config.load": ("load",),
    "data.dataset": ("Dataset",),
    "geometry": ("Grid", "Points", "Unknown", "ring", "torus", "volume"),
    "network.masks": ("Masks",),
    "network.state": ("State",),
    "pruning.ticket": ("Ticket",),
    "runs.replicates": ("resume_replicates", "run_replicates"),
    "runs.single": ("resume", "run"),
    "runs.verify": ("verify",),
    "store.folder": ("RunFolder",),
    "store.run": ("Run",),
    "studies.measure_run": ("measure_rounds",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'siftnet' has no attribute {name!r}")
    found = getattr(import_module(f"siftnet.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
