"""What a person sees in a terminal."""

from __future__ import annotations

import pytest

from siftnet.display import Narrator, progress_bar


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
    with progress_bar("") as bar:
        Narrator(bar).finished(summary | {"diverged_at": None, "stop": "only 18% of the units would keep an input"})
        Narrator(bar).finished(summary | {"diverged_at": 4, "stop": "round 2 diverged at step 4: lower train.lr"})
    said = capsys.readouterr().err.splitlines()
    assert said[1:] == [
        "stop: only 18% of the units would keep an input",
        "round 2 diverged at step 4: lower train.lr",
    ]
