"""Masks and states as the bytes of a safetensors file: masks as bits, of what is pruned the survivors alone.

The one place that makes and reads the names of tensors in files.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from siftnet.host.torch_state import own_torch
from siftnet.network.masks import Masks, pack, unpack
from siftnet.network.state import Buffers, State

NO_MASKS = Masks({})


@own_torch()
def pack_masks(masks: Masks) -> bytes:
    """Masks as bits, with their shapes."""
    # One text, because the format sorts its tensors by name and the masks' order says what is ranked first.
    shapes = json.dumps({name: list(mask.shape) for name, mask in masks.items()})
    return save({name: pack(mask) for name, mask in masks.items()}, {"shapes": shapes})


@own_torch()
def unpack_masks(path: Path) -> Masks:
    """The inverse of `pack_masks`. Raises ValueError where the file is missing or damaged."""
    tensors, metadata = read_tensors(path)
    try:
        shapes = json.loads(metadata["shapes"])
        return Masks({name: unpack(tensors[name], tuple(shape)) for name, shape in shapes.items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not hold masks ({error!r}): restore it from a copy") from None


@own_torch()
def pack_state(state: State, masks: Masks) -> bytes:
    """Survivors in mask order for what is pruned, whole tensors for the rest; optimiser buffers are left out."""
    return save(flatten(State(state.parameters, state.statistics), masks), {"step": str(state.step)})


@own_torch()
def unpack_state(path: Path, masks: Masks) -> State:
    """The inverse of `pack_state`. Raises ValueError where the file is missing, damaged or not of these masks."""
    tensors, metadata = read_tensors(path)
    return unflatten(tensors, int(metadata["step"]), masks, path)


def flatten(state: State, masks: Masks = NO_MASKS) -> dict[str, Tensor]:
    """A state's tensors by their names in a file: 'parameters/NAME', 'statistics/NAME' and 'optimiser/KIND.NAME'.

    Of what has a mask the survivors in mask order.
    """
    return {
        f"{part}/{'.'.join(names)}": (value if mask is None else value[mask]).contiguous()
        for (part, *names), value in state.tensors()
        for mask in [_mask_of(part, names[-1], value, masks)]
    }


def unflatten(tensors: dict[str, Tensor], step: int, masks: Masks = NO_MASKS, path: Path = Path()) -> State:
    """The inverse of `flatten`, with zeros where pruned; path: the file named by the ValueError of a misfit."""
    parameters: dict[str, Tensor] = {}
    statistics: dict[str, Tensor] = {}
    buffers: Buffers = {}
    for key, value in tensors.items():
        part, name = key.split("/", 1)
        if part == "optimiser":
            # No kind of buffer has a dot in its name; names of parameters have.
            kind, name = name.split(".", 1)
            own = buffers.setdefault(kind, {})
        else:
            own = parameters if part == "parameters" else statistics
        mask = _mask_of(part, name, value, masks)
        if mask is not None and value.shape != (kept := int(mask.sum()),):
            raise ValueError(f"{path} has {value.numel()} values of {key.split('/', 1)[1]}, whose mask keeps {kept}")
        own[name] = value if mask is None else _with_zeros(value, mask)
    return State(parameters, statistics, buffers, step)


def _mask_of(part: str, name: str, value: Tensor, masks: Masks) -> Tensor | None:
    """The mask of a tensor; None where it has none, as AdamW's step, one number for all entries."""
    return masks[name] if part != "statistics" and value.ndim and name in masks else None


def _with_zeros(survivors: Tensor, mask: Tensor) -> Tensor:
    dense = torch.zeros(mask.shape, dtype=survivors.dtype)
    dense[mask] = survivors
    return dense


def join_owners(owned: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of several states in one file: 'OWNER|' before their names."""
    return {f"{owner}|{key}": value for owner, tensors in owned.items() for key, value in tensors.items()}


def part_owners(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The inverse of `join_owners`."""
    owned: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        owner, name = key.split("|", 1)
        owned.setdefault(owner, {})[name] = value
    return owned


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file. Raises ValueError where it is missing or damaged."""
    try:
        with path.open("rb") as handle:
            # The library opens names in UTF-8 alone; any other is opened through its handle.
            name = str(path) if str(path).isprintable() else f"/dev/fd/{handle.fileno()}"
            with safe_open(name, framework="pt") as stored:
                return {key: stored.get_tensor(key) for key in stored.keys()}, stored.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        raise ValueError(
            f"{path} is missing: restore it from a copy, or remove that round and all later ones"
        ) from None
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is damaged ({error}): restore it from a copy, or remove that round and all later ones"
        ) from None


@own_torch()
def pack_dense(state: State) -> bytes:
    """Every tensor as a whole, without a mask: for the rewind point."""
    return save(flatten(state))


@own_torch()
def unpack_dense(path: Path) -> State:
    """The inverse of `pack_dense`, at step 0. Raises ValueError where the file is missing or damaged."""
    return unflatten(read_tensors(path)[0], 0)
