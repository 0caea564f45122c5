"""What dense products read: weights with batch norm folded in, in tiles, and activations in words along features.

A product of pairs of bf16 adds up two features, or two inputs, a word. Activations have pairs of examples (layout.py),
so they are packed anew for it; the weight gradient adds up examples, and takes them as they are.

    activations, stored           packed for a product       folded weights, 16 rows by 16 words a tile

    feature 0  | c16 c0 | ...     | f1 f0 | f1 f0 | ...      row 0   | i1 i0 | i3 i2 | ...
    feature 1  | c16 c0 | ...        c0      c1              row 1   | i1 i0 | i3 i2 | ...

(upper half, lower half of a word). float32 needs no packing: a word is one number, and the tiles are the same.
"""

# S blocks, F features, O outputs, I inputs, padded to 32; a word is a float32 or a pair of bf16

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import overload

from siftnet.host.compiling import njit
from siftnet.kernels.blocks.layout import PANEL, WIDTH, round_vector
from siftnet.kernels.blocks.vectors import (
    HALF_A_WORD,
    LANES,
    LONG,
    UPPER_HALVES,
    WORDS,
    ZEROS,
    Lanes,
    data,
    intrinsic,
    load,
    long,
    store,
    transposed,
)

TILE = LANES * LANES
"""Words of a tile of folded weights."""
LOWER_HALVES = ir.Constant(WORDS, [0xFFFF] * LANES)


@intrinsic
def pack_features(typing: Any, z: Any, base: Any, width: Any, packed: Any, packed_base: Any, pairs: Any) -> Any:
    """packed (pairs, 128), uint32: in row k the features 2k and 2k + 1 of the block at base, a word a column.

    z: uint32, paired columns, `width` words a feature. Bases are in words.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = data(context, builder, signature, args, 0, args[1])
        target = data(context, builder, signature, args, 3, args[4])
        with cgutils.for_range(builder, args[5]) as loop:
            given = builder.gep(source, [builder.mul(loop.index, builder.mul(args[2], long(2)))])
            made = builder.gep(target, [builder.mul(loop.index, long(WIDTH))])
            for j in range(4):
                a = load(builder, given, long(LANES * j), WORDS)
                b = load(builder, given, builder.add(args[2], long(LANES * j)), WORDS)
                for half, words in enumerate(_mixed(builder, a, b)):
                    store(builder, words, made, long(2 * LANES * j + LANES * half))
        return context.get_dummy_value()

    size = types.intp
    return types.void(z, size, size, packed, size, size), generate


@njit(cache=True, error_model="numpy")
def pack_block(z, s, packed):  # type: ignore[no-untyped-def]  # compiled
    """packed[s], (F / 2, 128) = block s of z with words along features; float32 needs no packing, and gets none."""
    if z.shape[2] < WIDTH:
        pack_features(z, s * z.shape[1] * z.shape[2], z.shape[2], packed, s * packed.shape[1] * WIDTH, packed.shape[1])


def _mixed(builder: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Words of the lower halves of a and b, and of the upper ones."""
    lower = builder.or_(builder.and_(a, LOWER_HALVES), builder.shl(b, HALF_A_WORD))
    return lower, builder.or_(builder.lshr(a, HALF_A_WORD), builder.and_(b, UPPER_HALVES))


@intrinsic
def fold_row(
    typing: Any, weights: Any, base: Any, scales: Any, means: Any, betas: Any, inputs: Any, values: Any,
    values_base: Any,
) -> Any:  # fmt: skip
    """values = weights * scale in words along inputs, a tile for each sixteen of one row of weights from `base` on.

    weights, scales, means, betas: float32, `inputs` of each, a multiple of 32; values: either storage, see `place`.
    Returns two float32: the sum of values * mean, before rounding, and the sum of weights * beta.
    """
    paired = values.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        weights = data(context, builder, signature, args, 0, args[1])
        scales, means, betas = (data(context, builder, signature, args, i) for i in (2, 3, 4))
        values = data(context, builder, signature, args, 6, args[7])
        sums = [cgutils.alloca_once_value(builder, ZEROS) for _ in range(2)]
        for pointer in sums:
            builder.store(ZEROS, pointer)
        with cgutils.for_range_slice(builder, long(0), args[5], long(2 * LANES), LONG) as (k, _):
            folded = []
            for offset in (k, builder.add(k, long(LANES))):
                weight = Lanes.read(builder, weights, offset)
                folded.append(weight * Lanes.read(builder, scales, offset))
                terms = (folded[-1], Lanes.read(builder, means, offset)), (weight, Lanes.read(builder, betas, offset))
                for pointer, (a, b) in zip(sums, terms, strict=True):
                    builder.store(Lanes(builder, builder.load(pointer)).plus(a, b).value, pointer)
            if paired:
                words = _neighbours(builder, *(round_vector(builder, part.value) for part in folded))
                store(builder, words, values, builder.shl(k, long(3)))
            else:
                folded[0].write(values, builder.shl(k, long(4)))
                folded[1].write(values, builder.add(builder.shl(k, long(4)), long(TILE)))
        totals = [Lanes(builder, builder.load(pointer)).total() for pointer in sums]
        return context.make_tuple(builder, signature.return_type, totals)

    size = types.intp
    returns = types.UniTuple(types.float32, 2)
    return returns(weights, size, scales, means, betas, size, values, size), generate


