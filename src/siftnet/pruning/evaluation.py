"""What a training tells in plain values, which need no tensors to be read: scores, and what it may do to masks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

MaskChange = Literal["none", "shrink", "any"]
"""What a training may do to the masks that it is given: nothing, prune further, or also let pruned entries grow."""

# An R^2 below this is of targets that are alike where its variance is one of rounding: (4 * 2^-24)^2, as targets are
# float32 with deviation 1 in training.
ABSURD, ALIKE = -1e6, 6e-14


@dataclass(frozen=True)
class Evaluation:
    """How well a network does on one split.

    loss: mean over the examples; score: accuracy, or R^2 with numeric targets, None where the targets are all alike and
    leave nothing to explain; top5: share with the true class among the five likeliest, None with fewer than six classes
    or numeric targets.
    """

    loss: float
    score: float | None
    top5: float | None
    examples: int

    @classmethod
    def of_classes(cls, loss: float, first: float, five: float, examples: int, classes: int) -> Evaluation:
        """From the sum of losses, and how many examples have their class first and among the first five."""
        return cls(loss / examples, first / examples, five / examples if classes > 5 else None, examples)

    @classmethod
    def of_numbers(cls, loss: float, spread: float | None, examples: int) -> Evaluation:
        """From the sum of squared errors, and that of the targets' squared deviations from their mean.

        spread: None where the targets are alike, see `siftnet.data.spread.target_spread`.
        """
        return cls(loss / examples, None if spread is None else 1 - loss / spread, None, examples)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Evaluation:
        """The inverse of `dataclasses.asdict`; the R^2 that siftnet 0.1 to 0.4 gave of targets that are alike is None.

        Raises TypeError for anything else, ValueError for numbers that no evaluation gives.
        """
        found = cls(**values)
        if found.examples < 1 or (found.score is not None and found.score > 1):
            raise ValueError(f"a score of {found.score} over {found.examples} examples")
        if found.score is None or found.score >= ABSURD:
            return found
        # Their spread was rounding, or a bound of 1e-30 for none.
        variance = found.loss / (1 - found.score)
        return found if variance > ALIKE else replace(found, score=None)


@dataclass(frozen=True)
class Record:
    """One validation: after `step` updates, the mean training loss since the last one, and the validation split."""

    step: int
    train_loss: float
    validation: Evaluation

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Record:
        """The inverse of `to_dict`."""
        return cls(values["step"], values["train_loss"], Evaluation.from_dict(values["validation"]))
