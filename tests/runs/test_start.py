"""Runs that start from another run's round, which is how controls are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builders import config, dataset, setup
from siftnet.data.dataset import Dataset
from siftnet.runs.single import run
from siftnet.store.run import Run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("source") / "run"
    run(config(prune__rounds=2), out, dataset=dataset())
    return out


def started(whole: Path, out: Path, data: Dataset | None = None, **changes: Any) -> Run:
    settings = {"start__run": str(whole), "start__round": 1, "prune__rounds": 1} | changes
    return run(config(**settings), out, dataset=data or dataset())


def test_a_run_started_from_anothers_round_reproduces_its_ticket(whole: Path, tmp_path: Path) -> None:
    found = started(whole, tmp_path / "run")
    source = Run(whole)
    assert found.masks(0).equals(source.masks(1))
    rewind = source.rewind()
    assert rewind is not None
    assert found.rewind().equals(rewind)
    assert found.summary(0).begin_sha256 == source.summary(1).begin_sha256
    assert found.masks(1).within(found.masks(0))
    redrawn = started(whole, tmp_path / "redrawn", start__weights="redraw")
    assert redrawn.masks(0).equals(source.masks(1))
    assert redrawn.summary(0).begin_sha256 != found.summary(0).begin_sha256


def test_what_told_the_source_about_geometry_is_told_of_its_masks(tmp_path: Path) -> None:
    flipped = run(config(data__flip=True, prune__rounds=1), tmp_path / "flipped", dataset=dataset())
    found = started(flipped.path, tmp_path / "run")
    assert found.data.augmented
    assert found.started == "round 1 of flipped"
    again = started(found.path, tmp_path / "again")
    assert again.data.augmented
    assert flipped.started is None
    plain = run(config(prune__rounds=1), tmp_path / "plain", dataset=dataset())
    assert not started(plain.path, tmp_path / "of-plain").data.augmented


def test_weights_are_redrawn_and_not_those_that_the_source_of_the_same_seed_began_with() -> None:
    original = setup().subject.draw(0).parameters
    redrawn = setup(start__run="anywhere").subject.draw(0).parameters
    assert not (original["layers.0.weight"] == redrawn["layers.0.weight"]).any()


def test_where_a_run_started_is_part_of_what_it_is(whole: Path, tmp_path: Path) -> None:
    started(whole, tmp_path / "run")
    other = run(config(seed=3), tmp_path / "other", dataset=dataset())
    with pytest.raises(ValueError, match=r"start\.round 1 there, 0 here"):
        started(whole, tmp_path / "run", start__round=0)
    with pytest.raises(ValueError, match="the run started from"):
        started(other.path, tmp_path / "run")


def test_a_source_that_does_not_fit_is_refused(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has layers\.0\.bias of shape \(12,\), this network has \(5,\)"):
        started(whole, tmp_path / "run", network__layers="f5:f8:x")
    with pytest.raises(ValueError, match=r"has layers\.2\.bias of shape \(3,\), this network has \(5,\)"):
        started(whole, tmp_path / "run", dataset(classes=5))
    with pytest.raises(ValueError, match=r"has layers\.0\.norm\.bias of shape \(16,\), this network has None"):
        started(whole, tmp_path / "run", network__norm=False)
    with pytest.raises(ValueError, match="has no round 9; its rounds are 0 to 2"):
        started(whole, tmp_path / "run", start__round=9)
    with pytest.raises(ValueError, match=r"there is no run .*absent: check the path"):
        started(tmp_path / "absent", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert started(whole, tmp_path / "redrawn", dataset(classes=5), start__weights="redraw").rounds() == [0, 1]
