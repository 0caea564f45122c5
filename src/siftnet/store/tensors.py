"""Masks and states as the bytes of a safetensors file: masks as bits, of what is pruned the survivors alone.

The one place that makes and reads the names of tensors in files.
"""

from __future__ import annotations

import json
import re
from math import prod
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from siftnet.config.fields import RefusedError
from siftnet.host.torch_state import own_torch
from siftnet.network.masks import Masks, pack, unpack
from siftnet.network.state import Buffers, State
from siftnet.store.atomic import regular
from siftnet.store.typed import MISFITS
from siftnet.wording import named

NO_MASKS = Masks({})
FLOATS = (torch.float32, torch.float64, torch.float16)


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
        return Masks({name: unpack_mask(tensors[name], tuple(shape)) for name, shape in shapes.items()})
    except MISFITS as error:
        raise ValueError(f"{path} does not hold masks ({named(repr(error), 200)}): restore it from a copy") from None


def unpack_mask(bits: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A mask of that shape. Raises ValueError where the bits are of another one."""
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"a mask's shape is {shape}")
    if bits.dtype != torch.uint8 or bits.shape != (-(-prod(shape) // 8),):
        raise ValueError(f"a mask of shape {shape} is stored as {bits.dtype} {tuple(bits.shape)}")
    return unpack(bits, shape)


@own_torch()
def pack_state(state: State, masks: Masks) -> bytes:
    """Survivors in mask order for what is pruned, whole tensors for the rest; optimiser buffers are left out."""
    return save(flatten(State(state.parameters, state.statistics), masks), {"step": str(state.step)})


@own_torch()
def unpack_state(path: Path, masks: Masks) -> State:
    """The inverse of `pack_state`. Raises ValueError where the file is missing, damaged or not of these masks."""
    tensors, metadata = read_tensors(path)
    step = metadata.get("step", "")
    if not re.fullmatch("[0-9]{1,18}", step):
        raise ValueError(f"{path} does not say after which step it was stored: restore it from a copy")
    return unflatten(tensors, int(step), masks, path)


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
        # No kind of buffer has a dot in its name; names of parameters have.
        found = re.fullmatch(r"(parameters|statistics)/(.+)|optimiser/([^.]+)\.(.+)", key)
        if found is None or value.dtype not in FLOATS:
            raise RefusedError(
                f"{path} holds {named(key)} of type {value.dtype}, which is no state's: restore it from a copy"
            )
        part, name = (found[1], found[2]) if found[1] else ("optimiser", found[4])
        own = {"parameters": parameters, "statistics": statistics}.get(part)
        own = buffers.setdefault(found[3], {}) if own is None else own
        mask = _mask_of(part, name, value, masks)
        if mask is not None and value.shape != (kept := int(mask.sum()),):
            raise RefusedError(f"{path} has {value.numel()} values of {named(name)}, whose mask keeps {kept}")
        own[name] = value if mask is None else _with_zeros(value, mask)
    for name in [name for name in masks if name not in parameters][:1]:
        raise RefusedError(f"{path} has no {named(name)}, which the round's masks are of: restore it from a copy")
    return State(parameters, statistics, buffers, step)


def _mask_of(part: str, name: str, value: Tensor, masks: Masks) -> Tensor | None:
    """The mask of a tensor; None where it has none, as AdamW's step, one number for all entries."""
    return masks[name] if part != "statistics" and value.ndim and name in masks else None


def _with_zeros(survivors: Tensor, mask: Tensor) -> Tensor:
    dense = torch.zeros(mask.shape, dtype=survivors.dtype)
    dense[mask] = survivors
    return dense


def rewind_of(masks: Masks, state: State | None, path: Path) -> State:
    """The rewind point that was read from `path`; raises ValueError unless it is there, finite, of these masks."""
    if state is None:
        raise RefusedError(f"{path} is missing, which every round goes back to: restore it from a copy")
    for name, mask in masks.items():
        value = state.parameters.get(name)
        if value is None or value.shape != mask.shape:
            has = "no" if value is None else f"{tuple(value.shape)} of"
            raise RefusedError(
                f"{path} has {has} {named(name)}, whose mask is of {tuple(mask.shape)}: restore it from a copy"
            )
    return finite(state, path)


def finite(state: State, path: Path) -> State:
    """The state that was read from `path`; raises ValueError for parameters that are NaN or infinite."""
    for name, value in state.parameters.items():
        if not value.isfinite().all():
            raise RefusedError(f"{path} has values of {named(name)} that are not finite: restore it from a copy")
    return state


def join_owners(owned: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of several states in one file: 'OWNER|' before their names."""
    return {f"{owner}|{key}": value for owner, tensors in owned.items() for key, value in tensors.items()}


def part_owners(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The inverse of `join_owners`."""
    owned: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        owner, _, name = key.partition("|")
        owned.setdefault(owner, {})[name] = value
    return owned


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file. Raises ValueError where it is missing or damaged."""
    try:
        with regular(path).open("rb") as handle:
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
            f"{path} is damaged ({named(str(error), 200)}): "
            "restore it from a copy, or remove that round and all later ones"
        ) from None


@own_torch()
def pack_dense(state: State) -> bytes:
    """Every tensor as a whole, without a mask: for the rewind point."""
    return save(flatten(state))


@own_torch()
def unpack_dense(path: Path) -> State:
    """The inverse of `pack_dense`, at step 0. Raises ValueError where the file is missing or damaged."""
    return unflatten(read_tensors(path)[0], 0, path=path)
