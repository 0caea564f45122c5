"""The files of a finished round, by name, as bytes with the digests that round.json gives of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from siftnet.network.masks import Masks
from siftnet.network.state import State
from siftnet.pruning.training import History
from siftnet.store.atomic import to_json
from siftnet.store.summary import RoundSummary
from siftnet.store.tensors import pack_masks, pack_state


@dataclass(frozen=True)
class RoundFiles:
    """What a round leaves behind."""

    masks: Masks
    weights: State
    """After the last update."""
    history: History
    scored: State | None = None
    """The weights that the next masks are ranked by, where they are not `weights`."""
    begin_masks: Masks | None = None
    """Those that the round began with, where training may have changed them to `masks`."""

    def pack(self, summary: RoundSummary) -> dict[str, bytes]:
        """The bytes of each file; round.json holds `summary` and the sha256 of all others."""
        tensors = {"masks": pack_masks(self.masks), "weights": pack_state(self.weights, self.masks)}
        if self.begin_masks is not None:
            tensors["begin_masks"] = pack_masks(self.begin_masks)
        if self.history.best is not None:
            own = self.history.best_masks
            tensors["best"] = pack_state(self.history.best, own or self.masks)
            if own is not None:
                tensors["best_masks"] = pack_masks(own)
        if self.scored is not None:
            tensors["scored"] = pack_state(self.scored.weights_only(), self.masks)
        content = {f"{name}.safetensors": data for name, data in tensors.items()}
        content["history.json"] = to_json([record.to_dict() for record in self.history.records])
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
        return content | {"round.json": to_json(replace(summary, files=digests).to_dict())}
