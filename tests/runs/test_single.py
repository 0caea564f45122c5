"""Runs that are killed, interrupted, resumed, prolonged, refused, and started from others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from builders import EVENTFUL, config, dataset, setup
from comparing import differing
from siftnet.data.dataset import Dataset
from siftnet.kernels.trainer import Pace
from siftnet.network.state import State
from siftnet.pruning.training import History
from siftnet.runs.events import Silent
from siftnet.runs.interrupt import Interrupted, stop_requests
from siftnet.runs.machine import numba_threads
from siftnet.runs.recorder import CheckpointClock
from siftnet.runs.request import request_run
from siftnet.runs.single import position_of, reopen, resume, run
from siftnet.store.lock import lock
from siftnet.store.run import Run
from siftnet.store.summary import RoundSummary
from worker import INTERRUPTED, REFUSED, Plan, Server, no_fsync


@pytest.fixture(autouse=True, scope="module")
def quick_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", no_fsync)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run(config(**EVENTFUL), out, dataset=dataset())
    return out


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


def test_the_comparison_sees_a_difference(whole: Path, tmp_path: Path) -> None:
    run(config(**EVENTFUL, seed=1), tmp_path / "other", dataset=dataset())
    assert {"rewind/state.safetensors", "rounds/02/weights.safetensors", "rounds/02/round.json"} <= set(
        differing(tmp_path / "other", whole)
    )
    shutil.copytree(whole, tmp_path / "copy")
    copy = Run(tmp_path / "copy")
    assert differing(copy.path, whole) == []
    file = copy.round_path(1) / "round.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"survivors": 0}))
    assert differing(copy.path, whole) == ["rounds/01/round.json"]
    assert differing(copy.path, whole, but={"survivors"}) == []
    (copy.round_path(1) / "best.safetensors").write_bytes(b"")
    (copy.path / "checkpoint").mkdir()
    copy.round_path(2).rename(copy.path / "rounds" / ".02.draft")
    assert differing(copy.path, whole, but={"survivors"}) == [
        "rounds/02", "rounds/01/best.safetensors", "checkpoint", "rounds/.02.draft"
    ]  # fmt: skip


def test_nothing_to_prune_a_gap_and_flips_of_permuted_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has nothing to prune"):
        run(config(network__layers="x"), tmp_path / "linear", dataset=dataset())
    permuted = replace(dataset(), permutation_I=np.arange(16)[::-1].copy())
    with pytest.raises(ValueError, match="which the permutation of these data hides"):
        run(config(data__flip=True), tmp_path / "flipped", dataset=permuted)
    assert not list(tmp_path.iterdir())
    stored = run(config(prune__rounds=2), tmp_path / "run", dataset=dataset())
    shutil.rmtree(stored.round_path(1))
    with pytest.raises(ValueError, match="lacks round 1: restore it"):
        run(config(prune__rounds=3), stored.path, dataset=dataset())


def test_a_run_without_a_place_is_named_by_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stored = run(config(prune__rounds=0), dataset=dataset())
    assert stored.path == tmp_path / "runs" / stored.digest[:12]
    assert run(config(prune__rounds=1), dataset=dataset()).path == stored.path


def finish_here(out: Path) -> None:
    run(config(**EVENTFUL), out, dataset=dataset())


CHECKPOINT = "checkpoint/progress.safetensors"


@pytest.mark.parametrize(
    ("before", "time"),
    [
        *((f"{name}", 1) for name in ("environment.json", "data.json", "data.npz", "config.json")),
        *((CHECKPOINT, time) for time in (1, 3, 9, 14)),
        ("rewind/state.safetensors", 1),
        *((f"rounds/.00.draft/{name}", 1) for name in ("masks.safetensors", "scored.safetensors", "round.json")),
        *((f"rounds/{number:02d}", 1) for number in range(3)),
        ("rounds/.01.draft/best.safetensors", 1),
        ("rounds/.02.draft/history.json", 1),
    ],
)
def test_killed_before_a_file_is_there_and_resumed_it_ends_with_the_same_bytes(
    server: Server, whole: Path, tmp_path: Path, before: str, time: int
) -> None:
    out = tmp_path / "run"
    assert server.finish(Plan(out, EVENTFUL, before=before, time=time)) == -signal.SIGKILL
    assert not (out / before).exists() or before == CHECKPOINT
    finish_here(out)
    assert differing(out, whole) == []


@pytest.mark.parametrize("checkpoints", [True, False])
@pytest.mark.parametrize("at", [(0, 3), (0, 7), (0, 17), (0, 20), (1, 10), (2, 20)])
def test_killed_inside_a_round_and_resumed_it_ends_with_the_same_bytes(
    server: Server, whole: Path, tmp_path: Path, at: tuple[int, int], checkpoints: bool
) -> None:
    out = tmp_path / "run"
    assert server.finish(Plan(out, EVENTFUL, at=at, checkpoints=checkpoints)) == -signal.SIGKILL
    finish_here(out)
    assert differing(out, whole) == []


def test_killed_again_and_again_it_ends_with_the_same_bytes(server: Server, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    stops = ((CHECKPOINT, 1), (CHECKPOINT, 2), ("rewind/state.safetensors", 1), ("rounds/00", 1), (CHECKPOINT, 3))
    for before, times in (*stops, ("rounds/01", 1)):
        assert server.finish(Plan(out, EVENTFUL, before=before, time=times)) == -signal.SIGKILL
    assert len(Run(out).rounds()) < 3
    finish_here(out)
    assert differing(out, whole) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", [(0, 3), (1, 14), (1, 20)])
def test_a_signal_makes_a_checkpoint_and_the_run_goes_on_from_it(
    server: Server, whole: Path, tmp_path: Path, number: int, at: tuple[int, int]
) -> None:
    out = tmp_path / "run"
    assert server.finish(Plan(out, EVENTFUL, at=at, number=number, checkpoints=False)) == INTERRUPTED
    stored = Run(out)
    data = setup(dataset(), **EVENTFUL)
    position = position_of(reopen(request_run(data, stored.path)))
    assert position is not None
    assert position.round_number == at[0]
    progress = position.progress
    assert progress is not None
    assert progress.state.step == at[1]
    resume(out, dataset=dataset())
    assert differing(out, whole) == []


def test_a_signal_while_a_round_is_stored_stops_after_it(server: Server, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    before = "rounds/.00.draft/weights.safetensors"
    assert server.finish(Plan(out, EVENTFUL, before=before, number=signal.SIGTERM, checkpoints=False)) == INTERRUPTED
    assert Run(out).rounds() == [0]
    resume(out, dataset=dataset())
    assert differing(out, whole) == []


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stop_requests() as requested:
        assert not requested()
        os.kill(os.getpid(), signal.SIGTERM)
        assert requested()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_run_works_in_a_thread(whole: Path, tmp_path: Path) -> None:
    thread = threading.Thread(target=finish_here, args=(tmp_path / "run",))
    thread.start()
    thread.join()
    assert differing(tmp_path / "run", whole) == []


def test_a_checkpoint_is_due_when_its_time_is_up() -> None:
    now, due = [0.0], []
    clock = CheckpointClock(lambda: 0, 30.0, lambda: now[0])
    for step in range(1, 21):
        now[0] += 11.0
        if clock.at(0, step) == (0, True):
            due.append(step)
            clock.restart()
    assert due == [3, 6, 9, 12, 15, 18]
    assert Pace().checkpoint_seconds < 60


def test_a_second_writer_is_refused_and_the_lock_dies_with_its_owner(
    server: Server, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    plan = Plan(out, EVENTFUL, at=(1, 10), pause=True)
    pid = server.start(plan)
    deadline = time.monotonic() + 60
    while not (out / "paused").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(ValueError, match="is being written by another siftnet process: wait for it, or stop it"):
        finish_here(out)
    assert server.finish(Plan(out, EVENTFUL)) == REFUSED
    assert Run(out).summary(0).round == 0, "reading is allowed"
    os.kill(pid, signal.SIGKILL)
    assert server.wait(pid) == -signal.SIGKILL
    finish_here(out)
    assert differing(out, whole) == []


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"file/run cannot be written \(Not a directory\): choose another --out"):
        finish_here(tmp_path / "file" / "run")
    with lock(tmp_path / "free"), pytest.raises(ValueError, match="is being written"), lock(tmp_path / "free"):
        pass


def test_a_half_written_round_is_ignored(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(config(**(EVENTFUL | {"prune__rounds": 0})), out, dataset=dataset())
    draft = out / "rounds" / ".01.draft"
    draft.mkdir()
    (draft / "masks.safetensors").write_bytes(b"half")
    (out / "rounds" / ".00.draft").mkdir()
    assert Run(out).rounds() == [0]
    (out / "rounds" / ".00.draft").rmdir()
    finish_here(out)
    assert differing(out, whole) == []


def test_more_rounds_continue_a_shorter_run_identically(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    for rounds in (0, 1):
        run(config(**(EVENTFUL | {"prune__rounds": rounds})), out, dataset=dataset())
        assert Run(out).rounds() == list(range(rounds + 1))
    finish_here(out)
    assert differing(out, whole) == []
    assert Run(out).config.prune.rounds == 2
    run(config(**(EVENTFUL | {"prune__rounds": 1})), out, dataset=dataset())
    assert Run(out).rounds() == [0, 1, 2], "fewer rounds remove nothing"


def test_running_a_finished_run_again_changes_nothing(whole: Path) -> None:
    def stamps() -> dict[str, int]:
        return {str(p): p.stat().st_mtime_ns for p in sorted((whole / "rounds").rglob("*"))}

    before = stamps()
    finish_here(whole)
    resume(whole, dataset=dataset())
    assert stamps() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train__lr": 0.25},
            r"holds another run \(train\.lr 0\.2 there, 0\.25 here\): choose another directory, with siftnet run --out",
        ),
        ({"seed": 7}, r"\(seed 0 there, 7 here\)"),
        ({"prune__fraction": 0.4, "prune__rounds": 9}, r"\(prune\.fraction 0\.3 there, 0\.4 here\)"),
    ],
)
def test_another_configuration_in_the_same_directory_is_refused_by_name(
    whole: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run(config(**(EVENTFUL | changes)), whole, dataset=dataset())


def test_other_data_in_the_same_directory_are_refused(whole: Path) -> None:
    with pytest.raises(ValueError, match=r"was trained on other data .*siftnet\.resume"):
        run(config(**EVENTFUL), whole, dataset=dataset(seed=1))


@pytest.mark.skipif(numba_threads() < 2, reason="one thread")
def test_other_threads_do_not_make_another_run(tmp_path: Path) -> None:
    run(config(prune__rounds=0), tmp_path / "run", dataset=dataset())
    run(config(prune__rounds=1, threads=2), tmp_path / "run", dataset=dataset())
    assert Run(tmp_path / "run").config.threads == 1, "the run goes on as it began"
    assert torch.get_num_threads() == 1


def test_a_run_configured_with_whole_numbers_for_floats_can_be_resumed(tmp_path: Path) -> None:
    settings = config(prune__rounds=0)
    settings = replace(settings, train=replace(settings.train, lr=1))
    run(settings, tmp_path / "run", dataset=dataset())
    resume(tmp_path / "run", dataset=dataset())


@pytest.mark.parametrize("lr", [1e30, 1e38])
def test_a_diverged_round_is_marked_and_the_run_is_over(tmp_path: Path, lr: float) -> None:
    out = tmp_path / "run"
    stored = run(config(train__lr=lr, train__validate_every=1), out, dataset=dataset())
    assert stored.rounds() == [0]
    summary = stored.summary(0)
    assert summary.diverged_at is not None
    assert summary.diverged_at >= 1
    assert "diverged" in str(summary.stop)
    assert summary.test_best is None
    assert resume(out, dataset=dataset()).rounds() == [0]
    if summary.best is None:
        assert stored.ticket().best is None
        with pytest.raises(ValueError, match=r"round 0 of .* diverged before its first validation"):
            stored.weights(0, "best")


def test_what_is_told_on_the_way(tmp_path: Path) -> None:
    told: list[Any] = []

    class Listening(Silent):
        def loaded(self, dataset: Dataset, network: Any, config: Any) -> None:
            told.append(("loaded", len(dataset.labels_N), config.train.precision))

        def advanced(self, round_number: int, step: int, history: History) -> None:
            told.append((round_number, step))

        def finished(self, summary: RoundSummary) -> None:
            told.append(("finished", summary.round))

    run(config(prune__rounds=1), tmp_path / "run", dataset=dataset(), observer=Listening())
    steps = [[(t, step) for step in (3, 5, 10, 15, 20)] for t in (0, 1)]
    assert told[0] == ("loaded", 240, "fp32")
    assert [t for t in told if t[0] == 0 or t == ("finished", 0)] == [*steps[0], ("finished", 0)]
    assert told[-1] == ("finished", 1)


def test_summaries_are_what_the_stored_tensors_say(whole: Path) -> None:
    stored = Run(whole)
    for number in stored.rounds():
        summary, masks = stored.summary(number), stored.masks(number)
        assert (summary.density, summary.survivors, summary.entries) == (masks.density, masks.survivors, 308)
        first = masks["layers.0.weight"].numpy(), masks["layers.0.bias"].numpy()
        layer = summary.layers["layers.0"]
        assert layer.density == pytest.approx((first[0].sum() + first[1].sum()) / 204)
        assert layer.connected == pytest.approx(np.mean(first[0].any(1)))
        assert summary.density_effective <= summary.density
        records = stored.history(number)
        assert [record.step for record in records] == [7, 14, 20]
        assert summary.last == records[-1]
        assert summary.validation is not None
        assert summary.validation.score == max(record.validation.score for record in records)


def test_the_rewind_point_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[State] = []
    write = Run.write_rewind

    def noted(self: Run, state: State) -> None:
        written.append(state)
        write(self, state)

    monkeypatch.setattr(Run, "write_rewind", noted)
    run(config(prune__rounds=2), tmp_path / "run", dataset=dataset())
    assert len(written) == 1


def test_interrupted_is_no_error() -> None:
    assert not issubclass(Interrupted, ValueError)
