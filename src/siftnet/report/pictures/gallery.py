"""Galleries of nodes: one sprite a round, from which the page cuts the picture of each node."""

# J nodes, I inputs, H W pixels of a picture, 4 red green blue opacity

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from siftnet.analysis.paths import path_weights
from siftnet.pruning.ticket import restore_inputs
from siftnet.report.pictures.canvas import Canvas, canvas_of
from siftnet.seeds import generator
from siftnet.studies.measured_run import MeasuredRun
from siftnet.wording import layer_name

BEST, SAMPLED = 20, 20
# Deeper layers are shown at one round only.
DEEPER_EACH, DEEPER_LAYERS = 10, 2


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Nodes in order of their connections, their pictures in one sprite a round (or one for all rounds).

    rows: what a sprite's rows hold, masks or weights. groups: title and the nodes' places of each part. counts: inputs
    of each node, a list a sprite. canvas: how they are drawn.
    """

    name: str
    rows: list[str]
    groups: list[tuple[str, list[int]]]
    nodes: list[int]
    counts: list[list[int]]
    sprites: list[str]
    canvas: Canvas

    @property
    def picture(self) -> tuple[int, int]:
        """Width and height of one picture in its own pixels."""
        return self.canvas.picture

    @property
    def size(self) -> tuple[int, int]:
        """The same in those of the page."""
        return self.canvas.size

    @property
    def coloured(self) -> bool:
        """Whether its colours are those of the inputs."""
        return self.canvas.coloured

    @property
    def dots(self) -> bool:
        """Whether its pixels are finer than the page's."""
        return self.canvas.dots

    def payload(self) -> dict[str, Any]:
        """What page.js draws."""
        return {"sprites": self.sprites, "counts": self.counts, "picture": self.picture, "coloured": self.coloured}


def first_layer_gallery(measured: MeasuredRun) -> Gallery | None:
    """Masks and masked weights of the nodes best connected at the headline round, and of others drawn at random.

    None where nothing spatial can be drawn.
    """
    canvas, first = canvas_of(measured.run.geometry), measured.top.first
    if canvas is None or first is None:
        return None
    chosen = choose_nodes(first.degrees.in_degree, measured.run.config.seed, BEST, SAMPLED)
    sprites, counts = [], []
    for mask_JI, weights_JI in first_layers(measured, [r.number for r in measured.rounds], chosen.nodes):
        pictures = [canvas.masks(mask_JI), canvas.weights(weights_JI)]
        sprites.append(sprite(pictures))
        counts.append(mask_JI.sum(axis=1).tolist())
    return _gallery("first", ["mask", "weights"], chosen, counts, sprites, canvas)


def deeper_galleries(measured: MeasuredRun) -> list[tuple[str, Gallery]]:
    """Path products of the masked weights of layers 2 and 3 at the headline round, by layer name."""
    canvas, names = canvas_of(measured.run.geometry), list(measured.top.layers)[: 1 + DEEPER_LAYERS]
    if canvas is None or len(names) < 2:
        return []
    weights = measured.run.weights(measured.top.number).parameters
    factors = [np.nan_to_num(weights[f"{name}.weight"].numpy()) for name in names]
    products = path_weights(factors)
    found = []
    for place, name in enumerate(names[1:], start=1):
        degree_J, product_JI = measured.top.layers[name].degrees.in_degree, products[place]
        chosen = choose_nodes(degree_J, measured.run.config.seed, DEEPER_EACH, DEEPER_EACH)
        pictures = [canvas.weights(measured.restored(product_JI[chosen.nodes]))]
        counts = [degree_J[chosen.nodes].tolist()]
        gallery = _gallery(name.replace(".", "-"), ["weights"], chosen, counts, [sprite(pictures)], canvas)
        found.append((layer_name(place).capitalize(), gallery))
    return found


class ChosenNodes(NamedTuple):
    """Nodes that a gallery shows: the best connected, and others drawn by chance."""

    best: list[int]
    sampled: list[int]

    @property
    def nodes(self) -> list[int]:
        """All of them, the best connected first."""
        return self.best + self.sampled

    @property
    def groups(self) -> list[tuple[str, list[int]]]:
        """Title of each part, and the places of its nodes among all."""
        groups = [("Best connected", list(range(len(self.best))))]
        if self.sampled:
            groups.append(("Sampled from the rest", list(range(len(self.best), len(self.nodes)))))
        return groups


def choose_nodes(in_degree_J: np.ndarray, seed: int, best: int, sampled: int) -> ChosenNodes:
    """The best-connected nodes, lower number first among equals, and others that have inputs, drawn by seed.

    Both lists are in falling order of connections.
    """
    order = np.argsort(-in_degree_J, kind="stable")
    top, rest = order[:best], order[best:]
    rest = rest[in_degree_J[rest] > 0]
    drawn = generator(seed, "gallery").choice(len(rest), min(sampled, len(rest)), replace=False)
    return ChosenNodes(top.tolist(), rest[np.sort(drawn)].tolist())


def first_layers(
    measured: MeasuredRun, rounds: Sequence[int], nodes: list[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """bool mask and float32 masked weights (J, I) of some first-layer nodes after the last update of each round.

    Permuted inputs are put back to where they came from.
    """
    run, first = measured.run, measured.top.first
    assert first is not None, "convolutions have no masks to show"
    name, permutation_I = f"{first.name}.weight", run.inputs().get("permutation_I")
    for number in rounds:
        mask_JI = run.masks(number)[name].numpy()[nodes]
        weights_JI = run.weights(number).parameters[name].numpy()[nodes]
        yield restore_inputs(mask_JI, permutation_I), restore_inputs(weights_JI, permutation_I)


def sprite(rows: list[np.ndarray]) -> str:
    """Pictures (J, H, W, 4) of each row, side by side and the rows below each other, as a PNG data URI."""
    strips = [np.concatenate(list(pictures), axis=1) for pictures in rows]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(strips, axis=0)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _gallery(
    name: str,
    rows: list[str],
    chosen: ChosenNodes,
    counts: list[list[int]],
    sprites: list[str],
    canvas: Canvas,
) -> Gallery:
    return Gallery(
        name=name,
        rows=rows,
        groups=chosen.groups,
        nodes=chosen.nodes,
        counts=counts,
        sprites=sprites,
        canvas=canvas,
    )
