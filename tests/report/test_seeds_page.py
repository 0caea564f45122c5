"""The page about several seeds says what all of them say, and claims nothing of one."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from builders import HOSTILE, MEASURED, config, dataset, measured_run, round_over_seeds, seed_run, seeds_summary
from pages import Page, check_figures
from siftnet.config.load import flatten, from_dict, load, to_dict
from siftnet.geometry import Unknown
from siftnet.report.claim import gain_text
from siftnet.report.command import command, option
from siftnet.report.figures.figure import band
from siftnet.report.figures.seeds import index_figures, score_figures
from siftnet.report.provenance import by_seed
from siftnet.report.seeds_page import seeds_page
from siftnet.runs.single import run
from siftnet.store.run import Run
from siftnet.studies.seeds import summarise_seeds


def seeded(seed: int, **changes: Any) -> Any:
    return config(MEASURED, seed=seed, **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("seeds & more")


@pytest.fixture(scope="module")
def runs(folder: Path) -> Any:
    return [measured_run(folder / f"seed-{seed}", seeded(seed)) for seed in range(3)]


@pytest.fixture(scope="module")
def page(runs: list[Run], folder: Path) -> Any:
    return Page(seeds_page(runs, folder))


def words(page: Page) -> Any:
    return " ".join(" ".join(page.text).split())


def test_every_seed_is_there_with_its_page_and_digest(runs: list[Run], page: Page, folder: Path) -> None:
    text = words(page)
    links = [a["href"] for tag, a in page.elements if tag == "a"]
    for stored in runs:
        assert f"seed {stored.config.seed}" in text
        assert stored.digest in text
        assert f"seed-{stored.config.seed}/report.html" in links
    assert folder.name in text
    assert "100.0%" in text


def test_figures_have_a_line_for_every_seed_and_the_mean(runs: list[Run], page: Page) -> None:
    figures = page.data["figures"]
    assert set(figures) == {"test", "validation", "index-degree", "index-uniform"}
    check_figures(page, 0)
    for name, which in (("test", "test_best"), ("validation", "best")):
        band, *seeds, mean = figures[name]["data"]
        stored = [[getattr(s, which) for s in r.summaries()] for r in runs]
        scores = [[s.score if name == "test" else s.validation.score for s in one] for one in stored]
        assert [trace["y"] for trace in seeds] == scores
        assert [trace["name"] for trace in seeds] == ["seed 0", "seed 1", "seed 2"]
        assert mean["y"] == pytest.approx(np.mean(scores, axis=0))
        assert len(band["x"]) == 2 * len(mean["x"])
        go.Figure(data=[{k: v for k, v in mean.items() if k not in ("line", "marker")}])
    summaries = summarise_seeds(runs).rounds
    assert figures["index-degree"]["data"][-1]["y"] == [r.index_degree.mean for r in summaries]


def test_the_sentence_holds_the_gain_and_its_interval(runs: list[Run], page: Page) -> None:
    found = summarise_seeds(runs)
    assert gain_text(found, "test") in words(page)
    assert gain_text(found, "validation") in words(page)
    assert "optimistic" in words(page)
    assert f"{found.gain.gained_on_test} of 3" in words(page)


def test_plots_have_alternatives_in_words(page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    plots = [a for _, a in page.elements if "data-figure" in a]
    assert sorted(a["data-figure"] for a in plots) == sorted(page.data["figures"])
    for plot in plots:
        assert plot["role"] == "img"
        assert {plot["aria-labelledby"], plot["aria-describedby"]} <= set(ids)


def test_every_number_of_the_figures_is_in_the_table(runs: list[Run], page: Page) -> None:
    text = words(page)
    for row in summarise_seeds(runs).rounds:
        assert f"{100 * row.test.mean:.2f}% ± {100 * row.test.sd:.2f}" in text
        assert f"{row.index_degree.mean:.2f} ± {row.index_degree.sd:.2f}" in text


def test_nothing_is_fetched(page: Page) -> None:
    assert page.loaded() == []
    assert [tag for tag, _ in page.elements].count("script") == 3


def test_one_seed_claims_nothing(runs: list[Run]) -> None:
    text = words(Page(seeds_page(runs[:1], runs[0].path.parent)))
    assert "One seed says nothing about the next" in text
    assert "±" not in text
    assert "gained" not in text


def test_runs_that_are_not_measured_show_their_scores(tmp_path: Path) -> None:
    runs = [run(seeded(seed), tmp_path / f"seed-{seed}") for seed in range(2)]
    page = Page(seeds_page(runs, tmp_path))
    assert set(page.data["figures"]) == {"test", "validation"}
    # They have no page yet.
    assert not any(a["href"].endswith("report.html") for tag, a in page.elements if tag == "a")
    assert "Over 2 seeds" in words(page)


def test_runs_without_a_grid_have_no_locality_and_hostile_names_stay_text(tmp_path: Path) -> None:
    data = replace(dataset(Unknown(12), classes=2), name=HOSTILE, notes=(HOSTILE,))
    runs = [measured_run(tmp_path / "<b>" / f"<i>{seed}", seeded(seed), data) for seed in range(2)]
    page = Page(seeds_page(runs, tmp_path / "<b>"))
    assert HOSTILE in "".join(page.text)
    assert not {"img", "b", "i"} & {tag for tag, _ in page.elements}
    assert set(page.data["figures"]) == {"test", "validation"}
    assert "%3Ci%3E0/report.html" in [a["href"] for tag, a in page.elements if tag == "a"]


def test_numeric_targets_are_told_in_r2(tmp_path: Path) -> None:
    data = dataset(classes=None)
    runs = [measured_run(tmp_path / f"{seed}", seeded(seed, train__lr=0.01), data) for seed in range(2)]
    page = Page(seeds_page(runs, tmp_path))
    assert "R²" in words(page)
    assert "points" not in words(page)


def test_seeds_that_have_not_begun_have_a_row_and_no_page(runs: list[Run], folder: Path, tmp_path: Path) -> None:
    waiting = tmp_path / "seed-9"
    source = measured_run(tmp_path / "other", seeded(9))
    shutil.copytree(source.path, waiting, ignore=shutil.ignore_patterns("rounds", "analysis", "rewind"))
    page = Page(seeds_page([*runs, Run(waiting)], folder))
    assert "Seed 9 has not begun." in words(page)
    assert "3 of 4" in words(page)
    assert not any("seed-9" in a["href"] for tag, a in page.elements if tag == "a")
    nothing = words(Page(seeds_page([Run(waiting)], tmp_path)))
    assert "One seed says nothing about the next" in nothing


def test_links_and_title_are_those_of_where_the_page_lies(runs: list[Run], tmp_path: Path) -> None:
    place = tmp_path / "five & more"
    place.mkdir()
    for stored in runs[:2]:
        (place / stored.path.name).symlink_to(stored.path)
    linked = [Run(place / stored.path.name) for stored in runs[:2]]
    page = Page(seeds_page(linked, place))
    links = [a["href"] for tag, a in page.elements if tag == "a"]
    assert {"seed-0/report.html", "seed-1/report.html"} <= set(links)
    assert "five & more" in words(page)
    # Elsewhere links lead there all the same.
    elsewhere = Page(seeds_page(linked, tmp_path / "page"))
    assert "../five%20%26%20more/seed-0/report.html" in [a["href"] for tag, a in elsewhere.elements if tag == "a"]


def test_a_diverged_seed_is_named(tmp_path: Path) -> None:
    runs = [measured_run(tmp_path / f"seed-{seed}", seeded(seed, train__lr=1e30)) for seed in range(2)]
    assert all(r.summaries()[0].diverged for r in runs)
    page = Page(seeds_page(runs, tmp_path))
    assert "diverged in round 0 at step" in words(page)
    assert "The seeds have nothing to compare yet." in words(page)


def test_an_interval_below_zero_is_drawn_where_it_is_and_only_a_logarithm_cuts_it() -> None:
    names = ("test", "validation", "index_uniform", "index_degree")
    row = round_over_seeds(**{name: [-0.55, -0.45] for name in names})
    both = seeds_summary([row], runs=[seed_run(0), seed_run(1)], metric="r2")
    assert score_figures(both)[0].data[0]["y"] == [row.test.high, row.test.low]
    assert index_figures(both)[0].data[0]["y"] == [row.test.high, 1e-6]


def test_a_band_has_a_gap_where_there_is_no_interval() -> None:
    drawn = band([1.0, 0.5, 0.2, 0.1, 0.05], [0, 1, None, 3, 4], [5, 6, None, 8, 9], "interval")
    assert drawn["x"] == [1.0, 0.5, 0.5, 1.0, None, 0.1, 0.05, 0.05, 0.1]
    assert drawn["y"] == [5, 6, 1, 0, None, 8, 9, 4, 3]
    assert band([1.0, 0.5], [None, None], [None, None], "none")["x"] == []


def test_a_wide_interval_does_not_squash_the_seeds() -> None:
    row = round_over_seeds(test=[0.10, 0.12], validation=[0.10, 0.12])
    low, high = score_figures(seeds_summary([row], runs=[seed_run(0), seed_run(1)]))[0].layout["yaxis"]["range"]
    assert row.test.high - row.test.low > 0.25
    assert 0.02 < high - low < 0.04


def test_the_band_of_an_accuracy_ends_where_accuracies_do() -> None:
    row = round_over_seeds(test=[0.90, 0.98], validation=[0.02, 0.10])
    test, validation = score_figures(seeds_summary([row], runs=[seed_run(0), seed_run(1)]))
    assert (test.data[0]["y"][0], validation.data[0]["y"][1]) == (1.0, 0.0)
    assert row.test.high > 1
    assert row.validation.low < 0


def test_what_differs_is_told_by_seed(runs: list[Run]) -> None:
    assert by_seed(runs, ["a", "a", "a"]) == "a"
    assert by_seed(runs, ["a", "b", "a"]) == "a (seed 0, 2); b (seed 1)"


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("nlgp", {}),
        ("images-augmented", {"device": "cpu", "data": {"root": Path("/a place"), "flip": False}}),
        ("images", {"train": {"lr": 0.25, "precision": "bf16"}, "data": {"superclass_file": None, "flip": True}}),
        ("nlgp", {"data": {"synthetic": {"shape": [8, 9], "clone": True}}, "analysis": {"ablation": False}}),
    ],
)
def test_the_command_asks_for_the_same_configuration(preset: str, changes: dict[str, Any]) -> None:
    from siftnet.commands.cli import parse

    config = from_dict(changes | {"seed": 4}, load(preset))
    lines = command(config, [4, 5, 6])
    assert lines[0].startswith(f"siftnet run {preset} --replicates 3 --seed 4 --out DIR")
    assert command(config, [4])[0].startswith(f"siftnet run {preset} --seed 4 --out DIR")
    # One line a run where seeds do not follow one another, which any version of the command line takes.
    lines = command(config, [4, 9])
    assert len(lines) == 2
    for line, seed in zip(lines, (4, 9), strict=True):
        asked = parse(shlex.split(line)[1:])
        wanted = flatten(to_dict(config)) | {"seed": seed, "threads": asked.config.threads}
        assert flatten(to_dict(asked.config)) == wanted
        assert asked.out == Path(f"DIR/seed-{seed}")


def test_options_are_written_as_the_command_line_takes_them() -> None:
    assert option("data.flip", True) == "--data.flip"
    assert option("data.flip", False) == "--data.no-flip"
    assert option("train.weight_decay", 0.1) == "--train.weight-decay 0.1"
    assert option("data.root", "/my data") == "--data.root '/my data'"


def test_runs_of_other_settings_are_refused(runs: list[Run], tmp_path: Path) -> None:
    other = Run(run(seeded(7, train__lr=0.2), tmp_path / "seed-7").path)
    with pytest.raises(ValueError, match=r"train\.lr is 0\.3 in"):
        seeds_page([*runs, other], tmp_path)
