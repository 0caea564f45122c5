"""Replicates: each agrees with its own single run, whatever happens to the others; draws are the same on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from builders import dataset, random_masks, setup
from kernels.suite import Case, assert_agree, awkward_state, changes, elsewhere, make_case
from siftnet.data.batches import Augmentation, Batches, hash_key, hash_keys
from siftnet.geometry import Grid, torus
from siftnet.kernels.batched.draw import drawn
from siftnet.kernels.batched.graph import Replayed
from siftnet.kernels.batched.kernel import Batched
from siftnet.kernels.batched.layout import Layout
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import Kernel
from siftnet.kernels.registry import KERNELS, candidates
from siftnet.kernels.trainer import train_together
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.training import Assignment

# fp32 rounds otherwise in a product of many networks.
ROUNDING = 2e-4


def replicates(count: int = 3, device: str = "cpu", **settings: Any) -> list[Case]:
    """Problems of one shape, each with weights, masks, batches and a place in the data of its own."""
    first = make_case(device=device, **settings)
    found = []
    for seed in range(count):
        state = awkward_state(first.network)
        state = State({name: value.roll(seed) for name, value in state.parameters.items()})
        masks = random_masks(state, first.network.prunable_names, 0.5, seed)
        own = first.changed(batches=first.batches.for_seed(seed))
        found.append(replace(own, state=masks.apply(state), masks=masks))
    return found


def together(problems: Sequence[Case], states: Sequence[State] | None = None) -> list[Kernel]:
    """The kernels of problems that are trained side by side."""
    states = states or [p.state for p in problems]
    return Batched().compile_together([p.problem for p in problems], states, [p.masks for p in problems])


RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum, decay, cosine": {"momentum": 0.9, "weight_decay": 0.05, "schedule": "cosine"},
    "adamw": {"optimiser": "adamw", "lr": 0.01, "weight_decay": 0.1},
    "numbers, norm off": {"classes": None, "norm": False},
}


@pytest.mark.parametrize("rule", RULES)
def test_each_replicate_agrees_with_the_dense_kernel_alone(rule: str, device: str) -> None:
    problems = replicates(device=device, **RULES[rule])
    for kernel, alone in zip(together(problems), problems, strict=True):
        single = alone.kernel(Dense())
        assert kernel.advance(10) == pytest.approx(single.advance(10), rel=ROUNDING)
        state, expected = kernel.export(), single.export()
        assert_agree(changes(state, alone.state), changes(expected, alone.state), ROUNDING)
        assert state.optimiser.keys() == expected.optimiser.keys()
        found, right = kernel.evaluate("validation"), single.evaluate("validation")
        assert found.loss == pytest.approx(right.loss, rel=1e-3)
        assert found.examples == right.examples


def test_the_replicates_are_not_one_and_the_same(device: str) -> None:
    losses = [tuple(kernel.advance(2)) for kernel in together(replicates(device=device))]
    assert len(set(losses)) == 3


def test_replicates_continue_to_the_same_bits(device: str) -> None:
    problems = replicates(device=device, momentum=0.9)
    whole, first = together(problems), together(problems)
    losses = [kernel.advance(10) for kernel in whole]
    begun = [kernel.advance(4) for kernel in first]
    second = together(problems, [kernel.export() for kernel in first])
    ended = [kernel.advance(6) for kernel in second]
    assert [a + b for a, b in zip(begun, ended, strict=True)] == losses
    assert all(a.export().equals(b.export()) for a, b in zip(second, whole, strict=True))


def test_one_that_is_left_behind_or_no_number_disturbs_none_of_the_others(device: str) -> None:
    problems = replicates(device=device)
    broken = {name: torch.full_like(value, torch.nan) for name, value in problems[1].state.parameters.items()}
    states = [problems[0].state, State(broken), problems[2].state]
    healthy, kernels = together(problems)[:1], together(problems, states)
    expected = healthy[0].advance(3) + healthy[0].advance(4)
    assert all(torch.isnan(torch.tensor(kernels[1].advance(3))))
    found = kernels[0].advance(3)
    kernels[2].advance(3)
    assert found + kernels[0].advance(4) == expected
    assert kernels[0].export().equals(healthy[0].export())
    kernels[2].advance(4)
    assert kernels[2].export().is_finite()


def test_replicates_advance_in_turn() -> None:
    first, second, _ = together(replicates())
    first.advance(3)
    with pytest.raises(AssertionError, match="in turn"):
        second.advance(4)
    with pytest.raises(AssertionError, match="where all of them stand"):
        second.export()


def test_replicates_stand_at_one_step_and_on_one_data_set() -> None:
    problems = replicates(2)
    with pytest.raises(AssertionError, match="at one step"):
        together(problems, [problems[0].state, replace(problems[1].state, step=3)])
    other = problems[1].changed(batches=Batches(dataset(seed=4), 16, 1, 0))
    with pytest.raises(AssertionError, match="on one data set"):
        together([problems[0], other])


@pytest.mark.parametrize("geometry", [Grid((5, 6), 2), torus(4, 5, 1), Grid((9,), 1)], ids=str)
@pytest.mark.parametrize("integers", [True, False])
def test_augmented_batches_are_those_of_the_single_runs(geometry: Grid, integers: bool, device: str) -> None:
    data = dataset(geometry, integers=integers)
    batches = [
        Batches(data, 8, seed, 2, augmentation=Augmentation(flip=True, shift=2), device=device) for seed in (3, 5)
    ]
    steps = torch.arange(4, 8, device=device)
    for step, (x_RBI, labels_RB) in zip(range(4, 8), drawn(batches, steps), strict=True):
        for own, x_BI, labels_B in zip(batches, x_RBI, labels_RB, strict=True):
            expected_BI, expected_B = own.train(step)
            assert torch.equal(x_BI, expected_BI)
            assert torch.equal(labels_B, expected_B)


def test_keys_on_the_device_are_those_of_the_processor(device: str) -> None:
    last = torch.tensor([0, 1, 7, 10**6], device=device)
    keys = [hash_key(3, 0xDEADBEEF, 5, int(k)) for k in last]
    assert [int(k) % 2**64 for k in hash_keys(3, 0xDEADBEEF, 5, last=last)] == keys


def test_a_layout_gives_back_what_it_was_given() -> None:
    layout = Layout.of({"a": (3, 5), "b": (1,), "c": (70,)})
    sources = [{name: torch.randn(shape) for name, shape in layout.shapes.items()} for _ in range(2)]
    flat_RP = layout.pack(sources)
    assert flat_RP.shape == (2, 64 + 64 + 128)
    for row_P, source in zip(flat_RP, sources, strict=True):
        found = layout.unpack(row_P)
        assert all(torch.equal(found[name], value) for name, value in source.items())
        assert len({value.untyped_storage().data_ptr() for value in found.values()}) == 3
    layout.views(flat_RP)["c"][1] = 0
    assert not flat_RP[1, 128:].any()
    assert flat_RP[0, 128:].any()


def test_trainings_together_agree_with_each_alone() -> None:
    setups = [setup(seed=seed, kernel="batched", train__lr=0.05) for seed in range(3)]
    trainers = [setups[0].with_seed(seed).trainer for seed in range(3)]
    states = [s.subject.draw(0) for s in setups]
    masks = Masks.dense(states[0], setups[0].network.prunable_names)
    assignments = [Assignment(state, masks, round_number=1, snapshots=(3,)) for state in states]
    found = train_together(trainers, assignments)
    for s, assignment, trained in zip(setups, assignments, found, strict=True):
        alone, history = s.trainer(assignment), trained.history
        assert_agree(changes(trained.state, assignment.state), changes(alone.state, assignment.state), 1e-3)
        assert [r.step for r in history.records] == [r.step for r in alone.history.records]
        assert history.snapshots.keys() == {3}
        assert history.kernel == "batched"
        assert history.test_last is not None
        assert history.seconds > 0


def test_a_kernel_for_single_networks_refuses_several() -> None:
    setups = [setup(seed=seed) for seed in range(2)]
    state = setups[0].subject.draw(0)
    masks = Masks.dense(state, setups[0].network.prunable_names)
    with pytest.raises(ValueError, match="kernel dense trains one network at a time: take --kernel batched"):
        train_together([s.trainer for s in setups], [Assignment(state, masks, 0)] * 2)


def test_auto_does_not_offer_what_nobody_has_timed() -> None:
    p = make_case()
    for device in ("cpu", "cuda"):
        assert "batched" not in [kind.name for kind in candidates("auto", elsewhere(p, device))]
    assert KERNELS["batched"].supports(elsewhere(p, "cuda")) is None
    assert KERNELS["batched"].supports(make_case("c2-3:f4:x", Grid((5, 5))).problem) is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_replayed_graph_gives_the_bits_of_the_work_it_was_captured_from() -> None:
    state = torch.zeros(1000, device="cuda")

    def work(count: int) -> torch.Tensor:
        for _ in range(count):
            state.add_(torch.arange(1000, device="cuda")).mul_(0.9)
        return state.sum()

    replayed = Replayed([state])
    sums = [float(replayed(work, count)) for count in (3, 1, 3)]
    found = state.clone()
    state.zero_()
    assert [float(work(count)) for count in (3, 1, 3)] == sums
    assert torch.equal(state, found)
