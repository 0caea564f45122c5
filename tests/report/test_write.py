"""What commands print and write of several seeds together."""

from __future__ import annotations

import json
import shutil

import pytest

from builders import MEASURED, config
from siftnet.commands.tables import print_outcome
from siftnet.report.write import write_pages
from siftnet.runs.single import run
from siftnet.store.folder import RunFolder
from siftnet.store.run import Run


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Two measured seeds of shuffled inputs, one of them behind a link, and one that has not begun."""
    folder, elsewhere = tmp_path_factory.mktemp("seeds"), tmp_path_factory.mktemp("elsewhere")
    shuffled = [config(MEASURED, seed=seed, data__permute="fixed") for seed in range(3)]
    run(shuffled[0], folder / "seed-0")
    run(shuffled[1], elsewhere / "one")
    (folder / "seed-1").symlink_to(elsewhere / "one")
    begun = run(shuffled[2], elsewhere / "two")
    shutil.copytree(begun.path, folder / "seed-2", ignore=shutil.ignore_patterns("rounds", "rewind"))
    found = RunFolder(folder, [Run(folder / f"seed-{seed}") for seed in range(3)])
    # Whether those that have not begun are passed over is not the matter here.
    write_pages(RunFolder(folder, found.runs[:2]), None, None)
    return found


def test_the_terminal_says_what_has_to_be_known_to_read_the_claim(
    outcome: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    print_outcome(outcome, as_json=False)
    printed = capsys.readouterr().out
    assert "Over 2 of 3 seeds" in printed
    assert "[" in printed
    assert "2 seeds are few" in printed
    assert "Seed 2 has not begun." in printed
    assert "One fixed permutation shuffled all inputs" in printed


def test_json_has_a_seed_that_has_not_begun(outcome: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(outcome, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert [described["reached"] for described in found["spread"]["runs"]] == [2, 2, None]
    assert found["runs"][2]["rounds"] == []


def test_pages_are_made_from_python(outcome: RunFolder) -> None:
    first = outcome.runs[0]
    (first.path / "report.html").unlink()
    assert first.report() == first.path / "report.html"
    assert first.report_path.exists()
    (outcome.path / "report.html").unlink()
    assert RunFolder(outcome.path, outcome.runs[:2]).report() == outcome.path / "report.html"
    assert (outcome.path / "report.html").exists()


def test_the_page_over_seeds_links_to_those_beside_it(outcome: RunFolder) -> None:
    html = (outcome.path / "report.html").read_text()
    assert f"<h1>{outcome.path.name}</h1>" in html
    assert [f'href="seed-{seed}/report.html"' in html for seed in range(3)] == [True, True, False]
    assert (outcome.path / "seed-1" / "report.html").exists()
