"""Scores by name, and one of a user's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from builders import config, dataset, setup
from siftnet.config.load import from_dict
from siftnet.network.state import State
from siftnet.pruning.imp import Procedure
from siftnet.pruning.scores import SCORES, Scoring, register_score
from siftnet.runs.single import run
from siftnet.runs.verify import verify


def score(how: str, trained: State, rewind: State, seed: int = 0, round_number: int = 0) -> list[float]:
    procedure = Procedure({"layer": ["w"]}, config().prune, 0, seed)
    return procedure.scores(how, round_number, trained, rewind)["w"].tolist()


def test_magnitude_and_movement_by_hand() -> None:
    trained, rewind = State({"w": torch.tensor([1.0, -2, 0.5])}), State({"w": torch.tensor([1.5, -2, -1])})
    assert score("magnitude", trained, rewind) == [1, 2, 0.5]
    assert score("movement", trained, rewind) == [0.5, 0, 1.5]


def test_random_scores_follow_seed_and_round_and_ignore_the_weights() -> None:
    state, other = (State({"w": torch.full((1000,), value)}) for value in (0.0, 5.0))
    first = score("random", state, state, 0, 1)
    assert score("random", other, state, 0, 1) == first
    assert score("random", state, state, 0, 2) != first
    assert score("random", state, state, 1, 1) != first
    assert 0.45 < sum(first) / 1000 < 0.55
    assert len(set(first)) > 990


@pytest.fixture
def smallest_first() -> Iterator[str]:
    """A score of five lines."""

    @register_score("smallest")
    def smallest(given: Scoring) -> dict[str, Tensor]:
        """The smallest |w|."""
        return {name: -weight.abs() for name, weight in given.trained.items()}

    yield "smallest"
    del SCORES["smallest"]


def test_a_name_is_of_one_score() -> None:
    def own(given: Scoring) -> dict[str, Tensor]:
        """Another one of a known name."""
        return dict(given.trained)

    with pytest.raises(ValueError, match="'magnitude' is the name of another score already: choose another"):
        register_score("magnitude")(own)
    again = SCORES["magnitude"].of
    assert register_score("magnitude")(again) is again


def test_a_score_of_ones_own_prunes_a_run_that_verifies(smallest_first: str, tmp_path: object) -> None:
    found = run(config(prune__score=smallest_first), f"{tmp_path}/run", dataset=dataset())
    weight = found.weights(0).parameters["layers.0.weight"].abs()
    kept, gone = weight[found.masks(1)["layers.0.weight"]], weight[~found.masks(1)["layers.0.weight"]]
    assert kept.max() <= gone.min()
    assert all(check.passed for check in verify(found, dataset=dataset()))


def test_an_unknown_score_is_refused_before_the_data_are_read() -> None:
    with pytest.raises(ValueError, match=r"prune\.score must be one of magnitude, movement, random, got 'magic'"):
        setup(prune__score="magic", data__root="/nowhere")


def test_a_score_that_measures_from_the_rewind_point_needs_it() -> None:
    wrong = from_dict({"prune": {"score": "movement", "reset": "redraw"}})
    with pytest.raises(ValueError, match=r"which prune\.reset = redraw leaves: take magnitude"):
        Procedure({}, wrong.prune, 0, 0)


def test_it_is_refused_before_the_data_are_read() -> None:
    with pytest.raises(ValueError, match=r"which prune\.reset = redraw leaves"):
        setup(prune__score="movement", prune__reset="redraw", data__root="/nowhere")
