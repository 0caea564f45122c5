"""What is done with a product while it is still in the first cache: bias, ReLU, rounding, moments; or, on the way back,
batch norm's and ReLU's gradients; or the gradients of weights."""

# S blocks, F features, O outputs, I inputs; all arrays are C-contiguous, bases count elements

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from siftnet.host.compiling import njit
from siftnet.kernels.blocks.layout import load_feature, moments_of, only_examples, round_vector, store_feature, sum_of
from siftnet.kernels.blocks.vectors import FLOAT, FLOATS, LANES, LONG, Lanes, data, intrinsic, long, splat, zeros

DOUBLE = ir.DoubleType()
FLAGS = ir.VectorType(ir.IntType(8), LANES)


@njit(cache=True, error_model="numpy", inline="always")
def finish_output(rows, base, s, o, constants, centres, hidden, counts, out, moments):  # type: ignore[no-untyped-def]  # compiled
    """Feature o of block s of a layer's outputs, from what the product has left in rows[base : base + 128].

    out = rows + constants[o]; of a hidden layer relu(that) - centres[o], and moments[s, o] of what was stored: its sum,
    and the sum of its squared deviations from the block's own mean. rows: float32, flat; constants, centres: float32
    (O,); counts: int64 (S,), examples of each block; out: either storage; moments: float64 (S, O, 2).
    """
    finish_forward(
        rows, base, constants[o], centres[o], hidden, counts[s], out, (s * out.shape[1] + o) * out.shape[2],
        moments, (s * moments.shape[1] + o) * 2,
    )  # fmt: skip


@njit(cache=True, error_model="numpy", inline="always")
def finish_input(rows, base, s, i, offsets, slopes, centres, counts, z, sums):  # type: ignore[no-untyped-def]  # compiled
    """The gradient of feature i of block s of a layer's inputs, before their ReLU, over the input z[s, i] itself.

    It is rows[base : base + 128] + offsets[i] + slopes[i] * z where the unit was on, else 0, and sums[s, i] its sum.
    rows: float32, flat; offsets, slopes, centres: float32 (I,); counts: int64 (S,), examples of each block; z: either
    storage; sums: float64 (S, I).
    """
    finish_backward(
        rows, base, offsets[i], slopes[i], centres[i], counts[s], z, (s * z.shape[1] + i) * z.shape[2],
        sums, s * sums.shape[1] + i,
    )  # fmt: skip


def _row(builder: Any, pointer: Any, *, paired: bool) -> list[Lanes]:
    return [Lanes(builder, part) for part in load_feature(builder, pointer, paired=paired)]


def _store(builder: Any, row: list[Lanes], pointer: Any, *, paired: bool) -> list[Lanes]:
    """Store a feature; returns it as it was stored."""
    stored = store_feature(builder, [part.value for part in row], pointer, paired=paired)
    return [Lanes(builder, part) for part in stored]


@intrinsic
def finish_forward(
    typing: Any, rows: Any, base: Any, constant: Any, centre: Any, hidden: Any, count: Any, out: Any, out_base: Any,
    moments: Any, moments_base: Any,
) -> Any:  # fmt: skip
    """`finish_output` of one feature; centred, because bf16 has eight bits to tell an activation from its mean."""
    paired = out.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = data(context, builder, signature, args, 0, args[1])
        target = data(context, builder, signature, args, 6, args[7])
        place = data(context, builder, signature, args, 8, args[9])
        shift = Lanes.of(builder, args[2])
        row = [part + shift for part in _row(builder, source, paired=False)]
        with builder.if_else(args[4]) as (inside, last):
            with inside:
                none, middle = zeros(builder), Lanes.of(builder, args[3])
                # Not a maximum: a NaN has to come through.
                active = [none.where(none.exceeds(part), part) - middle for part in row]
                stored = _store(builder, only_examples(builder, active, args[5]), target, paired=paired)
                total, spread = moments_of(builder, stored, args[5])
                builder.store(builder.fpext(total, DOUBLE), place)
                builder.store(builder.fpext(spread, DOUBLE), builder.gep(place, [long(1)]))
            with last:
                _store(builder, row, target, paired=paired)
        return context.get_dummy_value()

    size, single = types.intp, types.float32
    returned = types.void(rows, size, single, single, types.boolean, size, out, size, moments, size)
    return returned, generate


@intrinsic
def finish_backward(
    typing: Any, rows: Any, base: Any, offset: Any, slope: Any, centre: Any, count: Any, z: Any, z_base: Any, sums: Any,
    sums_base: Any,
) -> Any:  # fmt: skip
    """`finish_input` of one feature; z is relu(x) - centre, so the unit was on where z exceeds -centre as stored."""
    paired = z.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = data(context, builder, signature, args, 0, args[1])
        target = data(context, builder, signature, args, 6, args[7])
        shift, slope = Lanes.of(builder, args[2]), Lanes.of(builder, args[3])
        off = splat(builder, builder.fsub(ir.Constant(FLOAT, 0.0), args[4]))
        off = Lanes(builder, builder.bitcast(round_vector(builder, off), FLOATS) if paired else off)
        found = []
        for part, z in zip(_row(builder, source, paired=False), _row(builder, target, paired=paired), strict=True):
            found.append((part + shift).plus(slope, z).where(z.exceeds(off), zeros(builder)))
        stored = _store(builder, only_examples(builder, found, args[5]), target, paired=paired)
        builder.store(builder.fpext(sum_of(stored), DOUBLE), data(context, builder, signature, args, 8, args[9]))
        return context.get_dummy_value()

    size, single = types.intp, types.float32
    return types.void(rows, size, single, single, single, size, z, size, sums, size), generate


@intrinsic
def finish_gradient(
    typing: Any, found: Any, found_base: Any, weights: Any, kept: Any, base: Any, total: Any, scales: Any, shifts: Any,
    by_input: Any, first: Any, inputs: Any, count: Any,
) -> Any:  # fmt: skip
    """The gradients of one output's weights: found[found_base:] = scale * found + shift * total where kept, else 0.

    For `count` inputs from `first` on, a multiple of 16. weights, kept: flat, float32 and bool, the row's own entries
    from `base` on; scales, shifts: float32 (inputs,); by_input: float32, flat (2 x inputs), += weight * found and +=
    weight * total, with the weights before their update.
    """

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
            flags = builder.load(builder.bitcast(builder.gep(kept, [k]), FLAGS.as_pointer()))
            flags.align = 1
            alive = builder.icmp_signed("!=", flags, ir.Constant(FLAGS, [0] * LANES))
            # Not a product: a pruned entry's gradient may be infinite, and 0 * inf is not 0.
            gradient.where(alive, zeros(builder)).write(own, k)
        return context.get_dummy_value()

    size, single = types.intp, types.float32
    returned = types.void(found, size, weights, kept, size, single, scales, shifts, by_input, size, size, size)
    return returned, generate
