"""Tickets: layers in order, permuted inputs put back, geometries in JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from siftnet.geometry import Geometry, Grid, Points, Unknown, geometry_from_dict, geometry_to_dict, torus
from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.ticket import Provenance, Ticket


def ticket(permutation: np.ndarray | None) -> Ticket:
    rng = np.random.default_rng(0)
    shapes = {"layers.0.weight": (3, 4), "layers.0.bias": (3,), "layers.1.weight": (2, 3), "layers.1.bias": (2,)}
    masks = Masks({name: torch.from_numpy(rng.random(shape) < 0.5) for name, shape in shapes.items()})
    state = masks.apply(State({name: torch.from_numpy(rng.random(shape)) for name, shape in shapes.items()}))
    return Ticket(masks, state, state, state, Grid((4,)), permutation, Provenance("run", 1, "digest", "data"))


def test_affine_layers_come_from_the_inputs_up_without_convolutions() -> None:
    masks = Masks(
        {f"layers.{i}.weight": torch.ones((2, 2, 3) if i == 0 else (2, 2), dtype=torch.bool) for i in (0, 2, 3, 10)}
    )
    state = State({})
    found = Ticket(masks, state, state, state, Grid((4,)), None, Provenance("run", 0, "", ""))
    assert found.affine_layers() == ["layers.2", "layers.3", "layers.10"]


def test_permuted_inputs_of_the_first_layer_are_put_back() -> None:
    permutation = np.array([2, 0, 3, 1])
    found = ticket(permutation)
    mask, weights = found.masks["layers.0.weight"].numpy(), found.trained.parameters["layers.0.weight"].numpy()
    for seen, original in enumerate(permutation):
        np.testing.assert_array_equal(found.mask_JI("layers.0")[:, original], mask[:, seen])
        np.testing.assert_array_equal(found.weights_JI("layers.0")[:, original], weights[:, seen])
    np.testing.assert_array_equal(found.mask_JI("layers.0", restore=False), mask)
    np.testing.assert_array_equal(found.mask_JI("layers.1"), found.masks["layers.1.weight"])


def test_inputs_that_were_not_permuted_are_left_alone() -> None:
    found = ticket(None)
    np.testing.assert_array_equal(found.mask_JI("layers.0"), found.masks["layers.0.weight"])
    np.testing.assert_array_equal(found.weights_JI("layers.0") != 0, found.mask_JI("layers.0"))


@pytest.mark.parametrize("geometry", [Grid((4, 5), 3), torus(3, 3), Grid((2, 3, 4)), Unknown(7)])
def test_geometries_survive_json(geometry: Geometry) -> None:
    assert geometry_from_dict(json.loads(json.dumps(geometry_to_dict(geometry)))) == geometry


def test_points_survive_json() -> None:
    points = Points(np.array([[0.1, 2.0], [3.0, 1 / 3]]))
    found = geometry_from_dict(json.loads(json.dumps(geometry_to_dict(points))))
    assert isinstance(found, Points)
    np.testing.assert_array_equal(found.coordinates, points.coordinates)


def test_a_repr_is_one_line_that_says_what_it_is_of() -> None:
    found = ticket(None)
    kept = f"{100 * found.masks.density:.3g}%"
    assert repr(found) == f"Ticket(round 1 of run, {kept} density, line of 4 sites, 1 channel)"
    assert found.first_layer == "layers.0"
