"""Labels that know a geometry of their own: whether products of neighbours there sum to more than their median.

N examples, I inputs, T training examples. With pairs, x and -x have the same label: no linear function tells the
classes apart, and what the inputs' correlations know need not be what the labels know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siftnet import seeds
from siftnet.config.fields import DataConfig, ProductsConfig, require
from siftnet.data.formats.axes import parse_grid
from siftnet.data.normalise import measure_inputs
from siftnet.data.raw import Raw
from siftnet.geometry import Grid, ring
from siftnet.wording import share

CLASS_NAMES = ("products low", "products high")
# Values multiplied at a time, few enough that the temporaries stay in the cache: 2.5 times as fast as 2^22.
CHUNK = 2**17


@dataclass(frozen=True, eq=False)
class ProductLabels:
    """Labels, and the geometry that they were made on."""

    labels_N: np.ndarray
    """int64 (N,): 1 where the sum of products lies above its median over the training examples, else 0."""
    geometry: Grid
    order_I: np.ndarray
    """int64 (I,): input i lies at index order_I[i] of the geometry."""


def product_labels(raw: Raw, train_T: np.ndarray, config: DataConfig) -> ProductLabels:
    """The labels that data.labels = products asks for, of inputs without missing values.

    train_T: int64 rows whose means, deviations and median decide. Raises ValueError for a geometry that does not fit
    the inputs, and for inputs that vary so little that all labels would be 0.
    """
    asked, inputs = config.products, raw.inputs_NI.shape[1]
    grid = label_geometry(asked, inputs)
    order_I = np.arange(inputs)
    if asked.hidden:
        order_I = seeds.generator(config.seed, "products", "order").permutation(inputs)
    center_I, scale_I = measure_inputs(raw.inputs_NI, train_T, "each", raw.geometry, raw.input_names)
    placed_I = np.argsort(order_I)
    center_I, scale_I = center_I[placed_I], scale_I[placed_I]
    total_N = np.empty(len(raw.inputs_NI))
    step = max(1, CHUNK // inputs)
    for start in range(0, len(total_N), step):
        rows = slice(start, start + step)
        standard_NI = (raw.inputs_NI[rows, placed_I] - center_I) * scale_I
        total_N[rows] = sum_of_products(standard_NI, grid, asked.order)
    labels_N = (total_N > np.median(total_N[train_T])).astype(np.int64)
    require(
        bool(labels_N[train_T].any()),
        f"products of neighbours on the {grid.describe()} of data.products are alike in most training examples of "
        f"{raw.name}, so that all labels would be 0: use inputs that vary more, or another data.labels",
    )
    labels_N ^= seeds.generator(config.seed, "products", "noise").random(len(labels_N)) < asked.noise
    return ProductLabels(labels_N, grid, order_I)


def label_geometry(asked: ProductsConfig, inputs: int) -> Grid:
    """Where the labels' neighbours live: the grid that is asked for, or one ring of all inputs.

    Raises ValueError for a spelling that is none, another number of inputs, and a grid without so many in a row.
    """
    grid = ring(inputs)
    if asked.geometry:
        grid = parse_grid(asked.geometry, inputs, "data.products.geometry", instead="nothing for a ring of all inputs")
    require(
        max(grid.shape) >= asked.order,
        f"data.products.order = {asked.order} multiplies more neighbours than lie in a row on a {grid.describe()}: "
        "lower it, or set another data.products.geometry",
    )
    return grid


def sum_of_products(field_NI: np.ndarray, grid: Grid, order: int) -> np.ndarray:
    """Sum over channels and axes of the products of every `order` neighbours in a row, float64 (N,).

    field_NI: (N, I) in the grid's order. On a periodic axis rows go around its end; each set of neighbours counts once.
    """
    field = field_NI.reshape(-1, grid.channels, *grid.shape)
    total_N = np.zeros(len(field))
    for axis, sites in enumerate(grid.shape, start=2):
        first_S = np.arange(sites if grid.periodic and sites > order else max(0, sites - order + 1))
        product = np.take(field, first_S, axis)
        for further in range(1, order):
            product = product * np.take(field, (first_S + further) % sites, axis)
        total_N += product.reshape(len(field), -1).sum(1, dtype=np.float64)
    return total_N


def describe_products(asked: ProductsConfig, inputs: int) -> str:
    """What the labels say, e.g. 'whether products of neighbours on a hidden ring of 40 sites sum to more than ...'."""
    grid = label_geometry(asked, inputs).describe().removesuffix(", 1 channel").replace(", ", " with ")
    neighbours = "neighbours" if asked.order == 2 else f"{asked.order} neighbours in a row"
    place = f"a hidden {grid}" if asked.hidden else f"a {grid} in the inputs' own order"
    flipped = f", {share(asked.noise)} of them flipped" if asked.noise else ""
    return f"whether products of {neighbours} on {place} sum to more than their training median{flipped}"
