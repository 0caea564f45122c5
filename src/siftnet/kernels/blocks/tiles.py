"""Dense products on the block layout, for the layers that are dense: panels of 32 outputs, epilogues while they are hot."""

# S blocks, O outputs, I inputs, both padded to 32; K words of a row of weights, C words of a stored feature

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from siftnet.kernels.blocks import plain
from siftnet.kernels.blocks.epilogue import finish_backward, finish_forward, finish_gradient, step_weights
from siftnet.kernels.blocks.layout import WIDTH, round_vector
from siftnet.kernels.blocks.tile_product import PANEL, TILES, begin_tiles, end_tiles, panel_product
from siftnet.kernels.blocks.vectors import (
    HALF_A_WORD, LANES, LONG, UPPER_HALVES, WORDS, ZEROS, Lanes, data, load, long, store, transpose,
)  # fmt: skip

TILE = LANES * LANES
LOWER_HALVES = ir.Constant(WORDS, [0xFFFF] * LANES)


@intrinsic
def transpose_words(
    typing: Any, source: Any, source_base: Any, source_stride: Any, target: Any, target_base: Any, target_stride: Any
) -> Any:
    """target[c, r] = source[r, c] for sixteen rows and columns of words (float32 or uint32)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given = data(context, builder, signature, args, 0, args[1])
        made = data(context, builder, signature, args, 3, args[4])
        rows = [
            builder.bitcast(load(builder, given, builder.mul(args[2], long(r)), WORDS), WORDS) for r in range(LANES)
        ]
        for c, row in enumerate(transpose(builder, rows)):
            store(builder, row, made, builder.mul(args[5], long(c)))
        return context.get_dummy_value()

    size = types.intp
    return types.void(source, size, size, target, size, size), generate


def _mixed(builder: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Words of the lower halves of a and b, and of the upper ones."""
    lower = builder.or_(builder.and_(a, LOWER_HALVES), builder.shl(b, HALF_A_WORD))
    return lower, builder.or_(builder.lshr(a, HALF_A_WORD), builder.and_(b, UPPER_HALVES))


@intrinsic
def pack_features(typing: Any, z: Any, base: Any, width: Any, packed: Any, packed_base: Any, pairs: Any) -> Any:
    """Words along features: packed (pairs, 128) for features 2k and 2k + 1 of the block at base, paired columns."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target = (
            data(context, builder, signature, args, 0, args[1]),
            data(context, builder, signature, args, 3, args[4]),
        )
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
def pack_block(z, s, packed):
    """Block s with words along features; float32 needs no packing."""
    if z.shape[2] < WIDTH:
        pack_features(z, s * z.shape[1] * z.shape[2], z.shape[2], packed, s * packed.shape[1] * WIDTH, packed.shape[1])


@intrinsic
def fold_row(
    typing: Any,
    weights: Any,
    base: Any,
    scales: Any,
    means: Any,
    betas: Any,
    inputs: Any,
    values: Any,
    values_base: Any,
) -> Any:
    """values = weights * scale in words along inputs, a tile for each sixteen; returns the sums of values * mean and of
    weights * beta."""
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
def place(row, word, words):
    """Where a word of folded weights lies: tiles of 16 rows by 16 words, as products read them, row after row."""
    return (row // LANES * words + word // LANES * LANES) * LANES + row % LANES * LANES + word % LANES


@intrinsic
def mix_rows(typing: Any, values: Any, base: Any, words: Any, pairs: Any, pairs_base: Any) -> Any:
    """pairs[2k], pairs[2k + 1]: words of inputs 2k and 2k + 1 along the row of values at base and the next one."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given, made = (
            data(context, builder, signature, args, 0, args[1]),
            data(context, builder, signature, args, 3, args[4]),
        )
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


def turn_panel(values: Any, o: int, turned: Any) -> None:
    """Rows o to o + 31 of the folded weights, transposed, in words along outputs."""


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
                )

    return paired if values.dtype == types.uint32 else single


@njit(cache=True, error_model="numpy")
def multiply_panel(
    tier, amx, a, a_base, a_stride, a_half, a_chunk, a_step, b, b_base, b_stride, b_step, c, c_base, c_stride, words, n
):
    """`panel_product` in either tier."""
    if tier == plain.PLAIN:
        plain.panel_product(
            a, a_base, a_stride, a_half, a_chunk, a_step, b, b_base, b_stride, b_step, c, c_base, c_stride, words, n
        )  # fmt: skip
    else:
        panel_product(
            amx, a, a_base, a_stride, a_half, a_chunk, a_step, b, b_base, b_stride, b_step, c, c_base, c_stride, words, n
        )  # fmt: skip


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def fold_tiles(weights, scales, means, betas, values, turned, constants, predicted):
    """Batch norm folded into the weights, as in rows.fold_rows; `turned` is their transpose, left out if it is empty."""
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


