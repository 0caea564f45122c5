"""siftnet: find the architecture hidden in data.

import siftnet

run = siftnet.run(siftnet.load("nlgp"), "runs/nlgp")  # train, prune, rewind, repeat
headline = siftnet.measure_rounds(run)  # measure what survived
ticket = run.ticket(headline.round)
siftnet.locality(ticket.mask_JI(ticket.first_layer), run.geometry)  # or any mask of your own

Names are loaded when they are first used (SPEC 1); `__init__.pyi` beside this file lists them all.
"""

import lazy_loader as lazy

# Here, so that no fork from now on goes unnoticed.
import siftnet.host.forks  # noqa: F401

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
