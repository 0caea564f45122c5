"""What is printed gets out: to streams that are closed, cut off or no UTF-8, and with names that are no plain text."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builders import MEASURED, config, dataset, measured_run
from siftnet.commands.cli import main
from siftnet.commands.narrator import Narrator, progress_bar
from siftnet.commands.output import hush, open_streams, print_path, tell, terminal
from siftnet.commands.tables import print_json
from siftnet.geometry import Unknown
from siftnet.report.write import write_pages
from siftnet.store.folder import RunFolder
from siftnet.store.run import Run

COMMAND = [sys.executable, "-m", "siftnet"]
CUT_OFF = 128 + signal.SIGPIPE
ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
AWKWARD = ["th\udce9", "100% #1? a", "[b]c :smile:", 'it\'s "q"', "two\nlines", "\x1b[31m", "r\u202etl", "a:b", "é"]
"""Names of folders: not UTF-8, of a URL's and of markup's signs, with quotes, control characters, another direction."""
SMALL = [
    *("--threads", "1", "--kernel", "dense", "--train.steps", "4", "--train.rewind", "1", "--train.batch", "10"),
    *("--prune.rounds", "1", "--analysis.samples", "3", "--analysis.samples-other", "3", "--analysis.bootstrap", "100"),
]


def call(*arguments: str | Path) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in arguments])
    return int(stopped.value.code or 0)


def shell(words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash, in which S is the program and RUN a run."""
    given = os.environ | environment | {"S": shlex.join(COMMAND)}
    return subprocess.run(["bash", "-c", words], capture_output=True, env=given, check=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds with numeric targets, whose words have signs that ASCII lacks."""
    folder = tmp_path_factory.mktemp("output") / "two"
    for seed in range(2):
        measured_run(folder / f"seed-{seed}", config(MEASURED, seed=seed, train__lr=0.01), dataset(classes=None))
    return folder


def test_a_stream_that_is_ascii_has_every_number_in_ascii(made: Path) -> None:
    for path in (made, made / "seed-0"):
        plain = shell(f"$S show {path}", PYTHONIOENCODING="ascii")
        usual = shell(f"$S show {path}", PYTHONIOENCODING="utf-8")
        assert (plain.returncode, plain.stderr) == (0, b"")
        text = plain.stdout.decode("ascii")
        assert "R2 of the weights" in text
        assert "\\u" not in text
        expected = usual.stdout.decode().translate(str.maketrans("−²–─", "-2--")).replace("±", "+-")
        assert re.findall(r"[-\d][\d.%]+", text.replace("-+-", "")) == re.findall(r"[-\d][\d.%]+", expected)


@pytest.mark.parametrize("words", ["show {}", "report {}", "shwo", "show", "run -h"])
def test_a_locale_without_utf_8_changes_no_exit_status(words: str, made: Path, tmp_path: Path) -> None:
    path = shutil.copytree(made, tmp_path / "é")
    line = f"$S {words.format(shlex.quote(str(path)))}"
    plain, usual = shell(line, **ASCII), shell(line)
    assert plain.returncode == usual.returncode
    assert (plain.stdout + plain.stderr).isascii()
    assert b"Traceback" not in plain.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_swallow_what_is_printed(closed: str, made: Path, tmp_path: Path) -> None:
    path = shutil.copytree(made, tmp_path / "two")
    for words, status in ((f"show {path}", 0), ("shwo", 2), ("--help", 0)):
        found = shell(f"$S {words} {closed}")
        assert found.returncode == status, words
        assert b"Traceback" not in found.stderr


def test_what_is_meant_for_a_closed_stream_goes_into_no_other_and_no_file(made: Path, tmp_path: Path) -> None:
    path = shutil.copytree(made, tmp_path / "two")
    assert shell(f"$S show {path} --json 2>&-").stdout.count(b"\n") == 1
    assert shell("$S shwo 2>&-").stdout == b""
    assert shell(f"$S report {path} >&- 2>&-").returncode == 0
    assert {file.name for file in path.iterdir()} == {"seed-0", "seed-1", "report.html", "lock"}
    assert (path / "lock").read_bytes() == b""


@pytest.mark.parametrize("words", ["show {}", "show {} --json", "run --help"])
def test_a_reader_who_leaves_ends_it_quietly(words: str, made: Path, tmp_path: Path) -> None:
    path = shutil.copytree(made, tmp_path / "two")
    found = shell(f"(sleep 1; $S {words.format(path)}) | true; exit ${{PIPESTATUS[0]}}")
    told = [line for line in found.stderr.decode().splitlines() if not line.startswith("measuring")]
    assert (found.returncode, told) == (CUT_OFF, [])


def test_a_run_whose_reader_leaves_goes_on_when_it_is_asked_again(tmp_path: Path) -> None:
    words = [
        "run",
        "nlgp",
        *SMALL,
        "--network.layers",
        "f16:x",
        "--data.synthetic.examples",
        "300",
        "--data.synthetic.test",
        "50",
        "--out",
    ]
    line = shlex.join([*words, str(tmp_path / "run")])
    assert shell(f"(sleep 1; $S {line} 2>&1) | true; exit ${{PIPESTATUS[0]}}").returncode == CUT_OFF
    assert shell(f"$S {line}").returncode == 0
    assert Run(tmp_path / "run").rounds() == [0, 1]


def test_no_room_for_what_is_printed_is_a_sentence(made: Path) -> None:
    for words in (f"show {made}", f"show {made} --json"):
        found = shell(f"$S {words} > /dev/full")
        assert found.returncode == 2
        [sentence] = found.stderr.decode().splitlines()
        assert sentence.startswith("siftnet: ")
        assert "No space left on device" in sentence


def test_streams_are_as_before_once_a_command_is_done(made: Path) -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", None)
        assert call("show", made) == 0
        assert sys.stdout is out
        assert out.errors == "strict"
        assert sys.stderr is None
        with open_streams():
            print("²–\udce9\x85 ok", file=sys.stderr)
            print("²–\udce9é ok")
        out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    assert out.buffer.getvalue().endswith(b"2-\\udce9\\xe9 ok\n")


def test_hushing_streams_that_work_changes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    print("before")
    hush()
    print("after", flush=True)
    assert capfd.readouterr().out == "before\nafter\n"


def test_json_has_no_word_for_what_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), {"b": float("inf")}, (1.5, -float("inf"))], "c": "th\udce9", "d": True})
    printed = capsys.readouterr().out
    assert json.loads(printed, parse_constant=pytest.fail) == {
        "a": [None, {"b": None}, [1.5, None]], "c": "th\udce9", "d": True,
    }  # fmt: skip
    assert printed.isascii()


def test_the_terminal_takes_everything_literally(capsys: pytest.CaptureFixture[str]) -> None:
    terminal().print("[red]a[/red] :smile: [/] 1.5")
    assert capsys.readouterr().out == "[red]a[/red] :smile: [/] 1.5\n"


def test_one_line_stays_one_line_and_no_longer_than_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    tell("a\n\x1b[31m\u202eb" + "x" * 10_000)
    said = capsys.readouterr().err
    assert said.startswith("a\\n\\x1b[31m\\u202eb")
    assert len(said) < 5000


@pytest.mark.parametrize("name", AWKWARD)
def test_a_path_is_printed_so_that_a_shell_finds_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.touch()
    with open_streams():
        print_path(path)
        tell(f"found {path}")
    printed, said = capsys.readouterr()
    assert printed.count("\n") == said.count("\n") == 1
    if printed.startswith("$'"):
        assert subprocess.run(["bash", "-c", f"test -e {printed}"], check=False).returncode == 0
    else:
        assert printed == f"{path}\n"


@pytest.mark.parametrize("name", AWKWARD)
def test_runs_in_folders_of_any_name_are_shown_measured_and_linked(
    name: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    shutil.copytree(made, path)
    for command in (["show"], ["report"], ["show", "--json"], ["report", "--json"], ["verify"]):
        assert call(command[0], path, *command[1:]) == 0
        printed = capsys.readouterr()
        if "--json" in command:
            json.loads(printed.out)
    page = (path / "report.html").read_text(encoding="utf-8")
    assert 'href="seed-1/report.html"' in page
    assert (path / "seed-1" / "report.html").read_text(encoding="utf-8").count("<h1>") == 1
    # From elsewhere a link has to name the folder, as bytes in percent signs.
    other = tmp_path / "elsewhere"
    other.mkdir()
    write_pages(replace(RunFolder.at(path), path=other))
    assert f'href="../{quoted(name)}/seed-0/report.html"' in (other / "report.html").read_text(encoding="utf-8")


def quoted(name: str) -> str:
    """A name in a link, by hand."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~"
    return "".join(chr(b) if b in plain else f"%{b:02X}" for b in os.fsencode(name))


def test_a_stopped_run_names_its_folder_as_a_shell_takes_it(tmp_path: Path) -> None:
    from siftnet.runs.interrupt import Interrupted

    for name in AWKWARD:
        sentence = str(Interrupted(tmp_path / name, signal.SIGTERM))
        command = sentence.split("go on with: ")[1]
        found = subprocess.run(
            ["bash", "-c", command.replace("siftnet resume", "printf %s")], capture_output=True, check=False
        )
        assert found.stdout == os.fsencode(tmp_path / name)
        assert sentence.isprintable()


def test_classes_in_folders_of_any_name_go_all_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["th\udce9", "[red]r[/red]", "r\u202etl", "<script>x"]
    for at, name in enumerate(n.replace("/", "") for n in names):
        (tmp_path / "drinks" / name).mkdir(parents=True)
        for i in range(12):
            pixels = np.random.default_rng([at, i]).integers(0, 255, (4, 4, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "drinks" / name / f"{i}.png")
    words = ["run", "images-small", *SMALL, "--data.format", "folder", "--data.root", tmp_path / "drinks"]
    assert call(*words, "--out", tmp_path / "run") == 0
    assert call("report", tmp_path / "run") == 0
    assert call("show", tmp_path / "run", "--json") == 0
    assert "\udce9" not in capsys.readouterr().out
    stored = json.loads((tmp_path / "run" / "data.json").read_text(encoding="ascii"))
    # A class is named so from the door on.
    assert "th\\xe9" in stored["class_names"]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for told in ("th\\xe9", "[red]r[red]", "r\\u202etl", "&lt;script&gt;x"):
        assert told in page
    assert "\u202e" not in page


def test_a_run_tells_of_names_in_one_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data: Any = replace(
        dataset(Unknown(12), classes=2),
        name="set\udce9\n[red]:smile:" + "y" * 300,
        notes=("a note\x1b]0;title\x07\n[bold] of \u202e" + "z" * 5000,),
    )
    with progress_bar("updates") as bar, open_streams():
        Narrator(bar).loaded(data, measured_run(tmp_path / "run", config(MEASURED), data) and _network(data), config())
    first, _, note, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("set\\udce9\\n[red]:smile:yyy")
    assert "…: a Dataset made in Python, 12 inputs of unknown geometry, 2 classes; 160 train" in first
    assert note.startswith("note: a note\\x1b]0;title\\x07\\n[bold] of \\u202ezzz")
    assert len(note) < 1100


def _network(data: Any) -> Any:
    from siftnet.runs.setup import set_up

    return set_up(config(MEASURED), data).network
