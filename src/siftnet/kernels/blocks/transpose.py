"""Sixteen inputs of sixteen or 32 examples turned into features of a block: transposed in registers.

In generic LLVM vectors, which any processor runs. On one core 1000 x 3072 bytes become pairs of bf16 in 1.0 ms, in 5.2
with the plain loops of gather.py; float32 takes 3.3 ms and 5.9.
"""

# I inputs

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from siftnet.kernels.blocks.layout import WIDTH
from siftnet.kernels.blocks.vectors import (
    BYTE,
    FLOATS,
    HALF_A_WORD,
    LANES,
    UPPER_HALVES,
    WORD,
    WORDS,
    ZEROS,
    data,
    fma,
    intrinsic,
    lane_sums,
    load,
    long,
    store,
    transposed,
)

MIDDLE = 128
"""What is subtracted from a pixel, so that its value is exact in bf16."""
BYTES, TWO_BYTES = ir.VectorType(BYTE, LANES), ir.VectorType(BYTE, 2 * LANES)
CENTRE = ir.Constant(WORDS, [MIDDLE] * LANES)


def _lanes(numbers: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(WORD, len(numbers)), numbers)


BOTH, LOWER, UPPER = _lanes(list(range(32))), _lanes(list(range(16))), _lanes(list(range(16, 32)))
# Two rows of 32 bytes interleaved within each 16, which is one instruction where registers have 32 bytes.
ZIPS = [
    _lanes([half + start + lane // 2 + 32 * (lane % 2) for half in (0, 16) for lane in range(16)]) for start in (0, 8)
]


def _read(builder: Any, sources: Any, row: Any, offset: Any) -> Any:
    """Sixteen bytes from `offset` of the example whose address is sources[row]."""
    address = builder.add(builder.load(builder.gep(sources, [row])), offset)
    value = builder.load(builder.inttoptr(address, BYTES.as_pointer()))
    value.align = 1
    return value


def _transpose(builder: Any, rows: list[Any]) -> list[Any]:
    """Two 16 x 16 matrices of bytes, side by side in sixteen vectors of 32, each transposed."""
    for _ in range(4):
        pairs = [(rows[i], rows[i + 8]) for i in range(8)]
        rows = [builder.shuffle_vector(a, b, zipped) for a, b in pairs for zipped in ZIPS]
    return rows


def _centred(builder: Any, pixels: Any, half: ir.Constant) -> Any:
    """Sixteen of 32 bytes as float32, less 128."""
    part = builder.shuffle_vector(pixels, ir.Constant(TWO_BYTES, ir.Undefined), half)
    return builder.sitofp(builder.sub(builder.zext(part, WORDS), CENTRE), FLOATS)


@intrinsic
def gather_bytes(typing: Any, sources: Any, k: Any, input_: Any, targets: Any, sums: Any, out: Any) -> Any:
    """Columns 32 k .. 32 k + 31 of the inputs input_ .. input_ + 15, from bytes to the storage of `out`.

    sources int64 (128,): where each example begins; targets int64 (16,): where each input's feature begins in `out`;
    sums float32 (16, 2, 16): for each input the sums of values and of squares, whose lanes are to be added up. All are
    whole numbers below 2^24, so exact in any order.
    """
    paired = out.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sources, targets, sums = (data(context, builder, signature, args, i) for i in (0, 3, 4))
        first = builder.mul(args[1], long(2 * LANES))
        rows = [_read(builder, sources, builder.add(first, long(c)), args[2]) for c in range(2 * LANES)]
        pairs = zip(rows[:LANES], rows[LANES:], strict=True)
        columns = _transpose(builder, [builder.shuffle_vector(a, b, BOTH) for a, b in pairs])
        for t, pixels in enumerate(columns):
            lower, upper = (_centred(builder, pixels, half) for half in (LOWER, UPPER))
            _add(builder, sums, t, lower, upper)
            target = builder.load(builder.gep(targets, [long(t)]))
            target = builder.inttoptr(target, ir.PointerType(WORD))
            if paired:
                low_bits, high_bits = (builder.bitcast(value, WORDS) for value in (lower, upper))
                word = builder.or_(builder.lshr(low_bits, HALF_A_WORD), builder.and_(high_bits, UPPER_HALVES))
                store(builder, word, target, builder.mul(args[1], long(LANES)))
            else:
                store(builder, builder.bitcast(lower, WORDS), target, first)
                store(builder, builder.bitcast(upper, WORDS), target, builder.add(first, long(LANES)))
        return context.get_dummy_value()

    return types.void(sources, types.int64, types.int64, targets, sums, out), generate


def _add(builder: Any, sums: Any, t: int, lower: Any, upper: Any) -> None:
    """Add two vectors and their squares to the sums of input t."""
    at_value, at_square = long(2 * LANES * t), long(2 * LANES * t + LANES)
    total = builder.fadd(load(builder, sums, at_value), builder.fadd(lower, upper))
    store(builder, total, sums, at_value)
    squares = fma(builder, lower, lower, load(builder, sums, at_square))
    store(builder, fma(builder, upper, upper, squares), sums, at_square)


@intrinsic
def gather_floats(typing: Any, sources: Any, first: Any, input_: Any, center: Any, scale: Any, tile: Any) -> Any:
    """tile[:, first : first + 16] = (x - center) * scale of the inputs input_ .. input_ + 15 of sixteen examples.

    sources int64 (128,): where each example begins; center, scale: float32 (I,); tile: float32 (16, 128).
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sources, center, scale, tile = (data(context, builder, signature, args, i) for i in (0, 3, 4, 5))
        center_I, scale_I = load(builder, center, args[2]), load(builder, scale, args[2])
        rows = []
        for c in range(LANES):
            address = builder.load(builder.gep(sources, [builder.add(args[1], long(c))]))
            row = load(builder, builder.inttoptr(address, ir.PointerType(ir.FloatType())), args[2])
            rows.append(builder.fmul(builder.fsub(row, center_I), scale_I))
        for t, column in enumerate(transposed(builder, rows)):
            store(builder, column, tile, builder.add(long(WIDTH * t), args[1]))
        return context.get_dummy_value()

    return types.void(sources, types.int64, types.int64, center, scale, tile), generate


@intrinsic
def finish_sums(typing: Any, sums: Any, totals: Any) -> Any:
    """totals float32 (2, 16): the lanes of `sums` added up; sums become 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, totals = (data(context, builder, signature, args, i) for i in (0, 1))
        for kind in range(2):
            places = [long(2 * LANES * t + LANES * kind) for t in range(LANES)]
            store(builder, lane_sums(builder, [load(builder, sums, at) for at in places]), totals, long(LANES * kind))
            for at in places:
                store(builder, ZEROS, sums, at)
        return context.get_dummy_value()

    return types.void(sums, totals), generate


@intrinsic
def prefetch(typing: Any, address: Any) -> Any:
    """Ask for the line at this address; any address will do."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.PointerType(BYTE))
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, WORD, WORD, WORD])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, ir.Constant(WORD, 0), ir.Constant(WORD, 3), ir.Constant(WORD, 1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def swap_reversed(typing: Any, values: Any, a: Any, b: Any) -> Any:
    """Sixteen elements from a on and sixteen from b on change places, each in reverse."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointers = [data(context, builder, signature, args, 0, args[i]) for i in (1, 2)]
        kind = ir.VectorType(pointers[0].type.pointee, LANES)
        pointers = [builder.bitcast(pointer, kind.as_pointer()) for pointer in pointers]
        parts = [builder.load(pointer) for pointer in pointers]
        for part, pointer in zip(parts, reversed(pointers), strict=True):
            part.align = 1
            turned = builder.shuffle_vector(part, ir.Constant(kind, ir.Undefined), _lanes(list(range(LANES))[::-1]))
            builder.store(turned, pointer).align = 1
        return context.get_dummy_value()

    return types.void(values, types.int64, types.int64), generate
