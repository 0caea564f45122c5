"""Runs that older releases stored are shown, verified, measured and gone on with; fixtures/make_runs.py made them."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from siftnet.commands.cli import main
from siftnet.wording import share

ARCHIVE = Path(__file__).parent / "fixtures" / "runs.tar.xz"
with tarfile.open(ARCHIVE) as archive:
    NAMES = sorted({name for member in archive.getnames() if not (name := member.split("/")[0]).startswith("brought")})
BROUGHT = ["0.4.0-npz", "0.4.0-table", "0.4.0-idx"]
"""Runs on files that are read otherwise now."""
INDICES = ("index_uniform", "index_degree")


def call(*arguments: str | Path) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in arguments])
    return int(stopped.value.code or 0)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def copied(name: str, folder: Path) -> Path:
    """A run of its own to work on; where it began with the masks of another, that one lies beside it."""
    path = folder / name
    with tarfile.open(ARCHIVE) as archive:
        own = [member for member in archive if member.name.split("/")[0] == name]
        archive.extractall(folder, own, filter="data")
    if name in BROUGHT:
        stored = read(path / "config.json")
        brought = stored["config"]["data"]["root"]
        with tarfile.open(ARCHIVE) as archive:
            own = [member for member in archive if member.name.split("/")[0] == brought]
            archive.extractall(folder, own, filter="data")
        stored["config"]["data"]["root"] = str(folder / brought)
        (path / "config.json").write_text(json.dumps(stored))
    if name.endswith("-started"):
        stored = read(path / "config.json")
        stored["config"]["start"]["run"] = str(copied(stored["config"]["start"]["run"], folder))
        (path / "config.json").write_text(json.dumps(stored))
    return path


def runs_of(path: Path) -> list[Path]:
    """The run itself, or those of a folder of replicates."""
    return sorted(path.glob("seed-*")) or [path]


def rounds_of(run: Path) -> list[dict[str, Any]]:
    """What the files say about a run's rounds."""
    rows = [read(file) for file in sorted(run.glob("rounds/*/round.json"))]
    # The number of the form it was written in, which is today's where it is shown.
    return [{key: value for key, value in row.items() if key != "schema"} for row in rows]


def cells_of(rows: list[dict[str, Any]]) -> list[str]:
    """How the line of a round begins, of one run or over replicates."""
    row = rows[0]
    cells = [str(row["round"]), share(row["density"], 3)]
    if row["diverged_at"] is not None:
        return [*cells, "diverged", str(row["diverged_at"])]
    score = f"{100 * sum(row['best']['validation']['score'] for row in rows) / len(rows):.2f}%"
    if len(rows) > 1:
        return [*cells, str(len(rows)), score]
    tested = f"{100 * row['test_best']['score']:.2f}%"
    return [*cells, share(row["density_effective"], 3), score, str(row["best"]["step"]), tested]


