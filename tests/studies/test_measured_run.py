"""What was measured is read back typed, by whom it concerns, and refused where a newer siftnet wrote it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import MEASURED, config, measured_run
from siftnet.commands.cli import main
from siftnet.runs.setup import set_up
from siftnet.store.run import Run
from siftnet.studies.measure_run import measure_rounds
from siftnet.studies.measured_run import read_headline, read_measured, read_round_indices

# What numbers alone are read without.
HEAVY = ("torch", "numba", "scipy", "plotly", "siftnet.kernels")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return measured_run(tmp_path_factory.mktemp("measured") / "run", config(MEASURED, analysis__ablation=True))


def changed(stored: Run, path: Path, name: str, change: Any) -> Run:
    """A copy of a run with one of its measured files changed."""
    shutil.copytree(stored.path, path)
    file = path / "analysis" / f"{name}.json"
    numbers = json.loads(file.read_text())
    change(numbers)
    file.write_text(json.dumps(numbers))
    return Run(path)


def test_every_round_has_its_layers_and_the_headline_its_ablation(stored: Run) -> None:
    found = read_measured(stored)
    assert [r.number for r in found.rounds] == stored.rounds()
    assert found.top.number == found.headline.round
    assert found.headline.ablation is not None
    assert found.headline.ablation.random is not None
    assert np.array_equal(found.headline.ablation.random.mean(axis=0), found.headline.ablation.random_mean)
    for r, first in zip(found.rounds, found.first_layers, strict=True):
        assert list(r.layers) == ["layers.0", "layers.1"]
        assert first.degrees.connections == int(stored.masks(r.number)["layers.0.weight"].sum())
        assert first.locality is not None
        indices = read_round_indices(stored, r.number)
        assert indices is not None
        assert (indices.index_degree, indices.correlation_length) == (
            first.locality.index_degree,
            first.locality.correlation_length,
        )


def test_files_of_siftnet_0_3_are_read(stored: Run, tmp_path: Path) -> None:
    def as_before(numbers: dict[str, Any]) -> None:
        del numbers["schema"]
        if "ablation" in numbers:
            del numbers["ablation"]["random"]

    run = changed(stored, tmp_path / "run", "headline", as_before)
    for file in (run.path / "analysis").glob("round-*.json"):
        numbers = json.loads(file.read_text())
        as_before(numbers)
        file.write_text(json.dumps(numbers))
    found, now = read_measured(run), read_measured(stored)
    assert found.headline.verdict == now.headline.verdict
    assert found.headline.ablation is not None
    assert found.headline.ablation.random is None
    assert [r.verdict for r in found.rounds] == [r.verdict for r in now.rounds]


@pytest.mark.parametrize("name", ["headline", "round-01"])
def test_what_a_newer_siftnet_measured_is_refused(stored: Run, tmp_path: Path, name: str) -> None:
    run = changed(stored, tmp_path / "run", name, lambda numbers: numbers.update(schema=99))
    with pytest.raises(ValueError, match="was measured in format 99, newer than 2: update siftnet"):
        read_measured(run)


def test_what_is_damaged_is_named(stored: Run, tmp_path: Path) -> None:
    run = changed(stored, tmp_path / "run", "round-01", lambda numbers: numbers.pop("layers"))
    with pytest.raises(
        ValueError, match=r"round-01\.json is not what measuring stores \(KeyError\('layers'\)\): remove"
    ):
        read_measured(run)


def test_numbers_are_read_without_arrays_and_without_what_computes(stored: Run, tmp_path: Path) -> None:
    run = changed(stored, tmp_path / "run", "headline", lambda numbers: None)
    for file in (run.path / "analysis").glob("*.npz"):
        file.unlink()
    program = (
        "import sys; from siftnet.store.run import Run; from siftnet.studies import measured_run as m; "
        f"run = Run({str(run.path)!r}); m.read_headline(run); print(m.read_round_indices(run, 2).index_degree.value); "
        f"assert not set({HEAVY!r}) & set(sys.modules), set({HEAVY!r}) & set(sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert printed.returncode == 0, printed.stderr
    expected = read_round_indices(stored, 2)
    assert expected is not None
    assert expected.index_degree is not None
    assert float(printed.stdout) == expected.index_degree.value


def test_a_run_that_is_not_measured_has_no_headline(stored: Run, tmp_path: Path) -> None:
    shutil.copytree(stored.path, tmp_path / "run", ignore=shutil.ignore_patterns("analysis"))
    run = Run(tmp_path / "run")
    assert read_headline(run) is read_round_indices(run, 1) is None
    with pytest.raises(ValueError, match="has not been analysed yet: siftnet analyze"):
        read_measured(run)


def of_another_kind(name: str) -> list[Any]:
    """Changes that leave JSON, in which something is of another kind."""
    if name == "headline":
        return [
            lambda n: n.update(verdict=3), lambda n: n.update(round="1"), lambda n: n.update(round=99),
            lambda n: n.update(ablation=[]), lambda n: n["ablation"].update(most=["x"]),
            lambda n: n["ablation"].update(most=[0.5]), lambda n: n["ablation"].update(metric="m"),
            lambda n: n["ablation"].update(random=[[0.1], [0.1, 0.2]]), lambda n: n.update(schema="2"),
        ]  # fmt: skip
    return [
        lambda n: n.update(verdict=None), lambda n: n.update(layers=3), lambda n: n.update(layers=[{}]),
        lambda n: n["layers"][0].update(layer="elsewhere"), lambda n: n["layers"][0].update(locality=7),
        lambda n: n["layers"][0]["locality"].update(index_degree={"value": "x"}),
        lambda n: n["layers"][0]["locality"]["index_uniform"].update(value="1.5"),
        lambda n: n["layers"][0]["locality"]["index_uniform"].update(low=float("nan")),
        lambda n: n["layers"][0]["locality"].update(samples=1.5),
        lambda n: n["layers"][0]["degrees"].update(unused=[]),
        lambda n: n["layers"][0]["by_degree"].append(None),
        lambda n: n.update(raw=5), lambda n: n.update(schema=None),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["headline", "round-01"])
def test_what_is_of_another_kind_is_named_and_made_again(stored: Run, tmp_path: Path, name: str) -> None:
    for at, change in enumerate(of_another_kind(name)):
        run = changed(stored, tmp_path / f"run{at}", name, change)
        before = (stored.path / "analysis" / f"{name}.json").read_bytes()
        with pytest.raises(ValueError, match=rf"{name}\.json is not what measuring stores .*: remove it, then siftnet"):
            read_measured(run)
        measure_rounds(run, run.config.analysis, set_up(run.config))
        assert (run.path / "analysis" / f"{name}.json").read_bytes() == before, at


CUT: dict[str, Any] = {
    "nothing": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "noise": lambda data: bytes(range(256)) * 4,
    "a bit": lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
}


@pytest.mark.parametrize("kind", list(CUT))
@pytest.mark.parametrize("name", ["round-01.npz", "round-01.json", "headline.json"])
def test_a_measure_that_was_cut_off_is_made_again(
    stored: Run, tmp_path: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "headline.json" and kind == "a bit":
        pytest.skip("a digit for a digit is JSON all the same")
    run = Run(shutil.copytree(stored.path, tmp_path / "run"))
    file = run.path / "analysis" / name
    before = file.read_bytes()
    for command in ("report", "analyze"):
        file.write_bytes(CUT[kind](before))
        words = [command, str(run.path)]
        with pytest.raises(SystemExit) as stopped:
            main(words)
        told = capsys.readouterr().err
        if command == "report" and name == "headline.json":
            # It has no data at hand for the ablation that stood there.
            assert stopped.value.code == 2
            assert f"siftnet analyze {run.path}" in told
        else:
            assert stopped.value.code == 0, told
            assert file.read_bytes() == before
            read_measured(run)


def test_show_of_numbers_that_were_cut_off_says_what_makes_them_again(
    stored: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("round-01.json", "headline.json"):
        run = Run(shutil.copytree(stored.path, tmp_path / name))
        (run.path / "analysis" / name).write_bytes(b'{"schema": 2')
        for words in ([], ["--json"]):
            with pytest.raises(SystemExit) as stopped:
                main(["show", str(run.path), *words])
            printed = capsys.readouterr()
            assert (stopped.value.code, printed.out) == (2, "")
            assert f"{name} was cut off or changed since it was stored: siftnet analyze {run.path} makes" in printed.err
