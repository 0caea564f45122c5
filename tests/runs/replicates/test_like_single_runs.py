"""One after the other or side by side, each replicate is the single run with its seed; so it is when some are added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builders import EVENTFUL, Several, config, dataset
from comparing import differing
from runs.replicates.alike import COUNT, TOGETHER, assert_like_singles, finish
from siftnet.data.batches import Batches
from siftnet.data.dataset import Dataset
from siftnet.kernels.interface import Kernel
from siftnet.runs import single as launch
from siftnet.runs.replicates import run_replicates
from siftnet.runs.single import run
from siftnet.store.folder import replicates_in
from siftnet.store.run import Run


def test_the_comparison_sees_another_seed(singles: list[Path]) -> None:
    assert {f"rounds/{number:02d}/round.json" for number in range(3)} <= set(differing(singles[0], singles[1]))
    assert len(differing(singles[0], singles[1])) > 10


def test_one_after_the_other_each_is_the_single_run_with_its_seed(
    singles: list[Path], tmp_path: Path, several: Several
) -> None:
    stored = run_replicates(config(**EVENTFUL), tmp_path / "out", COUNT, dataset=dataset())
    assert [r.path for r in stored] == replicates_in(tmp_path / "out")
    assert [r.config.seed for r in stored] == [0, 1, 2]
    assert [r.digest for r in stored] == [Run(single).digest for single in singles]
    assert_like_singles(tmp_path / "out", singles)
    assert several.groups == []


def test_side_by_side_each_is_the_single_run_with_its_seed(
    singles: list[Path], tmp_path: Path, several: Several
) -> None:
    stored = finish(tmp_path / "out")
    assert_like_singles(tmp_path / "out", singles)
    assert several.groups == [[(seed, t, 0) for seed in range(COUNT)] for t in range(3)]
    assert {s.kernel for r in stored for s in r.summaries()} == {"several"}


def test_the_data_are_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []

    def load(data: object) -> Dataset:
        loaded.append(data)
        return dataset()

    monkeypatch.setattr("siftnet.runs.setup.load_dataset", load)
    shared: list[Batches] = []
    compile_together = Several.compile_together

    def seen(self: Several, *told: Any) -> list[Kernel]:
        shared.extend(problem.batches for problem in told[0])
        return compile_together(self, *told)

    monkeypatch.setattr(Several, "compile_together", seen)
    run_replicates(config(kernel="several", prune__rounds=0), tmp_path / "out", 2)
    assert len(loaded) == 1
    assert shared[0].inputs_NI is shared[1].inputs_NI
    assert [batches.seed for batches in shared] == [0, 1]


def test_one_of_them_can_go_on_alone(singles: list[Path], tmp_path: Path, several: Several) -> None:
    out = tmp_path / "out"
    finish(out, prune__rounds=1)
    launch.resume(out / "seed-2", dataset=dataset())
    run(config(**TOGETHER, seed=2), out / "seed-2", dataset=dataset())
    assert differing(out / "seed-2", singles[2], but={"kernel"}) == []
    several.groups.clear()
    finish(out)
    assert several.groups == [[(0, 2, 0), (1, 2, 0)]]
    assert_like_singles(out, singles)


@pytest.mark.parametrize("kernel", ["dense", "several"])
def test_replicates_can_be_added(singles: list[Path], tmp_path: Path, kernel: str) -> None:
    out, asked = tmp_path / "out", config(**EVENTFUL | {"kernel": kernel})
    run_replicates(asked, out, 1, dataset=dataset())
    before = {p: p.stat().st_mtime_ns for p in (out / "seed-0" / "rounds").rglob("*")}
    run_replicates(asked, out, COUNT, dataset=dataset())
    assert {p: p.stat().st_mtime_ns for p in (out / "seed-0" / "rounds").rglob("*")} == before
    assert_like_singles(out, singles)


def test_more_rounds_are_added_to_all(singles: list[Path], tmp_path: Path) -> None:
    finish(tmp_path / "out", prune__rounds=0)
    finish(tmp_path / "out")
    assert_like_singles(tmp_path / "out", singles)
