"""Verification: a good run passes, and each kind of tampering is found by the check that is there for it.

Files are altered together with their digests, so that the deeper checks have to find it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from builders import config, dataset
from siftnet.config.fields import RunConfig
from siftnet.network.masks import pack, unpack
from siftnet.runs.single import run
from siftnet.runs.verify import verify
from siftnet.store.run import Run

FILES = "files have the digests they were stored with"
ZEROS = "zeros stayed zero"
NESTED = "masks are nested"
COUNTS = "counts are exact"
LOWEST = "the lowest scores were pruned"
REWIND = "the rewind is exact"
BEST = "the best weights were chosen on validation"
KERNEL = "the kernel was the planned one"
NAME = "layers.0.weight"


def save_data(path: Path, seed: int = 0) -> None:
    data = dataset(seed=seed, examples=300)
    np.savez(path, x=data.inputs_NI, y=data.labels_N)


def settings(root: Path, **changes: Any) -> RunConfig:
    return config(data__format="npz", data__root=str(root), **changes)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    save_data(folder / "data.npz")
    run(settings(folder / "data.npz", prune__rounds=2), folder / "run")
    return folder


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Run:
    shutil.copytree(good / "run", tmp_path / "run")
    return Run(tmp_path / "run")


def failed(found: Run, *, with_data: bool = False) -> set[tuple[str, int | None]]:
    return {(check.name, check.round) for check in verify(found, with_data=with_data) if not check.passed}


def names(found: Run) -> set[str]:
    return {name for name, _ in failed(found)}


def alter(found: Run, number: int, name: str, edit: Callable[[dict[str, Tensor]], object]) -> None:
    """Change the tensors of a round's file, and its digest."""
    path = found.round_path(number) / f"{name}.safetensors"
    with safe_open(path, framework="pt") as file:
        tensors, metadata = {key: file.get_tensor(key).clone() for key in file.keys()}, file.metadata()  # noqa: SIM118
    edit(tensors)
    save_file(tensors, path, metadata)
    seal(found, number, path.name)


def seal(found: Run, number: int, name: str) -> None:
    digest = hashlib.sha256((found.round_path(number) / name).read_bytes()).hexdigest()
    restate(found, number, lambda summary: summary["files"].update({name: digest}))


def restate(found: Run, number: int, edit: Callable[[dict[str, Any]], None]) -> None:
    path = found.round_path(number) / "round.json"
    summary = json.loads(path.read_text())
    edit(summary)
    path.write_text(json.dumps(summary))


def set_mask(found: Run, number: int, edit: Callable[[Tensor], None], *, weights: bool = True) -> None:
    """Edit the first layer's mask (flat), and fit the stored weights to it: new entries get 1."""
    before = found.masks(number)[NAME]
    after = before.clone()
    edit(after.view(-1))

    def fit(tensors: dict[str, Tensor]) -> None:
        dense = torch.ones(before.shape)
        dense[before] = tensors[f"parameters/{NAME}"]
        tensors[f"parameters/{NAME}"] = dense[after]

    alter(found, number, "masks", lambda tensors: tensors.update({NAME: pack(after)}))
    if weights:
        for name in ("weights", "best"):
            alter(found, number, name, fit)
    assert torch.equal(unpack(pack(after), tuple(after.shape)), found.masks(number)[NAME])


def first(mask: Tensor, value: bool) -> int:
    return int((mask == value).nonzero()[0, 0])


def test_a_good_run_passes_with_and_without_its_data(good: Path) -> None:
    checks = verify(Run(good / "run"))
    assert all(check.passed for check in checks)
    assert {(check.name, check.round) for check in checks} == {
        ("the digest fits", None),
        *((name, t) for name in (FILES, ZEROS, NESTED, COUNTS, LOWEST, REWIND, BEST, KERNEL) for t in (0, 1, 2)),
    }
    with_data = verify(Run(good / "run"), with_data=True)
    assert all(check.passed for check in with_data), [check for check in with_data if not check.passed]
    assert len(with_data) == len(checks) + 2 + 3


