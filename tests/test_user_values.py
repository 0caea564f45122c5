"""What users hand over from Python: taken where it can only mean one thing, refused in a sentence elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import siftnet
from builders import config, dataset
from siftnet.runs.events import Silent


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> siftnet.Run:
    return siftnet.run(config(prune__rounds=1), tmp_path_factory.mktemp("user") / "run", dataset=dataset())


WRONG: dict[str, tuple[Callable[[siftnet.Run], Any], str]] = {
    "a list for a data set": (lambda run: siftnet.run(config(), "r", dataset=[1]), "dataset must be a siftnet.Dataset"),
    "a dictionary for a configuration": (lambda run: siftnet.run({"seed": 1}, "r"), "a configuration must be a RunCon"),
    "an unknown preset": (lambda run: siftnet.run("nlpg", "r"), "neither a preset"),
    "a number for a path": (lambda run: siftnet.RunFolder.at(5), "a path must be text or a pathlib.Path, got 5"),
    "no run there": (lambda run: siftnet.verify("nowhere"), "there is no run"),
    "text for a number": (lambda run: siftnet.run_replicates(config(), "r", "5"), "a whole number, 1 or more, got '5'"),
    "a number for a shape": (lambda run: siftnet.Grid(32), "a grid's shape is a tuple of whole numbers"),
    "halves of sites": (lambda run: siftnet.Grid((2.5, 3)), "a grid's shape is a tuple of whole numbers"),
    "a list of settings": (lambda run: siftnet.from_dict([1]), "made of a dictionary of settings, got [1]"),
    "an unknown setting": (lambda run: siftnet.from_dict({"tarin": {}}), "there is no setting tarin"),
    "a word for a preset's name": (lambda run: siftnet.load(3), "a preset's name or a path is text, got 3"),
    "a word for a round": (lambda run: run.ticket("best"), "named by its number, one of 0 to 1 or -1 for the last"),
    "a headline that will not be": (
        lambda run: siftnet.run(config(analysis__headline=9), "r", dataset=dataset()),
        "analysis.headline = 9 lies beyond the last round, prune.rounds = 3",
    ),
    "a layer that is not there": (lambda run: run.ticket().mask_JI("layers.9"), "there is no masked layer 'layers.9'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_in_one_sentence(
    name: str, stored: siftnet.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, says = WRONG[name]
    with pytest.raises(ValueError) as refused:
        call(stored)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_shape_for_a_geometry_is_refused_in_one_sentence() -> None:
    # In a process of its own, where nobody checks the types of arguments.
    program = "import siftnet, numpy; siftnet.locality(numpy.ones((3, 8)), (8,))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    says = "ValueError: locality of (8,) is not supported: pass a Grid on which the inputs lie, e.g. siftnet.ring(8)"
    assert ended.stderr.splitlines()[-1] == says


def test_paths_presets_and_lists_are_taken(stored: siftnet.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(stored.path.parent))
    assert all(check.passed for check in siftnet.verify("~/run"))
    quick = siftnet.AnalysisConfig(samples=1, samples_other=0, bootstrap=100)
    assert siftnet.measure_rounds("~/run", quick).round == siftnet.measure_rounds(stored, quick).round
    assert siftnet.Run("~/run").path == stored.path
    assert siftnet.Points([[0.0, 1.0], [2.0, 3.0]]).size == 2
    assert siftnet.Grid([4, 5]).shape == (4, 5)
    rates = {"train": {"lr": np.float64(0.125), "steps": np.int64(30)}}
    assert siftnet.from_dict(rates, "nlgp").train.lr == 0.125
    assert siftnet.to_dict(siftnet.from_dict(rates, "nlgp"))["train"]["steps"] == 30


def test_fewer_rounds_than_there_are_change_nothing_and_are_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = siftnet.run(config(prune__rounds=3), tmp_path / "run", dataset=dataset())
    notes: list[str] = []

    class Listening(Silent):
        def noted(self, text: str) -> None:
            notes.append(text)

    siftnet.run(config(prune__rounds=1), tmp_path / "run", dataset=dataset(), observer=Listening())
    assert notes == [f"{found.path} has round 3 already, beyond prune.rounds = 1"]
    assert siftnet.Run(found.path).config.prune.rounds == 3


def test_a_data_set_is_shown_in_one_line() -> None:
    assert repr(dataset()) == "Dataset(small, 240 examples, 4 x 4 grid, 1 channel, 3 classes)"
