"""`siftnet bench` as a person and as a script use it, on a tiny network."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import pytest
import torch

from siftnet.bench.benchmark import run_benchmark
from siftnet.bench.config import BenchConfig
from siftnet.bench.contender import Entrant
from siftnet.bench.problem import dense_instance, generate_images
from siftnet.commands.cli import main
from siftnet.config.fields import NetworkConfig, TrainConfig
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import Problem
from siftnet.kernels.registry import KERNELS

TINY = [
    *("--shape", "4", "4", "--channels", "1", "--classes", "8", "--examples", "100", "--validation", "20"),
    *("--network.layers", "f12:x", "--train.batch", "16", "--densities", "1", "0.1", "--slices", "2"),
    *("--rounds", "3", "--threads", "1", "--device", "cpu", "--train.precision", "fp32"),
]


class Twin(Dense):
    """The dense kernel under another name."""

    name = "twin"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small products for the machine's rates, short slices, two kernels that nobody has to compile (what is timed is
    the benchmark's own work), and the threads as they were afterwards."""
    for name in set(KERNELS) - {"dense"}:
        monkeypatch.delitem(KERNELS, name)
    monkeypatch.setitem(KERNELS, "twin", Twin())
    monkeypatch.setattr("siftnet.bench.floor.SHAPES", ((64, 64, 64),))
    monkeypatch.setattr("siftnet.bench.floor.COPIED_BYTES", 2**16)
    monkeypatch.setattr("siftnet.bench.timing.SLICE_SECONDS", 0.0005)
    threads = torch.get_num_threads(), numba.get_num_threads()
    yield
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


def tiny(**changes: Any) -> BenchConfig:
    """The configuration of TINY."""
    given: dict[str, Any] = {
        "shape": (4, 4), "channels": 1, "classes": 8, "examples": 100, "validation": 20, "densities": (1.0, 0.1),
        "slices": 2, "rounds": 3, "threads": 1, "device": "cpu", "network": NetworkConfig(layers="f12:x"),
        "train": TrainConfig(batch=16, precision="fp32"),
    }  # fmt: skip
    return BenchConfig(**given | changes)


def call(*arguments: str) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def test_json_is_one_document_and_the_files_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("bench", *TINY, "--json", "--out", str(tmp_path / "out")) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "kernels.json").read_text())
    assert printed["shape"] == "16-12-8"
    assert printed["machine"]["threads"] == 1
    contenders = {row["contender"] for row in printed["rows"]}
    assert contenders == {"dense", "twin", "auto"}
    assert [row["density"] for row in printed["rows"]] == [1.0] * len(contenders) + [0.1] * len(contenders)
    for row in printed["rows"]:
        timing = row["timing"]
        assert 0 < timing["p20_ms"] <= timing["p50_ms"] <= timing["p80_ms"]
        assert timing["steps"] >= 2
        assert timing["evaluate_ms"] > 0
        assert row["dense_floor_ms"] == printed["rows"][0]["dense_floor_ms"]
    lines = list(csv.DictReader((tmp_path / "out" / "kernels.csv").read_text().splitlines()))
    assert [(line["contender"], float(line["density"])) for line in lines] == [
        (row["contender"], row["density"]) for row in printed["rows"]
    ]
    for line, row in zip(lines, printed["rows"], strict=True):
        assert float(line["p50_ms"]) == pytest.approx(row["timing"]["p50_ms"], rel=1e-3)
        assert all(
            line[key] for key in ("shape", "batch", "steps", "threads", "processor", "torch", "numba", "siftnet")
        )
        assert all(line[key] for key in ("precision", "threading_layer", "dense_floor_ms", "sparse_floor_ms"))


def test_the_schedule_sums_each_rounds_own_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("bench", *TINY, "--json", "--contenders", "dense", "--out", str(tmp_path)) == 0
    schedule = json.loads(capsys.readouterr().out)["schedule"]
    assert [row["density"] for row in schedule["rows"]] == pytest.approx([1, 0.7, 0.49])
    assert schedule["total_ms"] == {"dense": pytest.approx(sum(row["update_ms"] for row in schedule["rows"]))}
    assert schedule["faster_than"] == {"dense": {"dense": 1.0}}
    lines = list(csv.DictReader((tmp_path / "schedule.csv").read_text().splitlines()))
    assert [line["round"] for line in lines] == ["0", "1", "2", "all"]
    assert float(lines[-1]["faster_than_dense"]) == 1


def test_the_table_has_every_density_and_contender(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("bench", *TINY) == 0
    printed = capsys.readouterr()
    for words in ("density", "dense", "auto", "floor", "100.0%", "10.0%", "16-12-8, batch 16, fp32 products, 1 thread"):
        assert words in printed.out
    assert printed.out.count("* ") >= 2
    assert "density 49%" in printed.err


def test_a_figure_with_the_floors_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("bench", *TINY, "--rounds", "0", "--out", str(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "kernels.html")
    assert not (tmp_path / "schedule.csv").exists()
    page = (tmp_path / "kernels.html").read_text()
    drawn, _ = json.JSONDecoder().raw_decode(page.split("const figure = ")[1])
    assert [curve["name"] for curve in drawn["data"]][-2:] == ["dense floor", "sparse floor"]
    assert drawn["data"][0]["x"] == [1.0, 0.1]
    # Nothing is left for the report's script to paint.
    assert '"@' not in json.dumps(drawn)


def test_baselines_take_part_and_are_compared_with() -> None:
    def others(problem: Problem) -> list[Entrant]:
        kind = KERNELS["dense"]
        return [Entrant(name="rival", precision="fp32", build=lambda own: own.compile(kind), baseline=True)]

    told: list[str] = []
    result = run_benchmark(tiny(), others, told.append)
    assert {row.contender for row in result.rows} == {"rival", "dense", "twin", "auto"}
    assert result.baselines == ["rival"]
    assert set(result.to_dict()["schedule"]["faster_than"]["dense"]) == {"rival"}
    assert len(told) == len({1.0, 0.1, *tiny().schedule})


def test_masks_keep_the_share_asked_for_and_the_images_are_bytes() -> None:
    config = tiny(shape=(16, 16), network=NetworkConfig(layers="f40:x"))
    images = generate_images(config)
    assert images.inputs_NI.dtype == "uint8"
    inputs = (images.inputs_NI - images.center_I) * images.scale_I
    assert inputs.mean() == pytest.approx(0, abs=0.05)
    assert inputs.std() == pytest.approx(1, abs=0.05)
    sparse = dense_instance(config).at_density(0.25)
    assert sparse.masks.density == pytest.approx(0.25, abs=0.03)
    assert set(sparse.masks) == {"layers.0.weight", "layers.0.bias"}
    assert not sparse.state.parameters["layers.0.weight"][~sparse.masks["layers.0.weight"]].any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--densities", "1.2"], "siftnet: density must be in (0, 1], got 1.2"),
        (["--densities", "0"], "siftnet: density must be in (0, 1], got 0"),
        (["--contenders", "dense", "magic"], "siftnet: there is no contender 'magic'; take auto or some of dense"),
        (["--slices", "0"], "siftnet: slices must be at least 1, got 0"),
        (["--fraction", "1"], "siftnet: fraction must lie between 0 and 1, got 1"),
        (["--network.layers", "f12"], "network.layers must end in the output layer x"),
        (["--device", "cuda:99"], "cuda:99"),
        (["--out", "/dev/null/here"], "siftnet: /dev/null/here cannot be written (Not a directory): choose another"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("bench", *TINY, *arguments) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert len(printed.err.splitlines()) == 1
    assert printed.out == ""
