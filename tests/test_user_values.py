"""What users hand over from Python: taken where it can only mean one thing, refused in a sentence elsewhere."""

from __future__ import annotations

import json
import os
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
    "a name that is too long": (
        lambda run: siftnet.RunFolder.at("a" * 300),
        " is too long for a path: choose",
    ),
    "a null character": (
        lambda run: siftnet.RunFolder.at("a\0b"),
        r"no path holds a null character, as 'a\x00b'",
    ),
    "an array for a data set": (
        lambda run: siftnet.describe_data(np.zeros(9)),
        "dataset must be a Dataset, see",
    ),
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


# What nobody means, for any argument.
JUNK = {
    "nothing": "None",
    "a word": "'abc'",
    "bytes": "b'abc'",
    "a fraction": "2.5",
    "no number": "float('nan')",
    "a negative number": "-3",
    "a truth value": "True",
    "a list": "[1, 2]",
    "a dictionary": "{'a': 1}",
    "a path": "pathlib.Path('nowhere/at/all')",
    "a number of NumPy's": "np.float64(0.5)",
    "an array": "np.ones((3, 4))",
    "a tensor": "torch.ones(3, 4)",
    "a parameter": "torch.nn.Parameter(torch.ones(3, 4))",
    "brain floats": "torch.ones(3, 4).bfloat16()",
    "a sparse tensor": "torch.ones(3, 4).to_sparse()",
    "a table": "pd.DataFrame(np.ones((3, 4)))",
    "a function": "len",
    "a class": "int",
}
ARGUMENTS = {
    "locality, mask": "siftnet.locality(JUNK, siftnet.ring(5), samples=2)",
    "locality, geometry": "siftnet.locality(np.eye(4), JUNK, samples=2)",
    "locality, samples": "siftnet.locality(np.eye(4), siftnet.ring(4), samples=JUNK)",
    "locality, bootstrap": "siftnet.locality(np.eye(4), siftnet.ring(4), samples=2, bootstrap=JUNK)",
    "locality, seed": "siftnet.locality(np.eye(4), siftnet.ring(4), samples=2, seed=JUNK)",
    "Grid, channels": "siftnet.Grid((4, 4), JUNK)",
    "Grid, periodic": "siftnet.Grid((4, 4), periodic=JUNK)",
    "Unknown": "siftnet.Unknown(JUNK)",
    "ring": "siftnet.ring(JUNK)",
    "volume": "siftnet.volume(2, JUNK, 3)",
    "Points": "siftnet.Points(JUNK)",
    "load": "siftnet.load(JUNK)",
    "from_dict": "siftnet.from_dict(JUNK)",
    "from_dict, value": "siftnet.from_dict({'train': {'steps': JUNK}})",
    "from_dict, group": "siftnet.from_dict({'train': JUNK})",
    "to_dict": "siftnet.to_dict(JUNK)",
    "RunConfig": "siftnet.RunConfig(seed=JUNK)",
    "RunConfig, group": "siftnet.RunConfig(data=JUNK)",
    "DataConfig": "siftnet.DataConfig(format=JUNK)",
    "AnalysisConfig": "siftnet.AnalysisConfig(samples=JUNK)",
    "BenchConfig": "siftnet.BenchConfig(densities=JUNK)",
    "run": "siftnet.run(JUNK, 'r')",
    "run, data set": "siftnet.run('nlgp', 'r', dataset=JUNK if JUNK is not None else 0)",
    "run_replicates": "siftnet.run_replicates('nlgp', 'r', JUNK)",
    "resume": "siftnet.resume(JUNK)",
    "resume_replicates": "siftnet.resume_replicates(JUNK)",
    "verify": "siftnet.verify(JUNK)",
    "measure_rounds": "siftnet.measure_rounds(JUNK)",
    "measure_rounds, configuration": "siftnet.measure_rounds(RUN, JUNK if JUNK is not None else 0)",
    "measure_rounds, set-up": "siftnet.measure_rounds(RUN, None, JUNK if JUNK is not None else 0)",
    "summarise_seeds": "siftnet.summarise_seeds(JUNK)",
    "summarise_seeds, one": "siftnet.summarise_seeds([JUNK])",
    "set_up": "siftnet.set_up(JUNK)",
    "estimate_cost": "siftnet.estimate_cost(JUNK)",
    "run_benchmark": "siftnet.run_benchmark(JUNK)",
    "RunFolder": "siftnet.RunFolder.at(JUNK)",
    "Run": "siftnet.Run(JUNK).config",
    "ticket": "RUN.ticket(JUNK)",
    "masks": "RUN.masks(JUNK)",
    "weights": "RUN.weights(0, JUNK)",
    "a layer": "RUN.ticket().mask_JI(JUNK)",
    "mask_mosaic": "siftnet.mask_mosaic(JUNK)",
    "Masks": "siftnet.Masks({'w': JUNK})",
    "Masks, all": "siftnet.Masks(JUNK if type(JUNK) is not dict else [])",
    "State": "siftnet.State(JUNK)",
    "register_score": "siftnet.register_score(JUNK if JUNK != 'abc' else '')(len)",
    "fetch": "siftnet.fetch(JUNK, 'r')",
    "from_arrays": "siftnet.from_arrays(JUNK, [0, 1, 0])",
    "from_arrays, labels": "siftnet.from_arrays(np.ones((3, 4)), JUNK)",
    "from_arrays, geometry": "siftnet.from_arrays(np.eye(4), [0, 1, 0, 1], geometry=JUNK)",
    "Dataset, inputs": "siftnet.Dataset(**DATA | {'inputs_NI': JUNK})",
    "Dataset, labels": "siftnet.Dataset(**DATA | {'labels_N': JUNK})",
    "Dataset, splits": "siftnet.Dataset(**DATA | {'splits': JUNK})",
    "Dataset, permutation": "siftnet.Dataset(**DATA | {'permutation_I': JUNK if JUNK is not None else 0})",
    "Dataset, geometry": "siftnet.Dataset(**DATA | {'geometry': JUNK})",
    "Dataset, names": "siftnet.Dataset(**DATA | {'class_names': JUNK})",
}
# What is meant all the same.
TAKEN_JUNK = {
    *(("Points", j) for j in ("an array", "a tensor", "a parameter", "brain floats", "a table")),
    ("Grid, periodic", "a truth value"),
}
PROGRAM = r"""
import json, pathlib, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd, torch, siftnet
from builders import dataset
RUN = siftnet.Run(sys.argv[1])
DATA = {name: getattr(dataset(), name) for name in siftnet.Dataset.__dataclass_fields__ if name[0] != "_"}
ended = {}
for name, call in json.loads(sys.argv[2]).items():
    for kind, junk in json.loads(sys.argv[3]).items():
        try:
            eval(call.replace("JUNK", f"({junk})"))
            ended[f"{name}: {kind}"] = "taken"
        except ValueError as error:
            ended[f"{name}: {kind}"] = "refused" if "\n" not in str(error) else f"two lines: {error}"
        except Exception as error:
            ended[f"{name}: {kind}"] = repr(error)
print(json.dumps(ended))
"""


