"""Geometry found from masks and from data, held against what is known; a row a case.

    python benchmarks/bench_discover.py planted [--seeds 10] [--nodes 1024]
    python benchmarks/bench_discover.py images --format cifar10 --root DIR

planted: masks of nodes that each see one place of a shape (`siftnet.architecture.ruler.local_mask`), inputs shuffled,
put through `arrange` with degree-preserving shuffles for chance.
images: three disjoint subsets of 15,000 images, columns shuffled into a bare array, put through partial correlations
and `arrange`; beside it the literature's ways to put inputs on a map, which are told which inputs share a pixel and the
size of the grid, and are put on it by linear assignment.

Rows go to benchmarks/results/discover-WHAT.csv as they come; what is there already is not computed again.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import procrustes

from siftnet import load_dataset
from siftnet.analysis.neighbours.arrange import arrange
from siftnet.analysis.neighbours.evidence import co_connection, correlations, partial_correlations
from siftnet.analysis.neighbours.groups import between_sites
from siftnet.analysis.neighbours.score import PlaceScore, score_places
from siftnet.analysis.nulls import DegreeShuffler
from siftnet.architecture.ruler import local_mask
from siftnet.config.load import from_dict
from siftnet.geometry import Grid, ring, torus, volume
from siftnet.seeds import generator
from siftnet.version import __version__

RESULTS = Path(__file__).parent / "results"
DRAWS = 19
SHAPES: dict[str, tuple[Grid | None, float]] = {
    "ring": (ring(100), 3),
    "line": (Grid((100,)), 3),
    "torus": (torus(20, 20), 2),
    "volume": (volume(10, 10, 10), 2),
    "none": (None, 0),
    "grid": (Grid((32, 32), channels=3), 2),
}
"""Each shape, and the radius in sites of what a node sees."""
NULL_DENSITY, NULL_INPUTS = 0.03, 400
SUBSETS, SUBSET = 3, 15_000
OURS = "partial correlations, siftnet"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one way found of one case. Scores are None where nothing was placed."""

    case: str
    seed: int
    way: str
    found: str
    right: bool
    """Whether kind and shape are the true ones."""
    sites: int
    p: float | None
    exact: float | None
    recall: float | None
    r_squared: float | None
    seconds: float
    detail: str
    siftnet: str = __version__


Case = Callable[[], Row]


def planted(shape: str, seed: int, nodes: int) -> Row:
    """Plant a mask, shuffle its inputs and look what is found."""
    true, radius = SHAPES[shape]
    rng = generator(seed, "planted", shape)
    if true is None:
        mask_JI, at_I = rng.random((nodes, NULL_INPUTS)) < NULL_DENSITY, np.arange(NULL_INPUTS)
    else:
        mask_JI, at_I = local_mask(true, nodes, radius, rng), np.tile(np.arange(true.sites), true.channels)
    order_I = rng.permutation(mask_JI.shape[1])
    mask_JI = np.ascontiguousarray(mask_JI[:, order_I])
    shuffler = DegreeShuffler(mask_JI, rng)
    begun = time.perf_counter()
    found = arrange(co_connection(mask_JI), (co_connection(shuffler.sample()) for _ in range(DRAWS)))
    return Row(
        case=shape,
        seed=seed,
        way=f"masks of {nodes} nodes",
        found="none" if found.lattice is None else found.lattice.describe(),
        right=found.lattice == (true and Grid(true.shape, periodic=true.periodic)),
        sites=int(found.site_I.max()) + 1,
        p=found.p,
        seconds=time.perf_counter() - begun,
        detail=f"{mask_JI.sum(axis=1).mean():.1f} connections a node",
        **_scores(_scored(found.lattice, found.place_I, true, at_I[order_I])),
    )


def images(dataset: str, root: Path, subset: int) -> Iterator[tuple[str, Case]]:
    """One subset of images, shuffled by a permutation that nothing is told of; each way to order it."""
    data = load_dataset(from_dict({"data": {"format": dataset, "root": str(root)}}).data)
    rows_N = generator(0, "subsets").permutation(np.sort(data.splits["train"]))[SUBSET * subset : SUBSET * (subset + 1)]
    order_I = generator(subset, "columns").permutation(data.inputs_NI.shape[1])
    inputs_NI = np.ascontiguousarray(data.inputs_NI[np.sort(rows_N)][:, order_I])
    true, at_I = Grid((32, 32)), order_I % 1024

    def row(way: str, place: Callable[[], tuple[Grid | None, np.ndarray | None, str]]) -> Row:
        begun = time.perf_counter()
        lattice, place_I, detail = place()
        seconds = time.perf_counter() - begun
        found = "none" if lattice is None else lattice.describe()
        score = _scored(lattice, place_I, true, at_I)
        sites = 0 if place_I is None else len(np.unique(place_I))
        return Row(case=dataset, seed=subset, way=way, found=found, right=lattice == true, sites=sites, p=None,
                   seconds=seconds, detail=detail, **_scores(score))  # fmt: skip

    def by_partial_correlations() -> tuple[Grid | None, np.ndarray | None, str]:
        evidence = partial_correlations(inputs_NI)
        found = arrange(evidence.similarity)
        explained = "" if found.placement is None else f", explained {found.placement.explained:.3f}"
        return found.lattice, found.place_I, f"ridge {evidence.ridge:g}{explained}"

    yield OURS, partial(row, OURS, by_partial_correlations)
    for way, embed in EMBEDDINGS.items():
        yield way, partial(row, way, partial(_on_grid, inputs_NI, at_I, embed))


