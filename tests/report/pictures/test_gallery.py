"""Galleries hold the nodes they say, with the pixels of the run's own masks and weights."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from siftnet.analysis.paths import path_weights
from siftnet.geometry import Grid
from siftnet.report.pictures.gallery import choose_nodes, deeper_galleries, first_layer_gallery, first_layers
from siftnet.report.pictures.nodes import mask_pictures, weight_pictures
from siftnet.store.run import Run
from siftnet.studies.measured_run import read_measured


def pixels_of(uri: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


def test_best_connected_come_first_and_samples_from_the_rest() -> None:
    in_degree_J = np.array([3, 9, 0, 9, 5, 0, 1, 2])
    best, sampled = choose_nodes(in_degree_J, 0, 3, 4)
    assert best == [1, 3, 4]
    assert sampled == [0, 7, 6]
    assert choose_nodes(in_degree_J, 0, 2, 2) == choose_nodes(in_degree_J, 0, 2, 2)
    assert choose_nodes(in_degree_J, 0, 20, 5)[1] == []


def test_sprites_hold_every_round(torus_run: Run) -> None:
    gallery = first_layer_gallery(read_measured(torus_run))
    assert gallery is not None
    assert isinstance(torus_run.geometry, Grid)
    assert len(gallery.sprites) == 3
    for number, uri in enumerate(gallery.sprites):
        ticket = torus_run.ticket(number)
        mask_JI, weights_JI = ticket.mask_JI("layers.0"), ticket.weights_JI("layers.0")
        sprite = pixels_of(uri)
        for place, node in enumerate(gallery.nodes):
            cut = sprite[:, 8 * place : 8 * (place + 1)]
            assert np.array_equal(cut[:8], mask_pictures(mask_JI[[node]], torus_run.geometry)[0])
            assert np.array_equal(cut[8:], weight_pictures(weights_JI[[node]], torus_run.geometry)[0])
        assert gallery.counts[number] == mask_JI[gallery.nodes].sum(1).tolist()


def test_groups_place_every_node_once(torus_run: Run) -> None:
    gallery = first_layer_gallery(read_measured(torus_run))
    assert gallery is not None
    assert isinstance(torus_run.geometry, Grid)
    assert sorted(place for _, places in gallery.groups for place in places) == list(range(24))
    assert len(set(gallery.nodes)) == 24


def test_permuted_inputs_are_put_back(colour_run: Run) -> None:
    ticket = colour_run.ticket(2)
    [(mask_JI, weights_JI)] = first_layers(read_measured(colour_run), [2], [4, 1])
    assert np.array_equal(mask_JI, ticket.mask_JI("layers.0")[[4, 1]])
    assert np.array_equal(weights_JI, ticket.weights_JI("layers.0")[[4, 1]])
    assert not np.array_equal(mask_JI, ticket.mask_JI("layers.0", restore=False)[[4, 1]])


@pytest.mark.parametrize("fixture", ["torus_run", "colour_run"])
def test_deeper_layers_show_path_products(fixture: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(fixture)
    measured = read_measured(run)
    [(title, gallery)] = deeper_galleries(measured)
    ticket = run.ticket(measured.top.number)
    products = path_weights([ticket.weights_JI(name) for name in ("layers.0", "layers.1")])[1]
    expected = weight_pictures(products[gallery.nodes], run.geometry)
    assert title == "Layer 2"
    assert np.abs(pixels_of(gallery.sprites[0]).astype(int) - np.concatenate(list(expected), axis=1)).max() <= 1