@pytest.mark.parametrize(
    "changes",
    [
        {"prune__score": "random"},
        {"prune__score": "movement"},
        {"prune__scope": "global"},
        {"prune__scope": "global", "prune__score": "random", "prune__init_density": 0.5},
        {"prune__at_step": 7},
        {"prune__at_step": 0, "train__rewind": 0, "prune__score": "movement"},  # every score is 0: all ties
        {"prune__reset": "redraw"},
        {"train__rewind": 0},
        {"train__optimiser": "adamw", "train__lr": 0.01, "train__weight_decay": 0.1},
        {"network__layers": "f6:f6:f6:f6:f6:f6:f6:f6:f6:f6:f6:f6:x", "prune__score": "random"},
        {"train__lr": 1e30},
    ],
)
def test_good_runs_of_other_protocols_pass(good: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    stored = run(settings(good / "data.npz", prune__rounds=2, **changes), tmp_path / "run")
    checks = verify(stored, with_data=True)
    assert all(check.passed for check in checks), [check for check in checks if not check.passed]


def test_a_run_started_from_another_passes(good: Path, tmp_path: Path) -> None:
    for weights in ("rewind", "redraw"):
        start = {"start__run": str(good / "run"), "start__round": 1, "start__weights": weights}
        stored = run(settings(good / "data.npz", prune__rounds=1, seed=1, **start), tmp_path / weights)
        assert not failed(stored, with_data=True)


def test_a_revived_entry_is_found(copy: Run) -> None:
    def revive(mask: Tensor) -> None:
        before = copy.masks(1)[NAME].view(-1)
        mask[first(before, False)] = True
        mask[first(mask & before, True)] = False  # so that the count stays

    set_mask(copy, 2, revive)
    assert names(copy) == {NESTED, LOWEST, REWIND}
    assert "1 pruned entries came back" in [check.problem for check in verify(copy) if check.name == NESTED]


def test_one_weight_too_many_is_found(copy: Run) -> None:
    def one_more(mask: Tensor) -> None:
        mask[first(mask, True)] = False

    set_mask(copy, 2, one_more)
    assert (COUNTS, 2) in failed(copy)
    [problem] = [check.problem for check in verify(copy) if check.name == COUNTS and not check.passed]
    assert problem == "layers.0.weight, layers.0.bias: 105 of 204 entries are pruned, the protocol says 104"


def test_pruning_another_weight_than_the_lowest_is_found(copy: Run) -> None:
    def swap(mask: Tensor) -> None:
        before = copy.masks(1)[NAME].view(-1)
        gone = int((before & ~mask).nonzero()[0, 0])
        mask[first(mask, True)] = False
        mask[gone] = True

    set_mask(copy, 2, swap)
    assert names(copy) == {LOWEST, REWIND}


def test_a_pruned_weight_that_is_not_zero_is_found(copy: Run) -> None:
    def append(tensors: dict[str, Tensor]) -> None:
        key = f"parameters/{NAME}"
        tensors[key] = torch.cat([tensors[key], torch.ones(1)])

    alter(copy, 2, "weights", append)
    assert failed(copy) == {(ZEROS, 2)}


def test_a_mask_that_does_not_fit_its_weights_is_found(copy: Run) -> None:
    def one_more(mask: Tensor) -> None:
        mask[first(mask, False)] = True

    set_mask(copy, 2, one_more, weights=False)
    assert {(ZEROS, 2), (COUNTS, 2)} <= failed(copy)


def test_weights_that_are_no_numbers_are_found(copy: Run) -> None:
    alter(copy, 1, "best", lambda tensors: tensors["parameters/layers.2.bias"].fill_(float("nan")))
    assert failed(copy) == {(ZEROS, 1)}


def test_an_altered_rewind_point_is_found(copy: Run) -> None:
    path = copy.path / "rewind" / "state.safetensors"
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
    bits = tensors["parameters/layers.2.bias"].view(torch.int32)
    bits[0] += 1
    save_file(tensors, path)
    assert failed(copy) == {(REWIND, 1), (REWIND, 2)}
    path.unlink()
    assert failed(copy) == {(name, t) for name in (LOWEST, REWIND) for t in (1, 2)}


def test_a_round_that_began_elsewhere_is_found(copy: Run) -> None:
    restate(copy, 2, lambda summary: summary.update(begin_sha256="0" * 64))
    assert failed(copy) == {(REWIND, 2)}


def test_best_weights_that_validation_did_not_choose_are_found(copy: Run) -> None:
    shutil.copy(copy.round_path(1) / "weights.safetensors", copy.round_path(1) / "best.safetensors")
    seal(copy, 1, "best.safetensors")
    history = copy.history(1)
    highest = max(record.validation.score for record in history)
    lower = next(r for r in history if r.validation.score < highest)
    restate(copy, 1, lambda summary: summary.update(best=lower.to_dict()))
    assert (BEST, 1) in failed(copy)


def test_a_best_round_chosen_by_another_history_is_found(copy: Run) -> None:
    path = copy.round_path(2) / "history.json"
    records = json.loads(path.read_text())
    step = copy.weights(2, "best").step
    next(r for r in records if r["step"] != step)["validation"]["score"] = 0.999
    path.write_text(json.dumps(records))
    seal(copy, 2, "history.json")
    assert failed(copy) == {(BEST, 2)}


def test_a_kernel_that_the_plan_does_not_name_is_found(copy: Run) -> None:
    restate(copy, 1, lambda summary: summary.update(kernel="sparse"))
    assert failed(copy) == {(KERNEL, 1)}


def test_missing_validations_are_found(copy: Run) -> None:
    path = copy.round_path(2) / "history.json"
    path.write_text(json.dumps(json.loads(path.read_text())[1:]))
    seal(copy, 2, "history.json")
    assert failed(copy) == {(BEST, 2)}


@pytest.mark.parametrize("name", ["masks.safetensors", "weights.safetensors", "best.safetensors", "history.json"])
def test_cut_changed_and_missing_files_are_found(copy: Run, name: str) -> None:
    path = copy.round_path(1) / name
    data = path.read_bytes()
    problems = []
    for damaged in (data[:-1], data[:-1] + bytes([data[-1] ^ 1])):
        path.write_bytes(damaged)
        assert (FILES, 1) in failed(copy)
        problems += [check.problem for check in verify(copy) if check.name == FILES and not check.passed]
    path.unlink()
    assert (FILES, 1) in failed(copy)
    problems += [check.problem for check in verify(copy) if check.name == FILES and not check.passed]
    assert problems == [f"{name} was changed after it was stored"] * 2 + [f"{name} is missing"]


def test_a_missing_or_broken_round_is_found_and_not_a_crash(copy: Run) -> None:
    (copy.round_path(1) / "round.json").write_text("{")
    assert (FILES, 1) in failed(copy)
    shutil.rmtree(copy.round_path(1))
    assert {(NESTED, 2), (LOWEST, 2)} <= failed(copy)


def test_changed_data_are_found(good: Path, copy: Run, tmp_path: Path) -> None:
    save_data(tmp_path / "data.npz", seed=1)
    copy.update_config(settings(tmp_path / "data.npz", prune__rounds=2))
    assert failed(copy, with_data=True) == {("the data are the same", None)}
    shutil.copy(good / "data.npz", tmp_path / "data.npz")
    assert not failed(copy, with_data=True), "the same data elsewhere are the same"


def test_a_run_of_ones_own_data_is_not_held_against_what_the_configuration_names(copy: Run) -> None:
    copy.data = replace(copy.data, hash="0" * 64)
    names = {check.name for check in verify(copy, with_data=True)}
    assert "the best weights test as stored" not in names


def test_a_changed_configuration_is_found(good: Path, copy: Run) -> None:
    copy.update_config(settings(good / "data.npz", prune__rounds=2, train__lr=0.21))
    assert failed(copy) == {("the digest fits", None)}
    copy.update_config(settings(good / "data.npz", prune__rounds=9))
    assert not failed(copy, with_data=True), "a stop rule is no part of what a run is"


def test_other_first_masks_are_found(good: Path, tmp_path: Path) -> None:
    stored = run(settings(good / "data.npz", prune__rounds=0, prune__init_density=0.5), tmp_path / "run")

    def swap(mask: Tensor) -> None:
        kept, gone = first(mask, True), first(mask, False)
        mask[kept], mask[gone] = False, True

    set_mask(stored, 0, swap)
    found = failed(stored, with_data=True)
    assert ("the first masks fit", 0) in found


def test_best_weights_that_test_otherwise_are_found(copy: Run) -> None:
    alter(copy, 2, "best", lambda tensors: tensors["parameters/layers.2.weight"].mul_(-1))
    assert failed(copy, with_data=True) == {("the best weights test as stored", 2)}


def test_a_run_on_data_of_ones_own_is_verified_with_them(tmp_path: Path) -> None:
    own = run(config(), tmp_path / "own", dataset=dataset())
    checks = verify(own, dataset=dataset())
    assert ("the data are the same", None) in {(check.name, check.round) for check in checks}
    assert all(check.passed for check in checks), [check for check in checks if not check.passed]
    other = {check.name for check in verify(own, dataset=dataset(seed=1)) if not check.passed}
    assert "the data are the same" in other
