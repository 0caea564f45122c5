"""What is done with a product while it is still in the first cache: bias, ReLU, rounding, moments; or, on the way back,
batch norm's and ReLU's gradients; or the gradients of weights, and their update."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from siftnet.kernels.blocks.layout import WIDTH, round_vector
from siftnet.kernels.blocks.vectors import (
    FLOATS, HALF_A_WORD, LANES, LONG, WORD, WORDS, Lanes, data, load_row, long, splat, store, zeros,
)  # fmt: skip

Rule = tuple[float, float, float, float, float, float, float]
"""An update rule: adamw (1) or sgd (0), rate, decay, momentum, nesterov (1 or 0), AdamW's two bias corrections."""
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
DOUBLE, FLOAT = ir.DoubleType(), ir.FloatType()
PARTS = WIDTH // LANES


def _row(builder: Any, pointer: Any, *, paired: bool) -> list[Lanes]:
    return [Lanes(builder, part) for part in load_row(builder, pointer, paired=paired)]


def _only_examples(builder: Any, row: list[Lanes], count: Any) -> list[Lanes]:
    """0 in the columns that are no examples."""
    last = splat(builder, builder.trunc(count, WORD))
    columns = [ir.Constant(WORDS, [LANES * j + lane for lane in range(LANES)]) for j in range(PARTS)]
    return [
        part.where(builder.icmp_signed("<", column, last), zeros(builder))
        for part, column in zip(row, columns, strict=True)
    ]


def _store_rounded(builder: Any, row: list[Lanes], pointer: Any, *, paired: bool) -> list[Lanes]:
    """Store a feature in its storage; returns what was stored."""
    if not paired:
        for j, part in enumerate(row):
            part.write(pointer, long(LANES * j))
        return row
    halves = [round_vector(builder, part.value) for part in row]
    for j, (lower, upper) in enumerate(zip(halves[::2], halves[1::2], strict=True)):
        store(builder, builder.or_(builder.lshr(lower, HALF_A_WORD), upper), pointer, long(LANES * j))
    return [Lanes(builder, builder.bitcast(half, FLOATS)) for half in halves]


def _sum(row: list[Lanes]) -> Any:
    while len(row) > 1:
        row = [a + b for a, b in zip(row[::2], row[1::2], strict=True)]
    return row[0].total()


@intrinsic
def finish_forward(
    typing: Any, rows: Any, base: Any, constant: Any, centre: Any, hidden: Any, count: Any, out: Any, out_base: Any,
    moments: Any, moments_base: Any,
) -> Any:  # fmt: skip
    """Store rows[base:] + constant in out[out_base:]; of a hidden unit ReLU of that minus `centre`, with its moments.

    moments: the sum of what was stored, and of its squared deviations from the block's own mean, over the `count`
    examples of the block. Centred, because bf16 has eight bits to tell an activation from its mean.
    """
    paired = out.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target = (
            data(context, builder, signature, args, 0, args[1]),
            data(context, builder, signature, args, 6, args[7]),
        )
        place = data(context, builder, signature, args, 8, args[9])
        shift = Lanes.of(builder, args[2])
        row = [part + shift for part in _row(builder, source, paired=False)]
        with builder.if_else(args[4]) as (inside, last):
            with inside:
                none, middle = zeros(builder), Lanes.of(builder, args[3])
                # Not a maximum: a NaN has to come through.
                active = [none.where(none.exceeds(part), part) - middle for part in row]
                stored = _store_rounded(builder, _only_examples(builder, active, args[5]), target, paired=paired)
                total = _sum(stored)
                mean = Lanes.of(builder, builder.fdiv(total, builder.sitofp(args[5], FLOAT)))
                away = _only_examples(builder, [part - mean for part in stored], args[5])
                spread = _sum([part * part for part in away])
                builder.store(builder.fpext(total, DOUBLE), place)
                builder.store(builder.fpext(spread, DOUBLE), builder.gep(place, [long(1)]))
            with last:
                _store_rounded(builder, row, target, paired=paired)
        return context.get_dummy_value()

    return types.void(
        rows, types.intp, types.float32, types.float32, types.boolean, types.intp, out, types.intp, moments, types.intp
    ), generate  # fmt: skip


