"""What is measured of one layer, and how it stands in the files of a round: numbers in JSON, arrays beside them.

The types of `siftnet.analysis` are loaded where a whole layer is read: numbers alone are read without what computes.
"""

# J nodes, I inputs, D displacements, K bins of connection counts, R rings of distance, A axes

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from siftnet.analysis.index import Index

if TYPE_CHECKING:
    from siftnet.analysis.degrees import Degrees
    from siftnet.analysis.distances import DistanceCounts
    from siftnet.analysis.layer import DegreeBin, LayerMeasures
    from siftnet.analysis.locality import Locality
    from siftnet.analysis.pairs import PairCounts, PairsByDegree
    from siftnet.analysis.receptive import ReceptiveFields
    from siftnet.geometry import Grid

Numbers = dict[str, Any]
Arrays = dict[str, np.ndarray]

INDICES = ("index_uniform", "index_degree", "index_uniform_node", "index_degree_node")
MAPS = ("g_uniform", "g_uniform_different", "g_degree", "g_degree_different")
CURVES = ("curve_uniform", "curve_uniform_different", "curve_degree", "curve_degree_different")


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredLayer:
    """What was measured of one layer, read back; what needs places is None where nobody knows them.

    participation: float64 (J,), inverse participation ratio of the weights; bins: of connection counts. Pair counts by
    connection count are stored within channels alone, so that the bins are all that is read of them.
    """

    name: str
    degrees: Degrees
    participation: np.ndarray
    locality: Locality | None
    bins: tuple[DegreeBin, ...] | None
    receptive: ReceptiveFields | None


@dataclass(frozen=True, kw_only=True)
class Indices:
    """A layer's locality in numbers: the indices of `Locality`, and its correlation lengths in its unit of distance."""

    index_uniform: Index
    index_degree: Index | None
    index_uniform_node: Index
    index_degree_node: Index | None
    correlation_length: float | None
    correlation_length_degree: float | None


# Writing


def layer_numbers(measures: LayerMeasures) -> Numbers:
    """Scalars and short lists for JSON: no NaN, no infinity; None where there is nothing to say."""
    by_count, bins, fields = measures.degrees, measures.bins, measures.receptive
    return {
        "nodes": len(by_count.in_degree),
        "inputs": len(by_count.input_degree),
        "connections": by_count.connections,
        "density": by_count.density,
        "degrees": {
            "mean": by_count.mean,
            "median": by_count.median,
            "max": by_count.largest,
            "connected": by_count.connected,
            "unused": by_count.unused,
            "variance_spearman": by_count.variance_spearman,
        },
        "participation_median": _median(measures.participation[by_count.in_degree > 0]),
        "locality": None if measures.locality is None else _locality_numbers(measures.locality),
        "by_degree": None if bins is None else [dataclasses.asdict(found) for found in bins],
        "receptive": None
        if fields is None
        else {
            "nodes": fields.nodes,
            "radius_median": fields.radius_median,
            "elongation_median": fields.elongation_median,
        },
    }


def layer_arrays(measures: LayerMeasures) -> Arrays:
    """Maps and curves by name; what was not measured is absent.

    in_degree, participation (J,); input_degree (I,) and input_map (C, *grid); histogram_degree, histogram_nodes;
    same_channel, different_channel and *_node, D, with displacements (A, *D), at points instead apart and *_node (R,),
    together, beyond and *_node (); by_degree_low, by_degree_high, by_degree_nodes (K,) and by_degree_same_channel,
    by_degree_g (K, *D); g_uniform, g_degree and *_different, D; radii and curve_uniform, curve_degree and *_different
    with _low and _high, (R,); valid, centre (J, A), radius, orientation, elongation (J,). NaN marks displacements and
    rings where a null expects no pair.
    """
    from siftnet.geometry import Grid

    by_count = measures.degrees
    found: dict[str, np.ndarray | None] = {
        "in_degree": by_count.in_degree,
        "input_degree": by_count.input_degree,
        "input_map": by_count.input_map,
        "histogram_degree": by_count.histogram_degree,
        "histogram_nodes": by_count.histogram_nodes,
        "participation": measures.participation,
    }
    if measures.locality is not None:
        found |= _pair_arrays(measures.locality)
    if measures.pairs_by_degree is not None:
        assert isinstance(measures.geometry, Grid)
        found |= _by_degree_arrays(measures.pairs_by_degree, measures.geometry)
    if measures.locality is not None:
        found |= _locality_arrays(measures.locality)
    if measures.receptive is not None:
        found |= {f.name: getattr(measures.receptive, f.name) for f in dataclasses.fields(measures.receptive)}
    return {name: array for name, array in found.items() if array is not None}


def _median(values: np.ndarray) -> float | None:
    return float(np.median(values)) if len(values) else None


def _locality_numbers(found: Locality) -> Numbers:
    """Indices as dictionaries, correlation lengths, and g(r) as lists with None for NaN."""
    curves: Numbers = {"radii": found.radii.tolist()}
    for name in ("uniform", "degree"):
        curve = getattr(found, f"curve_{name}")
        for suffix, field in (("", "value"), ("_low", "low"), ("_high", "high")):
            curve_R = getattr(curve, field) if curve is not None else None
            curves[name + suffix] = None if curve_R is None else [_finite(g) for g in curve_R.tolist()]
    return {
        **{name: index_to_dict(getattr(found, name)) for name in INDICES},
        "correlation_length": found.correlation_length,
        "correlation_length_degree": found.correlation_length_degree,
        "samples": found.samples,
        "trades": found.trades,
        "unit": found.unit,
        "g_r": curves,
    }