def test_what_nobody_means_is_refused_in_a_sentence_for_every_public_name(stored: siftnet.Run, tmp_path: Path) -> None:
    # In a process of its own, where nobody checks the types of arguments.
    given = (str(stored.path), json.dumps(ARGUMENTS), json.dumps(JUNK))
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *given],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert not ended.returncode, ended.stderr
    found = json.loads(ended.stdout)
    taken = {f"{name}: {kind}" for name, kind in TAKEN_JUNK}
    assert {call: how for call, how in found.items() if how != ("taken" if call in taken else "refused")} == {}
    assert not list(tmp_path.iterdir())


def test_a_preset_lies_where_the_command_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"train": {"steps": 5, "rewind": 1, "batch": 8}, "prune": {"rounds": 0}, "network": {"layers": "f8:x"}}
    mine = siftnet.from_dict(settings | {"kernel": "dense", "threads": 1})
    text = "kernel = 'dense'\nthreads = 1\nnetwork.layers = 'f8:x'\n"
    text += "train = {steps = 5, rewind = 1, batch = 8}\nprune.rounds = 0\n"
    Path("mine.toml").write_text(text, encoding="utf-8")
    assert siftnet.run("mine.toml", dataset=dataset()).path == tmp_path / "runs" / "mine"
    found = siftnet.run(mine, dataset=dataset())
    assert found.path == tmp_path / "runs" / found.digest[:12]
