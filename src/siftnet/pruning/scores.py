"""How much each entry deserves to stay: SCORES by name, which a short function joins.

@register_score("large and moved", from_rewind=True)
def large_and_moved(given: Scoring) -> dict[str, Tensor]:
    \"\"\"The largest |w (w - w_rewind)|.\"\"\"
    return {name: (w * (w - given.rewind[name])).abs() for name, w in given.trained.items()}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from siftnet.config.fields import PruneConfig, require
from siftnet.foreign import shown


@dataclass(frozen=True)
class Scoring:
    """What a score may look at."""

    trained: Mapping[str, Tensor]
    """Trained parameters that are ranked, by name, in the order of their masks."""
    rewind: Mapping[str, Tensor]
    """The same at the rewind point."""
    draws: np.random.Generator
    """Of this run and round."""


@dataclass(frozen=True)
class Score:
    """A way of scoring: float32 of the parameters' shapes, by name; the lowest are pruned first."""

    of: Callable[[Scoring], dict[str, Tensor]]
    from_rewind: bool
    """Whether it measures from the rewind point, so that survivors have to return there."""


SCORES: dict[str, Score] = {}


def register_score(
    name: str, *, from_rewind: bool = False
) -> Callable[[Callable[[Scoring], dict[str, Tensor]]], Callable[[Scoring], dict[str, Tensor]]]:
    """Make a function known as the score `name`, for prune.score.

    Raises ValueError for a name that is no text, and for one that is taken: runs are told apart by the score's name.
    """
    require(isinstance(name, str) and name != "", f"a score's name is text, got {shown(name)}")

    def add(function: Callable[[Scoring], dict[str, Tensor]]) -> Callable[[Scoring], dict[str, Tensor]]:
        require(callable(function), f"a score is a function of a siftnet.Scoring, got {shown(function)}")
        known = SCORES.get(name)
        # Notebooks and reloaded modules define the same function again.
        again = known is not None and _origin(known.of) == _origin(function)
        require(known is None or again, f"{name!r} is the name of another score already: choose another")
        SCORES[name] = Score(function, from_rewind)
        return function

    return add


def _origin(function: object) -> tuple[object, object]:
    return getattr(function, "__module__", None), getattr(function, "__qualname__", None)


def find_score(name: str) -> Score:
    """The score of a name. Raises ValueError, with those that there are, for an unknown one."""
    if name not in SCORES:
        raise ValueError(f"prune.score must be one of {', '.join(SCORES)}, got {name!r}")
    return SCORES[name]


def check_score(config: PruneConfig) -> None:
    """Raise ValueError for a score that there is not, or that measures from a rewind point which survivors leave."""
    if find_score(config.score).from_rewind and config.reset != "rewind":
        raise ValueError(
            f"prune.score = {config.score} measures from the rewind point, which prune.reset = {config.reset} leaves: "
            "take magnitude"
        )


@register_score("magnitude")
def magnitude(given: Scoring) -> dict[str, Tensor]:
    """|w|."""
    return {name: weight.abs() for name, weight in given.trained.items()}


@register_score("movement", from_rewind=True)
def movement(given: Scoring) -> dict[str, Tensor]:
    """|w - w_rewind|."""
    return {name: (weight - given.rewind[name]).abs() for name, weight in given.trained.items()}


@register_score("random")
def random(given: Scoring) -> dict[str, Tensor]:
    """Chance."""
    return {
        name: torch.from_numpy(given.draws.random(tuple(weight.shape), dtype="float32"))
        for name, weight in given.trained.items()
    }
