"""Everything measured of one layer's mask, as one record, as numbers for JSON and as arrays for figures."""

# J nodes, I inputs, D displacements, K bins of connection counts, R rings of distance, A axes of the grid

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Num

from siftnet.analysis.degrees import Degrees, degrees
from siftnet.analysis.index import Index
from siftnet.analysis.locality import Locality, measure_locality, ratio
from siftnet.analysis.near import near_total
from siftnet.analysis.nulls import expected_from_pairs
from siftnet.analysis.pairs import PairCounts, PairsByDegree, node_and_pair_counts, pair_counts_by_degree
from siftnet.analysis.receptive import ReceptiveFields, participation, receptive_fields
from siftnet.geometry import Geometry, Grid


@dataclass(frozen=True, eq=False)
class LayerMeasures:
    """What was measured of one layer; what needs a grid is None off it.

    degrees: connections by node and by input. participation: float64 (J,), inverse participation ratio of the weights.
    pairs, pairs_node: pair counts weighted by pair (int64) and by node (float64); pairs_by_degree: in bins of
    connection counts. locality: excess of near pairs over both nulls. receptive: centre, extent, orientation.
    """

    geometry: Geometry
    degrees: Degrees
    participation: np.ndarray
    pairs: PairCounts | None
    pairs_node: PairCounts | None
    pairs_by_degree: PairsByDegree | None
    locality: Locality | None
    receptive: ReceptiveFields | None


def measure_layer(
    mask_JI: Bool[np.ndarray, "J I"],
    weights_JI: Num[np.ndarray, "..."],
    geometry: Geometry,
    samples: int,
    bootstrap: int,
    seed: int | np.random.Generator,
    input_variance: np.ndarray | None = None,
) -> LayerMeasures:
    """Measure one layer seen from the inputs.

    mask_JI: bool, for a deeper layer the support of its path counts; weights_JI: float, masked (or path products);
    samples: shuffles of each null, 0 for closed forms alone; bootstrap: resamplings of the nodes; input_variance: float
    (I,), of the training examples. Raises ValueError where shapes do not fit.
    """
    if weights_JI.shape != mask_JI.shape:
        raise ValueError(f"weights of shape {weights_JI.shape} do not fit a mask of shape {mask_JI.shape}")
    masked_JI = np.where(mask_JI, weights_JI, 0)
    by_count = degrees(mask_JI, geometry, input_variance)
    spread_J = participation(masked_JI)
    if not isinstance(geometry, Grid):
        return LayerMeasures(geometry, by_count, spread_J, None, None, None, None, None)
    pairs, pairs_node = counts = node_and_pair_counts(mask_JI, geometry)
    return LayerMeasures(
        geometry=geometry,
        degrees=by_count,
        participation=spread_J,
        pairs=pairs,
        pairs_node=pairs_node,
        pairs_by_degree=pair_counts_by_degree(mask_JI, geometry, degree_edges(geometry.size)),
        locality=measure_locality(mask_JI, geometry, counts, samples, bootstrap, seed),
        receptive=receptive_fields(masked_JI, geometry),
    )


def degree_edges(inputs: int) -> list[int]:
    """Bins of connection counts that double, 2, 4, 8, ..., the same for every mask so that rounds compare."""
    return [2**k for k in range(1, max(inputs, 1).bit_length())]


def numbers(measures: LayerMeasures) -> dict[str, Any]:
    """Scalars and short lists for JSON: no NaN, no infinity; None where there is nothing to say.

    Keys: nodes, inputs, connections, density; degrees; participation_median; locality, by_degree, receptive (None off a
    grid). An index is a dictionary of value, low, high, z, p, samples, note.
    """
    by_count = measures.degrees
    nodes, inputs = len(by_count.in_degree), len(by_count.input_degree)
    connections = int(by_count.in_degree.sum())
    used_J = by_count.in_degree > 0
    return {
        "nodes": nodes,
        "inputs": inputs,
        "connections": connections,
        "density": connections / (nodes * inputs) if nodes * inputs else 0.0,
        "degrees": {
            "mean": float(by_count.in_degree.mean()) if nodes else 0.0,
            "median": median(by_count.in_degree),
            "max": int(by_count.in_degree.max(initial=0)),
            "connected": by_count.connected,
            "unused": by_count.unused,
            "variance_spearman": by_count.variance_spearman,
        },
        "participation_median": median(measures.participation[used_J]),
        "locality": None if measures.locality is None else _locality_numbers(measures.locality),
        "by_degree": _by_degree_numbers(measures),
        "receptive": None if measures.receptive is None else _receptive_numbers(measures.receptive),
    }


