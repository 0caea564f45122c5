"""Sparse products on the block layout: rows of surviving weights against features of 128 examples.

A row's accumulators stay in registers while its nonzeros pass; an entry of the weight gradient is one dot product of
two features. Both read 2 bytes a multiply-add from paired storage, 4 from float32, which is what bounds them.
"""

# S blocks, F features, O outputs, I inputs, N surviving weights, T tasks or parts

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange, types
from numba.core import cgutils

from siftnet.host.compiling import njit
from siftnet.kernels.blocks import plain
from siftnet.kernels.blocks.epilogue import finish_input, finish_output
from siftnet.kernels.blocks.layout import WIDTH, load_feature
from siftnet.kernels.blocks.rule import step_weights
from siftnet.kernels.blocks.vectors import (
    AVX512,
    FLOAT,
    FLOATS,
    LANES,
    LONG,
    ZEROS,
    data,
    fma,
    intrinsic,
    lane_sums,
    load,
    long,
    splat,
    store,
)

CACHED = 1 << 20
"""Bytes of inputs that a thread goes through again and again: half of a second cache."""
HALVES = 2
"""Shares of the blocks whose weight gradients are added up apart, see `dots_rows`."""
AT_ONCE = WIDTH // LANES if AVX512 else WIDTH // LANES // 2
"""Accumulators of a product's row: all, or as many as the registers hold."""
PADDING = LANES
"""Unused entries after the last one of columns and gradients, which vectors may read."""


def _feature(builder: Any, x: Any, columns: Any, k: Any, width: int) -> Any:
    """Pointer to the 128 values of the feature that entry k multiplies."""
    column = builder.zext(builder.load(builder.gep(columns, [k])), LONG)
    return builder.gep(x, [builder.mul(column, long(width))])


