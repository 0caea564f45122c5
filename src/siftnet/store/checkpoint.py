"""The round under way as the bytes of one file: its state and history, of what is pruned the survivors alone."""

from __future__ import annotations

import json
from operator import index
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from siftnet.config.fields import RefusedError
from siftnet.host.torch_state import own_torch
from siftnet.network.masks import Masks, pack
from siftnet.network.state import State
from siftnet.pruning.evaluation import Record
from siftnet.pruning.training import History, Progress
from siftnet.store.tensors import NO_MASKS, flatten, join_owners, part_owners, read_tensors, unflatten, unpack_mask
from siftnet.store.typed import MISFITS, typed
from siftnet.wording import named

# 2: survivors alone. 1, of siftnet 0.1.0, held whole tensors and did not say its number.
CHECKPOINT_FORMAT = 2


@own_torch()
def pack_checkpoint(number: int, masks: Masks, progress: Progress) -> bytes:
    """The progress of a round that began under `masks`."""
    history = progress.history
    states = {"state": progress.state} | ({"best": history.best} if history.best else {})
    states |= {str(step): state for step, state in history.snapshots.items()}
    # Where training changes masks, past states had others, and buffers may hold what no mask keeps.
    kept = masks if progress.masks is None else NO_MASKS
    owned = {owner: flatten(state, kept) for owner, state in states.items()}
    for owner, changed in (("masks", progress.masks), ("best_masks", history.best_masks)):
        if changed is not None:
            owned[owner] = {name: pack(mask) for name, mask in changed.items()}
    # Stored tensors may share memory (a snapshot that is also the best); a file holds each once by name.
    packed = {key: tensor.clone() for key, tensor in join_owners(owned).items()}
    facts = {
        "format": CHECKPOINT_FORMAT,
        "round": number,
        "step": progress.state.step,
        "best_step": history.best.step if history.best else None,
        "records": [record.to_dict() for record in history.records],
        "pending": history.pending,
        "seconds": history.seconds,
    }
    return save(packed, {"facts": json.dumps(facts)})


@own_torch()
def unpack_checkpoint(path: Path, number: int, masks: Masks) -> Progress | None:
    """The inverse of `pack_checkpoint`; None where the file is of another round.

    Raises ValueError where it is damaged or another format of siftnet wrote it.
    """
    tensors, metadata = read_tensors(path)
    try:
        facts = json.loads(metadata["facts"])
        begun, found = index(facts["round"]), index(facts.get("format", 1))
    except MISFITS as error:
        raise _damaged(path, error) from None
    if begun != number:
        return None
    if found != CHECKPOINT_FORMAT:
        age = "an older" if found < CHECKPOINT_FORMAT else "a newer"
        raise ValueError(f"{path.parent} was written by {age} siftnet: remove it, and the round begins anew")
    try:
        return _progress(tensors, facts, masks, path)
    except RefusedError:
        raise
    except MISFITS as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path} is not what siftnet stores ({named(repr(error), 200)}): "
        f"remove {path.parent}, and the round begins anew"
    )


def _progress(tensors: dict[str, Tensor], facts: dict[str, Any], masks: Masks, path: Path) -> Progress:
    parts = part_owners(tensors)
    own, best_masks = (_unpack_masks(parts.pop(owner, None), masks) for owner in ("masks", "best_masks"))
    kept = masks if own is None else NO_MASKS

    def state_of(owner: str, step: int) -> State:
        return unflatten(parts[owner], step, kept, path)

    history = History(
        records=[typed(Record.from_dict(r)) for r in facts["records"]],
        best_masks=best_masks,
        pending=[float(loss) for loss in facts["pending"]],
        seconds=float(facts["seconds"]),
    )
    if "best" in parts:
        history.best = state_of("best", index(facts["best_step"]))
    history.snapshots = {int(owner): state_of(owner, 0) for owner in parts if owner not in ("state", "best")}
    return Progress(state_of("state", index(facts["step"])), history, own)


def _unpack_masks(bits: dict[str, Tensor] | None, like: Masks) -> Masks | None:
    """Masks in the order and the shapes of others: a file sorts its tensors by name."""
    if bits is None:
        return None
    return Masks({name: unpack_mask(bits[name], tuple(mask.shape)) for name, mask in like.items()})