def _neighbours(builder: Any, first: Any, second: Any) -> Any:
    """Words of neighbouring lanes of 32 rounded values: the even ones in the lower halves."""
    even = builder.shuffle_vector(first, second, ir.Constant(WORDS, list(range(0, 2 * LANES, 2))))
    odd = builder.shuffle_vector(first, second, ir.Constant(WORDS, list(range(1, 2 * LANES, 2))))
    return builder.or_(builder.lshr(even, HALF_A_WORD), odd)


@njit(cache=True, error_model="numpy")
def place(row, word, words):  # type: ignore[no-untyped-def]  # compiled
    """Where a word of folded weights lies, `words` of them in a row: in tiles of 16 rows by 16 words."""
    return (row // LANES * words + word // LANES * LANES) * LANES + row % LANES * LANES + word % LANES


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})
def fold_tiles(weights, scales, means, betas, values, turned, constants, predicted):  # type: ignore[no-untyped-def]  # compiled
    """Batch norm folded into the weights, as in rows.fold_rows.

    weights: float32, flat (O x I); scales, means, betas: float32 (I,); values (O, I in words) and turned (I, O in
    words) in tiles, see `place`, turned left out if it is empty; constants, predicted: float32, of the real outputs.
    """
    outputs, inputs = values.shape[0], scales.shape[0]
    for panel in prange(outputs // PANEL):
        for o in range(panel * PANEL, (panel + 1) * PANEL):
            folded, mean = fold_row(
                weights, o * inputs, scales, means, betas, inputs, values, place(o, 0, values.shape[1])
            )  # fmt: skip
            if o < constants.shape[0]:
                predicted[o] += mean
                constants[o] += mean - folded
        if turned.shape[0] > 0:
            turn_panel(values, panel * PANEL, turned)


def turn_panel(values: Any, o: int, turned: Any) -> None:
    """turned[:, o : o + 32] = the transpose of values[o : o + 32, :], in words along outputs; for compiled code.

    values (O, I in words) and turned (I, O in words), either storage, both in tiles, see `place`.
    """


@overload(turn_panel)
def _turn_panel(values: Any, o: Any, turned: Any) -> Any:
    def paired(values: Any, o: Any, turned: Any) -> None:
        words = values.shape[1]
        pairs = np.empty((LANES, 2 * words), np.uint32)
        for p in range(LANES):
            mix_rows(values, place(o + 2 * p, 0, words), words, pairs, 2 * p * words)
        for i in range(0, 2 * words, LANES):
            transpose_words(pairs, i, 2 * words, turned, place(i, o // 2, turned.shape[1]), LANES)

    def single(values: Any, o: Any, turned: Any) -> None:
        for r in range(o, o + PANEL, LANES):
            for i in range(0, values.shape[1], LANES):
                transpose_words(
                    values, place(r, i, values.shape[1]), LANES, turned, place(i, r, turned.shape[1]), LANES
                )  # fmt: skip

    return paired if values.dtype == types.uint32 else single


@intrinsic
def mix_rows(typing: Any, values: Any, base: Any, words: Any, pairs: Any, pairs_base: Any) -> Any:
    """Two rows of folded weights, words along inputs, become one row of twice as many words, along the two outputs.

    values: uint32, the first of the rows at `base`, tiles as in `place`; pairs: uint32, 2 x words from pairs_base on.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given = data(context, builder, signature, args, 0, args[1])
        made = data(context, builder, signature, args, 3, args[4])
        with cgutils.for_range_slice(builder, long(0), args[2], long(LANES), LONG) as (k, _):
            tile = builder.shl(k, long(4))
            a, b = (load(builder, given, builder.add(tile, long(next_row)), WORDS) for next_row in (0, LANES))
            even, odd = _mixed(builder, a, b)
            for half in range(2):
                lanes = [lane // 2 + 8 * half + LANES * (lane % 2) for lane in range(LANES)]
                words = builder.shuffle_vector(even, odd, ir.Constant(WORDS, lanes))
                store(builder, words, made, builder.add(builder.shl(k, long(1)), long(LANES * half)))
        return context.get_dummy_value()

    size = types.intp
    return types.void(values, size, size, pairs, size), generate


@intrinsic
def transpose_words(
    typing: Any, source: Any, source_base: Any, source_stride: Any, target: Any, target_base: Any, target_stride: Any
) -> Any:
    """target[c, r] = source[r, c] for sixteen rows and columns of words, either array float32 or uint32.

    Bases and the distances between rows are in words.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given = data(context, builder, signature, args, 0, args[1])
        made = data(context, builder, signature, args, 3, args[4])
        rows = [load(builder, given, builder.mul(args[2], long(r)), WORDS) for r in range(LANES)]
        for c, row in enumerate(transposed(builder, rows)):
            store(builder, row, made, builder.mul(args[5], long(c)))
        return context.get_dummy_value()

    size = types.intp
    return types.void(source, size, size, target, size, size), generate