def _on_grid(
    inputs_NI: np.ndarray, at_I: np.ndarray, embed: Callable[[np.ndarray], np.ndarray]
) -> tuple[Grid, np.ndarray, str]:
    """Sites in two dimensions as the literature has them, turned onto the grid by the best linear assignment.

    Told which inputs share a pixel, by number; the turn is found by the assignment's own cost, of 90 turns.
    """
    similarity_SS = between_sites(correlations(inputs_NI), at_I)
    at_S2 = embed(np.clip(similarity_SS / similarity_SS.max(), 0, 1))
    at_S2 = (at_S2 - at_S2.mean(axis=0)) / at_S2.std(axis=0)
    true_S2 = Grid((32, 32)).places()
    grid_P2 = true_S2 - 15.5
    grid_P2 = grid_P2 / grid_P2.std(axis=0)
    best: tuple[float, np.ndarray] = (np.inf, np.arange(1024))
    for angle in np.arange(0, np.pi / 2, np.pi / 30):
        turned_S2 = at_S2 @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        cost_SP = ((turned_S2[:, None] - grid_P2[None]) ** 2).sum(axis=2)
        site_S, place_S = linear_sum_assignment(cost_SP)
        cost = float(cost_SP[site_S, place_S].sum())
        if cost < best[0]:
            best = (cost, place_S)
    disparity = procrustes(true_S2, at_S2)[2]
    return Grid((32, 32)), best[1][at_I], f"R^2 of the embedding {1 - disparity:.3f}"


def _isomap(similarity_SS: np.ndarray) -> np.ndarray:
    from sklearn.manifold import Isomap

    return np.asarray(Isomap(n_neighbors=8, metric="precomputed").fit_transform(_apart(similarity_SS)))


def _spectral(similarity_SS: np.ndarray) -> np.ndarray:
    from sklearn.manifold import SpectralEmbedding

    near_SS = np.where(similarity_SS >= np.sort(similarity_SS, axis=1)[:, -8:][:, :1], similarity_SS, 0)
    embedding = SpectralEmbedding(2, affinity="precomputed", random_state=0)
    return np.asarray(embedding.fit_transform(np.maximum(near_SS, near_SS.T)))


def _umap(similarity_SS: np.ndarray) -> np.ndarray:
    from umap import UMAP

    return np.asarray(UMAP(metric="precomputed", n_neighbors=8, random_state=0).fit_transform(_apart(similarity_SS)))


def _scaling(similarity_SS: np.ndarray) -> np.ndarray:
    """Classical scaling of correlations (Le Roux et al. 2007)."""
    squared_SS = _apart(similarity_SS) ** 2
    centred_SS = squared_SS - squared_SS.mean(axis=0) - squared_SS.mean(axis=1)[:, None] + squared_SS.mean()
    values, vectors = np.linalg.eigh(-centred_SS / 2)
    return np.asarray(vectors[:, -2:] * np.sqrt(values[-2:]))


EMBEDDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "correlations, classical scaling": _scaling,
    "correlations, Isomap": _isomap,
    "correlations, SpectralEmbedding": _spectral,
    "correlations, UMAP": _umap,
}


def _apart(similarity_SS: np.ndarray) -> np.ndarray:
    apart_SS = 1 - similarity_SS
    np.fill_diagonal(apart_SS, 0)
    return np.asarray(apart_SS)


def _scored(lattice: Grid | None, place_I: np.ndarray | None, true: Grid | None, at_I: np.ndarray) -> PlaceScore | None:
    return None if lattice is None or place_I is None or true is None else score_places(lattice, place_I, true, at_I)


def _scores(score: PlaceScore | None) -> dict[str, Any]:
    return asdict(score) if score else dict.fromkeys(("exact", "recall", "r_squared"))


def record(name: str, cases: Iterator[tuple[tuple[str, str, str], Case]]) -> None:
    """Compute what the file of results does not have, and add it row by row."""
    path = RESULTS / f"discover-{name}.csv"
    there = set()
    if path.exists():
        with path.open(newline="") as file:
            there = {(line["case"], line["seed"], line["way"]) for line in csv.DictReader(file)}
    for key, compute in cases:
        if key in there:
            continue
        row = asdict(compute())
        print(*(f"{value:.4g}" if isinstance(value, float) else value for value in row.values()), flush=True)
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Row)])
            if not there and file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("planted", "images"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=1024)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=SHAPES)
    parser.add_argument("--format", default="cifar10", dest="dataset")
    parser.add_argument("--root", type=Path)
    given = parser.parse_args()
    if given.what == "planted":
        record("planted", _planted_cases(given.shapes, given.seeds, given.nodes))
    else:
        record("images", _image_cases(given.dataset, given.root))


def _planted_cases(shapes: list[str], seeds: int, nodes: int) -> Iterator[tuple[tuple[str, str, str], Case]]:
    for shape in shapes:
        for seed in range(seeds):
            yield (shape, str(seed), f"masks of {nodes} nodes"), partial(planted, shape, seed, nodes)


def _image_cases(dataset: str, root: Path) -> Iterator[tuple[tuple[str, str, str], Case]]:
    for subset in range(SUBSETS):
        for way, compute in images(dataset, root, subset):
            yield (dataset, str(subset), way), compute


if __name__ == "__main__":
    main()
