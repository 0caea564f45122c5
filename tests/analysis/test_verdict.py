"""The verdict's words follow its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from siftnet.analysis.index import Index
from siftnet.analysis.locality import locality
from siftnet.analysis.verdict import verdict
from siftnet.architecture.ruler import convolution_mask
from siftnet.geometry import Grid

GRID = Grid((12, 12))
LOCAL = locality(convolution_mask(GRID, 3, filters=2), GRID, samples=199, bootstrap=100)


def with_index(**changes: Any) -> Any:
    return replace(LOCAL, index_degree=replace(LOCAL.index_degree, **changes))


def test_a_planted_convolution_is_called_local_with_its_numbers() -> None:
    index = LOCAL.index_degree
    expected = f"local: index {index.value:.1f} [{index.low:.1f}, {index.high:.1f}] against 1.0 in 199 "
    assert verdict(LOCAL).startswith(expected + "degree-preserving shuffles, p = 0.005. Against uniform placement")


def test_the_issue_s_own_sentence() -> None:
    found = with_index(value=5.2, low=4.9, high=5.5, p=0.005)
    sentence = "local: index 5.2 [4.9, 5.5] against 1.0 in 199 degree-preserving shuffles, p = 0.005."
    assert verdict(found).startswith(sentence)


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"value": 1.2, "low": 1.1, "high": 1.3}, "slightly local: index 1.20 [1.10, 1.30]"),
        ({"p": 0.2}, "not local: index"),
        ({"value": 1.6, "low": 0.9}, "not local: index 1.60 [0.90"),
        ({"value": None, "low": None, "high": None}, "local: near pairs against none in 199"),
        ({"p": 0.1, "samples": 9}, "not settled: index"),
        ({"p": 0.05, "samples": 19}, "local: index"),
        ({"p": None, "z": None, "note": "not testable: every connection is present"}, "not testable: every connection"),
    ],
)
def test_words_follow_numbers(changes: dict[str, Any], start: str) -> None:
    assert verdict(with_index(**changes)).startswith(start)


def test_chance_is_not_called_local() -> None:
    mask_JI = np.random.default_rng(5).random((50, 144)) < 0.1
    assert verdict(locality(mask_JI, GRID, samples=39, bootstrap=100)).startswith("not local: index")


def test_what_was_not_tested_says_so() -> None:
    assert verdict(None).startswith("not testable: nobody has said where the inputs live")
    assert verdict(replace(LOCAL, index_degree=None)).startswith("not tested: index")


def test_popularity_is_the_ratio_of_the_two_indices() -> None:
    found = with_index(value=LOCAL.index_uniform.value / 1.18)
    assert "popular inputs alone give 1.18." in verdict(found)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "No augmentation was used: nothing told the network"),
        ({"augmented": True}, "told the network what a neighbour is"),
        ({"permuted": "fixed"}, "a control of the pipeline"),
        ({"permuted": "each"}, "no neighbourhood to find"),
        (
            {"elsewhere": "ring of 9 sites"},
            "labels come from neighbours on another, a ring of 9 sites. No augmentation",
        ),
        ({"started": "round 8 of small"}, "masks began as those of round 8 of small, whose structure was found there."),
    ],
)
def test_who_told_the_network_is_stated(told: dict[str, Any], words: str) -> None:
    assert words in verdict(LOCAL, **told)


def test_an_index_without_value_is_undefined() -> None:
    found = replace(LOCAL, index_degree=None, index_uniform=Index(None, None, None, None, None, 3))
    assert verdict(found).startswith("not tested: index undefined against 1.0")
