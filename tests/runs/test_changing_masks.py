"""Trainings that change their masks: stored, resumed and verified as they declare."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from builders import config, dataset, random_masks, setup
from siftnet.kernels.trainer import Trainer
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.evaluation import MaskChange
from siftnet.pruning.training import Assignment, History, Progress, Trained
from siftnet.runs.single import carry_out, run
from siftnet.runs.verify import verify
from siftnet.store.checkpoint import pack_checkpoint, unpack_checkpoint
from siftnet.store.run import Run
from siftnet.store.tensors import pack_masks

WEIGHT = "layers.0.weight"


def swap_one(masks: Masks) -> Masks:
    """The first survivor of the first layer goes, and its last pruned entry comes back."""
    flat = masks[WEIGHT].clone().view(-1)
    pruned = (~flat).nonzero()
    flat[flat.int().argmax()] = False
    if len(pruned):
        flat[pruned[-1]] = True
    return Masks(masks.kept | {WEIGHT: flat.view(masks[WEIGHT].shape)})


class Rewiring(Trainer):
    """As RigL does at the end of its schedule: one connection goes, another one grows, and validation chose earlier."""

    @property
    def mask_change(self) -> MaskChange:
        return "any"

    def __call__(self, assignment: Assignment) -> Trained:
        ended = super().__call__(assignment)
        masks = swap_one(ended.masks)
        grown = masks[WEIGHT] & ~ended.masks[WEIGHT]
        weight = ended.state.parameters[WEIGHT].masked_fill(~masks[WEIGHT], 0.0).masked_fill(grown, 0.5)
        state = replace(ended.state, parameters=ended.state.parameters | {WEIGHT: weight})
        ended.history.best_masks = ended.masks
        return Trained(state, masks, ended.history)


@pytest.fixture
def rewired(tmp_path: Path) -> Run:
    made = setup(prune__rounds=2)
    return carry_out(replace(made, trainer=Rewiring(*vars(made.trainer).values())), tmp_path / "run")


def failed(run: Run) -> set[tuple[str, int | None]]:
    return {(check.name, check.round) for check in verify(run) if not check.passed}


def test_a_run_whose_training_lets_entries_grow_is_stored_and_verified_as_such(rewired: Run) -> None:
    assert [s.mask_change for s in rewired.summaries()] == ["any"] * 3
    grown = rewired.masks(1)[WEIGHT] & ~rewired.masks(1, "begin_masks")[WEIGHT]
    assert int(grown.sum()) == 1
    assert rewired.weights(1).parameters[WEIGHT][grown].tolist() == [0.5]
    assert not failed(rewired)
    checks = verify(rewired, dataset=dataset())
    assert {check.name for check in checks} >= {"the best weights test as stored", "the kernel was the planned one"}
    assert all(check.passed for check in checks), "also what the network does that validation chose"
    assert rewired.ticket(1).first_layer == "layers.0"


def test_another_way_of_training_does_not_go_on_with_it(rewired: Run) -> None:
    with pytest.raises(ValueError, match="was trained in round 0 by another way of training"):
        run(config(prune__rounds=3), rewired.path, dataset=dataset())


def test_what_is_not_declared_is_found(rewired: Run) -> None:
    path = rewired.round_path(1) / "round.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mask_change": "shrink"}))
    assert ("masks are nested", 1) in failed(rewired)


def test_a_checkpoint_holds_the_masks_that_a_training_has_changed(tmp_path: Path) -> None:
    made = setup(train__momentum=0.9, network__layers="f12:f8:f7:f6:f5:f5:f4:f4:f4:f4:f4:f3:x")
    state = made.subject.draw(0)
    begin = random_masks(state, made.network.prunable_names, 0.5)
    own = swap_one(begin)
    earlier = begin.apply(state)
    dense = {name: torch.ones_like(value) for name, value in state.parameters.items()}
    now = replace(own.apply(state), optimiser={"gradient": dense})
    history = History(best=earlier, best_masks=begin, snapshots={3: State(earlier.parameters)})
    (tmp_path / "file").write_bytes(pack_checkpoint(1, begin, Progress(now, history, own)))
    found = unpack_checkpoint(tmp_path / "file", 1, begin)
    assert found is not None
    assert found.masks is not None
    assert pack_masks(found.masks) == pack_masks(own), "in their order, too"
    assert found.state.equals(now), "buffers of pruned entries are kept"
    assert found.history.best is not None
    assert found.history.best.equals(earlier)
    assert found.history.best_masks is not None
    assert pack_masks(found.history.best_masks) == pack_masks(begin)
    assert found.history.snapshots[3].equals(State(earlier.parameters))


def test_the_ordinary_run_stores_its_masks_once(tmp_path: Path) -> None:
    found = carry_out(setup(dataset()), tmp_path / "run")
    assert not list(found.path.rglob("begin_masks.safetensors"))
