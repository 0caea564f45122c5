"""A run on a table whose columns are sensors with known places, from the command line to the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from siftnet.commands.cli import main
from siftnet.geometry import Points
from siftnet.store.run import Run

TINY = [
    *("--network.layers=f12:x", "--train.steps=30", "--train.batch=32", "--train.lr=0.2", "--train.rewind=3"),
    *("--prune.rounds=2", "--threads=1", "--kernel=dense"),
    *("--analysis.samples=9", "--analysis.samples-other=9", "--analysis.bootstrap=100"),
]


def call(*arguments: str) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture
def sensors(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A table of ten sensors, and their coordinates in a file that has them in another order."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(400, 10)), columns=[f"s{k}" for k in range(10)])
    table.assign(y=(table["s0"] * table["s1"] > 0).astype(int)).to_csv(tmp_path / "t.csv", index=False)
    coordinates = rng.random((10, 2)).round(6)
    places = pd.DataFrame(coordinates, columns=["x", "y"]).assign(name=table.columns)[["name", "x", "y"]]
    places.sample(frac=1, random_state=0).to_csv(tmp_path / "places.csv", index=False)
    return tmp_path, coordinates


def test_a_run_at_points_is_measured_shown_and_resumed(
    sensors: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, coordinates = sensors
    monkeypatch.chdir(folder)
    data = ["--data.format=table", "--data.root=t.csv", "--data.table.target=y", "--data.geometry=points:places.csv"]
    assert call("data", "nlgp", *data) == 0
    assert "10 points in 2 dimensions: s0, s1" in capsys.readouterr().out
    assert call("run", "nlgp", "--out", "run", *data, *TINY) == 0
    assert "index degree" in capsys.readouterr().out
    run = Run(folder / "run")
    assert isinstance(run.geometry, Points)
    np.testing.assert_array_equal(run.geometry.coordinates, coordinates)
    assert run.config.data.geometry == f"points:{folder / 'places.csv'}"

    assert call("show", "run", "--json") == 0
    rounds = json.loads(capsys.readouterr().out)["rounds"]
    assert rounds[0]["index_uniform"]["value"] == pytest.approx(1)
    assert all(found["index_degree"] is not None for found in rounds)
    assert "units of the points" in (folder / "run" / "report.html").read_text()

    # Elsewhere they are the same run; of other places they are another.
    (folder / "places.csv").rename(folder / "moved.csv")
    assert call("resume", "run", "--data.geometry=points:moved.csv", "--prune.rounds=3") == 0
    assert run.rounds() == [0, 1, 2, 3]
    text = (folder / "moved.csv").read_text()
    (folder / "moved.csv").write_text(text.replace(str(coordinates[0, 0]), "0.5"))
    capsys.readouterr()
    assert call("resume", "run", "--data.geometry=points:moved.csv", "--prune.rounds=4") == 2
    assert "other data" in capsys.readouterr().err
