"""What a run writes down about its data before training, and `siftnet data` shows. T training examples, I inputs."""

from __future__ import annotations

import numpy as np

from siftnet.config.fields import DataConfig, require
from siftnet.data.dataset import Dataset
from siftnet.data.spread import score_notes
from siftnet.foreign import shown
from siftnet.seeds import generator
from siftnet.store.shown import ShownExamples
from siftnet.store.summary import DataSummary, NumericTargets, Spread

# Training examples at least behind the inputs' variance, and inputs whose variance is computed at a time.
SAMPLE, BLOCK = 10_000, 1024

# Examples shown, and digits that single precision has for sure.
SHOWN, DIGITS = 3, 6

IN_PYTHON = "a Dataset made in Python"


def describe_data(dataset: Dataset, config: DataConfig | None = None, *, augmented_before: bool = False) -> DataSummary:
    """What a data set is: its sizes, inputs, classes with counts or range of numeric targets, and what was done to it.

    config: of flips and shifts, none unless given; augmented_before: whether the run whose masks are taken was told
    about geometry, which is in those masks.
    """
    require(
        isinstance(dataset, Dataset),
        f"dataset must be a Dataset, see siftnet.from_arrays, got {shown(dataset)}",
    )
    config, reading = config or DataConfig(), dataset.reading
    return DataSummary(
        name=dataset.name,
        hash=dataset.content_hash(),
        geometry=dataset.geometry,
        classes=dataset.classes,
        class_names=tuple(dataset.class_names),
        input_names=tuple(dataset.input_names),
        examples={name: len(rows) for name, rows in dataset.splits.items()},
        augmented=config.flip or config.shift > 0 or augmented_before,
        permuted=dataset.permutation_I is not None,
        scrambled=dataset.scrambled,
        notes=(*dataset.notes, *score_notes(dataset)),
        left_over=len(dataset.labels_N) - sum(map(len, dataset.splits.values())),
        class_counts=_count_classes(dataset),
        numeric_targets=_numeric_targets(dataset),
        source=reading.source if reading else IN_PYTHON,
        target=reading.target if reading else "labels_N",
        division=reading.division if reading else "as given",
        scaling=reading.scaling if reading else _given_scaling(dataset),
        label_geometry=dataset.label_geometry,
        label_order="own" if _is_own_order(dataset.label_order_I) else "other",
    )


def _is_own_order(order_I: np.ndarray | None) -> bool:
    """Whether inputs stay where they are."""
    return order_I is None or np.array_equal(order_I, np.arange(len(order_I)))


def refuse_notes(dataset: Dataset) -> None:
    """Raise ValueError with what is noted about a data set and no setting asked for; see --strict."""
    noted = [note.rstrip(".") for note in (*dataset.notes, *score_notes(dataset)) if note not in dataset.settled]
    if noted:
        raise ValueError(
            f"{dataset.name} is refused because of --strict: {'; '.join(noted)}; settle that, or leave --strict out"
        )


def _count_classes(dataset: Dataset) -> dict[str, tuple[int, ...]]:
    if dataset.classes is None:
        return {}
    labels_N, classes = dataset.labels_N, dataset.classes
    counts = {name: np.bincount(labels_N[rows], minlength=classes) for name, rows in dataset.splits.items()}
    return {name: tuple(found.tolist()) for name, found in counts.items()}


def _numeric_targets(dataset: Dataset) -> NumericTargets | None:
    """Range, mean and deviation of each split's targets before they were scaled."""
    if dataset.classes is not None:
        return None
    values_N = _own_targets(dataset)
    spread = {
        name: Spread(low=float(v.min()), high=float(v.max()), mean=float(v.mean()), deviation=float(v.std()))
        for name, v in ((name, values_N[rows]) for name, rows in dataset.splits.items())
    }
    return NumericTargets(taken_off=dataset.target_mean, divisor=dataset.target_deviation, spread=spread)