@intrinsic
def product_row(typing: Any, x: Any, base: Any, columns: Any, values: Any, first: Any, end: Any, row: Any) -> Any:
    """row[:128] = sum over k in [first, end) of values[k] * the feature columns[k] of the block that begins at base.

    x: either storage; base: in its words; columns: uint16 or uint32; values, row: float32.
    """
    paired = x.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = data(context, builder, signature, args, 0, args[1])
        columns, values, row = (data(context, builder, signature, args, i) for i in (2, 3, 6))
        sums = [cgutils.alloca_once_value(builder, ZEROS) for _ in range(AT_ONCE)]
        for begin in range(0, WIDTH // LANES, AT_ONCE):
            for pointer in sums:
                builder.store(ZEROS, pointer)
            with cgutils.for_range_slice(builder, args[4], args[5], long(1), LONG) as (k, _):
                weight = splat(builder, builder.load(builder.gep(values, [k])))
                feature = _feature(builder, block, columns, k, WIDTH // 2 if paired else WIDTH)
                parts = load_feature(builder, feature, paired=paired)[begin : begin + AT_ONCE]
                for pointer, part in zip(sums, parts, strict=True):
                    builder.store(fma(builder, weight, part, builder.load(pointer)), pointer)
            for j, pointer in enumerate(sums):
                store(builder, builder.load(pointer), row, long(LANES * (begin + j)))
        return context.get_dummy_value()

    return types.void(x, base, columns, values, first, end, row), generate


def _dots(
    builder: Any, x: Any, columns: Any, first: Any, count: int, d: Any, steps: Any, blocks: Any, *, paired: bool
) -> Any:
    """Vector of the dot products of the feature d with those of `count` entries from `first` on, over some blocks."""
    width = WIDTH // 2 if paired else WIDTH
    features = [_feature(builder, x, columns, builder.add(first, long(i)), width) for i in range(count)]
    sums = [cgutils.alloca_once_value(builder, ZEROS) for _ in range(count)]
    for pointer in sums:
        builder.store(ZEROS, pointer)
    with cgutils.for_range(builder, blocks) as loop:
        x_step, d_step = (builder.mul(loop.index, step) for step in steps)
        mine = load_feature(builder, builder.gep(d, [d_step]), paired=paired)
        for feature, pointer in zip(features, sums, strict=True):
            total = builder.load(pointer)
            other = load_feature(builder, builder.gep(feature, [x_step]), paired=paired)
            for own, part in zip(mine, other, strict=True):
                total = fma(builder, own, part, total)
            builder.store(total, pointer)
    return lane_sums(builder, [builder.load(pointer) for pointer in sums])


@intrinsic
def dots_row(
    typing: Any, x: Any, base: Any, x_step: Any, columns: Any, first: Any, end: Any, d: Any, own: Any, d_step: Any,
    blocks: Any, sums: Any,
) -> Any:  # fmt: skip
    """sums[k] += the feature at d[own] dot the feature columns[k] of the block at base, for k in [first, end).

    The same is added for the blocks that follow, x_step and d_step further on, `blocks` in all. x, d: the same storage,
    base, own and steps in its words; columns: uint16 or uint32, readable 16 beyond `end`; sums: float32.
    """
    paired = x.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = data(context, builder, signature, args, 0, args[1])
        d = data(context, builder, signature, args, 6, args[7])
        columns, sums = (data(context, builder, signature, args, i) for i in (3, 10))
        first, end, steps, blocks = args[4], args[5], (args[2], args[8]), args[9]
        # Once a call of the whole function: on the stack of a loop it would pile up.
        tail = cgutils.alloca_once(builder, FLOATS)
        whole = builder.add(first, builder.and_(builder.sub(end, first), long(-LANES)))
        with cgutils.for_range_slice(builder, first, whole, long(LANES), LONG) as (k, _):
            found = _dots(builder, block, columns, k, LANES, d, steps, blocks, paired=paired)
            store(builder, builder.fadd(load(builder, sums, k), found), sums, k)
        # What is left over four at a time, and added one by one: the next row may be another thread's.
        with cgutils.for_range_slice(builder, whole, end, long(4), LONG) as (k, _):
            builder.store(_dots(builder, block, columns, k, 4, d, steps, blocks, paired=paired), tail)
            left = builder.sub(end, k)
            count = builder.select(builder.icmp_signed("<", left, long(4)), left, long(4))
            with cgutils.for_range(builder, count) as loop:
                place = builder.gep(sums, [builder.add(k, loop.index)])
                found = builder.load(builder.gep(builder.bitcast(tail, FLOAT.as_pointer()), [loop.index]))
                builder.store(builder.fadd(builder.load(place), found), place)
        return context.get_dummy_value()

    size = types.intp
    return types.void(x, size, size, columns, size, size, d, size, size, size, sums), generate


@njit(cache=True, error_model="numpy", inline="always")
def multiply_row(tier, x, s, columns, values, first, end, row):  # type: ignore[no-untyped-def]  # compiled
    """`product_row` of block s in either tier."""
    if tier == plain.PLAIN:
        plain.product_row(x, s, columns, values, first, end, row)
    else:
        product_row(x, s * x.shape[1] * x.shape[2], columns, values, first, end, row)


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})
def forward_rows(  # type: ignore[no-untyped-def]  # compiled
    tier, z, pointers, columns, values, parts, constants, centres, hidden, counts, out, moments
):  # fmt: skip
    """Outputs of a layer, centred, rounded and stored in `out`, with their moments.

    z: either storage; pointers: int64 (O + 1,), where each output's entries begin in columns and values (N,); parts
    (T + 1,): where the outputs are cut into tasks; constants, centres (O,), counts, out, moments: see
    epilogue.finish_output.
    """
    blocks, tasks = z.shape[0], parts.shape[0] - 1
    for task in prange(blocks * tasks):
        s, part = task // tasks, task % tasks
        row = np.empty(WIDTH, np.float32)
        for o in range(parts[part], parts[part + 1]):
            multiply_row(tier, z, s, columns, values, pointers[o], pointers[o + 1], row)
            finish_output(row, 0, s, o, constants, centres, hidden, counts, out, moments)


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})
def backward_rows(  # type: ignore[no-untyped-def]  # compiled
    tier, d, pointers, columns, order, values, parts, offsets, slopes, centres, counts, z, sums
):  # fmt: skip
    """Gradients of a layer's inputs before their ReLU, stored over the inputs z, with their sums over each block.

    d: the outputs' gradients, either storage; pointers (I + 1,), columns (N,): the transposed pattern; order (N,):
    where its entries are in `values`; parts (T + 1,): where the inputs are cut into tasks; offsets, slopes, centres
    (I,), counts, z, sums: see epilogue.finish_input.
    """
    blocks, tasks = d.shape[0], parts.shape[0] - 1
    turned = np.empty(order.shape[0], np.float32)
    for k in prange(order.shape[0]):
        turned[k] = values[order[k]]
    for task in prange(blocks * tasks):
        s, part = task // tasks, task % tasks
        row = np.empty(WIDTH, np.float32)
        for i in range(parts[part], parts[part + 1]):
            multiply_row(tier, d, s, columns, turned, pointers[i], pointers[i + 1], row)
            finish_input(row, 0, s, i, offsets, slopes, centres, counts, z, sums)