@njit(parallel=True, cache=True, error_model="numpy")
def forward_tiles(tier, amx, together, z, packed, values, parts, constants, centres, hidden, counts, out, moments):
    """Outputs of a layer, centred, rounded and stored in `out`, with their moments; `parts` cuts the panels into tasks."""
    blocks, words = packed.shape[0], values.shape[1]
    tasks = parts.shape[0] - 1
    for task in prange(blocks // together * tasks):
        group, part = task // tasks * together, task % tasks
        for s in range(group, group + together):
            pack_block(z, s, packed)
        rows = np.empty(PANEL * WIDTH, np.float32)
        begin_tiles(amx, TILES)
        for panel in range(parts[part], parts[part + 1]):
            first = panel * PANEL
            # A panel of weights comes from afar and serves all blocks at hand.
            for s in range(group, group + together):
                for c in range(0, WIDTH, PANEL):
                    multiply_panel(
                        tier, amx, values, first * words, LANES, LANES * words, TILE, 0, packed, s * words * WIDTH + c,
                        WIDTH, 0, rows, c, WIDTH, words, 1,
                    )  # fmt: skip
                for o in range(first, min(first + PANEL, constants.shape[0])):
                    finish_forward(
                        rows, (o - first) * WIDTH, constants[o], centres[o], hidden, counts[s], out,
                        (s * out.shape[1] + o) * out.shape[2], moments, (s * moments.shape[1] + o) * 2,
                    )  # fmt: skip
        end_tiles(amx)


@njit(parallel=True, cache=True, error_model="numpy")
def backward_tiles(tier, amx, together, d, packed, turned, parts, offsets, slopes, centres, counts, z, sums):
    """Gradients of a layer's inputs before their ReLU, stored over the inputs z, with their sums over the batch."""
    blocks, words = packed.shape[0], turned.shape[1]
    tasks = parts.shape[0] - 1
    for task in prange(blocks // together * tasks):
        group, part = task // tasks * together, task % tasks
        for s in range(group, group + together):
            pack_block(d, s, packed)
        rows = np.empty(PANEL * WIDTH, np.float32)
        begin_tiles(amx, TILES)
        for panel in range(parts[part], parts[part + 1]):
            first = panel * PANEL
            # A panel of weights comes from afar and serves all blocks at hand.
            for s in range(group, group + together):
                for c in range(0, WIDTH, PANEL):
                    multiply_panel(
                        tier, amx, turned, first * words, LANES, LANES * words, TILE, 0, packed, s * words * WIDTH + c,
                        WIDTH, 0, rows, c, WIDTH, words, 1,
                    )  # fmt: skip
                for i in range(first, min(first + PANEL, offsets.shape[0])):
                    finish_backward(
                        rows, (i - first) * WIDTH, offsets[i], slopes[i], centres[i], counts[s], z,
                        (s * z.shape[1] + i) * z.shape[2], sums, s * sums.shape[1] + i,
                    )  # fmt: skip
        end_tiles(amx)


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def gradient_tiles(
    tier, amx, rule, d, z, turned, parts, output_sums, scales, shifts, weights, kept, first, second, by_input
):  # fmt: skip
    """Update the weights, and add up what batch norm's own gradients need: by_input (1, 2, I); `parts` cuts the inputs.

    weights, kept, first, second: flat (O x I). turned (I / 32, S C, 32): room for the inputs with words along the
    examples. A thread owns all outputs of its inputs, so sums over outputs need no second pass.
    """
    blocks, features, width = z.shape
    inputs = scales.shape[0]
    outputs = weights.shape[0] // inputs
    for part in prange(parts.shape[0] - 1):
        low, high = parts[part] * PANEL, parts[part + 1] * PANEL
        for s in range(blocks):
            for i in range(low, high, LANES):
                for k in range(0, width, LANES):
                    transpose_words(
                        z,
                        (s * features + i) * width + k,
                        width,
                        turned,
                        (i // PANEL * blocks * width + s * width + k) * PANEL + i % PANEL,
                        PANEL,
                    )
        rows = np.empty(PANEL * (high - low), np.float32)
        by_input[0, :, low:high] = 0
        begin_tiles(amx, TILES)
        for panel in range(0, outputs, PANEL):
            for i in range(low, high, PANEL):
                multiply_panel(
                    tier, amx, d, panel * width, width, LANES * width, LANES, d.shape[1] * width, turned,
                    i * blocks * width, PANEL, width * PANEL, rows, i - low, high - low, width, blocks,
                )  # fmt: skip
            for o in range(panel, min(panel + PANEL, output_sums.shape[0])):
                line, begin, end = (o - panel) * (high - low), o * inputs + low, o * inputs + high
                finish_gradient(
                    rows, line, weights, kept, begin, output_sums[o], scales, shifts, by_input, low, inputs, high - low
                )  # fmt: skip
                gradients = rows[line : line + high - low]
                step_weights(rule, weights[begin:end], gradients, first[begin:end], second[begin:end])
        end_tiles(amx)
