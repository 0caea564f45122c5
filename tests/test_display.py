"""What a person sees in a terminal."""

from __future__ import annotations

import pytest

from siftnet.display import progress_bar


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