def _own_targets(dataset: Dataset) -> np.ndarray:
    """float64 (N,) targets in the data's own unit."""
    return _restored(dataset.labels_N.astype(np.float64) * dataset.target_deviation, np.float64(dataset.target_mean))


def _given_scaling(dataset: Dataset) -> str:
    untouched = not dataset.center_I.any() and (dataset.scale_I == 1).all()
    return "inputs are left as they are" if untouched else "each input minus its center_I, times its scale_I"


def describe_inputs(dataset: Dataset) -> dict[str, np.ndarray]:
    """variance_I float32 (I,) over the training inputs, and the orders of the data set that it has, for data.npz."""
    train = dataset.splits["train"]
    # From the whole of it, because files may be sorted by class.
    sample = dataset.inputs_NI[train[:: max(1, len(train) // SAMPLE)]]
    blocks = [sample[:, i : i + BLOCK].var(0, dtype=np.float64) for i in range(0, sample.shape[1], BLOCK)]
    arrays = {"variance_I": np.concatenate(blocks).astype(np.float32)}
    orders = {"permutation_I": dataset.permutation_I, "label_order_I": dataset.label_order_I}
    return arrays | {name: order_I for name, order_I in orders.items() if order_I is not None}


def draw_examples(dataset: Dataset, seed: int) -> ShownExamples:
    """Three training examples drawn by `seed`: of classes drawn by it too, or of small, middle and large targets."""
    rng = generator(seed, "data", "shown")
    train_T = dataset.splits["train"]
    labels_T = dataset.labels_N[train_T]
    if dataset.classes is None:
        parts = [part for part in np.array_split(np.argsort(labels_T, kind="stable"), SHOWN) if len(part)]
        places = [int(rng.choice(part)) for part in parts]
    else:
        # Each class anew once all have been taken, which only a few classes make necessary.
        drawn = [rng.permutation(np.flatnonzero(labels_T == c))[:SHOWN] for c in _drawn_classes(labels_T, rng)]
        places = [int(members[k]) for k in range(SHOWN) for members in drawn if k < len(members)][:SHOWN]
        places.sort(key=lambda place: labels_T[place])
    rows_E = train_T[places]
    labels_E = dataset.labels_N[rows_E] if dataset.classes is not None else _own_targets(dataset)[rows_E]
    return ShownExamples(rows_E=rows_E, labels_E=labels_E, inputs_EI=_own_inputs(dataset, rows_E))


def _drawn_classes(labels_T: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    drawn: np.ndarray = rng.permutation(np.unique(labels_T))[:SHOWN]
    return drawn


def _own_inputs(dataset: Dataset, rows_E: np.ndarray) -> np.ndarray:
    """Inputs of some examples as `ShownExamples.inputs_EI` has them."""
    reading = dataset.reading
    inputs_EI: np.ndarray = dataset.inputs_NI[rows_E]
    if inputs_EI.dtype == np.uint8:
        return inputs_EI
    values_EI = inputs_EI.astype(np.float64)
    if dataset.scrambled or reading is None or reading.factor_I is None or reading.taken_off_I is None:
        return _restored(values_EI, np.float64(0))
    order = slice(None) if dataset.permutation_I is None else dataset.permutation_I
    return _restored(values_EI / reading.factor_I[order], reading.taken_off_I[order])


def _restored(differences: np.ndarray, taken_off: np.ndarray | np.float64) -> np.ndarray:
    """What differences from `taken_off` were of, without the digits that single precision left to chance."""
    values: np.ndarray = differences + taken_off
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        size = np.abs(np.where(differences == 0, values, differences))
        unit = 10.0 ** (DIGITS - np.where(size > 0, np.floor(np.log10(size)), 0))
        rounded = np.rint(values * unit) / unit
    # What is added makes the 0 that rounding left below it one of no sign.
    kept: np.ndarray = np.where(np.isfinite(rounded), rounded, values) + 0.0
    return kept
