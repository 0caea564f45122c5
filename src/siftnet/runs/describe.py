"""What a run writes down about its data before training, and about each round after it."""

from __future__ import annotations

import numpy as np

from siftnet.config.fields import DataConfig
from siftnet.data.dataset import Dataset
from siftnet.data.spread import score_notes
from siftnet.network.effective import effective_masks
from siftnet.network.layers import Network
from siftnet.network.masks import Masks
from siftnet.pruning.imp import Round, connected_share
from siftnet.store.summary import DataSummary, LayerSummary, RoundSummary

# Training examples at least behind the inputs' variance, and inputs whose variance is computed at a time.
SAMPLE, BLOCK = 10_000, 1024


def describe_data(dataset: Dataset, config: DataConfig, *, augmented_before: bool = False) -> DataSummary:
    """Name, geometry, classes and sizes of a data set.

    augmented_before: whether the run whose masks are taken was told about geometry, which is in those masks.
    """
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
    )


def describe_inputs(dataset: Dataset) -> dict[str, np.ndarray]:
    """variance_I float32 (I,) over the training inputs, and permutation_I where they were permuted, for data.npz."""
    train = dataset.splits["train"]
    # From the whole of it, because files may be sorted by class.
    sample = dataset.inputs_NI[train[:: max(1, len(train) // SAMPLE)]]
    blocks = [sample[:, i : i + BLOCK].var(0, dtype=np.float64) for i in range(0, sample.shape[1], BLOCK)]
    arrays = {"variance_I": np.concatenate(blocks).astype(np.float32)}
    if dataset.permutation_I is not None:
        arrays["permutation_I"] = dataset.permutation_I
    return arrays


def summarise(finished: Round, network: Network) -> RoundSummary:
    """The numbers of a round."""
    history, masks = finished.history, finished.masks
    effective = effective_masks(network, masks)
    return RoundSummary(
        round=finished.number,
        density=masks.density,
        density_effective=effective.density,
        survivors=masks.survivors,
        entries=masks.entries,
        layers={
            name: LayerSummary(
                density=Masks({n: masks[n] for n in names}).density,
                density_effective=Masks({n: effective[n] for n in names}).density,
                connected=connected_share(masks, names[0]),
            )
            for name, names in network.prunable.items()
        },
        metric="accuracy" if network.loss == "cross_entropy" else "r2",
        best=history.best_record,
        last=history.records[-1] if history.records else None,
        test_best=history.test_best,
        test_last=history.test_last,
        seconds=round(history.seconds, 3),
        kernel=history.kernel,
        diverged_at=history.diverged_at,
        begin_sha256=finished.begin.content_hash(),
        stop=finished.stop,
        mask_change=finished.mask_change,
    )
