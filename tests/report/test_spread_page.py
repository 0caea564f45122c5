"""The page about several seeds says what all of them say, and claims nothing of one."""

import shlex
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from measured import HOSTILE, configuration, dataset, measured_run
from pages import Page, check_figures
from siftnet.geometry import Grid, Unknown
from siftnet.launch import run
from siftnet.report import build_spread_report
from siftnet.report.command import command, option
from siftnet.report.figures_spread import score_figures
from siftnet.report.spread_claim import claim, gain_text, keys
from siftnet.report.spread_rows import by_seed
from siftnet.settings import flatten, from_dict, load, to_dict
from siftnet.spread import over_seeds, spread
from siftnet.store import Run


def seeded(seed, **changes):
    return from_dict({"seed": seed}, configuration(**changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("seeds & more")


@pytest.fixture(scope="module")
def runs(folder):
    return [measured_run(folder / f"seed-{seed}", seeded(seed)) for seed in range(3)]


@pytest.fixture(scope="module")
def page(runs):
    return Page(build_spread_report(runs))


def words(page):
    return " ".join(" ".join(page.text).split())


def summary(gains, index=(4.59, 4.60, 4.61), metric="accuracy"):
    """A spread with these gains on test."""
    count = len(gains)
    row = {"round": 8, "density": 0.017, "index_degree": over_seeds(index), "test": over_seeds([0.12] * count)}
    found = over_seeds(gains)
    gained = sum(g > 0 for g in gains)
    return {
        "runs": [{"seed": seed, "diverged": None} for seed in range(count)],
        "metric": metric,
        "rounds": [row],
        "headline": 8,
        "gain": {"runs": count, "test": found, "validation": found, "gained_on_test": gained},
    }


def test_every_seed_is_there_with_its_page_and_digest(runs, page, folder):
    text = words(page)
    links = [a["href"] for tag, a in page.elements if tag == "a"]
    for stored in runs:
        assert f"seed {stored.config.seed}" in text
        assert stored.digest in text
        assert f"seed-{stored.config.seed}/report.html" in links
    assert folder.name in text
    assert "100.0%" in text


def test_figures_have_a_line_for_every_seed_and_the_mean(runs, page):
    figures = page.data["figures"]
    assert set(figures) == {"test", "validation", "index-degree", "index-uniform"}
    check_figures(page, 0)
    for name, which in (("test", "test_best"), ("validation", "best")):
        band, *seeds, mean = figures[name]["data"]
        stored = [[s[which] for s in r.summaries()] for r in runs]
        scores = [[s["score"] if name == "test" else s["validation"]["score"] for s in one] for one in stored]
        assert [trace["y"] for trace in seeds] == scores
        assert [trace["name"] for trace in seeds] == ["seed 0", "seed 1", "seed 2"]
        assert mean["y"] == pytest.approx(np.mean(scores, axis=0))
        assert len(band["x"]) == 2 * len(mean["x"])
        go.Figure(data=[{k: v for k, v in mean.items() if k not in ("line", "marker")}])
    summaries = spread(runs)["rounds"]
    assert figures["index-degree"]["data"][-1]["y"] == [r["index_degree"]["mean"] for r in summaries]


def test_the_sentence_holds_the_gain_and_its_interval(runs, page):
    found = spread(runs)
    assert gain_text(found, "test") in words(page)
    assert gain_text(found, "validation") in words(page)
    assert "optimistic" in words(page)
    assert f"{found['gain']['gained_on_test']} of 3" in words(page)


def test_plots_have_alternatives_in_words(page):
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    plots = [a for _, a in page.elements if "data-figure" in a]
    assert sorted(a["data-figure"] for a in plots) == sorted(page.data["figures"])
    for plot in plots:
        assert plot["role"] == "img"
        assert {plot["aria-labelledby"], plot["aria-describedby"]} <= set(ids)


def test_every_number_of_the_figures_is_in_the_table(runs, page):
    text = words(page)
    for row in spread(runs)["rounds"]:
        assert f"{100 * row['test']['mean']:.2f}% ± {100 * row['test']['sd']:.2f}" in text
        assert f"{row['index_degree']['mean']:.2f} ± {row['index_degree']['sd']:.2f}" in text


def test_nothing_is_fetched(page):
    assert page.loaded() == []
    assert [tag for tag, _ in page.elements].count("script") == 3


def test_one_seed_claims_nothing(runs):
    text = words(Page(build_spread_report(runs[:1])))
    assert "One seed says nothing about the next" in text
    assert "±" not in text
    assert "gained" not in text


def test_runs_that_are_not_measured_show_their_scores(tmp_path):
    runs = [run(seeded(seed), tmp_path / f"seed-{seed}") for seed in range(2)]
    page = Page(build_spread_report(runs))
    assert set(page.data["figures"]) == {"test", "validation"}
    # They have no page yet.
    assert not any(a["href"].endswith("report.html") for tag, a in page.elements if tag == "a")
    assert "Over 2 seeds" in words(page)


def test_runs_without_a_grid_have_no_locality_and_hostile_names_stay_text(tmp_path):
    data = dataset(Unknown(12), name=HOSTILE, notes=(HOSTILE,))
    runs = [measured_run(tmp_path / "<b>" / f"<i>{seed}", seeded(seed), data) for seed in range(2)]
    page = Page(build_spread_report(runs))
    assert HOSTILE in "".join(page.text)
    assert not {"img", "b", "i"} & {tag for tag, _ in page.elements}
    assert set(page.data["figures"]) == {"test", "validation"}
    assert "%3Ci%3E0/report.html" in [a["href"] for tag, a in page.elements if tag == "a"]


def test_numeric_targets_are_told_in_r2(tmp_path):
    data = dataset(
        Grid((4, 4)), labels_N=np.random.default_rng(0).standard_normal(300).astype(np.float32), classes=None
    )
    runs = [measured_run(tmp_path / f"{seed}", seeded(seed, train__lr=0.01), data) for seed in range(2)]
    page = Page(build_spread_report(runs))
    assert "R²" in words(page)
    assert "points" not in words(page)


def test_a_diverged_seed_is_named(tmp_path):
    runs = [measured_run(tmp_path / f"seed-{seed}", seeded(seed, train__lr=1e30)) for seed in range(2)]
    assert all(r.summaries()[0]["diverged_at"] is not None for r in runs)
    page = Page(build_spread_report(runs))
    assert "diverged in round 0 at step" in words(page)
    assert "The seeds have nothing to compare yet." in words(page)


def test_a_gain_a_loss_and_neither_are_told_apart():
    more, why = claim(summary([0.022, 0.024, 0.026]), augmented=False)
    assert more == (
        "Over 3 seeds the best sparse network is 2.4 points [1.9, 2.9] more accurate on the test set than the dense "
        "one; at 1.7% density masks hold 4.60 ± 0.01 times the near pairs of degree-preserving shuffles (index_degree)."
    )
    assert "3 of 3 seeds gained on the test set" in why
    assert "3 seeds are few" in why
    assert "few" not in claim(summary([0.022, 0.024, 0.026, 0.023, 0.025]), augmented=False)[1]
    less, _ = claim(summary([-0.022, -0.024, -0.026]), augmented=False)
    assert "is 2.4 points [1.9, 2.9] less accurate on the test set than the dense one" in less
    alike, _ = claim(summary([-0.01, 0.0, 0.012]), augmented=False)
    assert "as accurate on the test set as the dense one, as far as they can tell (+0.1 points [−2.7, 2.8])" in alike
    squared, _ = claim(summary([0.022, 0.024, 0.026], metric="r2"), augmented=False)
    assert "is better than the dense one by an R² of 0.024 [0.019, 0.029] on the test set" in squared


def test_a_claim_of_a_network_that_was_told_says_so():
    assert claim(summary([0.1, 0.2]), augmented=True)[1].endswith("told the network what a neighbour is.")
    told = [key for key in keys(summary([0.1, 0.2]), augmented=True) if key["label"] == "told about geometry"]
    assert told[0]["value"] == "yes"


def test_a_wide_interval_does_not_squash_the_seeds():
    found = over_seeds([0.10, 0.12])
    row = {"density": 1.0, "round": 0, "test": found, "validation": found}
    both = {"runs": [{"seed": 0}, {"seed": 1}], "metric": "accuracy", "rounds": [row]}
    low, high = score_figures(both)[0].layout["yaxis"]["range"]
    assert found["high"] - found["low"] > 0.25
    assert 0.02 < high - low < 0.04


def test_what_differs_is_told_by_seed(runs):
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
def test_the_command_asks_for_the_same_configuration(preset, changes):
    from siftnet.cli import parse

    config = from_dict(changes | {"seed": 4}, load(preset))
    lines = command(config, [4, 5, 6])
    assert lines[0].startswith(f"siftnet run {preset} --replicates 3 --seed 4 --out DIR")
    # One line a run where seeds do not follow one another, which any version of the command line takes.
    lines = command(config, [4, 9])
    assert len(lines) == 2
    for line, seed in zip(lines, (4, 9), strict=True):
        asked = parse(shlex.split(line)[1:])
        wanted = flatten(to_dict(config)) | {"seed": seed, "threads": asked.config.threads}
        assert flatten(to_dict(asked.config)) == wanted
        assert asked.out == Path(f"DIR/seed-{seed}")


def test_options_are_written_as_the_command_line_takes_them():
    assert option("data.flip", True) == "--data.flip"
    assert option("data.flip", False) == "--data.no-flip"
    assert option("train.weight_decay", 0.1) == "--train.weight-decay 0.1"
    assert option("data.root", "/my data") == "--data.root '/my data'"


def test_runs_of_other_settings_are_refused(runs, tmp_path):
    other = Run(run(seeded(7, train__lr=0.2), tmp_path / "seed-7").path)
    with pytest.raises(ValueError, match=r"train\.lr is 0\.3 in"):
        build_spread_report([*runs, other])
