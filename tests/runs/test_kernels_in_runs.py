"""Runs with the kernels on blocks: killed and resumed to the same bytes, diverged, pruned like those of `dense`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders import config, dataset
from comparing import differing
from siftnet.runs.single import run
from siftnet.runs.verify import verify
from siftnet.store.run import Run
from worker import Plan, Server

BASE: dict[str, Any] = {"prune__rounds": 2, "prune__at_step": 17, "train__validate_every": 7}
RULES: dict[str, dict[str, Any]] = {
    "fused": {"train__momentum": 0.9, "train__precision": "bf16"},
    "sparse": {"train__optimiser": "adamw", "train__lr": 0.01, "train__weight_decay": 0.1},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.fixture(params=RULES, scope="module")
def changes(request: pytest.FixtureRequest) -> dict[str, Any]:
    return BASE | {"kernel": request.param} | RULES[request.param]


@pytest.fixture(scope="module")
def whole(changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody interrupted."""
    return run(config(**changes), tmp_path_factory.mktemp("whole") / "run", dataset=dataset()).path


@pytest.mark.parametrize("at", [(0, 3), (0, 17), (1, 10), (2, 20)])
@pytest.mark.parametrize("checkpoints", [True, False])
def test_killed_inside_a_round_and_resumed_it_ends_with_the_same_bytes(
    server: Server, whole: Path, changes: dict[str, Any], tmp_path: Path, at: tuple[int, int], checkpoints: bool
) -> None:
    out = tmp_path / "run"
    assert server.finish(Plan(out, changes, at=at, checkpoints=checkpoints)) == -signal.SIGKILL
    run(config(**changes), out, dataset=dataset())
    assert Run(out).rounds() == [0, 1, 2]
    assert not differing(out, whole)


def test_the_comparison_sees_another_seed(whole: Path, changes: dict[str, Any], tmp_path: Path) -> None:
    assert differing(run(config(**changes, seed=1), tmp_path / "other", dataset=dataset()).path, whole)


def test_a_run_is_what_it_says(whole: Path, changes: dict[str, Any]) -> None:
    stored = Run(whole)
    assert {summary.kernel for summary in stored.summaries()} == {changes["kernel"]}
    assert all(check.passed for check in verify(stored))


@pytest.mark.parametrize("kernel", ["fused", "sparse"])
def test_masks_are_those_of_the_dense_kernel(kernel: str, tmp_path: Path) -> None:
    runs = [run(config(kernel=name), tmp_path / name, dataset=dataset()) for name in ("dense", kernel)]
    for number in runs[0].rounds():
        masks, expected = (stored.masks(number) for stored in runs)
        differ = sum(int((masks[name] != expected[name]).sum()) for name in expected)
        # Two weights that differ by less than rounding may change places.
        assert differ <= 0.01 * expected.entries


@pytest.mark.parametrize("kernel", ["fused", "sparse"])
def test_a_diverged_round_is_marked(kernel: str, tmp_path: Path) -> None:
    stored = run(config(kernel=kernel, train__lr=1e30), tmp_path / "run", dataset=dataset())
    summary = stored.summary(0)
    assert summary.diverged_at is not None
    assert stored.rounds() == [0]
