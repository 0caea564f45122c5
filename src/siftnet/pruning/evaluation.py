"""What a training tells in plain values, which need no tensors to be read: scores, and what it may do to masks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

MaskChange = Literal["none", "shrink", "any"]
"""What a training may do to the masks that it is given: nothing, prune further, or also let pruned entries grow."""


@dataclass(frozen=True)
class Evaluation:
    """How well a network does on one split.

    loss: mean over the examples; score: accuracy, or R^2 with numeric targets; top5: share with the true class among
    the five likeliest, None with fewer than six classes or numeric targets.
    """

    loss: float
    score: float
    top5: float | None
    examples: int

    @classmethod
    def of_classes(cls, loss: float, first: float, five: float, examples: int, classes: int) -> Evaluation:
        """From the sum of losses, and how many examples have their class first and among the first five."""
        return cls(loss / examples, first / examples, five / examples if classes > 5 else None, examples)

    @classmethod
    def of_numbers(cls, loss: float, spread: float, examples: int) -> Evaluation:
        """From the sum of squared errors, and that of the targets' squared deviations from their mean."""
        # Constant targets leave nothing to explain; the bound keeps R^2 a finite number even so.
        return cls(loss / examples, 1 - loss / max(spread, 1e-30), None, examples)


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
        return cls(values["step"], values["train_loss"], Evaluation(**values["validation"]))
