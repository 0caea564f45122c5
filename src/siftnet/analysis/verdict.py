"""What the measures allow one to say, in words with their numbers; it speaks of masks and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from siftnet import wording
from siftnet.analysis.index import Index

if TYPE_CHECKING:
    from siftnet.analysis.locality import Locality

# One-sided level; 19 shuffles can just reach it.
LEVEL = 0.05
# A significant excess below this is called slight: with many nodes a few percent are significant too.
CLEAR = 1.5


def verdict(
    locality: Locality | None,
    *,
    augmented: bool = False,
    permuted: str = "none",
    started: str | None = None,
    elsewhere: str | None = None,
    placeable: int = 0,
) -> str:
    """Say whether a layer's mask is local and who may have told the network what a neighbour is.

    locality: None where the geometry is unknown; augmented: whether training flipped or shifted the images; permuted:
    none, fixed or each, as the configuration's data.permute; started: whose masks the run began with, e.g. "round 8 of
    small", None for a dense network; elsewhere: the geometry of the neighbours that labels were made from, where it is
    another than the inputs'; placeable: how many inputs of unknown geometry there are that could be given a place.
    Returns sentences.
    """
    if locality is None:
        remedy = (
            f" If they have places, say so in a new run, e.g. with --data.geometry grid:1x{placeable} for {placeable} "
            "sites in a line, or points:FILE.csv for a table of their coordinates."
        )
        told_nothing = "not testable: nobody has said where the inputs live, so there are no distances to measure."
        return told_nothing + (remedy if placeable > 1 else "")
    judged = _judge(locality)
    return " ".join([judged, *_popularity(locality), told(augmented, permuted, started, elsewhere)])


def _stated(index: Index) -> str:
    return "undefined" if index.value is None else wording.index(index.value, index.low, index.high)


def _judge(locality: Locality) -> str:
    """The first sentence: local, slightly local, not local or not testable."""
    index = locality.index_degree
    if index is None:
        value = _stated(locality.index_uniform)
        return f"not tested: index {value} against 1.0 expected of uniform placement, no shuffles were drawn."
    if index.p is None:
        return f"{index.note}."
    if 1 / (1 + index.samples) > LEVEL:
        value = _stated(index)
        return f"not settled: index {value}, and {index.samples} shuffles are too few to tell it from chance."
    against = f"{index.samples} degree-preserving shuffles, p = {wording.p_value(index.p)}"
    if index.value is None:
        word = "local" if index.p <= LEVEL else "not local"
        return f"{word}: near pairs against none in {against}."
    sure = index.p <= LEVEL and (index.low is None or index.low > 1)
    word = ("local" if index.value >= CLEAR else "slightly local") if sure else "not local"
    return f"{word}: index {_stated(index)} against 1.0 in {against}."


def _popularity(locality: Locality) -> list[str]:
    """How much of the excess over uniform placement the popularity of inputs explains."""
    uniform, degree = locality.index_uniform, locality.index_degree
    if degree is None or not uniform.value or not degree.value:
        return []
    # What the shuffles have on average, measured against uniform placement.
    popular = wording.number(uniform.value / degree.value)
    return [
        f"Against uniform placement the index is {wording.number(uniform.value)}; popular inputs alone give {popular}."
    ]


def told(augmented: bool, permuted: str, started: str | None = None, elsewhere: str | None = None) -> str:
    """Whether anything but the data told the network about geometry, and whether the labels know another; see
    `verdict`."""
    began = f"Its masks began as those of {started}, whose structure was found there. " if started else ""
    labels = f"Distances are those of the inputs' geometry; labels come from neighbours on another, a {elsewhere}. "
    return began + (labels if elsewhere else "") + _told_by(augmented, permuted)


def _told_by(augmented: bool, permuted: str) -> str:
    if augmented:
        return "Flips or shifts in training told the network what a neighbour is; it did not find that by itself."
    if permuted == "fixed":
        return (
            "One fixed permutation shuffled all inputs, which a fully connected network cannot notice: "
            "a control of the pipeline. No augmentation told the network about geometry."
        )
    if permuted == "each":
        return "Each image was shuffled afresh, so there was no neighbourhood to find: a control."
    return "No augmentation was used: nothing told the network which inputs are neighbours."
