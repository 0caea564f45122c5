"""Writes a run down while it is sifted: checkpoints of the round under way, and finished rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from siftnet.imp import Round
from siftnet.masks import Masks
from siftnet.network import Network
from siftnet.observer import Observer
from siftnet.signals import Interrupted
from siftnet.store import Run
from siftnet.summary import summarise
from siftnet.train import History, Progress

# Well under the 60 s that a checkpoint may be old: a slice of updates on a slow machine comes on top.
CHECKPOINT_SECONDS = 30.0


class Keeper:
    """Keeps one run: a checkpoint by the clock, and when a signal asks to stop; every finished round."""

    def __init__(
        self, stored: Run, network: Network, observer: Observer, stop: Callable[[int], int], folder: Path
    ) -> None:
        """Keep `stored`.

        stop: of the updates made in the round, the signal that asks to stop there, or 0; folder: what to resume after
        that, the run's or that of all replicates.
        """
        self.stored, self.network, self.observer, self.stop = stored, network, observer, stop
        self.folder = folder
        self._restart_clock()

    def watch(self, number: int, masks: Masks, step: int, history: History, progress: Callable[[], Progress]) -> None:
        """A `WatchRound`. Raises Interrupted, after a checkpoint, where a signal asks to stop."""
        self.observer.advanced(number, step, history)
        stop = self.stop(step)
        if stop or time.monotonic() - self.written > CHECKPOINT_SECONDS:
            self.stored.write_checkpoint(number, masks, progress())
            self._restart_clock()
        if stop:
            raise Interrupted(self.folder, stop)

    def keep(self, finished: Round) -> None:
        """Store a round, and tell the observer; with round 0 the rewind point, before it."""
        if finished.number == 0:
            self.stored.write_rewind(finished.rewind)
        summary = summarise(finished, self.network)
        scored = finished.scored if self.stored.config.prune.at_step >= 0 else None
        self.stored.write_round(finished.number, summary, finished.masks, finished.trained, finished.history, scored)
        self.observer.finished(summary)
        self._restart_clock()

    def _restart_clock(self) -> None:
        self.written = time.monotonic()
