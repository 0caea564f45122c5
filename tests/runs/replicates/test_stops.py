"""Killed or interrupted at any point, all of them go on, to the same bytes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from builders import EVENTFUL, Several, config, dataset
from comparing import differing
from runs.replicates.alike import COUNT, TOGETHER, Asking, assert_like_singles, at_places, finish
from siftnet.runs.interrupt import Interrupted
from siftnet.runs.replicates import resume_replicates, run_replicates
from siftnet.runs.verify import verify
from siftnet.store.folder import replicates_in
from worker import INTERRUPTED, Server
from worker import Plan as Work


@pytest.mark.parametrize(("at", "seed"), [((0, 3), 0), ((1, 14), 2), ((1, 20), 0)])
def test_a_signal_inside_a_round_makes_checkpoints_of_all_and_they_go_on_from_them(
    server: Server, singles: list[Path], tmp_path: Path, several: Several, at: tuple[int, int], seed: int
) -> None:
    out = tmp_path / "out"
    work = Work(out, TOGETHER, at=at, seed=seed, number=signal.SIGTERM, checkpoints=False, replicates=COUNT)
    assert server.finish(work) == INTERRUPTED
    places = at_places(out)
    assert len(set(places)) == 1, "all stand at one step"
    # The first to be told has gone on when the signal comes to a later one: then all stop at the next step.
    assert places[0] == at if seed == 0 else places[0] > at
    resume_replicates(out, dataset=dataset())
    assert several.groups[0] == [(s, *places[0]) for s in range(COUNT)]
    assert_like_singles(out, singles)


CHECKPOINT = "checkpoint/progress.safetensors"


@pytest.mark.parametrize(
    ("before", "time"),
    [
        ("replicates.json", 1),
        ("seed-0/data.json", 1),
        ("seed-1/config.json", 1),
        *((f"seed-{seed}/{CHECKPOINT}", time) for seed, time in ((0, 1), (2, 3), (1, 9))),
        ("seed-2/rewind/state.safetensors", 1),
        *((f"seed-{seed}/rounds/{number:02d}", 1) for seed, number in ((1, 0), (2, 1), (1, 2))),
    ],
)
def test_killed_before_a_file_is_there_they_go_on_to_the_same_bytes(
    server: Server, singles: list[Path], tmp_path: Path, before: str, time: int
) -> None:
    out = tmp_path / "out"
    assert server.finish(Work(out, TOGETHER, before=before, time=time, replicates=COUNT)) == -signal.SIGKILL
    if replicates_in(out):
        resume_replicates(out, dataset=dataset())
    else:
        finish(out)
    assert_like_singles(out, singles)


def test_killed_between_the_checkpoints_of_two_they_catch_up_and_verify(
    server: Server, singles: list[Path], tmp_path: Path, several: Several
) -> None:
    out = tmp_path / "out"
    # After update 6 the first one has its checkpoint, the next one has not.
    work = Work(out, TOGETHER, before=f"seed-1/{CHECKPOINT}", time=2, replicates=COUNT)
    assert server.finish(work) == -signal.SIGKILL
    assert at_places(out) == [(0, 6), (0, 3), (0, 3)]
    resume_replicates(out, dataset=dataset())
    assert several.groups[0] == [(1, 0, 3), (2, 0, 3)]
    assert several.groups[1:] == [[(seed, t, 0) for seed in range(COUNT)] for t in (1, 2)]
    assert_like_singles(out, singles)


@pytest.mark.parametrize(
    ("kernel", "at"), [("dense", (1, 14)), ("dense", (2, -1)), ("several", (1, -1)), ("several", (2, -1))]
)
def test_who_is_stopped_is_told_to_resume_the_folder(
    singles: list[Path], tmp_path: Path, kernel: str, at: tuple[int, int]
) -> None:
    out, asked = tmp_path / "out", config(**EVENTFUL | {"kernel": kernel})
    last = at == (2, -1) and kernel == "several"
    if last:
        run_replicates(asked, out, COUNT, dataset=dataset(), observer=Asking(0, at))
    else:
        with pytest.raises(Interrupted, match=rf"^stopped by SIGINT; go on with: siftnet resume {out}$"):
            run_replicates(asked, out, COUNT, dataset=dataset(), observer=Asking(0, at))
        assert len(replicates_in(out)) == COUNT, "all are there before the first is trained"
        assert kernel == "several" or not (out / "seed-1" / "checkpoint").exists(), "no other is begun"
        resume_replicates(out, dataset=dataset())
    assert_like_singles(out, singles)


def test_by_the_batched_kernel_they_are_what_they_say_and_go_on_to_the_same_bytes(tmp_path: Path) -> None:
    asked = config(**EVENTFUL | {"kernel": "batched"})
    whole = run_replicates(asked, tmp_path / "whole", COUNT, dataset=dataset())
    with pytest.raises(Interrupted):
        run_replicates(asked, tmp_path / "out", COUNT, dataset=dataset(), observer=Asking(0, (1, 14)))
    stored = resume_replicates(tmp_path / "out", dataset=dataset())
    for found, expected in zip(stored, whole, strict=True):
        assert differing(found.path, expected.path) == []
        assert all(check.passed for check in verify(found, dataset=dataset()))
