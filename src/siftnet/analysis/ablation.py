"""What a network loses when the most connected, the least connected or random nodes of a layer are removed."""

# J nodes, N numbers of removed nodes, T random draws

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True, eq=False)
class Ablation:
    """Score left after removing counts[n] nodes; all float64 (N,) but for counts, int64 (N,), and random, (T, N).

    most, least: the most and the least connected removed. random: each draw, None where siftnet 0.3 stored no more than
    random_mean, random_deviation: mean and standard deviation over the draws.
    """

    counts: np.ndarray
    most: np.ndarray
    least: np.ndarray
    random: np.ndarray | None
    random_mean: np.ndarray
    random_deviation: np.ndarray


def ablation(
    degree_J: Int[np.ndarray, "J"],
    evaluate: Callable[[np.ndarray], float],
    counts: Sequence[int],
    rng: np.random.Generator,
    draws: int = 5,
) -> Ablation:
    """Remove nodes in three orders and evaluate what is left.

    degree_J: int, each node's connections; evaluate: score of the network that keeps the nodes marked in a bool (J,);
    counts: how many nodes to remove; draws: random orders, each removing a growing set. Ties fall by index, lowest
    first. Raises ValueError for counts outside 0..J and for draws below 1. Source: Pellegrini & Biroli 2022.
    """
    nodes = len(degree_J)
    if any(not 0 <= count <= nodes for count in counts):
        raise ValueError(f"counts must lie between 0 and the layer's {nodes} nodes, got {list(counts)}")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    degree_J = np.asarray(degree_J, dtype=np.int64)
    known: dict[bytes, float] = {}
    most = _curve(np.argsort(-degree_J, kind="stable"), counts, evaluate, known)
    least = _curve(np.argsort(degree_J, kind="stable"), counts, evaluate, known)
    random = np.array([_curve(rng.permutation(nodes), counts, evaluate, known) for _ in range(draws)])
    return Ablation(
        counts=np.asarray(counts, dtype=np.int64),
        most=np.array(most),
        least=np.array(least),
        random=random,
        random_mean=random.mean(axis=0),
        random_deviation=random.std(axis=0),
    )


def _curve(
    order_J: np.ndarray, counts: Sequence[int], evaluate: Callable[[np.ndarray], float], known: dict[bytes, float]
) -> list[float]:
    """Scores as nodes fall in this order; a set of nodes that is known already is not evaluated again."""
    scores = []
    for count in counts:
        keep_J = np.ones(len(order_J), dtype=np.bool_)
        keep_J[order_J[:count]] = False
        key = keep_J.tobytes()
        if key not in known:
            known[key] = float(evaluate(keep_J))
        scores.append(known[key])
    return scores
