"""Writes a run down while it is sifted: checkpoints of the round under way, and finished rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from siftnet.network.layers import Network
from siftnet.pruning.imp import Position, Round
from siftnet.pruning.training import History, Progress
from siftnet.runs.describe_round import summarise
from siftnet.runs.events import Observer
from siftnet.runs.interrupt import Interrupted
from siftnet.store.round_files import RoundFiles
from siftnet.store.run import Run


class CheckpointClock:
    """What is done at a step: stop there, write a checkpoint, or go on.

    Decided when the first of those that are trained together asks, for all of them, so that they stand at one step.
    """

    def __init__(
        self, stop_requested: Callable[[], int], seconds: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        """stop_requested: the signal that asks to stop, or 0; seconds: between two checkpoints; now: the time."""
        self.stop_requested, self.seconds, self.now = stop_requested, seconds, now
        self.decided, self.stop, self.due = (-1, -1), 0, False
        self.restart()

    def at(self, number: int, step: int) -> tuple[int, bool]:
        """Of the updates made in a round, the signal to stop for, or 0, and whether a checkpoint is due."""
        if self.decided != (number, step):
            self.decided, self.stop = (number, step), self.stop_requested()
            self.due = self.stop != 0 or self.now() - self.written > self.seconds
        return self.stop, self.due

    def restart(self) -> None:
        """A checkpoint, or a round, is written."""
        self.written = self.now()


class Recorder:
    """Records one run: a checkpoint by the clock, and when a signal asks to stop; every finished round."""

    def __init__(self, stored: Run, network: Network, observer: Observer, clock: CheckpointClock, folder: Path) -> None:
        """Record `stored`.

        clock: shared by those that are trained together; folder: what to resume after a stop, the run's or that of all
        replicates.
        """
        self.stored, self.network, self.observer, self.clock = stored, network, observer, clock
        self.folder = folder

    def watch(self, position: Position, step: int, history: History, progress: Callable[[], Progress]) -> None:
        """A `WatchRound`. Raises Interrupted, after a checkpoint, where a signal asks to stop."""
        number = position.round_number
        self.observer.advanced(number, step, history)
        stop, due = self.clock.at(number, step)
        if due:
            self.stored.write_checkpoint(number, position.masks, progress())
            self.clock.restart()
        if stop:
            raise Interrupted(self.folder, stop)

    def record(self, finished: Round) -> None:
        """Store a round, and tell the observer; with round 0 the rewind point, before it."""
        if finished.number == 0:
            self.stored.write_rewind(finished.rewind)
        summary = summarise(finished, self.network)
        scored = finished.scored if self.stored.config.prune.at_step >= 0 else None
        begin_masks = None if finished.mask_change == "none" else finished.begin_masks
        files = RoundFiles(finished.masks, finished.trained, finished.history, scored, begin_masks)
        self.stored.write_round(summary, files)
        self.observer.finished(summary)
