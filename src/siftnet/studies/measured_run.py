"""What is measured of a run: the one place that writes it beside the run and reads it back, typed.

analysis/round-NN.json and .npz hold a round, analysis/headline.json what the verdict is about. Indices and headline are
read from JSON alone, without the arrays and without what computes.
"""

# J nodes, I inputs

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from siftnet.analysis.ablation import Ablation
from siftnet.geometry import Grid, Points
from siftnet.pruning.evaluation import ABSURD, Evaluation, Record
from siftnet.store.analysis_files import DamagedError
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary, undefined_in
from siftnet.studies.measured_layer import (
    Indices,
    MeasuredLayer,
    Numbers,
    layer_arrays,
    layer_numbers,
    read_indices,
    read_layer,
    text,
    whole,
)
from siftnet.wording import shell_word

if TYPE_CHECKING:
    from siftnet.analysis.layer import LayerMeasures
    from siftnet.analysis.locality import Locality

# 1: as siftnet 0.1 to 0.3 wrote it, without saying so. 2: the headline has every draw of a random ablation.
SCHEMA = 2

Which = Literal["best", "last", "test_best", "test_last"]
Read = TypeVar("Read")


class NewerError(ValueError):
    """What was measured is of a newer siftnet, which alone can read it."""


@dataclass(frozen=True, kw_only=True)
class MeasuringKey:
    """How a round was measured, and of what: it is measured anew where this differs.

    samples, bootstrap: as of `AnalysisConfig`; headline: whether it was the round that the verdict is about; siftnet:
    the version; masks: sha256 of the masks' file.
    """

    samples: int
    bootstrap: int
    headline: bool
    siftnet: str
    masks: str


@dataclass(frozen=True, eq=False)
class RoundMeasures:
    """What was measured of one round, before it is stored.

    layers: by name, from the inputs up, none where the first one is a convolution; raw: a permuted first layer in the
    order that the network saw, where that was measured; verdict: of the first layer.
    """

    layers: Mapping[str, LayerMeasures]
    raw: LayerMeasures | None
    verdict: str


@dataclass(frozen=True, eq=False)
class Headline:
    """What a run's page is about.

    round: its number; verdict: in sentences; ablation: what first-layer nodes are worth, None where not measured;
    metric: what its scores are.
    """

    round: int
    verdict: str
    ablation: Ablation | None = None
    metric: Literal["accuracy", "r2"] = "accuracy"

    def to_dict(self) -> Numbers:
        """For JSON."""
        curves = None if self.ablation is None else _ablation(self.ablation) | {"metric": self.metric}
        return {"round": self.round, "verdict": self.verdict, "ablation": curves}


@dataclass(frozen=True, eq=False)
class MeasuredRound:
    """One finished and measured round.

    layers: by name, from the inputs up; raw: indices of a permuted first layer in the order that the network saw, None
    where nothing was permuted; verdict: of the first layer.
    """

    summary: RoundSummary
    layers: Mapping[str, MeasuredLayer]
    raw: Indices | None
    verdict: str

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
    def first(self) -> MeasuredLayer | None:
        """The layer on the inputs; None where it was not measured."""
        return next(iter(self.layers.values()), None)

    @property
    def locality(self) -> Locality | None:
        """Of the first layer; None where nobody knows where the inputs live."""
        return self.first.locality if self.first else None

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


