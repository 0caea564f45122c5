"""siftnet: find the architecture hidden in data.

import siftnet

run = siftnet.run(siftnet.load("nlgp"), "runs/nlgp")  # train, prune, rewind, repeat
headline = siftnet.survey(run, run.config.analysis)  # measure what survived
siftnet.locality(run.ticket(8).mask_JI("layers.0"), run.geometry)  # or any mask of your own
"""

from siftnet.analysis import locality
from siftnet.config import RunConfig
from siftnet.data.dataset import Dataset
from siftnet.geometry import Grid, Points, Unknown, ring, torus, volume
from siftnet.launch import resume, run
from siftnet.masks import Masks
from siftnet.replicates import resume_replicates, run_replicates
from siftnet.settings import load
from siftnet.state import State
from siftnet.store import Run
from siftnet.survey import survey
from siftnet.ticket import Ticket
from siftnet.verify import verify
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
