"""From a similarity to kind, shape and places; "none" where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from siftnet.analysis.neighbours.arrange import arrange
from siftnet.analysis.neighbours.evidence import co_connection, partial_correlations
from siftnet.analysis.neighbours.score import score_places
from siftnet.analysis.neighbours.spectrum import fits, lattices, spectrum
from siftnet.analysis.nulls import DegreeShuffler
from siftnet.architecture.ruler import local_mask
from siftnet.geometry import Grid, ring, torus, volume


def masked(true: Grid, nodes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A local mask whose inputs are shuffled, and each input's site."""
    rng = np.random.default_rng(seed)
    mask_JI = local_mask(true, nodes, 2, rng)
    order_I = rng.permutation(true.size)
    return np.ascontiguousarray(mask_JI[:, order_I]), order_I % true.sites


def by_chance(mask_JI: np.ndarray, draws: int = 19) -> list[np.ndarray]:
    shuffler = DegreeShuffler(mask_JI, np.random.default_rng(0))
    return [co_connection(shuffler.sample()) for _ in range(draws)]


@pytest.mark.parametrize("true", [ring(40), Grid((40,)), torus(12, 12), Grid((9, 11), channels=3)], ids=Grid.describe)
def test_masks_tell_the_shape_and_the_places(true: Grid) -> None:
    mask_JI, at_I = masked(true, 1500)
    found = arrange(co_connection(mask_JI), by_chance(mask_JI))
    assert found.p == 0.05
    assert found.lattice == Grid(true.shape, periodic=true.periodic)
    assert found.place_I is not None
    score = score_places(found.lattice, found.place_I, true, at_I)
    assert score.recall > 0.95
    assert score.r_squared > 0.99


@pytest.mark.parametrize("seed", range(3))
def test_masks_without_structure_have_none(seed: int) -> None:
    mask_JI = np.random.default_rng(seed).random((500, 60)) < np.linspace(0.03, 0.2, 60)
    found = arrange(co_connection(mask_JI), by_chance(mask_JI))
    assert not found.is_structured
    assert found.lattice is None
    assert found.place_I is None


def test_what_lies_on_a_known_lattice_is_put_there() -> None:
    mask_JI, at_I = masked(volume(4, 4, 4), 1500)
    found = arrange(co_connection(mask_JI), by_chance(mask_JI, 3), volume(4, 4, 4))
    assert found.lattice == volume(4, 4, 4)
    assert found.place_I is not None
    assert score_places(found.lattice, found.place_I, volume(4, 4, 4), at_I).recall > 0.9
    with pytest.raises(ValueError, match="64 sites do not fit a ring of 60 sites, 1 channel: give a lattice of 64"):
        arrange(co_connection(mask_JI), [], ring(60))


def test_a_table_whose_columns_have_nothing_to_do_with_each_other_has_no_shape() -> None:
    x_NI = np.random.default_rng(0).normal(size=(400, 30))
    assert not arrange(partial_correlations(x_NI).similarity).is_structured


def test_few_inputs_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="5 sites are too few to have a shape, 12 are needed: bring more inputs"):
        arrange(np.zeros((5, 5)))


def test_a_similarity_of_nothing_has_no_shape() -> None:
    found = arrange(np.zeros((20, 20)))
    assert not found.is_structured


@pytest.mark.parametrize("lattice", [ring(60), Grid((60,)), torus(10, 10), Grid((10, 10)), volume(6, 6, 6)])
def test_a_lattice_vibrates_as_itself(lattice: Grid) -> None:
    from siftnet.analysis.neighbours.lattice import distances

    found = spectrum(np.exp(-(distances(lattice) ** 2)) * (1 - np.eye(lattice.sites)))
    assert fits(found, lattice.sites)[0].lattice == lattice


def test_lattices_are_those_whose_sides_multiply_to_the_sites() -> None:
    shapes = {(grid.shape, grid.periodic) for grid in lattices(36)}
    assert {shape for shape, _ in shapes} == {(36,), (6, 6), (4, 9), (3, 3, 4)}
    assert {periodic for _, periodic in shapes} == {False, True}
    assert {grid.shape for grid in lattices(37)} == {(37,)}