@intrinsic
def finish_backward(
    typing: Any, rows: Any, base: Any, offset: Any, slope: Any, centre: Any, count: Any, z: Any, z_base: Any, sums: Any,
    sums_base: Any,
) -> Any:  # fmt: skip
    """Store rows[base:] + offset + slope * z where the unit was on, else 0, over its input z[z_base:], and sum it.

    z is ReLU - centre.
    """
    paired = z.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target = (
            data(context, builder, signature, args, 0, args[1]),
            data(context, builder, signature, args, 6, args[7]),
        )
        shift, slope = Lanes.of(builder, args[2]), Lanes.of(builder, args[3])
        off = splat(builder, builder.fsub(ir.Constant(FLOAT, 0.0), args[4]))
        off = Lanes(builder, builder.bitcast(round_vector(builder, off), FLOATS) if paired else off)
        found = []
        for part, z in zip(_row(builder, source, paired=False), _row(builder, target, paired=paired), strict=True):
            found.append((part + shift).plus(slope, z).where(z.exceeds(off), zeros(builder)))
        stored = _store_rounded(builder, _only_examples(builder, found, args[5]), target, paired=paired)
        builder.store(builder.fpext(_sum(stored), DOUBLE), data(context, builder, signature, args, 8, args[9]))
        return context.get_dummy_value()

    single = types.float32
    return types.void(
        rows, types.intp, single, single, single, types.intp, z, types.intp, sums, types.intp
    ), generate  # fmt: skip


@intrinsic
def finish_gradient(
    typing: Any, found: Any, found_base: Any, weights: Any, kept: Any, base: Any, total: Any, scales: Any, shifts: Any,
    by_input: Any, first: Any, inputs: Any, count: Any,
) -> Any:  # fmt: skip
    """found[found_base:] = scale * found + shift * total where kept, else 0, for `count` inputs from `first` on.

    weights, kept: flat, the row's own entries from `base` on; by_input (2 x inputs): += weight * found, weight * total.
    """
    size = types.intp

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        own = data(context, builder, signature, args, 0, args[1])
        weights, kept = (data(context, builder, signature, args, i, args[4]) for i in (2, 3))
        scales, shifts, products, sums = (data(context, builder, signature, args, i, args[9]) for i in (6, 7, 8, 8))
        sums = builder.gep(sums, [args[10]])
        total = Lanes.of(builder, args[5])
        with cgutils.for_range_slice(builder, long(0), args[11], long(LANES), LONG) as (k, _):
            d, weight = Lanes.read(builder, own, k), Lanes.read(builder, weights, k)
            Lanes.read(builder, products, k).plus(weight, d).write(products, k)
            Lanes.read(builder, sums, k).plus(weight, total).write(sums, k)
            gradient = (Lanes.read(builder, scales, k) * d).plus(Lanes.read(builder, shifts, k), total)
            flags = builder.load(
                builder.bitcast(builder.gep(kept, [k]), ir.VectorType(ir.IntType(8), LANES).as_pointer())
            )
            flags.align = 1
            alive = builder.icmp_signed("!=", flags, ir.Constant(flags.type, [0] * LANES))
            # Not a product: a pruned entry's gradient may be infinite, and 0 * inf is not 0.
            gradient.where(alive, zeros(builder)).write(own, k)
        return context.get_dummy_value()

    return types.void(
        found, size, weights, kept, size, types.float32, scales, shifts, by_input, size, size, size
    ), generate  # fmt: skip


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def step_weights(rule: Rule, weights: Any, gradients: Any, first: Any, second: Any) -> None:
    """One update of float32 weights (N,), in place.

    first: momentum, or AdamW's first moment; second: its second moment; empty where the rule has none. SGD as PyTorch
    writes it, AdamW after Loshchilov & Hutter (2019), algorithm 2.
    """
    rate, decay, momentum = np.float32(rule[1]), np.float32(rule[2]), np.float32(rule[3])
    if rule[0]:
        keep_1, keep_2 = np.float32(BETA_1), np.float32(BETA_2)
        root, corrected = np.float32(np.sqrt(rule[6])), np.float32(rule[1] / rule[5])
        for k in range(weights.shape[0]):
            g = gradients[k]
            first[k] = keep_1 * first[k] + np.float32(1 - BETA_1) * g
            second[k] = keep_2 * second[k] + np.float32(1 - BETA_2) * g * g
            change = corrected * first[k] / (np.sqrt(second[k]) / root + np.float32(EPSILON))
            weights[k] -= rate * decay * weights[k] + change
    elif momentum == 0:
        for k in range(weights.shape[0]):
            weights[k] -= rate * (gradients[k] + decay * weights[k])
    else:
        nesterov = rule[4] > 0
        for k in range(weights.shape[0]):
            g = gradients[k] + decay * weights[k]
            first[k] = momentum * first[k] + g
            weights[k] -= rate * (g + momentum * first[k] if nesterov else first[k])
