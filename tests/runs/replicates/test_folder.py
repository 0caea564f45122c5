"""The folder of replicates: what is one, what lies beside them, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import siftnet
from builders import EVENTFUL, config, dataset
from siftnet.commands.stored import AnalyzeCommand, ReportCommand, ShowCommand
from siftnet.config.fields import AnalysisConfig, RunConfig
from siftnet.runs import replicates
from siftnet.runs.replicates import resume_replicates, run_replicates
from siftnet.runs.single import resume, run
from siftnet.store.folder import RunFolder, open_replicates, replicates_in
from siftnet.store.lock import lock
from siftnet.store.run import Run


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two replicates."""
    out = tmp_path_factory.mktemp("two") / "out"
    run_replicates(config(prune__rounds=0), out, 2, dataset=dataset())
    return out


def refused(asked: RunConfig, count: int, out: Path) -> str:
    with pytest.raises(ValueError) as error:
        run_replicates(asked, out, count, dataset=dataset())
    return str(error.value)


def test_other_runs_in_the_folder_are_refused(two: Path, singles: list[Path], tmp_path: Path) -> None:
    base = config(prune__rounds=0)
    before = sorted(two.rglob("*"))
    assert refused(base, 1, two) == (
        f"{two} also holds seed-1, and seeds 0 to 0 were asked for: ask for all with --seed 0 --replicates 2, or "
        "choose another directory, with siftnet run --out"
    )
    assert "--seed 0 --replicates 5" in refused(replace(base, seed=1), 4, two)
    assert "seed-0 holds another run (train.lr 0.2 there, 0.1 here)" in refused(
        config(prune__rounds=0, train__lr=0.1), 3, two
    )
    assert refused(base, 0, two) == "the number of replicates must be a whole number, 1 or more, got 0"
    assert sorted(two.rglob("*")) == before, "no folder is made for what is refused"
    assert refused(config(**EVENTFUL), 2, singles[0]) == (
        f"{singles[0]} holds a single run: choose another directory for replicates, with siftnet run --out"
    )
    assert "has nothing to prune" in refused(config(network__layers="x"), 2, tmp_path / "linear")
    assert not (tmp_path / "linear").exists()


def test_a_folder_of_replicates_is_no_run(two: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds replicates \(seed-0, seed-1\): go on with siftnet resume"):
        run(config(prune__rounds=0), two, dataset=dataset())
    with pytest.raises(ValueError, match=r"out holds replicates: name one of them, as in .*out/seed-0$"):
        Run(two)
    with pytest.raises(ValueError, match="holds no replicates: make them with siftnet run"):
        resume_replicates(tmp_path, dataset=dataset())


def test_what_lies_beside_them_is_no_replicate(two: Path, tmp_path: Path) -> None:
    assert replicates_in(tmp_path / "absent") == []
    for name in ("seed-x", "seed-07", "seed-", "notes", "seed-3"):
        (tmp_path / name).mkdir()
    assert replicates_in(tmp_path) == []
    shutil.copytree(two / "seed-0", tmp_path / "seed-10")
    shutil.copytree(two / "seed-0", tmp_path / "seed-9")
    assert [path.name for path in replicates_in(tmp_path)] == ["seed-9", "seed-10"]


def test_a_folder_renamed_to_another_seed_is_refused(two: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(two / "seed-1", out / "seed-0")
    says = f"{out}/seed-0 holds the run of seed 1: move it to {out}/seed-1, or out of there"
    assert refused(config(prune__rounds=0), 2, out) == says
    for ask in (resume_replicates, RunFolder.at):
        with pytest.raises(ValueError, match=f"^{says}$"):
            ask(out)


def test_a_single_run_with_another_in_it_stays_a_single_run(tmp_path: Path) -> None:
    out, base = tmp_path / "out", config(prune__rounds=0)
    for path, seed in ((out, 0), (out / "seed-1", 1)):
        run(replace(base, seed=seed), path, dataset=dataset())
    assert replicates_in(out) == []
    assert [stored.path for stored in RunFolder.at(out).runs] == [out]
    assert not RunFolder.at(out).replicated
    assert run(config(prune__rounds=1), out, dataset=dataset()).rounds() == [0, 1]
    assert resume(out, dataset=dataset()).path == out
    assert resume(out / "seed-1", dataset=dataset()).rounds() == [0]
    assert refused(base, 2, out).startswith(f"{out} holds a single run")


def seeds_after(out: Path) -> list[int]:
    """Seeds of the runs after going on, which the folder then names too."""
    seeds = [stored.config.seed for stored in resume_replicates(out, dataset=dataset())]
    assert json.loads((out / "replicates.json").read_text()) == {"seeds": seeds}
    return seeds


def test_the_folder_says_which_seeds_were_asked_for(two: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(two, out)
    (out / "seed-6").mkdir()
    (out / "seed-9").touch()
    assert seeds_after(out) == [0, 1], "what holds no run was not asked for"
    run_replicates(config(prune__rounds=0), out, 3, dataset=dataset())
    assert seeds_after(out) == [0, 1, 2]
    shutil.rmtree(out / "seed-0")
    assert seeds_after(out) == [0, 1, 2], "what was asked for is made again"
    run(config(prune__rounds=0, seed=5), out / "seed-5", dataset=dataset())
    assert seeds_after(out) == [0, 1, 2, 5], "what was put there goes on too"
    (out / "replicates.json").write_text('{"seeds": [0, "x"]}')
    with pytest.raises(ValueError, match=r"replicates\.json is not a list of seeds: remove it"):
        resume_replicates(out, dataset=dataset())


def test_the_last_number_asked_for_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, base = tmp_path / "out", config(prune__rounds=0)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(replicates, "plan_for", stopped)
        with pytest.raises(KeyboardInterrupt):
            run_replicates(base, out, 6, dataset=dataset())
    assert json.loads((out / "replicates.json").read_text()) == {"seeds": [0, 1, 2, 3, 4, 5]}
    run_replicates(base, out, 2, dataset=dataset())
    assert seeds_after(out) == [0, 1]


def test_resuming_a_folder_from_python_has_a_name_of_its_own(two: Path) -> None:
    assert siftnet.resume_replicates is resume_replicates
    with pytest.raises(ValueError, match=rf"holds replicates: go on with siftnet\.resume_replicates\('{two}'\)$"):
        siftnet.resume(two, dataset=dataset())


def test_what_has_no_finished_round_is_left_out_of_what_is_measured(
    two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, quick = tmp_path / "out", AnalysisConfig(samples=19, samples_other=9, bootstrap=100, ablation=False)
    shutil.copytree(two, out)
    shutil.rmtree(out / "seed-0" / "rounds")
    assert AnalyzeCommand(directory=out, analysis=quick)() == 0
    assert [stored.config.analysis for stored in open_replicates(out)] == [quick, quick]
    for command in (ShowCommand(directory=out), ShowCommand(directory=out, json=True), ReportCommand(directory=out)):
        assert command() == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out / "report.html")
    assert [(out / f"seed-{seed}" / "report.html").exists() for seed in (0, 1)] == [False, True]
    shutil.rmtree(out / "seed-1" / "rounds")
    for without in (ReportCommand(directory=out), AnalyzeCommand(directory=out, analysis=quick)):
        with pytest.raises(ValueError, match=f"^{out} has no finished round to measure: siftnet resume {out}$"):
            without()


def test_a_second_writer_is_refused(two: Path) -> None:
    with lock(two / "seed-1"):
        assert "seed-1 is being written by another siftnet process" in refused(config(prune__rounds=1), 2, two)
