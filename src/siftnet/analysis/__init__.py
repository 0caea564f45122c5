"""What survived, measured: pure functions of masks, weights and geometry, one measure a file."""

from siftnet.analysis.ablation import Ablation, ablation
from siftnet.analysis.degrees import Degrees, degrees
from siftnet.analysis.locality import Curve, Locality, locality
from siftnet.analysis.measure import LayerMeasures, arrays, measure_layer, numbers
from siftnet.analysis.nulls import DegreeShuffler, expected_uniform, shuffle_degree, shuffle_uniform
from siftnet.analysis.pairs import PairCounts, PairsByDegree, pair_counts, pair_counts_by_degree
from siftnet.analysis.paths import path_counts, path_weights
from siftnet.analysis.planted import convolution_mask
from siftnet.analysis.receptive import ReceptiveFields, participation, receptive_fields
from siftnet.analysis.statistic import Index
from siftnet.analysis.verdict import verdict

__all__ = [
    "Ablation",
    "Curve",
    "DegreeShuffler",
    "Degrees",
    "Index",
    "LayerMeasures",
    "Locality",
    "PairCounts",
    "PairsByDegree",
    "ReceptiveFields",
    "ablation",
    "arrays",
    "convolution_mask",
    "degrees",
    "expected_uniform",
    "locality",
    "measure_layer",
    "numbers",
    "pair_counts",
    "pair_counts_by_degree",
    "participation",
    "path_counts",
    "path_weights",
    "receptive_fields",
    "shuffle_degree",
    "shuffle_uniform",
    "verdict",
]
