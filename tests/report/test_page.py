"""The page carries the run's own numbers, needs no network and believes nobody."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from builders import MEASURED, config, dataset, measured_run
from pages import Page, check_figures, painted
from siftnet.analysis.headline import standard_error
from siftnet.geometry import Geometry, Grid, Points, Unknown, ring, volume
from siftnet.report.render import embed
from siftnet.report.run_page import run_page, split_verdict
from siftnet.store.run import Run
from siftnet.studies.measured_run import read_headline

FIRST = "layers.0"


@pytest.fixture(scope="module")
def torus_page(torus_run: Run) -> Any:
    return Page(run_page(torus_run))


@pytest.fixture(scope="module")
def hostile_page(hostile_run: Run) -> Any:
    return Page(run_page(hostile_run))


def test_accuracy_is_the_rounds_own(torus_run: Run, torus_page: Page) -> None:
    best, last, test = torus_page.data["figures"]["accuracy"]["data"]
    stored = [json.loads((torus_run.path / "rounds" / f"0{t}" / "round.json").read_text()) for t in range(3)]
    assert best["x"] == last["x"] == test["x"] == [s["density"] for s in stored]
    assert best["y"] == [s["best"]["validation"]["score"] for s in stored]
    assert last["y"] == [s["last"]["validation"]["score"] for s in stored]
    assert test["y"] == [s["test_best"]["score"] for s in stored]
    p, n = stored[1]["best"]["validation"]["score"], stored[1]["best"]["validation"]["examples"]
    assert best["error_y"]["array"][1] == pytest.approx(1.96 * standard_error("accuracy", p, n))


def test_locality_is_the_analysis_own(torus_run: Run, torus_page: Page) -> None:
    figures = torus_page.data["figures"]
    uniform, degree = figures["index"]["data"]
    names = [f"round-0{t}" for t in range(3)]
    stored = [(torus_run.analysis_numbers(name), torus_run.analysis_arrays(name)) for name in names]
    localities = [numbers["layers"][0]["locality"] for numbers, _ in stored]
    assert uniform["y"] == [found["index_uniform"]["value"] for found in localities]
    assert degree["y"] == [found["index_degree"]["value"] for found in localities]
    for frame, (_, arrays) in zip(figures["radial"]["frames"], stored, strict=True):
        line = frame[-1]
        curve_R = arrays[f"{FIRST}:curve_degree"][line["x"]]
        assert [v or 0 for v in line["y"]] == pytest.approx(curve_R, rel=1e-3)
    for frame, (_, arrays) in zip(figures["map"]["frames"], stored, strict=True):
        drawn = np.array(frame[0]["customdata"], dtype=float)
        assert np.allclose(drawn, arrays[f"{FIRST}:g_degree"], rtol=1e-2, equal_nan=True)
        # The centre is where the axes say 0.
        y, x = frame[0]["y"].index(0), frame[0]["x"].index(0)
        assert (arrays[f"{FIRST}:displacements"][:, y, x] == 0).all()


def test_verdict_and_key_numbers_are_said(torus_run: Run, torus_page: Page) -> None:
    text = " ".join(" ".join(torus_page.text).split())
    headline = read_headline(torus_run)
    assert headline is not None
    first, rest = split_verdict(headline.verdict)
    assert first in text
    assert rest in text
    assert first[1:] in headline.verdict
    assert torus_run.digest in text
    assert torus_page.data["start"] == headline.round
    test = max(torus_run.summaries()[1:], key=lambda s: s.best.validation.score or 0.0).test_best.score
    assert f"{100 * test:.1f}%" in text


def test_every_figure_can_be_drawn(torus_page: Page, hostile_page: Page) -> None:
    assert {"accuracy", "index", "radial", "map", "bins", "histogram", "inputs", "variance", "centres", "radii",
            "orientations", "participation", "layers", "ablation"} == set(torus_page.data["figures"])  # fmt: skip
    check_figures(torus_page, 3)
    check_figures(hostile_page, 3)


def test_figure_check_can_fail(torus_page: Page) -> None:
    with pytest.raises(ValueError, match="frobnicate"):
        go.Figure(painted({"data": [{"type": "scatter", "frobnicate": 1}], "layout": {}}))


def test_every_plot_and_gallery_has_its_data(torus_page: Page) -> None:
    plots = [a["data-figure"] for _, a in torus_page.elements if "data-figure" in a]
    galleries = [a["data-gallery"] for _, a in torus_page.elements if "data-gallery" in a]
    assert sorted(plots) == sorted(torus_page.data["figures"])
    assert sorted(galleries) == sorted(torus_page.data["galleries"])
    ids = [a["id"] for _, a in torus_page.elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_nothing_is_fetched(torus_page: Page, hostile_page: Page) -> None:
    assert torus_page.loaded() == []
    assert hostile_page.loaded() == []
    policy = next(a["content"] for _, a in torus_page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/plotly.js"></script>',
        '<link rel="stylesheet" href="fonts.css">',
        "<style>p { background: url(http://example/a.png) }</style>",
        '<style>@import "x.css";</style>',
    ],
)
def test_fetching_is_noticed(html: str) -> None:
    assert Page(html).loaded() != []


def test_hostile_names_stay_text(torus_page: Page, hostile_page: Page, hostile_run: Run) -> None:
    names = hostile_run.data.input_names
    assert names[0] in "".join(hostile_page.text)
    assert "<b>run" in "".join(hostile_page.text)
    elements = [tag for tag, _ in hostile_page.elements]
    assert elements.count("script") == [tag for tag, _ in torus_page.elements].count("script") == 3
    assert "img" not in elements
    assert "b" not in elements
    # Plotly reads tags in texts: what it is given must be escaped once more.
    bars = hostile_page.data["figures"]["inputs"]["frames"][0][0]
    assert not any("<" in label for label in bars["y"])


NAMES = (
    "th\udce9", "two\nlines", "\x1b[31mesc", "r\u202etl", "[red]r[/red]", "{{ 7 * 7 }}", "a" * 70 + "1", "a" * 70 + "2",
    "שלום", "<b>b</b>", "x" * 10_000, "ok",
)  # fmt: skip


def test_names_that_are_no_plain_text_are_shown_escaped_shortened_and_apart(tmp_path: Path) -> None:
    data = replace(dataset(Unknown(12), classes=12), name="set\udce9\n", class_names=NAMES, input_names=NAMES)
    run = measured_run(tmp_path / "run\udce9\n", config(MEASURED), replace(data, notes=("of \x07\udce9" + "z" * 9000,)))
    html = run_page(run)
    assert html.encode().decode() == html
    assert not {"\u202e", "\x1b", "\x07"} & set(html.split("</style>")[1].split("<script>")[0])
    page = Page(html)
    text = " ".join(page.text)
    for shown in (
        "th\\udce9, two\\nlines, \\x1b[31mesc, r\\u202etl, [red]r[/red], {{ 7 * 7 }}, aaa",
        "run\\udce9\\n",
        "set\\udce9",
    ):
        assert shown in text
    assert len(text) < 20_000
    bars = page.data["figures"]["inputs"]["frames"][0][0]["y"]
    assert len(set(bars)) == 12
    assert all(len(label) < 80 and label.isprintable() for label in bars)
    assert {"th\\udce9", "two\\nlines", "&lt;b&gt;b&lt;/b&gt;"} <= set(bars)


def test_embedded_data_cannot_end_its_script() -> None:
    text = embed({"a": "</script>\u2028&"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script>\u2028&"}


def test_unknown_geometry_has_no_pictures(hostile_page: Page, hostile_run: Run) -> None:
    assert hostile_page.data["galleries"] == {}
    assert set(hostile_page.data["figures"]) == {"accuracy", "histogram", "inputs", "participation"}
    assert "12 inputs of unknown geometry" in "".join(hostile_page.text)
    bars = hostile_page.data["figures"]["inputs"]["frames"][2][0]
    masks = hostile_run.masks(2)["layers.0.weight"].numpy()
    assert bars["x"] == sorted(masks.sum(0).tolist())


def test_permuted_colours_are_put_back(colour_run: Run) -> None:
    page = Page(run_page(colour_run))
    check_figures(page, 3)
    assert {"map-different", "inputs-0", "inputs-1", "inputs-2"} <= set(page.data["figures"])
    assert "In the order that the network saw" in "".join(page.text)
    variance = np.array(page.data["figures"]["variance"]["data"][0]["z"])
    inputs = colour_run.inputs()
    original = np.empty(90)
    original[inputs["permutation_I"]] = inputs["variance_I"]
    assert np.allclose(variance, original.reshape(3, 6, 5).mean(0), rtol=1e-3)


@pytest.mark.parametrize(
    "geometry", [ring(12), Grid((12,), 2), volume(3, 4, 5), Grid((4, 4), 5)], ids=lambda g: g.describe()
)
def test_grids_of_every_kind(measure: Callable[..., Run], geometry: Geometry) -> None:
    page = Page(run_page(measure(dataset(geometry))))
    check_figures(page, 3)
    assert "first" in page.data["galleries"]
    assert ("orientations" in page.data["figures"]) == (geometry.ndim == 2)


def test_points_and_numeric_targets(measure: Callable[..., Run]) -> None:
    points = Points(np.random.default_rng(0).random((9, 2)))
    page = Page(run_page(measure(dataset(points, classes=None), train__lr=0.01)))
    check_figures(page, 3)
    assert page.data["figures"]["accuracy"]["layout"]["yaxis"]["title"]["text"] == "R²"
    words = "\n".join(page.text)
    for said in ("R² on validation", "R² on test, same weights", "R² validation best", "validation R² "):
        assert said in words
    assert "accuracy" not in words.lower()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_points_are_drawn_in_their_places(measure: Callable[..., Run], axes: int) -> None:
    places = Points(np.random.default_rng(0).random((30, axes)))
    data = replace(dataset(places), permutation_I=np.random.default_rng(1).permutation(30))
    run = measure(data)
    page = Page(run_page(run))
    check_figures(page, 3)
    assert {"first", "layers-1"} == set(page.data["galleries"])
    always = {"index", "radial", "layers", "bins", "inputs", "variance", "named", "centres", "radii", "participation"}
    assert always <= set(page.data["figures"])
    assert ("orientations" in page.data["figures"]) == (axes == 2)
    assert not {"map", "map-different"} & set(page.data["figures"])
    words = " ".join("".join(page.text).split())
    for said in ("30 points in", "units of the points' own spacing", "within two units of each other", "Inputs at one"):
        assert said in words
    assert ("two principal axes" in words) == (axes == 3)
    assert " sites" not in words.split("Round by round")[0]
    dots = page.data["figures"]["inputs"]["frames"][2][0]
    mask_JI = run.ticket(2).mask_JI("layers.0")
    assert dots["y" if axes == 1 else "marker"] == (mask_JI.sum(0).tolist() if axes == 1 else dots["marker"])
    if axes > 1:
        assert dots["marker"]["color"] == mask_JI.sum(0).tolist()
    if axes < 3:
        np.testing.assert_allclose(dots["x"], places.coordinates[:, 0], rtol=1e-3)


def test_points_at_one_place_have_a_page(measure: Callable[..., Run]) -> None:
    page = Page(run_page(measure(dataset(Points(np.ones((12, 2)))))))
    check_figures(page, 3)
    words = " ".join("".join(page.text).split())
    assert "Not testable: all inputs lie at one place." in words
    assert "there are no distances to measure" in words


def test_a_single_round(measure: Callable[..., Run]) -> None:
    page = Page(run_page(measure(prune__rounds=0)))
    check_figures(page, 1)
    assert "input" not in [tag for tag, _ in page.elements]


def test_a_diverged_round_is_said_and_not_drawn(measure: Callable[..., Run]) -> None:
    found = measure(dataset(Grid((4, 4)), classes=None), train__lr=100.0, train__validate_every=1)
    assert found.summary(0).diverged
    page = Page(run_page(found))
    assert "accuracy" not in page.data["figures"]
    words = "".join(page.text)
    assert "diverged at step" in words
    assert "Round 0 diverged: there is no R² to draw." in words
    assert "Look for a curve" not in words


def test_convolutions_have_no_masks_to_show(measure: Callable[..., Run]) -> None:
    page = Page(run_page(measure(network__layers="c3-4:f8:x")))
    assert set(page.data["figures"]) == {"accuracy"}


def test_unanalysed_runs_are_refused(torus_run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(torus_run.path, copy)
    (copy / "analysis" / "round-01.json").unlink()
    with pytest.raises(ValueError, match=r"rounds 1\): siftnet analyze"):
        run_page(Run(copy))
    shutil.rmtree(copy / "analysis")
    with pytest.raises(ValueError, match="has not been analysed yet: siftnet analyze"):
        run_page(Run(copy))
