"""R squared of targets that are all alike, from the run to the page: undefined, a dash, left out with a sentence."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import pytest

from builders import MEASURED, config, measured_run, with_targets_alike
from pages import Page, check_figures
from siftnet.commands.cli import main
from siftnet.network.state import State
from siftnet.report.run_page import run_page
from siftnet.report.seeds_page import seeds_page
from siftnet.runs.setup import set_up
from siftnet.runs.verify import best_on_validation, verify
from siftnet.store.run import Run
from siftnet.store.tensors import pack_state
from siftnet.studies.measure_run import measure_rounds
from siftnet.studies.measured_run import read_measured
from siftnet.studies.seeds import summarise_seeds

ALIKE = {"test": ("test",), "validation": ("validation",), "both": ("validation", "test")}
LEFT_OUT = (
    "R² is undefined on test, where all targets are alike: a dash stands for it, and means and gains leave it out."
)
UNCHOSEN = "nothing can be chosen there, the last step's weights stand"


def call(*arguments: str | Path) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in arguments])
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module", params=list(ALIKE))
def splits(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return ALIKE[request.param]


@pytest.fixture(scope="module")
def runs(splits: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Two seeds, measured."""
    folder = tmp_path_factory.mktemp("alike")
    data = with_targets_alike(*splits)
    settings: dict[str, Any] = {"train__lr": 0.01, "analysis__ablation": True, "train__validate_every": 10}
    return [measured_run(folder / f"seed-{seed}", config(MEASURED, seed=seed, **settings), data) for seed in range(2)]


def numbers_in(value: Any) -> list[float]:
    """All numbers of a JSON document."""
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers_in(part)]
    if isinstance(value, list):
        return [number for part in value for number in numbers_in(part)]
    return [value] if isinstance(value, float) else []


def words(page: Page) -> str:
    return " ".join(" ".join(page.text).split())


def test_rounds_are_stored_with_null(runs: list[Run], splits: tuple[str, ...]) -> None:
    for path in runs[0].path.glob("rounds/*/round.json"):
        stored = json.loads(path.read_text())
        for name, found in (("test", stored["test_best"]), ("test", stored["test_last"])):
            assert (found["score"] is None) == (name in splits)
        assert (stored["best"]["validation"]["score"] is None) == ("validation" in splits)
        if "validation" in splits:
            assert stored["best"] == stored["last"]
            assert stored["best"]["step"] == runs[0].config.train.steps
    assert any("undefined" in note for note in runs[0].data.notes)


def test_a_run_is_verified(runs: list[Run], splits: tuple[str, ...]) -> None:
    checks = verify(runs[0], dataset=with_targets_alike(*splits))
    assert [check for check in checks if not check.passed] == []
    assert "the best weights test as stored" in {check.name for check in checks}


def test_the_headline_is_chosen_on_what_is_defined_or_the_last_round(runs: list[Run], splits: tuple[str, ...]) -> None:
    measured = read_measured(runs[0])
    if "validation" in splits:
        assert measured.headline.round == runs[0].rounds()[-1]
        assert measured.headline.ablation is None
    else:
        assert measured.headline.ablation is not None
    assert measured.undefined == splits


