"""How activations are kept: [block][feature][128 examples], as float32 or as pairs of bf16.

A batch of B examples is cut into S = ceil(B / 128) blocks; the last is filled up with columns that are exactly 0. One
thread takes a block through a product, so what it reads again stays in its own cache, and the values of one feature,
which a weight multiplies together, lie next to each other:

    float32, (S, F, 128)      column c at position c

    paired bf16, uint32 (S, F, 64), word 16 k + l with k = 0..3 and l = 0..15:

        bit  31 ............ 16 15 ............. 0
            | column 32k+16+l  |   column 32k+l   |
            '------------------'------------------'

Sixteen words are one 64-byte load. Shifted left by 16 they are columns 32k..32k+15 as float32, with their lower halves
cleared they are columns 32k+16..32k+31: two instructions make 32 values of 64 bytes, and half the traffic feeds a
product. bf16 is the upper half of a float32, rounded to the nearest, ties to even.

F may be more than there are features: the further rows are 0.
"""

# S blocks, F features, B batch, C columns of a block (128)

from __future__ import annotations

import contextlib
import mmap
from typing import Any, Literal

import numpy as np
from llvmlite import ir
from numba import types

from siftnet.host.compiling import njit
from siftnet.kernels.blocks.vectors import (
    FLOATS,
    HALF_A_WORD,
    LANES,
    UPPER_HALVES,
    WORD,
    WORDS,
    Lanes,
    data,
    expand,
    intrinsic,
    load,
    long,
    splat,
    store,
)

WIDTH = 128
"""Examples in a block."""
PANEL = 32
"""Rows and columns of a dense product: features of activations are filled up to a multiple of it."""
Storage = Literal["float32", "paired"]
"""float32, or two bf16 in a uint32."""
DTYPES: dict[Storage, type[np.generic]] = {"float32": np.float32, "paired": np.uint32}
COLUMNS = [ir.Constant(WORDS, list(range(start, start + LANES))) for start in range(0, WIDTH, LANES)]
DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
LINE, HUGE = 64, 1 << 21
"""Bytes of a cache line, and of a huge page."""
NAN_BITS = np.uint32(0x7FC00000)


