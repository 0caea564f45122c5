"""What a run writes down in numbers, typed: of its data before training (data.json), of each round (round.json)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from siftnet.config.fields import RefusedError
from siftnet.geometry import Geometry, Grid, geometry_from_dict, geometry_to_dict
from siftnet.pruning.evaluation import Evaluation, MaskChange, Record
from siftnet.store.typed import typed

# 1: as siftnet 0.1 to 0.3 wrote it, without saying so. 2: says whether masks may change in training. 3: scores may be
# undefined.
SCHEMA = 3


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Numbers of one split: their smallest and largest, mean and standard deviation, in the data's own unit."""

    low: float
    high: float
    mean: float
    deviation: float


@dataclass(frozen=True, kw_only=True)
class NumericTargets:
    """Targets that are numbers: the network is fitted to (target - taken_off) / divisor."""

    taken_off: float
    divisor: float
    spread: Mapping[str, Spread]
    """By split."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NumericTargets:
        """The inverse of `asdict`."""
        return cls(**values | {"spread": {name: Spread(**found) for name, found in values["spread"].items()}})


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """A data set as a run remembers it. What runs before siftnet 0.5, or 0.6, did not write has a default."""

    name: str
    hash: str
    """Content hash."""
    geometry: Geometry
    classes: int | None
    """None where the target is a number."""
    class_names: tuple[str, ...]
    input_names: tuple[str, ...]
    examples: Mapping[str, int]
    """Number of examples by split."""
    augmented: bool
    """Whether flips or shifts told the network, or the run that its masks are of, about geometry."""
    permuted: bool
    """Whether one permutation shuffled the inputs."""
    scrambled: bool
    """Whether each example was shuffled by its own."""
    notes: tuple[str, ...]
    left_over: int | None = None
    """Examples in no split."""
    class_counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Examples of each class by split; empty with numeric targets."""
    numeric_targets: NumericTargets | None = None
    source: str = ""
    """What was read, e.g. 'table wine.csv'."""
    target: str = ""
    """What became the labels, e.g. 'column quality'."""
    division: str = ""
    """Where test and validation set come from."""
    scaling: str = ""
    """What was done to the inputs."""
    label_geometry: Grid | None = None
    """Where inputs are neighbours for labels that were made from them; None where nobody knows."""
    label_order: Literal["own", "other"] = "own"
    """Whether inputs lie there in their own order; the order itself is among the arrays of data.npz."""

    @property
    def elsewhere(self) -> str | None:
        """In words, where labels have their neighbours, if that is not where the inputs have theirs."""
        labels = self.label_geometry
        if labels is None or (labels == self.geometry and self.label_order == "own"):
            return None
        return labels.describe().removesuffix(", 1 channel") + (
            " in another order" if self.label_order == "other" else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self) | {
            "geometry": geometry_to_dict(self.geometry),
            "class_names": list(self.class_names),
            "input_names": list(self.input_names),
            "notes": list(self.notes),
            "class_counts": {name: list(counts) for name, counts in self.class_counts.items()},
            "numeric_targets": self.numeric_targets and asdict(self.numeric_targets),
            "label_geometry": self.label_geometry and geometry_to_dict(self.label_geometry),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DataSummary:
        """The inverse of `to_dict`. Raises KeyError or TypeError for anything else."""
        lists: dict[str, Any] = {name: tuple(values[name]) for name in ("class_names", "input_names", "notes")}
        lists["geometry"] = geometry_from_dict(values["geometry"])
        counts = {name: tuple(found) for name, found in values.get("class_counts", {}).items()}
        if any(len(found) != values["classes"] for found in counts.values()):
            raise TypeError(f"class_counts is not of {values['classes']} classes")
        if (numeric := values.get("numeric_targets")) is not None:
            lists["numeric_targets"] = NumericTargets.from_dict(numeric)
        if (labels := values.get("label_geometry")) is not None:
            lists["label_geometry"] = geometry_from_dict(labels)
            if lists["label_geometry"].size != lists["geometry"].size:
                raise TypeError("label_geometry is of other inputs")
        return typed(cls(**values | lists | {"class_counts": counts}))


@dataclass(frozen=True, kw_only=True)
class LayerSummary:
    """One prunable layer after a round: share kept, share that carries signal, share of its units with an input."""

    density: float
    density_effective: float
    connected: float


@dataclass(frozen=True, kw_only=True)
class RoundSummary:
    """The numbers of a finished round."""

    round: int
    density: float
    """Share of the prunable entries kept."""
    density_effective: float
    """The same without what no signal passes."""
    survivors: int
    entries: int
    layers: Mapping[str, LayerSummary]
    metric: Literal["accuracy", "r2"]
    best: Record | None
    """The validation of the best weights; None where the round diverged before its first."""
    last: Record | None
    test_best: Evaluation | None
    """The test split with the weights that validation chose."""
    test_last: Evaluation | None
    seconds: float
    """Of training."""
    kernel: str | None
    diverged_at: int | None
    """Updates after which the loss was no longer a number."""
    begin_sha256: str
    """Of the parameters that the round began with."""
    stop: str | None
    """Why the run stopped here."""
    mask_change: MaskChange = "none"
    files: Mapping[str, str] = field(default_factory=dict)
    """sha256 of each file of the round."""

    @property
    def diverged(self) -> bool:
        """Whether the loss was no longer a number."""
        return self.diverged_at is not None

    @property
    def validation(self) -> Evaluation | None:
        """The best weights on the split that chose them."""
        return self.best.validation if self.best else None

    @property
    def undefined(self) -> tuple[str, ...]:
        """Of validation and test those whose score is undefined, because their targets are all alike."""
        if self.diverged:
            return ()
        scored = {"validation": self.validation, "test": self.test_best}
        return tuple(name for name, found in scored.items() if found is not None and found.score is None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"schema": SCHEMA} | asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RoundSummary:
        """The inverse of `to_dict`, also for what siftnet 0.1 to 0.3 wrote.

        Raises ValueError for the numbers of a newer siftnet and for a density or accuracy that is none, KeyError or
        TypeError for anything else.
        """
        values = dict(values)
        found = values.pop("schema", 1)
        if found > SCHEMA:
            raise RefusedError(f"a round was stored in format {found}, newer than {SCHEMA}: update siftnet")
        records = {name: values[name] and Record.from_dict(values[name]) for name in ("best", "last")}
        tests = {name: values[name] and Evaluation.from_dict(values[name]) for name in ("test_best", "test_last")}
        layers = {name: LayerSummary(**layer) for name, layer in values["layers"].items()}
        summary = typed(cls(**values | records | tests | {"layers": layers}))
        if not 0 < summary.density <= 1:
            raise ValueError(f"a density of {summary.density:g}")
        found = (summary.validation, summary.test_best, summary.last and summary.last.validation, summary.test_last)
        if summary.metric == "accuracy" and any(e and e.score is not None and e.score < 0 for e in found):
            raise ValueError("an accuracy below 0")
        return summary


def undefined_in(summaries: Sequence[RoundSummary]) -> tuple[str, ...]:
    """Of validation and test those whose score is undefined in one of these rounds."""
    return tuple(name for name in ("validation", "test") if any(name in summary.undefined for summary in summaries))
