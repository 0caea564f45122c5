"""What a person sees in a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from builders import (
    config,
    dataset,
    evaluation,
    index,
    indices,
    round_over_seeds,
    round_summary,
    seed_run,
    seeds_summary,
    setup,
    timed_plan,
    validated,
)
from siftnet.commands.narrator import Narrator, progress_bar
from siftnet.commands.tables import COLUMNS, Row, cost_text, plan_text, rounds_table, seeds_table
from siftnet.kernels.plan import Plan
from siftnet.pruning.training import History
from siftnet.runs.estimate import RoundCost, RunCost
from siftnet.studies.seeds import Metric, SeedsSummary


def cost(rounds: tuple[RoundCost, ...], **changes: Any) -> RunCost:
    """What a run would take."""
    usual: dict[str, Any] = {"replicates": 1, "side_by_side": False, "parameters": 50, "data_bytes": 0}
    usual |= {"memory_bytes": 2_000_000_000, "disk_bytes": 3_000_000, "training_seconds": 1.0}
    return RunCost(rounds=rounds, **usual | changes)


def test_a_bar_whose_length_nobody_knows_yet_is_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes any stream for a terminal then
    with progress_bar("") as bar:
        assert not bar.disable
        task = bar.add_task("before the server answers", total=None)
        bar.update(task, description="bytes", completed=3, total=10)
        bar.refresh()
    assert "3/10" in capsys.readouterr().err


def test_why_a_run_stops_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    summary = round_summary(2, 0.1, kernel="sparse")
    with progress_bar("") as bar:
        Narrator(bar).finished(replace(summary, stop="only 18% of the units would keep an input"))
        Narrator(bar).finished(replace(summary, diverged_at=4, stop="round 2 diverged at step 4: lower train.lr"))
    said = capsys.readouterr().err.splitlines()
    assert said[0].endswith(", 1.0 s with sparse")
    assert said[1:] == [
        "stop: only 18% of the units would keep an input",
        "round 2 diverged at step 4: lower train.lr",
    ]


def test_a_plan_is_told_in_the_order_in_which_its_kernels_take_over() -> None:
    assert plan_text(Plan(given="dense", why="asked for by name", threads=1)) == "dense"
    plan = timed_plan(fused={1.0: 40, 0.01: 40}, sparse={1.0: 400, 0.01: 4})
    assert plan_text(plan) == "fused down to 10.0% density, then sparse"


def test_what_a_run_will_take_has_a_line_for_each_round() -> None:
    rounds = (
        RoundCost(round=0, density=1.0, kernel="fused", milliseconds_a_step=45.123, seconds=25.4),
        RoundCost(round=1, density=0.125, kernel="sparse", milliseconds_a_step=19.0, seconds=9.5),
    )
    lines = cost_text(cost(rounds, parameters=5_000, training_seconds=34.9)).splitlines()
    assert lines[-1] == (
        "2 rounds of a network with 5,000 parameters: 35 s of training, timed here; 2.0 GB of memory beside "
        "0.4 GB of libraries; 3.0 MB on the disk"
    )
    assert [line.split() for line in lines[2:-1]] == [
        ["0", "100.0%", "fused", "45.1", "25.4"],
        ["1", "12.5%", "sparse", "19.0", "9.5"],
    ]


@pytest.mark.parametrize(
    ("side_by_side", "says"), [(True, "side by side"), (False, "one after the other")], ids=["together", "in turn"]
)
def test_what_replicates_will_take_is_said_of_all_of_them(side_by_side: bool, says: str) -> None:
    row = RoundCost(round=0, density=1.0, kernel="dense", milliseconds_a_step=45.0, seconds=25.0)
    lines = cost_text(cost((row,), replicates=3, side_by_side=side_by_side, training_seconds=75.0)).splitlines()
    assert lines[-1].startswith(f"3 replicates, trained {says}, each with 1 round of a network")
    assert ": 75 s of training in all, timed here" in lines[-1]
    assert ("of all 3" if side_by_side else "of each") in lines[0]


def test_replicates_say_their_seed_share_the_bar_and_tell_the_plan_once(capsys: pytest.CaptureFixture[str]) -> None:
    summary = round_summary(2, 0.1)
    made, network = dataset(), setup().network
    with progress_bar("updates") as bar:
        narrator = Narrator(bar)
        narrator.loaded(made, network, config(prune__rounds=3))
        two = [narrator.replicate(seed) for seed in (3, 4)]
        for one in two:
            one.planned(Plan(given="dense", why="asked for by name", threads=1))
        two[0].advanced(2, 10, History())
        two[1].advanced(1, 5, History())
        [task] = bar.tasks
        assert (task.completed, task.total) == (2 * 20 + 10 + 20 + 5, 2 * 4 * 20)
        assert task.description == "seed 4, round 1"
        two[0].finished(summary)
        two[1].finished(replace(summary, stop="round 2 diverged at step 4: lower train.lr", diverged_at=4))
        assert task.completed == 2 * 20 + 10 + 4 * 20, "one that stops early leaves the bar nothing to wait for"
    said = capsys.readouterr().err.splitlines()
    assert said.count("kernel dense, asked for by name") == 1
    assert said[-2].startswith("seed 3, round 2: density 10.0%, validation accuracy 50.00%")
    assert said[-1] == "seed 4, round 2 diverged at step 4: lower train.lr"


def drawn(table: Table, width: int) -> list[str]:
    """The lines of a table on a terminal of this width."""
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines() if line.strip()]


def rows(count: int = 12, *, measured: bool = True, **changes: Any) -> list[Row]:
    """Rounds of a run with the longest numbers that are usual."""
    usual: dict[str, Any] = {
        "density_effective": 0.0465, "best": validated(0.9996, 12_000), "last": validated(0.9996, 12_000),
        "test_best": evaluation(0.9987), "kernel": "sparse", "seconds": 1234.56,
    }  # fmt: skip
    long = index(10.222, 7.831, 13.118, 0.005)
    found = indices(long, long) if measured else None
    return [Row(round_summary(number, 0.0467, **(usual | changes)), found) for number in range(count)]


FULL = "5 4.67% 4.65% 99.96% 12000 99.87% 99.96% 10.2 10.2 [7.8, 13.1] 0.005 sparse 1234.6"


@pytest.mark.parametrize("width", [None, 140, 200])
def test_a_wide_terminal_and_none_have_the_whole_table(width: int | None) -> None:
    lines = drawn(rounds_table(rows(), 3, width=width), 140)
    assert [c.strip() for c in lines[1].split("   ") if c.strip()] == list(COLUMNS)
    assert " ".join(lines[3 + 5].split()) == FULL


@pytest.mark.parametrize("width", [60, 72, 80, 90, 100, 110, 120, 136])
def test_no_cell_is_cut_or_wrapped_where_the_terminal_is_narrow(width: int) -> None:
    lines = drawn(rounds_table(rows(), 3, width=width), width)
    assert max(len(line) for line in lines) <= width
    assert not any("…" in line for line in lines)
    begin = next(at for at, line in enumerate(lines) if set(line) == {"─"}) + 1
    # One line a round, and in it whole cells in the order of the whole table.
    assert len(lines) == begin + 12
    for number, line in enumerate(lines[begin:]):
        cells = line.split()
        left = iter([str(number), *FULL.split()[1:]])
        assert all(cell in left for cell in cells)
        assert {str(number), "4.67%", "99.96%", "99.87%", "10.2", "[7.8,", "13.1]"} <= set(cells)


def test_the_whole_table_would_be_cut_at_80_columns() -> None:
    assert any("…" in line for line in drawn(rounds_table(rows(), 3), 80))


def test_80_columns_have_room_for_step_uniform_index_and_p() -> None:
    short = rows(best=validated(0.9996, 500))
    line = drawn(rounds_table(short, 3, width=80), 80)[-1]
    assert " ".join(line.split()) == "11 4.67% 99.96% 500 99.87% 10.2 10.2 [7.8, 13.1] 0.005"


def test_a_diverged_round_says_where() -> None:
    for width in (80, 140):
        lines = drawn(rounds_table([*rows(2), rows(3, diverged_at=17)[2]], None, width=width), width)
        assert lines[-1].split() == ["2", "4.67%", "diverged", "17"]


def test_a_run_without_rounds_or_indices_has_a_table() -> None:
    assert len(drawn(rounds_table([], None, width=80), 80)) >= 2
    unmeasured = drawn(rounds_table(rows(1, measured=False), None, width=80), 80)
    assert unmeasured[-1].split()[:3] == ["0", "4.67%", "4.65%"]


def seeds_together(metric: Metric = "accuracy", **quantities: list[float | None]) -> SeedsSummary:
    usual: dict[str, list[float | None]] = {
        "validation": [0.9996, 0.80, 0.90], "test": [0.9996, 0.80, 0.90], "last_validation": [0.5, 0.6, 0.7],
        "index_uniform": [99.0, 80.0, 70.5], "index_degree": [99.0, 80.0, 70.5],
    }  # fmt: skip
    rounds = [round_over_seeds(number, 0.01006, **(usual | quantities)) for number in range(12)]
    return seeds_summary(rounds, runs=[seed_run(seed) for seed in range(3)], metric=metric, headline=3)


@pytest.mark.parametrize(
    "summary",
    [
        seeds_together(),
        seeds_together(test=[1.0, 1.0, 1.0], validation=[0.0, 1.0, 0.5], index_degree=[500.0, 1200.0, 800.0]),
        seeds_together("r2", test=[-9.5, 0.5, 9.9], validation=[-123.0, -7.0, 0.9]),
    ],
)
def test_seeds_together_fit_80_columns(summary: SeedsSummary) -> None:
    lines = drawn(seeds_table(summary), 80)
    assert max(len(line) for line in lines) <= 80
    assert not any("…" in line for line in lines)
    begin = next(at for at, line in enumerate(lines) if set(line) == {"─"}) + 1
    assert len(lines) == begin + 12
    assert all(line.split()[0] == str(number) and line.count("±") == 4 for number, line in enumerate(lines[begin:]))


def test_seeds_together_say_mean_and_deviation() -> None:
    line = drawn(seeds_table(seeds_together(test=[0.12, 0.13, 0.14])), 80)[-1]
    assert " ".join(line.split()) == "11 1.01% 3 89.99% ± 9.98 13.00% ± 1.00 83.17 ± 14.51 83.17 ± 14.51"


def test_one_unmeasured_seed_has_no_deviation_and_no_index() -> None:
    none: list[float | None] = [None]
    summary = seeds_together(validation=[0.9], test=[0.8], last_validation=none, index_uniform=none, index_degree=none)
    assert drawn(seeds_table(summary), 80)[-1].split() == ["11", "1.01%", "1", "90.00%", "80.00%", "–", "–"]
