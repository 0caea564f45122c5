"""What was named by a relative path stays what it was when the process goes elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import siftnet
from builders import config, dataset
from siftnet import AnalysisConfig, Run, RunFolder
from siftnet.runs.events import Observer, Silent

QUICK = AnalysisConfig(samples=5, samples_other=3, bootstrap=100, ablation=False)


class Wandering(Silent):
    """An observer that goes to another folder whenever it is told something."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.moves = folder, 0

    def go(self, *told: object) -> None:
        self.moves += 1
        (self.folder / str(self.moves)).mkdir()
        os.chdir(self.folder / str(self.moves))

    loaded = noted = planned = finished = go  # type: ignore[assignment]

    def replicate(self, seed: int) -> Observer:
        return self


@pytest.fixture
def wandering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wandering:
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    return Wandering(tmp_path / "elsewhere")


def test_a_run_is_made_and_read_where_it_was_asked_for(wandering: Wandering, tmp_path: Path) -> None:
    made = siftnet.run(config(prune__rounds=1), "runs/a", dataset=dataset(), observer=wandering)
    assert wandering.moves > 2
    os.chdir(tmp_path / "home")
    opened = Run("runs/a")
    os.chdir("/")
    for run in (made, opened):
        assert run.path == tmp_path / "home" / "runs" / "a"
        assert run.ticket().provenance.run == str(run.path)
        siftnet.measure_rounds(run, QUICK)
        assert all(check.passed for check in siftnet.verify(run))
        assert run.report() == run.path / "report.html"
        siftnet.mask_mosaic(run)
    assert siftnet.resume(opened.path, dataset=dataset()).rounds() == [0, 1]
    assert not list(wandering.folder.rglob("runs"))


def test_replicates_are_made_and_read_where_they_were_asked_for(wandering: Wandering, tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = siftnet.run_replicates(config(prune__rounds=0), "b", 2, dataset=dataset(), observer=wandering)
    os.chdir(home)
    folder = RunFolder.at("b")
    assert [r.rounds() for r in siftnet.resume_replicates("b", dataset=dataset(), observer=wandering)] == [[0], [0]]
    os.chdir("/")
    assert [run.path for run in made] == [run.path for run in folder.runs] == [home / "b" / f"seed-{n}" for n in (0, 1)]
    assert folder.report() == home / "b" / "report.html"
    assert len(siftnet.summarise_seeds(made).runs) == 2


def test_data_and_the_run_begun_from_are_stored_with_their_whole_path(wandering: Wandering, tmp_path: Path) -> None:
    home, data = tmp_path / "home", dataset()
    np.savez("data.npz", x=data.inputs_NI, y=data.labels_N)
    named = config(data__format="npz", data__root="data.npz", prune__rounds=1)
    siftnet.run(named, "first", observer=wandering)
    os.chdir(home)
    begun = siftnet.from_dict({"start": {"run": "first", "round": 1}}, named)
    second = siftnet.run(begun, "second", observer=wandering)
    os.chdir("/")
    assert second.config.data.root == home / "data.npz"
    assert second.config.start.run == home / "first"
    assert all(check.passed for check in siftnet.verify(second, with_data=True))
    assert siftnet.resume(second.path).rounds() == [0, 1]


def test_a_path_that_begins_nowhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"^there is no home folder for the first part of ~nobody-like-it/run: write"):
        Run("~nobody-like-it/run")
    with pytest.raises(ValueError, match="there is no home folder for"):
        siftnet.set_up(config(data__format="npz", data__root="~nobody-like-it/data.npz"))
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(
        ValueError, match=r"^run is looked for in the folder that this process stands in, which is gone: cd"
    ):
        Run("run")
