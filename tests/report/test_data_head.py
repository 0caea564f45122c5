"""The head of a page shows the data: its facts, counts, notes and three examples, without the data."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builders import HOSTILE, dataset
from pages import Page
from siftnet.geometry import Grid, Points, ring, volume
from siftnet.report.data_head import data_head
from siftnet.report.run_page import run_page
from siftnet.report.seeds_page import seeds_page
from siftnet.store.run import Run

ARCHIVE = Path(__file__).parent.parent / "fixtures" / "runs.tar.xz"


def text_of(page: Page) -> str:
    """All that one reads."""
    return " ".join(" ".join(page.text).split())


def test_a_page_shows_the_runs_classes_and_how_the_data_were_read(torus_run: Run) -> None:
    text = text_of(Page(run_page(torus_run)))
    data = torus_run.data
    assert "fields made here" in text
    assert "inputs are left as they are" in text
    for place, name in enumerate(data.class_names):
        assert f"{name} " + " ".join(f"{data.class_counts[split][place]:,}" for split in data.examples) in text


def sprite_of(page: Page) -> np.ndarray:
    """The pictures of the examples as a browser decodes them, (H, all W, 4)."""
    uri = page.data["galleries"]["examples"]["sprites"][0]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_pictures_are_the_examples_own(torus_run: Run) -> None:
    shown = torus_run.shown()
    assert shown is not None
    pixels = sprite_of(Page(run_page(torus_run)))
    values = shown.inputs_EI.reshape(3, 8, 8)
    expected = np.rint(255 * (values - values.min()) / np.ptp(values))
    assert np.array_equal(pixels[..., 0], np.concatenate(list(expected), axis=1))
    assert (pixels[..., 3] == 255).all()


def test_each_picture_has_its_canvas_and_title(torus_run: Run) -> None:
    page = Page(run_page(torus_run))
    canvases = [a for tag, a in page.elements if tag == "canvas" and a["class"] == "example"]
    head = data_head(torus_run)
    assert [a["aria-label"] for a in canvases] == [f"{title}, {below}" for title, below in head.titles]
    assert [a["data-place"] for a in canvases] == ["0", "1", "2"]


def test_permuted_images_are_shown_as_the_network_sees_them(colour_run: Run) -> None:
    shown = colour_run.shown()
    assert shown is not None
    page = Page(run_page(colour_run))
    values = np.moveaxis(shown.inputs_EI.reshape(3, 3, 6, 5), 1, -1)
    expected = np.rint(255 * (values - values.min()) / np.ptp(values))
    assert np.array_equal(sprite_of(page)[..., :3], np.concatenate(list(expected), axis=1))
    assert "Shown as the network sees them, shuffled." in text_of(page)


def test_large_images_are_reduced(measure: Callable[..., Run]) -> None:
    data = dataset(Grid((300, 500)), classes=2, examples=60)
    head = data_head(measure(data, network__layers="f4:x", prune__rounds=0))
    assert head.gallery is not None
    assert (head.gallery.picture, head.gallery.size) == ((224, 134), (112, 67))


def test_lines_are_drawn_as_curves(measure: Callable[..., Run]) -> None:
    run = measure(dataset(ring(20, 5), classes=2))
    head, shown = data_head(run), run.shown()
    assert shown is not None
    assert (len(head.curves), len(head.curves[0]), head.gallery, head.values) == (3, 3, None, None)
    values = shown.inputs_EI.reshape(3, 5, 20)[:, :3]
    drawn = np.array([[[float(p.split(",")[1]) for p in line.split()] for line in lines] for lines in head.curves])
    expected = 1 + 46 * (1 - (values - values.min()) / np.ptp(values))
    np.testing.assert_allclose(drawn, expected, atol=0.051)
    page = Page(run_page(run))
    assert len([tag for tag, _ in page.elements if tag == "polyline"]) == 9
    assert "The first 3 of 5 channels are drawn." in text_of(page)


@pytest.mark.parametrize("geometry", [volume(4, 3, 3), Points(np.random.default_rng(0).random((12, 2)))])
def test_other_geometries_have_a_head(geometry: Any, measure: Callable[..., Run]) -> None:
    head = data_head(measure(dataset(geometry, classes=None), train__lr=0.01))
    assert (head.gallery is None) == isinstance(geometry, Points)
    assert (head.values is None) != isinstance(geometry, Points)
    assert head.by_split is not None
    assert [row[0] for row in head.by_split.rows] == ["train", "validation", "test"]


def test_hostile_names_stay_text_in_the_head(hostile_run: Run) -> None:
    page = Page(run_page(hostile_run))
    assert [tag for tag, _ in page.elements].count("img") == 0
    head = data_head(hostile_run)
    assert list(head.notes) == [HOSTILE]
    assert head.values is not None
    # Cut, as a name may be no longer than its room.
    assert head.values.rows[0][0] == HOSTILE[:39] + "…"
    assert head.values.rows[0][0] in text_of(page)


def test_notes_are_told_once(hostile_run: Run) -> None:
    marked = replace(hostile_run.data, notes=("a note of its own",))
    run = Run(hostile_run.path)
    run.data = marked
    assert text_of(Page(run_page(run))).count("a note of its own") == 1


def test_the_page_over_seeds_has_the_same_head(torus_run: Run) -> None:
    page = Page(seeds_page([torus_run], torus_run.path.parent))
    assert "fields made here" in text_of(page)
    assert page.data["galleries"].keys() == {"examples"}


@pytest.mark.parametrize("name", ["0.1.0", "0.3.0", "0.3.0-permuted", "0.4.0-table"])
def test_a_run_of_before_has_a_head_without_what_it_did_not_keep(name: str, tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        own = [member for member in archive if member.name.split("/")[0] == name]
        archive.extractall(tmp_path, own, filter="data")
    run = Run(tmp_path / name)
    head = data_head(run)
    assert (run.shown(), head.by_split, head.gallery, head.values, head.caption) == (None, None, None, None, "")
    assert {"examples", "inputs", "targets"} <= dict(head.facts).keys()
    assert list(head.notes) == list(run.data.notes)