@pytest.mark.parametrize("name", NAMES)
def test_show_tells_what_the_files_say(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied(name, tmp_path)
    stored = {run: rounds_of(run) for run in runs_of(path)}
    assert call("show", path) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()[:1].isdigit()]
    expected = [cells_of(list(rows)) for rows in zip(*stored.values(), strict=True)]
    assert [line[: len(cells)] for line, cells in zip(lines, expected, strict=True)] == expected
    assert call("show", path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    for (run, rows), found in zip(stored.items(), told.get("runs", [told]), strict=True):
        assert [{key: shown[key] for key in row} for shown, row in zip(found["rounds"], rows, strict=True)] == rows
        headline = run / "analysis" / "headline.json"
        said = read(headline) if headline.exists() else None
        assert found["headline"] == (said and {key: value for key, value in said.items() if key != "schema"})
        for shown in found["rounds"]:
            numbers = run / "analysis" / f"round-{shown['round']:02d}.json"
            locality = read(numbers)["layers"][0]["locality"] if headline.exists() else dict.fromkeys(INDICES)
            assert {name: shown[name] for name in INDICES} == {name: locality[name] for name in INDICES}


@pytest.mark.parametrize("name", BROUGHT)
def test_a_run_whose_data_were_read_otherwise_is_open_for_all_but_going_on(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(name, tmp_path)
    kind = name.removeprefix("0.4.0-")
    why = f"siftnet 0.4.0 made {path} and read data of format {kind} otherwise than siftnet 0.5.0 and later"
    before = rounds_of(path)
    assert call("resume", path, "--prune.rounds", "3") == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"siftnet: {why}: show, report, analyze and verify open")
    assert rounds_of(path) == before
    assert call("verify", path) == 0
    assert call("verify", path, "--data") == 1
    assert f"FAILED the data are the same: {why}" in capsys.readouterr().out
    ablation = read(path / "analysis" / "headline.json")["ablation"]
    assert ablation is not None
    assert call("analyze", path, "--analysis.samples", "9") == 0
    assert f"note: {why}: measured without node ablation" in capsys.readouterr().err
    assert read(path / "analysis" / "headline.json")["ablation"] == ablation


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BROUGHT])
def test_verify_holds(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied(name, tmp_path)
    rounds = {(str(run), row["round"]) for run in runs_of(path) for row in rounds_of(run)}
    for words in ([], ["--data"]):
        assert call("verify", path, *words, "--json") == 0
        found = [(check["run"], check["round"]) for check in json.loads(capsys.readouterr().out)["checks"]]
        assert set(found) == rounds | {(run, None) for run, _ in rounds}
        assert all(found.count(place) >= (9 if words else 8) for place in rounds)


@pytest.mark.parametrize("name", NAMES)
def test_report_and_analyze_measure_as_before(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied(name, tmp_path)
    before = {file: read(file) for file in path.glob("**/analysis/round-*.json")}
    assert call("report", path) == 0
    for file, stored in before.items():
        found, expected = (numbers["layers"][0]["locality"] for numbers in (read(file), stored))
        assert [found[index]["value"] for index in INDICES] == pytest.approx([expected[i]["value"] for i in INDICES])
    pages = [folder / "report.html" for folder in {path, *runs_of(path)}]
    for page in pages:
        assert page.stat().st_size > 1_000_000
        page.unlink()
    assert call("analyze", path, "--analysis.samples", "9", "--analysis.samples-other", "2") == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(path / "report.html")
    assert all(page.stat().st_size > 1_000_000 for page in pages)
    for run in runs_of(path):
        headline = read(run / "analysis" / "headline.json")
        for row in rounds_of(run):
            key = read(run / "analysis" / f"round-{row['round']:02d}.json")["key"]
            assert key["samples"] == (9 if row["round"] == headline["round"] else 2)
        assert (headline["ablation"] is None) == (rounds_of(run)[-1]["diverged_at"] is not None)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-stopped")])
def test_a_stopped_run_goes_on(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied(name, tmp_path)
    before = rounds_of(path)
    if name.startswith("0.1.0"):
        assert call("resume", path) == 2
        remedy = f"{path / 'checkpoint'} was written by an older siftnet: remove it, and the round begins anew"
        assert capsys.readouterr().err.splitlines()[-1] == f"siftnet: {remedy}"
        shutil.rmtree(path / "checkpoint")
    else:
        damaged = shutil.copytree(path, tmp_path / "damaged") / "checkpoint" / "progress.safetensors"
        damaged.write_bytes(damaged.read_bytes()[:-1])  # Were it not read, this would not matter.
        assert call("resume", tmp_path / "damaged") == 2
    whole = shutil.copytree(path, tmp_path / "whole")
    for folder in ("checkpoint", "rounds", "rewind"):
        shutil.rmtree(whole / folder, ignore_errors=True)
    for run in (path, whole):
        assert call("resume", run) == 0
    assert rounds_of(path)[:1] == before
    masks = [[file.read_bytes() for file in sorted(run.glob("rounds/*/masks.safetensors"))] for run in (path, whole)]
    assert masks[0] == masks[1]
    assert call("verify", path, "--data") == 0


@pytest.mark.parametrize(
    "name", ["0.1.0", "0.2.0", "0.3.0", "0.3.0-permuted", "0.3.0-replicates", "0.3.0-started", "0.4.0"]
)
def test_a_finished_run_goes_on_for_longer(name: str, tmp_path: Path) -> None:
    path = copied(name, tmp_path)
    before = {run: rounds_of(run) for run in runs_of(path)}
    assert call("resume", path, "--prune.rounds", "3") == 0
    for run, rows in before.items():
        found = rounds_of(run)
        assert (len(found), found[: len(rows)]) == (4, rows)
    assert call("verify", path, "--data") == 0