def test_show_has_a_dash_and_a_sentence(
    runs: list[Run], splits: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (runs[0].path, runs[0].path.parent):
        assert call("show", path) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert (LEFT_OUT if splits == ("test",) else UNCHOSEN) in printed
        assert "–" in printed
        assert ("of the last weights" in printed) == ("validation" in splits)
        assert not re.search(r"\d{9}\.\d", printed)
        assert call("show", path, "--json") == 0
        found = numbers_in(json.loads(capsys.readouterr().out))
        assert all(isfinite(number) and abs(number) < 1e9 for number in found)


def test_pages_have_dashes_and_say_why(runs: list[Run], splits: tuple[str, ...]) -> None:
    said = LEFT_OUT if splits == ("test",) else UNCHOSEN
    page = Page(run_page(runs[0]))
    check_figures(page, len(runs[0].rounds()))
    together = Page(seeds_page(runs, runs[0].path.parent))
    for found in (page, together):
        assert said in words(found)
        assert all(abs(number) < 1e9 for number in numbers_in(found.data))
        assert not re.search(r"\d{9}\.\d", words(found))
    assert "R² is undefined: all targets are alike" in words(page)
    assert {"test", "validation"} - set(splits) == set(together.data["figures"]) & {"test", "validation"}


def test_seeds_leave_it_out_of_means_and_gains(runs: list[Run], splits: tuple[str, ...]) -> None:
    summary = summarise_seeds(runs)
    assert summary.undefined == splits
    assert summary.headline is not None
    for row in summary.rounds:
        assert (row.test.n, row.validation.n) == (0 if "test" in splits else 2, 0 if "validation" in splits else 2)
    assert summary.gain.test.n == (2 if splits == () else 0)
    assert (summary.gain.chosen[0] is None) == ("validation" in splits)
    assert summary.gain.gained_on_test == 0


def rewritten(run: Run, scores: Sequence[float]) -> None:
    """Rounds as siftnet 0.4 wrote them, which had a number for every score; scores: of each validation."""
    for folder in (run.path / "rounds").iterdir():
        records = json.loads((folder / "history.json").read_text())
        for record, score in zip(records, scores, strict=True):
            record["validation"]["score"] = score
        (folder / "history.json").write_text(json.dumps(records))
        stored = json.loads((folder / "round.json").read_text())
        del stored["files"]["history.json"]
        stored |= {"schema": 2, "best": records[1], "last": records[-1]}
        for name in ("test_best", "test_last"):
            stored[name]["score"] = stored[name]["score"] or 1 - stored[name]["loss"] * stored[name]["examples"] / 1e-30
        (folder / "round.json").write_text(json.dumps(stored))


def test_a_run_of_siftnet_0_4_opens_and_shows_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = with_targets_alike("validation", "test")
    run = measured_run(tmp_path / "run", config(MEASURED, train__lr=0.01, train__validate_every=10), data)
    losses = [record.validation.loss for record in run.history(0)]
    rewritten(run, [1 - loss * 40 / 1e-30 for loss in losses])
    headline = run.path / "analysis" / "headline.json"
    curves: dict[str, Any] = {name: [-5e33, -6e33] for name in ("most", "least", "random_mean", "random_spread")}
    stored = json.loads(headline.read_text())
    headline.write_text(json.dumps(stored | {"ablation": curves | {"removed": [0, 24], "metric": "r2"}}))
    again = Run(run.path)
    assert [summary.undefined for summary in again.summaries()] == [("validation", "test")] * 3
    assert [record.validation.score for record in again.history(0)] == [None] * 3
    assert read_measured(again).headline.ablation is None
    assert call("show", run.path) == 0
    assert UNCHOSEN in " ".join(capsys.readouterr().out.split())
    assert "e+33" not in run_page(again)
    measure_rounds(again, setup=set_up(run.config, data))


def test_what_siftnet_0_4_chose_by_the_loss_is_verified_and_another_choice_is_not(tmp_path: Path) -> None:
    data = with_targets_alike("validation")
    run = measured_run(tmp_path / "run", config(MEASURED, train__lr=0.01, train__validate_every=10), data)
    assert all(check.passed for check in verify(run))
    problem = "the best weights are of step 10, validation says 20"
    for lowest, said in ((10, None), (20, problem)):
        folder = run.round_path(1)
        best = run.weights(1, "best")
        early = pack_state(State(best.parameters, best.statistics, step=10), run.masks(1))
        (folder / "best.safetensors").write_bytes(early)
        records = json.loads((folder / "history.json").read_text())
        for record in records:
            record["validation"]["loss"] = 0.1 if record["step"] == lowest else 0.2
        (folder / "history.json").write_text(json.dumps(records))
        stored = json.loads((folder / "round.json").read_text()) | {"best": records[0], "last": records[-1]}
        stored["files"]["best.safetensors"] = hashlib.sha256(early).hexdigest()
        (folder / "round.json").write_text(json.dumps(stored))
        assert best_on_validation(run, 1) == said
