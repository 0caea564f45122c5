"""What a person sees in a terminal."""

from __future__ import annotations

import pytest

from siftnet.display import Narrator, estimate_text, plan_text, progress_bar
from siftnet.kernels import Plan, Timing


def test_a_bar_whose_length_nobody_knows_yet_is_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes any stream for a terminal then
    with progress_bar("") as bar:
        assert not bar.disable
        task = bar.add_task("before the server answers", total=None)
        bar.update(task, description="bytes", completed=3, total=10)
        bar.refresh()
    assert "3/10" in capsys.readouterr().err


def test_why_a_run_stops_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    score = {"validation": {"score": 0.5}, "step": 3, "score": 0.5}
    summary = {"round": 2, "density": 0.1, "metric": "accuracy", "best": score, "test_best": score, "seconds": 1.0}
    summary["kernel"] = "sparse"
    with progress_bar("") as bar:
        Narrator(bar).finished(summary | {"diverged_at": None, "stop": "only 18% of the units would keep an input"})
        Narrator(bar).finished(summary | {"diverged_at": 4, "stop": "round 2 diverged at step 4: lower train.lr"})
    said = capsys.readouterr().err.splitlines()
    assert said[0].endswith(", 1.0 s with sparse")
    assert said[1:] == [
        "stop: only 18% of the units would keep an input",
        "round 2 diverged at step 4: lower train.lr",
    ]


def test_a_plan_is_told_in_the_order_in_which_its_kernels_take_over() -> None:
    assert plan_text(Plan(given="dense", why="asked for by name", threads=1)) == "dense"
    times = {"fused": {1.0: 40, 0.01: 40}, "sparse": {1.0: 400, 0.01: 4}}
    timings = [
        Timing(kernel=name, density=d, p20=ms, p50=ms, updates=9) for name, at in times.items() for d, ms in at.items()
    ]
    plan = Plan(why="the fastest at each density", threads=2, timings=tuple(timings))
    assert plan_text(plan) == "fused down to 10% density, then sparse"


def test_what_a_run_will_take_has_a_line_for_each_round() -> None:
    rounds = [
        {"round": 0, "density": 1.0, "kernel": "fused", "milliseconds_a_step": 45.123, "seconds": 25.36},
        {"round": 1, "density": 0.125, "kernel": "sparse", "milliseconds_a_step": 19.0, "seconds": 9.5},
    ]
    expected = {"rounds": 2, "parameters": 5_000, "training_seconds": 34.9, "memory_bytes": 2e9, "disk_bytes": 3e6}
    lines = estimate_text(expected | {"rounds_expected": rounds}).splitlines()
    assert lines[-1] == (
        "2 rounds of a network with 5,000 parameters: 34.9 seconds of training, timed here; 2.0 GB of memory; "
        "3.0 MB on the disk"
    )
    assert [line.split() for line in lines[2:-1]] == [
        ["0", "100%", "fused", "45.12", "25.4"],
        ["1", "12.5%", "sparse", "19.00", "9.5"],
    ]
