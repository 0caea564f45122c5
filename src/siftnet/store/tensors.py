"""Masks and states as the bytes of a safetensors file: masks as bits, of what is pruned the survivors alone."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from siftnet.network.masks import Masks, pack, unpack
from siftnet.network.state import State


def pack_masks(masks: Masks) -> bytes:
    """Masks as bits, with their shapes."""
    # One text, because the format sorts its tensors by name and the masks' order says what is ranked first.
    shapes = json.dumps({name: list(mask.shape) for name, mask in masks.items()})
    return save({name: pack(mask) for name, mask in masks.items()}, {"shapes": shapes})


def unpack_masks(path: Path) -> Masks:
    """The inverse of `pack_masks`. Raises ValueError where the file is missing or damaged."""
    tensors, metadata = read_tensors(path)
    shapes = json.loads(metadata["shapes"])
    return Masks({name: unpack(tensors[name], tuple(shape)) for name, shape in shapes.items()})


def pack_state(state: State, masks: Masks) -> bytes:
    """Survivors in mask order for what is pruned, whole tensors for the rest; optimiser buffers are left out."""
    tensors = State(state.parameters, state.statistics).tensors()
    return save({key: survivors(key, value, masks) for key, value in tensors}, {"step": str(state.step)})


def unpack_state(path: Path, masks: Masks) -> State:
    """The inverse of `pack_state`. Raises ValueError where the file is missing, damaged or not of these masks."""
    tensors, metadata = read_tensors(path)
    dense = {key: dense_again(key, value, masks, path) for key, value in tensors.items()}
    return State.from_tensors(dense, int(metadata["step"]))


def _mask_of(key: str, value: Tensor, masks: Masks) -> Tensor | None:
    """The mask of 'parameters/NAME' or 'optimiser/KIND.NAME', after 'OWNER|' or nothing; None where there is none.

    AdamW's step is one number for all entries and has none.
    """
    part, name = key.rsplit("|", 1)[-1].split("/", 1)
    if part == "optimiser":
        name = name.split(".", 1)[1]
    return masks[name] if part != "statistics" and value.ndim and name in masks else None


def survivors(key: str, value: Tensor, masks: Masks) -> Tensor:
    """The survivors of a tensor in mask order, or all of a tensor that has no mask."""
    mask = _mask_of(key, value, masks)
    return (value if mask is None else value[mask]).contiguous()


def dense_again(key: str, value: Tensor, masks: Masks, path: Path) -> Tensor:
    """The inverse of `survivors`, with zeros where pruned; path: the file named by the ValueError of a misfit."""
    mask = _mask_of(key, value, masks)
    if mask is None:
        return value
    kept = int(mask.sum())
    if value.shape != (kept,):
        raise ValueError(f"{path} has {value.numel()} values of {key.split('/', 1)[1]}, whose mask keeps {kept}")
    dense = torch.zeros(mask.shape, dtype=value.dtype)
    dense[mask] = value
    return dense


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file. Raises ValueError where it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as stored:
            return {key: stored.get_tensor(key) for key in stored.keys()}, stored.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        raise ValueError(
            f"{path} is missing: restore it from a copy, or remove that round and all later ones"
        ) from None
    except SafetensorError as error:
        raise ValueError(
            f"{path} is damaged ({error}): restore it from a copy, or remove that round and all later ones"
        ) from None


def pack_dense(state: State) -> bytes:
    """Every tensor as a whole, without a mask: for the rewind point."""
    return save(dict(state.tensors()))


def unpack_dense(path: Path) -> State:
    """The inverse of `pack_dense`, at step 0. Raises ValueError where the file is missing or damaged."""
    return State.from_tensors(read_tensors(path)[0], 0)