def arrays(measures: LayerMeasures) -> dict[str, np.ndarray]:
    """Maps and curves for figures, by name; what was not measured is absent.

    in_degree, participation (J,); input_degree (I,) and input_map (C, *grid); histogram_degree, histogram_nodes;
    same_channel, different_channel and *_node, D, with displacements (A, *D); by_degree_low, by_degree_high,
    by_degree_nodes (K,) and by_degree_same_channel, by_degree_g (K, *D); g_uniform, g_degree and *_different, D; radii
    and curve_uniform, curve_degree and *_different with _low and _high, (R,); valid, centre (J, A), radius,
    orientation, elongation (J,). NaN marks displacements and rings where a null expects no pair.
    """
    by_count = measures.degrees
    found: dict[str, np.ndarray | None] = {
        "in_degree": by_count.in_degree,
        "input_degree": by_count.input_degree,
        "input_map": by_count.input_map,
        "histogram_degree": by_count.histogram_degree,
        "histogram_nodes": by_count.histogram_nodes,
        "participation": measures.participation,
    }
    if measures.pairs is not None and measures.pairs_node is not None:
        found |= {name: getattr(measures.pairs, name) for name in ("same_channel", "different_channel")}
        found |= {f"{name}_node": getattr(measures.pairs_node, name) for name in ("same_channel", "different_channel")}
        found["displacements"] = measures.pairs.displacements
    if measures.pairs_by_degree is not None:
        assert isinstance(measures.geometry, Grid)
        found |= _by_degree_arrays(measures.pairs_by_degree, measures.geometry)
    if measures.locality is not None:
        found |= _locality_arrays(measures.locality)
    if measures.receptive is not None:
        found |= {f.name: getattr(measures.receptive, f.name) for f in dataclasses.fields(measures.receptive)}
    return {name: array for name, array in found.items() if array is not None}


def median(values: np.ndarray) -> float | None:
    """The median, None of nothing."""
    return float(np.median(values)) if len(values) else None


def _locality_numbers(found: Locality) -> dict[str, Any]:
    """Indices as dictionaries, correlation lengths, and g(r) as lists with None for NaN."""
    curves: dict[str, Any] = {"radii": found.radii.tolist()}
    for name in ("uniform", "degree"):
        curve = getattr(found, f"curve_{name}")
        for suffix, field in (("", "value"), ("_low", "low"), ("_high", "high")):
            curve_R = getattr(curve, field) if curve is not None else None
            curves[name + suffix] = None if curve_R is None else [_finite(g) for g in curve_R.tolist()]
    indices = ("index_uniform", "index_degree", "index_uniform_node", "index_degree_node")
    return {
        **{name: _index_numbers(getattr(found, name)) for name in indices},
        "correlation_length": found.correlation_length,
        "correlation_length_degree": found.correlation_length_degree,
        "samples": found.samples,
        "trades": found.trades,
        "g_r": curves,
    }


def _index_numbers(index: Index | None) -> dict[str, Any] | None:
    return None if index is None else dataclasses.asdict(index)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _by_degree_numbers(measures: LayerMeasures) -> list[dict[str, Any]] | None:
    """Bins of connection counts that hold nodes, with their near-pair excess over the uniform null."""
    bins, grid = measures.pairs_by_degree, measures.geometry
    if bins is None or not isinstance(grid, Grid):
        return None
    rows = []
    for low, high, nodes, counts in zip(bins.low, bins.high, bins.nodes, bins.counts, strict=True):
        if not nodes:
            continue
        expected = near_total(expected_from_pairs(counts, grid), grid)
        index = near_total(counts, grid) / expected if expected > 0 else None
        rows.append({"low": int(low), "high": int(high), "nodes": int(nodes), "index_uniform": index})
    return rows


def _receptive_numbers(fields: ReceptiveFields) -> dict[str, Any]:
    """Medians over the nodes that have inputs."""
    elongation = None if fields.elongation is None else median(fields.elongation[fields.valid])
    return {
        "nodes": int(fields.valid.sum()),
        "radius_median": median(fields.radius[fields.valid]),
        "elongation_median": elongation,
    }


def _by_degree_arrays(bins: PairsByDegree, grid: Grid) -> dict[str, np.ndarray | None]:
    """Pair counts of each bin and their ratio to the uniform null."""
    observed_KD = np.stack([counts.same_channel for counts in bins.counts])
    expected_KD = np.stack([expected_from_pairs(counts, grid).same_channel for counts in bins.counts])
    return {
        "by_degree_low": bins.low,
        "by_degree_high": bins.high,
        "by_degree_nodes": bins.nodes,
        "by_degree_same_channel": observed_KD,
        "by_degree_g": ratio(observed_KD, expected_KD),
    }


def _locality_arrays(found: Locality) -> dict[str, np.ndarray | None]:
    """Maps as they are, curves taken apart into value, band below and band above."""
    maps = ("g_uniform", "g_uniform_different", "g_degree", "g_degree_different", "radii")
    result: dict[str, np.ndarray | None] = {name: getattr(found, name) for name in maps}
    for name in ("curve_uniform", "curve_uniform_different", "curve_degree", "curve_degree_different"):
        curve = getattr(found, name)
        if curve is not None:
            result |= {name: curve.value, f"{name}_low": curve.low, f"{name}_high": curve.high}
    return result