def index_to_dict(index: Index | None) -> Numbers | None:
    """For JSON: value, low, high, z, p, samples, note."""
    return None if index is None else dataclasses.asdict(index)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _pair_arrays(found: Locality) -> dict[str, np.ndarray | None]:
    result: dict[str, np.ndarray | None] = {}
    for suffix, counts in (("", found.pairs), ("_node", found.pairs_node)):
        named = {f.name: np.asarray(getattr(counts, f.name)) for f in dataclasses.fields(counts)}
        where = named.pop("displacements", None)
        result |= {f"{name}{suffix}": array for name, array in named.items()} | {"displacements": where}
    return result


def _by_degree_arrays(bins: PairsByDegree, grid: Grid) -> dict[str, np.ndarray | None]:
    """Pair counts of each bin and their ratio to the uniform null."""
    from siftnet.analysis.locality import ratio
    from siftnet.analysis.nulls import expected_from_pairs

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
    result: dict[str, np.ndarray | None] = {name: getattr(found, name) for name in (*MAPS, "radii")}
    for name in CURVES:
        curve = getattr(found, name)
        if curve is not None:
            result |= {name: curve.value, f"{name}_low": curve.low, f"{name}_high": curve.high}
    return result


# Reading


def read_layer(numbers: Numbers, arrays: Mapping[str, np.ndarray]) -> MeasuredLayer:
    """The inverse of `layer_numbers` and `layer_arrays`. Raises KeyError or TypeError for anything else."""
    from siftnet.analysis.layer import DegreeBin
    from siftnet.analysis.receptive import ReceptiveFields

    bins, names = numbers["by_degree"], [f.name for f in dataclasses.fields(ReceptiveFields)]
    return MeasuredLayer(
        name=numbers["layer"],
        degrees=_degrees(numbers["degrees"], arrays),
        participation=arrays["participation"],
        locality=None if numbers["locality"] is None else _locality(numbers["locality"], arrays),
        bins=None if bins is None else tuple(DegreeBin(**_numbers(found)) for found in bins),
        receptive=None if numbers["receptive"] is None else ReceptiveFields(*(arrays.get(name) for name in names)),  # type: ignore[arg-type]  # which of them may be None it says itself
    )


def text(value: Any) -> str:
    """A text of a JSON document. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def whole(value: Any) -> int:
    """A whole number of a JSON document. Raises TypeError for anything else."""
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def number(value: Any) -> float | None:
    """A number of a JSON document, or None. Raises TypeError for anything else."""
    if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
        raise TypeError(f"{value!r} is no number")
    return value  # type: ignore[no-any-return]


def _degrees(numbers: Numbers, arrays: Mapping[str, np.ndarray]) -> Degrees:
    from siftnet.analysis.degrees import Degrees

    return Degrees(
        in_degree=arrays["in_degree"],
        input_degree=arrays["input_degree"],
        input_map=arrays.get("input_map"),
        histogram_degree=arrays["histogram_degree"],
        histogram_nodes=arrays["histogram_nodes"],
        **{name: number(numbers[name]) for name in ("connected", "unused", "variance_spearman")},  # type: ignore[arg-type]
    )


def _locality(numbers: Numbers, arrays: Mapping[str, np.ndarray]) -> Locality:
    from siftnet.analysis.locality import Curve, Locality

    curves = {
        name: Curve(arrays[name], arrays.get(f"{name}_low"), arrays.get(f"{name}_high"))
        for name in CURVES
        if name in arrays
    }
    values: dict[str, Any] = {name: arrays.get(name) for name in MAPS} | {name: curves.get(name) for name in CURVES}
    return Locality(
        pairs=_counts(arrays, ""),
        pairs_node=_counts(arrays, "_node"),
        **vars(read_indices(numbers)),
        **values,
        samples=whole(numbers["samples"]),
        trades=None if numbers["trades"] is None else whole(numbers["trades"]),
        # Written since there were other units than a grid's sites.
        unit=number(numbers.get("unit", 1.0)),
    )


def _counts(arrays: Mapping[str, np.ndarray], suffix: str) -> PairCounts | DistanceCounts:
    from siftnet.analysis.distances import DistanceCounts
    from siftnet.analysis.pairs import PairCounts

    if "displacements" in arrays:
        same, different = (arrays[f"{name}{suffix}"] for name in ("same_channel", "different_channel"))
        return PairCounts(same, different, arrays["displacements"])
    together, beyond = (arrays[f"{name}{suffix}"].item() for name in ("together", "beyond"))
    return DistanceCounts(arrays[f"apart{suffix}"], together, beyond)


def read_indices(numbers: Numbers) -> Indices:
    """A layer's indices from what `layer_numbers` says of its locality."""
    values: dict[str, Any] = {name: _index(numbers[name]) for name in INDICES}
    values |= {name: number(numbers[name]) for name in ("correlation_length", "correlation_length_degree")}
    return Indices(**values)


def _index(values: Numbers | None) -> Index | None:
    return None if values is None else Index(**_numbers(values) | {"note": text(values["note"])})


def _numbers(values: Numbers) -> dict[str, Any]:
    """Numbers by name; a note is none."""
    return {name: number(value) for name, value in values.items() if name != "note"}
