"""siftnet: find the architecture hidden in data.

import siftnet

run = siftnet.run(siftnet.load("nlgp"), "runs/nlgp")  # train, prune, rewind, repeat
headline = siftnet.survey(run, run.config.analysis)  # measure what survived
siftnet.locality(run.ticket(8).mask_JI("layers.0"), run.geometry)  # or any mask of your own
"""

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
from siftnet.store.run import Run
from siftnet.studies.measure_run import survey
from siftnet.version import __version__

__all__ = [
    "Dataset",
    "Grid",
    "Masks",
    "Points",
    "Run",
    "RunConfig",
    "State",
    "Ticket",
    "Unknown",
    "__version__",
    "load",
    "locality",
    "resume",
    "resume_replicates",
    "ring",
    "run",
    "run_replicates",
    "survey",
    "torus",
    "verify",
    "volume",
]
