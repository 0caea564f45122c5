"""The round under way as the bytes of one file: its state and history, of what is pruned the survivors alone."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from siftnet.network.masks import Masks, pack, unpack
from siftnet.network.state import State
from siftnet.pruning.evaluation import Record
from siftnet.pruning.training import History, Progress
from siftnet.store.tensors import dense_again, read_tensors, survivors

# 2: survivors alone. 1, of siftnet 0.1.0, held whole tensors and did not say its number.
CHECKPOINT_FORMAT = 2


def pack_checkpoint(number: int, masks: Masks, progress: Progress) -> bytes:
    """The progress of a round that began under `masks`."""
    history = progress.history
    tensors = {f"state|{k}": t for k, t in progress.state.tensors()}
    if history.best is not None:
        tensors |= {f"best|{k}": t for k, t in history.best.tensors()}
    for step, state in history.snapshots.items():
        tensors |= {f"{step}|{k}": t for k, t in state.tensors()}
    # Stored tensors may share memory (a snapshot that is also the best); a file holds each once by name.
    own = progress.masks
    packed = {key: survivors(key, tensor, _masks_of(key, masks, own)).clone() for key, tensor in tensors.items()}
    changed = {} if own is None else {name: pack(mask) for name, mask in own.items()}
    facts = {
        "format": CHECKPOINT_FORMAT,
        "round": number,
        "step": progress.state.step,
        "best_step": history.best.step if history.best else None,
        "records": [record.to_dict() for record in history.records],
        "pending": history.pending,
        "seconds": history.seconds,
    }
    return save(packed | {f"masks|{name}": bits for name, bits in changed.items()}, {"facts": json.dumps(facts)})


def unpack_checkpoint(path: Path, number: int, masks: Masks) -> Progress | None:
    """The inverse of `pack_checkpoint`; None where the file is of another round.

    Raises ValueError where it is damaged or another format of siftnet wrote it.
    """
    tensors, metadata = read_tensors(path)
    facts = json.loads(metadata["facts"])
    if facts["round"] != number:
        return None
    found = facts.get("format", 1)
    if found != CHECKPOINT_FORMAT:
        age = "an older" if found < CHECKPOINT_FORMAT else "a newer"
        raise ValueError(f"{path.parent} was written by {age} siftnet: remove it, and the round begins anew")
    changed = {key.split("|", 1)[1]: tensors.pop(key) for key in list(tensors) if key.startswith("masks|")}
    own = Masks({name: unpack(bits, tuple(masks[name].shape)) for name, bits in changed.items()}) if changed else None
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        owner, name = key.split("|", 1)
        parts.setdefault(owner, {})[name] = dense_again(name, tensor, _masks_of(key, masks, own), path)
    history = History(
        records=[Record.from_dict(r) for r in facts["records"]], pending=facts["pending"], seconds=facts["seconds"]
    )
    state = State.from_tensors(parts.pop("state"), facts["step"])
    if "best" in parts:
        history.best = State.from_tensors(parts.pop("best"), facts["best_step"])
    history.snapshots = {int(step): State.from_tensors(part, 0) for step, part in parts.items()}
    return Progress(state, history, own)


def _masks_of(key: str, begin: Masks, changed: Masks | None) -> Masks:
    """The masks whose survivors are stored of 'OWNER|...': where training changes masks, past states had others."""
    if changed is None:
        return begin
    return changed if key.startswith("state|") else Masks({})
