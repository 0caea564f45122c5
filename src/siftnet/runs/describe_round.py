"""What a run writes down about each round."""

from __future__ import annotations

from siftnet.network.effective import effective_masks
from siftnet.network.layers import Network
from siftnet.network.masks import Masks
from siftnet.pruning.imp import Round, connected_share
from siftnet.store.summary import LayerSummary, RoundSummary


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