def blocks_of(examples: int) -> int:
    """Number of blocks that hold so many examples."""
    return -(-examples // WIDTH)


def block_counts(examples: int, blocks: int | None = None) -> np.ndarray:
    """Examples in each of S blocks, of as many as needed unless `blocks` says how many: int64 (S,)."""
    return np.clip(examples - WIDTH * np.arange(blocks or blocks_of(examples)), 0, WIDTH)


def padded(features: int) -> int:
    """Rows of whole panels, at least one, that hold so many features."""
    return max(1, -(-features // PANEL)) * PANEL


def places(index: np.ndarray, count: int) -> np.ndarray:
    """Where each of `count` things stands in `index`, -1 for those that do not: int64 (count,)."""
    place = np.full(count, -1, np.int64)
    place[index] = np.arange(len(index))
    return place


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros in huge pages where the system has them: products jump between features, and small pages make them slower,
    by another share in every process (docs/LOG.md)."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room, boundary = np.zeros(size + LINE, np.uint8), LINE
    if size >= HUGE // 2 and hasattr(mmap, "MADV_HUGEPAGE"):
        pages, boundary = mmap.mmap(-1, size + HUGE), HUGE
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
        room = np.frombuffer(pages, np.uint8)
    start = -room.ctypes.data % boundary
    found: np.ndarray = room[start : start + size].view(dtype).reshape(shape)
    return found


def allocate(examples: int, features: int, storage: Storage, multiple: int = 1) -> np.ndarray:
    """Zeros for so many examples and features, on 64-byte boundaries; features rounded up to a multiple."""
    rows = -(-features // multiple) * multiple
    return zeros((blocks_of(examples), rows, WIDTH if storage == "float32" else WIDTH // 2), DTYPES[storage])


def round_bf16(x: np.ndarray) -> np.ndarray:
    """float32 values rounded to the nearest bf16, ties to even, as float32; NaN stays NaN."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32)
    return np.where(np.isnan(x), NAN_BITS, rounded).view(np.float32)


def to_blocks(x_BF: np.ndarray, storage: Storage, multiple: int = 1) -> np.ndarray:
    """x_BF (B, F) in blocks, rounded to bf16 if paired, F filled up to a multiple with zeros."""
    examples, features = x_BF.shape
    blocks_SFC = allocate(examples, features, "float32", multiple)
    for s, part_CF in enumerate(np.split(x_BF, range(WIDTH, examples, WIDTH))):
        blocks_SFC[s, :features, : len(part_CF)] = part_CF.T
    if storage == "float32":
        return blocks_SFC
    bits = round_bf16(blocks_SFC).view(np.uint32).reshape(*blocks_SFC.shape[:2], 4, 2, LANES)
    paired = allocate(examples, features, storage, multiple)
    paired[:] = ((bits[..., 0, :] >> 16) | bits[..., 1, :]).reshape(paired.shape)
    return paired


def from_blocks(blocks: np.ndarray, examples: int, features: int | None = None) -> np.ndarray:
    """float32 (B, F) of either storage, without what it was filled up with."""
    blocks_SFC = blocks
    if blocks.dtype == np.uint32:
        words = blocks.reshape(*blocks.shape[:2], 4, 1, LANES)
        halves = np.concatenate([words << np.uint32(16), words & np.uint32(0xFFFF0000)], axis=3)
        blocks_SFC = halves.view(np.float32).reshape(*blocks.shape[:2], WIDTH)
    x_BF = blocks_SFC.transpose(0, 2, 1).reshape(-1, blocks.shape[1])
    return np.ascontiguousarray(x_BF[:examples, :features])


@njit(cache=True, error_model="numpy")
def rounded(x):  # type: ignore[no-untyped-def]  # compiled
    """A float32 rounded to the nearest bf16, ties to even."""
    # Numba widens sums of uint32 to 64 bits, which keeps loops from becoming vectors: cut after every step.
    bits = np.float32(x).view(np.uint32)
    odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
    bits = np.uint32(np.uint32(np.uint32(bits + np.uint32(0x7FFF)) + odd) & np.uint32(0xFFFF0000))
    return bits.view(np.float32) if x == x else np.float32(x)


def _constant(value: int) -> ir.Constant:
    return ir.Constant(WORDS, [value] * LANES)


def round_vector(builder: Any, vector: Any) -> Any:
    """Sixteen float32 rounded to bf16: words with the result in their upper halves, the lower halves 0."""
    bits = builder.bitcast(vector, WORDS)
    odd = builder.and_(builder.lshr(bits, HALF_A_WORD), _constant(1))
    bits = builder.and_(builder.add(builder.add(bits, _constant(0x7FFF)), odd), UPPER_HALVES)
    # Without this the largest payloads of NaN would wrap around to 0, and a broken network look sound.
    return builder.select(builder.fcmp_unordered("uno", vector, vector), _constant(int(NAN_BITS)), bits)


def load_feature(builder: Any, pointer: Any, *, paired: bool) -> list[Any]:
    """The 128 values of one feature, of either storage, as eight vectors of float32."""
    if not paired:
        return [load(builder, pointer, long(LANES * j)) for j in range(WIDTH // LANES)]
    words = [load(builder, pointer, long(LANES * j), WORDS) for j in range(WIDTH // LANES // 2)]
    return [half for word in words for half in expand(builder, word)]


def store_feature(builder: Any, parts: list[Any], pointer: Any, *, paired: bool) -> list[Any]:
    """Store eight vectors of float32 as one feature in either storage; returns them as they were stored."""
    if not paired:
        for j, part in enumerate(parts):
            store(builder, part, pointer, long(LANES * j))
        return parts
    halves = [round_vector(builder, part) for part in parts]
    for k, (lower, upper) in enumerate(zip(halves[::2], halves[1::2], strict=True)):
        store(builder, builder.or_(builder.lshr(lower, HALF_A_WORD), upper), pointer, long(LANES * k))
    return [builder.bitcast(half, FLOATS) for half in halves]


def only_examples(builder: Any, row: list[Lanes], count: Any) -> list[Lanes]:
    """A feature with 0 in the columns that are no examples, of float32 or float64."""
    none = Lanes(builder, ir.Constant(row[0].value.type, [0.0] * LANES))
    last = splat(builder, builder.trunc(count, WORD))
    return [part.where(builder.icmp_signed("<", column, last), none) for part, column in zip(row, COLUMNS, strict=True)]


def sum_of(row: list[Lanes]) -> Any:
    """Sum over a feature, in a fixed tree."""
    while len(row) > 1:
        row = [a + b for a, b in zip(row[::2], row[1::2], strict=True)]
    return row[0].total()


def moments_of(builder: Any, row: list[Lanes], count: Any) -> tuple[Any, Any]:
    """Sum, and sum of squared deviations from the mean, of a feature whose columns beyond `count` are 0."""
    total = sum_of(row)
    mean = Lanes.of(builder, builder.fdiv(total, builder.sitofp(count, total.type)))
    away = only_examples(builder, [part - mean for part in row], count)
    return total, sum_of([part * part for part in away])


@intrinsic
def row_moments(typing: Any, row: Any, count: Any) -> Any:
    """`moments_of` the first `count` of a row, float32 (128,), in float64.

    In an order of its own: what a compiler reorders came out otherwise from Numba's cache than freshly compiled.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = load_feature(builder, data(context, builder, signature, args, 0), paired=False)
        wide = [Lanes(builder, builder.fpext(part, DOUBLES)) for part in parts]
        moments = moments_of(builder, only_examples(builder, wide, args[1]), args[1])
        return context.make_tuple(builder, signature.return_type, moments)

    return types.UniTuple(types.float64, 2)(row, types.intp), generate


@intrinsic
def store_row(typing: Any, row: Any, target: Any) -> Any:
    """Store row, float32 (128,), in one feature of either storage; row is left holding what was stored."""
    paired = target.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, place = (data(context, builder, signature, args, i) for i in (0, 1))
        parts = load_feature(builder, source, paired=False)
        stored = store_feature(builder, parts, place, paired=paired)
        for j, part in enumerate(stored if paired else []):
            store(builder, part, source, long(LANES * j))
        return context.get_dummy_value()

    return types.void(row, target), generate