@dataclass(frozen=True, eq=False)
class MeasuredRun:
    """A run with all of its rounds and the headline; headline_at is the headline round's place among `rounds`."""

    run: Run
    rounds: tuple[MeasuredRound, ...]
    headline: Headline
    headline_at: int

    @property
    def grid(self) -> Grid | None:
        """The grid on which the inputs live, None where they live on none."""
        geometry = self.run.geometry
        return geometry if isinstance(geometry, Grid) else None

    @property
    def points(self) -> Points | None:
        """The points at which the inputs live, None on a grid and where nobody knows."""
        geometry = self.run.geometry
        return geometry if isinstance(geometry, Points) else None

    @property
    def top(self) -> MeasuredRound:
        """The headline round."""
        return self.rounds[self.headline_at]

    @property
    def measured(self) -> bool:
        """Whether the first layer is affine, so that there is something to measure."""
        return bool(self.top.layers)

    @property
    def first_layers(self) -> list[MeasuredLayer]:
        """The first layer of every round; none where there is nothing to measure."""
        return [first for r in self.rounds if (first := r.first) is not None]

    @property
    def metric(self) -> Literal["accuracy", "r2"]:
        """What scores are."""
        return self.top.summary.metric

    @property
    def undefined(self) -> tuple[str, ...]:
        """Of validation and test those whose score is undefined in some round."""
        return undefined_in([r.summary for r in self.rounds])

    @property
    def is_accuracy(self) -> bool:
        """Whether scores are accuracies; otherwise they are R squared."""
        return self.metric == "accuracy"

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Per-input values (..., I) put back to where permuted inputs came from."""
        from siftnet.pruning.ticket import restore_inputs

        return restore_inputs(values, self.run.inputs().get("permutation_I"))


# Writing


def write_round(run: Run, number: int, key: MeasuringKey, measures: RoundMeasures) -> None:
    """Store what was measured of a round. Array names are 'layers.0:same_channel' and so on; see `layer_arrays`."""
    raw, layers = measures.raw, measures.layers
    numbers: Numbers = {
        "schema": SCHEMA,
        "round": number,
        "key": vars(key),
        "layers": [{"layer": name} | layer_numbers(found) for name, found in layers.items()],
        "raw": None if raw is None else layer_numbers(raw),
        "verdict": measures.verdict,
    }
    arrays = {f"{layer}:{name}": a for layer, found in layers.items() for name, a in layer_arrays(found).items()}
    run.write_analysis(_name(number), numbers, arrays)


def write_headline(run: Run, headline: Headline) -> None:
    """Store what the page is about."""
    run.write_analysis("headline", {"schema": SCHEMA} | headline.to_dict(), {})


def _ablation(found: Ablation) -> Numbers:
    return {
        "removed": found.counts.tolist(),
        "most": found.most.tolist(),
        "least": found.least.tolist(),
        **({} if found.random is None else {"random": found.random.tolist()}),
        "random_mean": found.random_mean.tolist(),
        # The name that siftnet 0.3 reads it by.
        "random_spread": found.random_deviation.tolist(),
    }


def _name(number: int) -> str:
    return f"round-{number:02d}"


# Reading


def read_measured(run: Run) -> MeasuredRun:
    """Read a run's rounds and what was measured of them.

    Raises ValueError where a finished round has not been measured, or was by a newer siftnet.
    """
    headline, numbers = read_headline(run), run.rounds()
    read = {number: read_round(run, number) for number in numbers}
    missing = [str(number) for number, found in read.items() if found is None]
    if headline is None or missing or not numbers:
        which = f" (rounds {', '.join(missing)})" if headline is not None and missing else ""
        again = f"siftnet analyze {shell_word(str(run.path))}"
        raise ValueError(f"{run.path} has not been analysed yet{which}: {again}")
    if headline.round not in numbers:
        raise run.analysis_files("headline").not_understood(KeyError(headline.round))
    rounds = tuple(found for found in read.values() if found is not None)
    return MeasuredRun(run, rounds, headline, numbers.index(headline.round))


def read_round(run: Run, number: int) -> MeasuredRound | None:
    """A round as it was measured; None where it was not."""

    summary = run.summary(number)

    def read(numbers: Numbers) -> MeasuredRound:
        by_layer: dict[str, dict[str, np.ndarray]] = {}
        for key, array in run.analysis_arrays(_name(number)).items():
            layer, name = key.rsplit(":", 1)
            by_layer.setdefault(layer, {})[name] = array
        layers = {found["layer"]: read_layer(found, by_layer[found["layer"]]) for found in numbers["layers"]}
        raw = (numbers["raw"] or {}).get("locality")
        return MeasuredRound(summary, layers, raw and read_indices(raw), text(numbers["verdict"]))

    return _read(run, _name(number), read)


def read_key(run: Run, number: int) -> MeasuringKey | None:
    """How a round was measured; None where it was not, or by a siftnet that said so otherwise."""
    names = set(MeasuringKey.__dataclass_fields__)
    return _read(run, _name(number), lambda n: MeasuringKey(**n["key"]) if n["key"].keys() == names else None)


def read_round_indices(run: Run, number: int) -> Indices | None:
    """Indices of a round's first layer; None where they were not measured."""

    def read(numbers: Numbers) -> Indices | None:
        found = numbers["layers"][0]["locality"] if numbers["layers"] else None
        return found and read_indices(found)

    return _read(run, _name(number), read)


def read_verdict(run: Run, number: int) -> str:
    """What is said of a round's first layer."""
    found: str | None = _read(run, _name(number), lambda numbers: text(numbers["verdict"]))
    assert found is not None
    return found


def read_headline(run: Run) -> Headline | None:
    """What the page is about; None before it is measured."""

    def read(numbers: Numbers) -> Headline:
        found, curves = Headline(whole(numbers["round"]), text(numbers["verdict"])), numbers["ablation"]
        if curves is None:
            return found
        ablation, metric = _read_ablation(curves), curves["metric"]
        if metric == "r2" and ablation.most.max() < ABSURD:
            # Of targets that are all alike, as siftnet 0.1 to 0.4 scored them.
            return found
        return replace(found, ablation=ablation, metric=metric)

    return _read(run, "headline", read)


def _read_ablation(numbers: Numbers) -> Ablation:
    names = {"most": "most", "least": "least", "random_mean": "random_mean", "random_spread": "random_deviation"}
    curves = {field: np.array(numbers[name], dtype=np.float64) for name, field in names.items()}
    random = numbers.get("random")
    counts = np.array(numbers["removed"], dtype=np.int64)
    drawn = None if random is None else np.array(random, dtype=np.float64)
    shapes = {array.shape for array in (*curves.values(), *([] if drawn is None else drawn))}
    if shapes != {counts.shape} or counts.ndim != 1 or numbers["metric"] not in ("accuracy", "r2"):
        raise ValueError("curves of different lengths, or of no score")
    return Ablation(counts=counts, random=drawn, **curves)


def _read(run: Run, name: str, read: Callable[[Numbers], Read]) -> Read | None:
    """What one stored analysis says, in the words of siftnet where it is newer or damaged."""
    numbers: Any = run.analysis_numbers(name)
    if numbers is None:
        return None
    try:
        if (schema := numbers.get("schema", 1)) > SCHEMA:
            raise NewerError(f"{run.path} was measured in format {schema}, newer than {SCHEMA}: update siftnet")
        return read(numbers)
    except (NewerError, DamagedError):
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise run.analysis_files(name).not_understood(error) from None
