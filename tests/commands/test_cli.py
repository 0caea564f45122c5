"""The command line, as a person and as a script use it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import siftnet
from siftnet.commands.cli import COMMANDS, main
from siftnet.commands.options import Shared
from siftnet.runs.single import run
from siftnet.store.run import Run

TINY = [
    *("--data.synthetic.shape", "8", "8", "--data.synthetic.xi", "0.5", "1.5", "--data.synthetic.examples", "2000"),
    *("--data.synthetic.test", "200", "--network.layers", "f32:x", "--train.steps", "40", "--train.batch", "50"),
    *("--train.rewind", "5", "--train.validate-every", "20", "--prune.rounds", "2", "--threads", "1"),
    *("--kernel", "dense"),
    *("--analysis.samples", "19", "--analysis.samples-other", "5", "--analysis.bootstrap", "100"),
]


def call(*arguments: str) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "run"
    assert call("run", "nlgp", "--out", str(path), *TINY) == 0
    return path


def test_run_ends_with_the_path_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ("a_rather_long_folder_name_" * 6)
    assert call("run", "nlgp", "--out", str(path), *TINY) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == str(path / "report.html")
    assert Path(last).stat().st_size > 1_000_000


def test_json_output_is_one_document_and_nothing_else(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["show"], ["analyze"], ["verify"], ["report"], ["run", "nlgp", "--out"], ["resume"]):
        command, *words = arguments
        extra = TINY if command == "run" else []
        assert call(command, *words, str(finished), *extra, "--json") == 0
        json.loads(capsys.readouterr().out)


def test_show_prints_each_rounds_own_numbers(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show", str(finished)) == 0
    printed = capsys.readouterr().out
    for summary in Run(finished).summaries():
        assert summary.validation is not None
        assert summary.test_best is not None
        assert f"{100 * summary.validation.score:.2f}%" in printed
        assert f"{100 * summary.test_best.score:.2f}%" in printed


def test_dry_run_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert call("run", "nlgp", "--out", str(out), *TINY, "--dry-run", "--json") == 0
    said = capsys.readouterr()
    printed = json.loads(said.out)
    # What a run begins with: what is wrong with the data is worth knowing before they are trained on.
    assert said.err.startswith("nlgp: ")
    assert "targets: " in said.err
    assert printed["config"]["train"]["steps"] == 40
    assert printed["config"]["device"] in ("cpu", "cuda")
    assert printed["expected"]["parameters"] == 64 * 32 + 32 + 2 * 64 + 32 * 2 + 2 + 2 * 32
    assert not out.exists()


def test_resume_with_more_rounds_continues(tmp_path: Path) -> None:
    path = tmp_path / "run"
    assert call("run", "nlgp", "--out", str(path), *TINY) == 0
    first = Run(path).summary(2)
    assert call("resume", str(path), "--prune.rounds", "3") == 0
    assert Run(path).rounds() == [0, 1, 2, 3]
    assert [summary.stop is None for summary in Run(path).summaries()] == [True, True, True, False]
    assert Run(path).summary(2).files == first.files


def test_verify_fails_with_status_1_where_a_file_was_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run"
    assert call("run", "nlgp", "--out", str(path), *TINY) == 0
    assert call("verify", str(path), "--data") == 0
    weights = path / "rounds" / "01" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert call("verify", str(path)) == 1
    assert "weights.safetensors was changed" in capsys.readouterr().out


def test_the_page_says_how_it_was_measured_and_report_measures_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "run"
    assert call("run", "nlgp", "--out", str(path), *TINY) == 0
    (path / "report.html").unlink()
    assert call("analyze", str(path), "--analysis.samples", "29") == 0
    assert (path / "report.html").exists()
    assert Run(path).config.analysis.samples == 29
    run(replace(Run(path).config, prune=replace(Run(path).config.prune, rounds=3)), path)
    assert call("report", str(path)) == 0
    assert Run(path).analysis_numbers("round-03") is not None


def test_the_picture_is_written_and_named(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", str(finished), "--picture", str(tmp_path / "masks.png")) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "masks.png")
    assert (tmp_path / "masks.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "no-such-preset"], "neither a preset"),
        (["run"], "comes right after 'siftnet run'"),
        (["run", "--data.flip", "images"], "comes right after 'siftnet run'"),
        (["resume", "--prune.rounds", "3", "runs/x"], "comes right after 'siftnet resume'"),
        (["show", "/no/such/run"], "there is no run"),
        (["run", "images", "--data.root", "/no/such/folder", "--out", "OUT"], "/no/such/folder"),
        (["run", "images", "--out", "OUT"], "data.root"),
        (["run", "nlgp", "--train.lr", "-1", "--out", "OUT"], "siftnet: train.lr must be positive, got -1"),
        (["run", "nlgp", "--train.steps", "four", "--out", "OUT"], "Error parsing --train.steps"),
        (["run", "nlgp", "--kernel", "magic", "--out", "OUT"], "no kernel 'magic'"),
        (["run", "nlgp", "--device", "cuda:99", "--out", "OUT"], "cuda:99"),
        (["run", "nlgp", "--replicates", "0", "--out", "OUT"], "siftnet: replicates must be 1 or more, got 0"),
        (["fetch", "imagenet-22k"], "imagenet-22k"),
    ],
)
def test_wrong_input_is_one_sentence_with_the_value_and_status_2(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call(*[str(out) if word == "OUT" else word for word in arguments]) == 2
    printed = capsys.readouterr()
    assert says in " ".join(printed.err.replace("│", " ").split())
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shwo"], "there is no command 'shwo': did you mean show?"),
        (["shwo", "a run"], "there is no command 'shwo': did you mean show, as in siftnet show 'a run'?"),
        (["RESUME", "x"], "did you mean resume, as in siftnet resume x?"),
        (["nlgp", "--seed", "3"], "did you mean run, as in siftnet run nlgp --seed 3?"),
        (["mine.toml"], "did you mean run, as in siftnet run mine.toml?"),
        (["zzz"], "there is no command 'zzz': take one of data, run, resume, show"),
        (["run", "imges"], "did you mean images? Or name one of the presets"),
    ],
)
def test_a_misspelt_command_is_told_which_one_was_meant(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert says in sentence


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "run"])
def test_a_misspelt_option_is_told_of_this_command_alone(
    command: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subject = {"data": ["nlgp"], "fetch": ["mnist"], "bench": []}.get(command, [str(finished)])
    assert call(command, *subject, "--jsno") == 2
    said = capsys.readouterr().err
    assert "--json" in said
    assert {line.split("siftnet ")[1].split()[0] for line in said.splitlines() if "siftnet " in line} == {command}


def test_a_preset_with_a_misspelt_option_has_its_own_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "nlgp", "--train.setps", "4") == 2
    said = capsys.readouterr().err
    assert "--train.steps" in said
    assert f"(default: {siftnet.load('nlgp').train.steps})" in said
    assert said.count("default:") == 1


def test_a_picture_that_cannot_be_written_is_one_sentence(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "x.png"):
        assert call("report", str(finished), "--picture", str(place)) == 2
        assert f"{place} cannot be written (" in capsys.readouterr().err


def test_a_run_that_may_only_be_read_is_shown_and_not_measured(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert call("show", str(finished)) == 0
    for command in ("report", "analyze"):
        assert call(command, str(finished)) == 2
        assert f"{finished} cannot be written to, where measures and page would lie" in capsys.readouterr().err


def test_what_is_measured_is_announced_and_nothing_else(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("report", "analyze"):
        assert call(command, str(finished)) == 0
        assert "measuring" not in capsys.readouterr().err
    assert call("analyze", str(finished), "--analysis.bootstrap", "101") == 0
    assert capsys.readouterr().err == "measuring 3 rounds\n"
    assert call("analyze", str(finished), "--analysis.bootstrap", "100", "--analysis.samples", "21") == 0
    assert capsys.readouterr().err == "measuring 3 rounds\n"
    assert call("analyze", str(finished), "--analysis.samples", "19") == 0
    assert capsys.readouterr().err == "measuring 1 round\n"


@pytest.mark.parametrize(
    ("made", "ends"),
    [
        (
            "{}",
            "If they have places, say so in a new run, e.g. with --data.geometry grid:1x2 for 2 sites in a line, or "
            "points:FILE.csv for a table of their coordinates.",
        ),
        # Inputs made of one column of text have none, and data.geometry would be refused.
        ("city {}", "so there are no distances to measure."),
    ],
)
def test_a_picture_that_there_cannot_be_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], made: str, ends: str
) -> None:
    rows = [f"{made.format(k % 7)},{k % 5},{k % 2}" for k in range(400)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *rows]))
    table = ["--data.format", "table", "--data.root", str(tmp_path / "t.csv"), "--data.table.target", "y"]
    path = tmp_path / "run"
    words = ["run", "images-small", "--out", str(path), *table, *TINY[TINY.index("--network.layers") :]]
    assert call(*words, "--data.table.text", "one_hot") == 0
    headline = json.loads((path / "analysis" / "headline.json").read_text())["verdict"]
    assert headline.endswith(ends)
    shutil.rmtree(path / "analysis")
    capsys.readouterr()
    assert call("report", str(path), "--picture", str(tmp_path / "m.png")) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"siftnet: {path} has ")
    assert "inputs of unknown geometry: a picture of masks needs" in said
    assert not (path / "analysis").exists()


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a run"):
        main(["show", str(tmp_path), "--debug"])


def test_a_run_that_is_told_to_stop_says_how_to_go_on_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run"
    words = [sys.executable, "-m", "siftnet", "run", "nlgp", "--out", str(path), *TINY]
    words[words.index("--train.steps") + 1] = "4000"
    child = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    deadline = time.monotonic() + 120
    while not (path / "config.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=120)
    assert child.returncode == 128 + signal.SIGTERM
    assert f"siftnet resume {path}" in said
    assert (path / "checkpoint" / "progress.safetensors").exists() or Run(path).rounds()


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replicates") / "two"
    assert call("run", "nlgp", "--out", str(path), "--replicates", "2", "--seed", "3", *TINY) == 0
    return path


def test_replicates_end_with_their_table_and_the_path_of_the_page_over_all(
    replicated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (replicated / "seed-3" / "rounds" / "02" / "round.json").stat().st_mtime_ns
    assert call("run", "nlgp", "--out", str(replicated), "--replicates", "2", "--seed", "3", *TINY) == 0
    printed = capsys.readouterr().out.splitlines()
    assert (replicated / "seed-3" / "rounds" / "02" / "round.json").stat().st_mtime_ns == before
    assert printed[-1] == str(replicated / "report.html")
    assert "over 2 seeds" in " ".join(printed)
    assert "seed-4/report.html" in (replicated / "report.html").read_text()
    for seed in (3, 4):
        assert Run(replicated / f"seed-{seed}").config.seed == seed
        assert (replicated / f"seed-{seed}" / "report.html").exists()


def test_commands_take_a_folder_of_replicates(replicated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*arguments: str) -> str:
        assert call(*arguments) == 0
        return capsys.readouterr().out

    assert "over 2 seeds" in printed("show", str(replicated))
    shown = json.loads(printed("show", str(replicated), "--json"))
    assert [run["seed"] for run in shown["spread"]["runs"]] == [3, 4]
    assert [run["run"] for run in shown["runs"]] == [str(replicated / f"seed-{seed}") for seed in (3, 4)]
    assert shown["replicates"] == str(replicated)
    (replicated / "report.html").unlink()
    assert printed("report", str(replicated)).splitlines()[-1] == str(replicated / "report.html")
    assert (replicated / "report.html").exists()
    printed("analyze", str(replicated), "--analysis.samples", "29")
    assert [Run(replicated / f"seed-{seed}").config.analysis.samples for seed in (3, 4)] == [29, 29]
    checked = json.loads(printed("verify", str(replicated), "--data", "--json"))
    assert checked["passed"]
    assert {row["run"] for row in checked["checks"]} == {run["run"] for run in shown["runs"]}
    assert sum(row["check"] == "the best weights test as stored" for row in checked["checks"]) == 6


def test_verify_says_which_replicate_is_not_what_it_says(
    replicated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(replicated, tmp_path / "out")
    weights = tmp_path / "out" / "seed-4" / "rounds" / "01" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert call("verify", str(tmp_path / "out")) == 1
    assert "FAILED seed-4, round 1: files have the digests" in capsys.readouterr().out


def test_replicates_are_resumed_for_longer_together_or_one_alone(
    replicated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(replicated, out)
    assert call("resume", str(out / "seed-4"), "--prune.rounds", "3") == 0
    assert [Run(out / f"seed-{seed}").rounds()[-1] for seed in (3, 4)] == [2, 3]
    assert call("resume", str(out), "--prune.rounds", "3") == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out / "report.html")
    assert [Run(out / f"seed-{seed}").rounds()[-1] for seed in (3, 4)] == [3, 3]


def test_what_replicates_cannot_be_asked_is_said(
    replicated: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [
        (["run", "nlgp", "--out", str(replicated), *TINY], "holds replicates (seed-3, seed-4): go on with"),
        (["run", "nlgp", "--out", str(finished), "--replicates", "2", *TINY], "holds a single run"),
        (["run", "nlgp", "--out", str(replicated), "--replicates", "2", *TINY], "--seed 0 --replicates 5"),
        (["resume", str(replicated), "--seed", "7"], "goes on with seeds 3, 4, got --seed 7: leave it out"),
        (["report", str(replicated), "--picture", str(tmp_path / "x.png")], "name one, as in"),
    ]
    for arguments, says in wrong:
        assert call(*arguments) == 2
        assert says in capsys.readouterr().err


def test_dry_run_says_what_all_replicates_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = []
    for count in (1, 3):
        words = ["run", "nlgp", "--out", str(tmp_path / "run"), *TINY, "--dry-run", "--json"]
        assert call(*words, "--replicates", str(count)) == 0
        expected.append(json.loads(capsys.readouterr().out)["expected"])
    one, three = expected
    assert (three["replicates"], three["side_by_side"]) == (3, False)
    assert three["disk_bytes"] == pytest.approx(3 * one["disk_bytes"], abs=3)
    seconds = sum(row["seconds"] for row in three["rounds_expected"])
    assert three["training_seconds"] == pytest.approx(3 * seconds, abs=0.1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--prune.rounds 2", "at most 3 rounds of a network"),
        ("--prune.rounds 2", "\nprune.min_connected = 0.2 may end it earlier\n"),
        ("--prune.rounds 0", "\n1 round of a network"),
        (
            "--prune.rounds 9 --prune.min-density 0.5",
            "\nprune.rounds = 9 asks for 10, but prune.min_density = 0.5 is reached then, and prune.min_connected = "
            "0.2 may end it earlier\n",
        ),
        (
            "--prune.rounds 40 --prune.min-connected 0.5",
            "\nprune.rounds = 40 asks for 41, but fewer connections would be left than prune.min_connected = 0.5 asks "
            "for, which may end it earlier still\n",
        ),
    ],
)
def test_a_dry_run_says_what_ends_a_run(words: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "nlgp", *TINY, *words.split(), "--dry-run") == 0
    assert says in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out == f"siftnet {siftnet.__version__}\n"
    assert call("--help") == 0
    assert "siftnet --version" in capsys.readouterr().out


def test_a_run_that_diverges_has_a_page_and_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run"
    assert call("run", "nlgp", "--out", str(path), *TINY, "--train.lr", "1e30") == 1
    printed = capsys.readouterr().out
    assert "diverged" in printed
    assert printed.splitlines()[-1] == str(path / "report.html")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted; what was stored is kept, and the same command goes on from there"),
        (MemoryError(), 2, "this machine is out of memory: take a smaller --train.batch"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "this machine is out of memory: "),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total of 1 GiB"),
            2,
            "the GPU is out of memory: take a smaller --train.batch, fewer --replicates, or another --device",
        ),
    ],
    ids=["interrupted", "memory", "memory of a tensor", "memory of the GPU"],
)
def test_what_ends_a_command_says_what_to_do(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Fails(Shared):
        """Ends as it is told."""

        def __call__(self) -> int:
            raise error

    monkeypatch.setitem(COMMANDS, "fails", Fails)
    with pytest.raises(SystemExit) as stop:
        main(["fails"])
    assert stop.value.code == status
    assert capsys.readouterr().err.startswith(f"siftnet: {said}")


def test_a_single_run_at_a_relative_path_is_no_replicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    words = [*TINY, "--prune.rounds", "1"]
    assert call("run", "nlgp", "--out", "runs/here", *words) == 0
    assert "index degree" in capsys.readouterr().out
    page = tmp_path / "runs" / "here" / "report.html"
    assert "what survived" in page.read_text()
    for command in (["show", "runs/here"], ["analyze", "~/runs/here"], ["report", "runs/here"]):
        assert call(*command) == 0
        assert "seed" not in capsys.readouterr().out
        assert "what survived" in page.read_text()
    assert call("show", "runs/here", "--json") == 0
    assert json.loads(capsys.readouterr().out)["run"] == str(tmp_path / "runs" / "here")
    assert call("run", "nlgp", "--out", "~/both", "--replicates", "2", *words) == 0
    assert call("resume", "~/both", "--prune.rounds", "2") == 0
    assert "over 2 seeds" in capsys.readouterr().out
