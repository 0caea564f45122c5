"""What annotations say of shapes and types is checked in the rooms that conftest.py names: a wrong one is caught."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from siftnet.analysis.near import near_pairs
from siftnet.analysis.nulls import shuffle_uniform
from siftnet.geometry import Grid
from siftnet.network.masks import pack
from siftnet.pruning.ticket import restore_inputs
from siftnet.pruning.training import Assignment


def test_a_wrong_number_of_axes_is_caught() -> None:
    with pytest.raises(TypeCheckError, match="mask_JI"):
        near_pairs(np.ones((2, 1, 4), dtype=np.bool_), Grid((4,)))


def test_a_wrong_type_of_entries_is_caught() -> None:
    with pytest.raises(TypeCheckError, match="mask_JI"):
        shuffle_uniform(np.ones((2, 4)), np.random.default_rng(0))
    with pytest.raises(TypeCheckError, match="mask"):
        pack(torch.ones(3))


def test_two_arrays_that_do_not_fit_each_other_are_caught() -> None:
    with pytest.raises(TypeCheckError, match="permutation_I"):
        restore_inputs(np.ones((2, 4)), np.arange(3))


def test_a_wrong_type_of_a_field_is_caught() -> None:
    with pytest.raises(TypeCheckError, match="masks"):
        Assignment(state=None, masks=None, round_number=0)  # type: ignore[arg-type]
