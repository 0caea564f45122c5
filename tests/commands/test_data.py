"""The command that shows data, as a person and as a script use it; --strict wherever data are taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from siftnet.commands.cli import main
from siftnet.commands.drawing import BARS, INK
from siftnet.store.run import Run

Printed = Callable[..., str]
SHORT = [
    *("--network.layers", "f8:x", "--train.steps", "10", "--train.batch", "10", "--train.rewind", "2"),
    *("--prune.rounds", "1", "--kernel", "dense", "--analysis.samples", "3", "--analysis.samples-other", "2"),
    *("--analysis.bootstrap", "100", "--threads", "1"),
]


def call(*arguments: str) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """What a command prints where all goes well."""

    def run(*arguments: str) -> str:
        assert call(*arguments) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """A table of classes that differ in number."""
    rng = np.random.default_rng(0)
    kind = np.repeat(["ash", "beech", "oak"], [60, 30, 10])
    frame = pd.DataFrame({"height": rng.integers(3, 40, 100) / 2, "girth": rng.random(100).round(3), "kind": kind})
    frame.to_csv(tmp_path / "trees.csv", index=False)
    return tmp_path / "trees.csv"


def of(path: Path, target: str = "kind", *more: str) -> list[str]:
    """The words that ask for a table."""
    words = ["images-small", "--data.format", "table", "--data.root", str(path), "--data.table.target", target]
    return [*words, "--data.validation", "9", *more]


def test_the_help_shows_what_the_readme_shows(printed: Printed) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    words = "data images-small --data.format table --data.root wine.csv --data.table.target target"
    assert f"siftnet {words}" in readme
    assert words in " ".join(printed("data", "--help").replace("│", " ").split())


def test_columns_are_left_out_by_name(trees: Path, printed: Printed) -> None:
    drop = ["--data.table.drop", "", "my id", "--strict"]
    frame = pd.read_csv(trees)
    frame.assign(**{"my id": range(1, 101)}).to_csv(trees)
    shown = json.loads(printed("data", *of(trees, "kind", *drop), "--json"))
    assert shown["input_names"] == ["height", "girth"]
    trees.with_name("t.toml").write_text('[data.table]\ndrop = ["", "my id", "girth"]\n')
    words = [str(trees.with_name("t.toml")), *of(trees)[1:]]
    assert json.loads(printed("data", *words, "--json"))["input_names"] == ["height"]


def test_zeros_have_no_sign(trees: Path, printed: Printed) -> None:
    frame = pd.read_csv(trees)
    frame.assign(city=["Paris", "Rome", "Oslo", "Wien"] * 25).to_csv(trees, index=False)
    words = of(trees, "kind", "--data.table.text", "one_hot")
    for seed in map(str, range(8)):
        assert "-0.0" not in printed("data", *words, "--data.seed", seed, "--json")
        assert " -0 " not in printed("data", *words, "--data.seed", seed)


def test_a_table_is_shown_with_its_own_numbers(trees: Path, printed: Printed) -> None:
    text = printed("data", *of(trees))
    told = json.loads(printed("data", *of(trees), "--json"))
    lines = [line.split() for line in text.splitlines()]
    for place, name in enumerate(["ash", "beech", "oak"]):
        assert [name, *(str(told["class_counts"][s][place]) for s in ("train", "validation", "test"))] in lines
    assert "column kind, taken for classes by data.table.task = auto" in text
    assert "nothing was left out or changed" in text
    frame = pd.read_csv(trees)
    counted = zip(told["class_names"], *told["class_counts"].values(), strict=True)
    assert {name: sum(counts) for name, *counts in counted} == frame["kind"].value_counts().to_dict()
    for shown in told["shown"]:
        row = frame.iloc[shown["example"]]
        assert (told["class_names"][shown["label"]], shown["inputs"]) == (row["kind"], [row["height"], row["girth"]])
        assert f"example {shown['example']}" in text
    for column in ("height", "girth"):
        values = [str(frame[column].iloc[shown["example"]]).removesuffix(".0") for shown in told["shown"]]
        assert [column, *values] in lines
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_numbers_are_shown_with_their_range(trees: Path, printed: Printed) -> None:
    frame = pd.read_csv(trees).drop(columns="kind")
    frame.to_csv(trees, index=False)
    text = printed("data", *of(trees, "height"))
    told = json.loads(printed("data", *of(trees, "height"), "--json"))
    said = "a number: column height, taken for a number by data.table.task = auto; fitted as (target - "
    assert said in " ".join(text.split())
    spread = told["numeric_targets"]["spread"].values()
    assert min(s["low"] for s in spread) == frame["height"].min()
    assert max(s["high"] for s in spread) == frame["height"].max()


def test_images_are_drawn(tmp_path: Path, printed: Printed) -> None:
    x = np.zeros((40, 4, 16), np.uint8)
    x[:, :, 8:] = 254
    np.savez(tmp_path / "halves.npz", x=x + np.arange(40, dtype=np.uint8)[:, None, None] % 2, y=np.arange(40) % 2)
    text = printed("data", "images-small", "--data.format", "npz", "--data.root", str(tmp_path / "halves.npz"))
    drawn = [line for line in text.splitlines() if INK[-1] * 8 in line]
    assert len(drawn) == 2
    assert drawn[0].count(" " * 8 + INK[-1] * 8) == 3


def test_signals_are_drawn_between_their_extremes(tmp_path: Path, printed: Printed) -> None:
    x = np.random.default_rng(0).normal(size=(60, 30))
    np.savez(tmp_path / "signals.npz", x=x, y=np.arange(60) % 3)
    words = ["images-small", "--data.format", "npz", "--data.root", str(tmp_path / "signals.npz")]
    text = printed("data", *words, "--data.geometry", "grid:1x30")
    told = json.loads(printed("data", *words, "--data.geometry", "grid:1x30", "--json"))
    curves = [line[-30:] for line in text.splitlines() if BARS[0] in line or BARS[-1] in line]
    for curve, shown in zip(curves, told["shown"], strict=True):
        assert np.argmin(shown["inputs"]) in [i for i, mark in enumerate(curve) if mark == min(curve)]
    low, high = np.min([s["inputs"] for s in told["shown"]]), np.max([s["inputs"] for s in told["shown"]])
    assert f"from {low:.3f}" in text
    assert f"to {high:.3f}" in text
    assert low == pytest.approx(x[[s["example"] for s in told["shown"]]].min(), abs=1e-5)


def test_shuffled_inputs_are_said_to_be(trees: Path, printed: Printed) -> None:
    text = printed("data", *of(trees, "kind", "--data.permute", "fixed"))
    assert "shuffled, by one permutation" in text
    assert "Shown as the network sees them, shuffled." in text


def test_nothing_is_written(trees: Path, printed: Printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed("data", *of(trees))
    assert [path.name for path in tmp_path.iterdir()] == ["trees.csv"]


def test_strict_refuses_data_with_a_note_and_takes_others(
    trees: Path, printed: Printed, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed("data", *of(trees), "--strict")
    assert call("data", *of(trees, "kind", "--data.validation", "50"), "--strict") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "siftnet: trees is refused because of --strict: 9 training examples are set aside for validation, a tenth, "
        "where data.validation asks for 50; settle that, or leave --strict out\n"
    )
    out = tmp_path / "run"
    noted = ["run", *of(trees, "kind", "--data.validation", "50"), "--out", str(out), *SHORT]
    for more in ([], ["--dry-run"]):
        assert call(*noted, "--strict", *more) == 2
        assert "refused because of --strict" in capsys.readouterr().err
        assert not out.exists()
    assert call(*noted) == 0
    assert call("resume", str(out), "--prune.rounds", "2", "--strict") == 2
    assert "refused because of --strict" in capsys.readouterr().err
    assert Run(out).rounds() == [0, 1]
    assert call("resume", str(out), "--prune.rounds", "2") == 0


def test_strict_hears_of_scores_that_there_are_not(trees: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_csv(trees).drop(columns="kind")
    frame["when"] = np.arange(100)
    frame.loc[85:, "height"] = 7.25
    frame.to_csv(trees, index=False)
    words = of(trees, "height", "--data.split", "time", "--data.time", "when", "--data.table.task", "numbers")
    assert call("data", *words, "--strict") == 2
    assert "all 10 test targets are alike" in capsys.readouterr().err


def test_a_run_begins_with_what_its_data_are(trees: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", *of(trees), "--out", str(tmp_path / "run"), *SHORT) == 0
    first, second = capsys.readouterr().err.splitlines()[:2]
    assert first.startswith("trees: table trees.csv, 2 inputs of unknown geometry, 3 classes; 81 train, 9 validation, ")
    assert second.startswith(
        "targets: column kind, taken for classes by data.table.task = auto: training examples ash "
    )
    told = Run(tmp_path / "run").data
    assert told.class_counts["train"][0] == int(second.split(" ash ")[1].split(",")[0])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("trees.csv", "--data.format table --data.root {} --data.table.target COLUMN"),
        ("arrays.npz", "--data.format npz --data.root {}"),
        ("images", "--data.format folder --data.root {}"),
    ],
)
@pytest.mark.parametrize("command", ["data", "run"])
def test_data_named_in_the_place_of_a_preset_are_told_how_to_be_named(
    command: str, name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_text("a,b\n") if path.suffix else path.mkdir()
    assert call(command, str(path)) == 2
    assert capsys.readouterr().err.rstrip().endswith(f": siftnet {command} images-small {words.format(path)}")


def test_a_preset_is_one_although_a_folder_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nlgp").mkdir()
    text = printed("data", "nlgp", "--data.synthetic.examples", "400", "--data.synthetic.test", "50")
    assert "360 train, 40 validation, 50 test" in text


def test_help_says_what_is_shown_and_has_settings_of_data_alone(printed: Printed) -> None:
    text = printed("data", "--help")
    said = " ".join(text.replace("│", " ").split())
    assert "as a run would take them, and train nothing" in said
    assert "--strict" in said
    assert "--data.table.target" in said
    assert "--train.lr" not in said
