"""Values of every kind that data have, for tests of what is said about data that are nothing but that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

DRAWN: dict[str, Callable[[np.random.Generator, Any], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(size=shape),
    "Pareto": lambda rng, shape: rng.pareto(0.5, size=shape),
    "counts": lambda rng, shape: rng.poisson(0.05, size=shape).astype(float),
    "sparse": lambda rng, shape: rng.normal(size=shape) * (rng.random(shape) < 0.02),
}
"""By kind: the values, from a generator and a shape."""