@njit(cache=True, error_model="numpy")
def add_dots(tier, d, z, begin, end, pointers, columns, first, last, sums):  # type: ignore[no-untyped-def]  # compiled
    """sums (N,) += `dots_row` of the outputs first to last - 1 over the blocks begin to end - 1, in either tier."""
    _, features, width = z.shape
    outputs = d.shape[1]
    # So many blocks at once as stay in the cache while all these outputs pass.
    together = max(1, CACHED // (4 * features * width))
    for s in range(begin, end, together):
        count = min(together, end - s)
        for o in range(first, last):
            low, high = pointers[o], pointers[o + 1]
            if tier == plain.PLAIN:
                for t in range(s, s + count):
                    plain.dots_row(z, t, columns, low, high, d, o, sums)
            else:
                dots_row(
                    z, s * features * width, features * width, columns, low, high, d,
                    (s * outputs + o) * width, outputs * width, count, sums,
                )  # fmt: skip


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})
def dots_rows(tier, threads, d, z, pointers, columns, parts, dots):  # type: ignore[no-untyped-def]  # compiled
    """dots, float32 (2, N), = sum over the examples of d times z, for every surviving weight; half the blocks in each.

    d, z: the same storage; pointers, columns: as in `forward_rows`; parts (T + 1,): the outputs cut into equal loads.

    A thread stays with the blocks that it has written itself: what another one wrote comes from its cache, slowly. With
    two fixed halves the order of additions is the same for any number of threads.
    """
    blocks, tasks = z.shape[0], parts.shape[0] - 1
    for thread in prange(threads):
        begin, end = thread * HALVES * tasks // threads, (thread + 1) * HALVES * tasks // threads
        for half in range(begin // tasks, -(-end // tasks)):
            first = parts[max(begin - half * tasks, 0)]
            last = parts[min(end - half * tasks, tasks)]
            dots[half, pointers[first] : pointers[last]] = 0
            low, high = half * blocks // HALVES, (half + 1) * blocks // HALVES
            add_dots(tier, d, z, low, high, pointers, columns, first, last, dots[half])


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})
def update_rows(  # type: ignore[no-untyped-def]  # compiled
    rule, pointers, columns, parts, output_sums, scales, shifts, dots, weights, first, second, by_input
):  # fmt: skip
    """Update the weights from `dots`, which become their gradients, and add up what batch norm's own gradients need.

    pointers, columns, parts, dots: as in `dots_rows`; output_sums: float64 (O,); scales, shifts: float32 (I,); weights,
    first, second: float32 (N,), see rule.step_weights. Each part of the rows adds to its own sums over outputs,
    by_input, float32 (T, 2, I), in the same order for any number of threads.
    """
    for part in prange(parts.shape[0] - 1):
        by_input[part] = 0
        for o in range(parts[part], parts[part + 1]):
            low, high = pointers[o], pointers[o + 1]
            for k in range(low, high):
                i = columns[k]
                found = dots[0, k] + dots[1, k]
                by_input[part, 0, i] += weights[k] * found
                by_input[part, 1, i] += weights[k] * output_sums[o]
                dots[0, k] = scales[i] * found + shifts[i] * output_sums[o]
            step_weights(rule, weights[low:high], dots[0, low:high], first[low:high], second[low:high])


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})
def fold_rows(  # type: ignore[no-untyped-def]  # compiled
    pointers, columns, weights, parts, scales, means, betas, values, constants, predicted
):  # fmt: skip
    """Batch norm folded into the weights: values = W * scale, the constant that remains, and the mean it predicts.

    a = W (scale * (z - mean) + beta) + b = values z + constants, whose mean over the batch is b + W beta; constants and
    predicted, float32 (O,), come in as bias and what constant inputs add. weights, values: float32 (N,); scales, means,
    betas: float32 (I,); the rest as in `dots_rows`.
    """
    for part in prange(parts.shape[0] - 1):
        for o in range(parts[part], parts[part + 1]):
            mean, folded = 0.0, 0.0
            for k in range(pointers[o], pointers[o + 1]):
                i = columns[k]
                values[k] = weights[k] * scales[i]
                folded += values[k] * means[i]
                mean += weights[k] * betas[i]
            predicted[o] += mean
            constants[o] += mean - folded
