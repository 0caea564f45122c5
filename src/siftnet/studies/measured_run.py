"""What the page needs of a run, read once."""

# J nodes, I inputs

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from siftnet.geometry import Grid
from siftnet.pruning.evaluation import Evaluation, Record
from siftnet.pruning.ticket import restore_inputs
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from siftnet.studies.measure_run import FIRST

Which = Literal["best", "last", "test_best", "test_last"]


@dataclass(frozen=True)
class RoundRecord:
    """One finished and measured round.

    summary: round.json. layers: numbers by layer name, from the inputs up. arrays: maps and curves by layer name, then
    by the names of `siftnet.analysis.measure.arrays`.
    """

    summary: RoundSummary
    layers: dict[str, dict[str, Any]]
    arrays: dict[str, dict[str, np.ndarray]]
    raw: dict[str, Any] | None
    """Numbers of a permuted first layer in the order that the network saw; None where nothing was permuted."""

    @property
    def number(self) -> int:
        """Round number."""
        return self.summary.round

    @property
    def density(self) -> float:
        """Share of the prunable entries kept."""
        return self.summary.density

    @property
    def diverged(self) -> bool:
        """Whether the loss was no longer a number."""
        return self.summary.diverged

    @property
    def first(self) -> dict[str, Any]:
        """Numbers of the first layer; empty where it was not measured."""
        return self.layers.get(FIRST, {})

    @property
    def pictures(self) -> dict[str, np.ndarray]:
        """Arrays of the first layer; empty where it was not measured."""
        return self.arrays.get(FIRST, {})

    @property
    def locality(self) -> dict[str, Any] | None:
        """Locality of the first layer; None off a grid."""
        return self.first.get("locality")

    def score(self, which: Which) -> float | None:
        """Validation score 'best' or 'last', or 'test_best', 'test_last'; None where there is none."""
        found = self._evaluation(which)
        return None if found is None else found.score

    def examples(self, which: Which) -> int:
        """How many examples a score was measured on."""
        found = self._evaluation(which)
        assert found is not None, f"round {self.number} has no {which}"
        return found.examples

    def _evaluation(self, which: Which) -> Evaluation | None:
        found: Record | Evaluation | None = getattr(self.summary, which)
        return found.validation if isinstance(found, Record) else found


@dataclass(frozen=True)
class RunRecord:
    """A run with all of its rounds and the headline; headline_at is the headline round's place among `rounds`."""

    run: Run
    rounds: tuple[RoundRecord, ...]
    headline: dict[str, Any]
    headline_at: int

    @property
    def grid(self) -> Grid | None:
        """The grid on which the inputs live, None where nothing spatial can be drawn."""
        geometry = self.run.geometry
        return geometry if isinstance(geometry, Grid) else None

    @property
    def top(self) -> RoundRecord:
        """The headline round."""
        return self.rounds[self.headline_at]

    @property
    def measured(self) -> bool:
        """Whether the first layer is affine, so that there is something to measure."""
        return bool(self.top.first)

    @property
    def is_accuracy(self) -> bool:
        """Whether scores are accuracies; otherwise they are R squared."""
        return self.top.summary.metric == "accuracy"

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Per-input values (..., I) put back to where permuted inputs came from."""
        return restore_inputs(values, self.run.inputs().get("permutation_I"))


def read_record(run: Run) -> RunRecord:
    """Read a run's rounds and what was measured of them.

    Raises ValueError where a finished round has not been measured.
    """
    headline = run.analysis("headline")
    found = [(number, run.analysis(f"round-{number:02d}")) for number in run.rounds()]
    missing = [str(number) for number, measured in found if measured is None]
    if headline is None or missing or not found:
        which = f" (rounds {', '.join(missing)})" if headline is not None and missing else ""
        raise ValueError(f"{run.path} has not been analysed yet{which}: siftnet analyze {run.path}")
    rounds = tuple(_round(run, number, *measured) for number, measured in found if measured is not None)
    at = [r.number for r in rounds].index(headline[0]["round"])
    return RunRecord(run, rounds, headline[0], at)


def _round(run: Run, number: int, numbers: dict[str, Any], arrays: dict[str, np.ndarray]) -> RoundRecord:
    by_layer: dict[str, dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        layer, name = key.split(":", 1)
        by_layer.setdefault(layer, {})[name] = array
    layers = {layer["layer"]: layer for layer in numbers["layers"]}
    return RoundRecord(run.summary(number), layers, by_layer, numbers.get("raw"))
