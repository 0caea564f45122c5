"""The dense product of two panels of words, 32 rows by 32 columns: AMX tiles where the processor has them.

A word is a float32, or a pair of bf16 that stands for two terms of the sum; so a panel product has one form for both.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from siftnet.kernels.blocks.layout import PANEL
from siftnet.kernels.blocks.vectors import (
    AVX512,
    BYTE,
    FLOATS,
    LANES,
    LONG,
    WORDS,
    ZEROS,
    call,
    compiled_with,
    data,
    expand,
    fma,
    intrinsic,
    load,
    long,
    splat,
    store,
)

# So many accumulators as fit into the registers, beside what they are made of.
ROWS_AT_ONCE, VECTORS_AT_ONCE = (8, 2) if AVX512 else (4, 1)
COMPILED_WITH_AMX = compiled_with("amx-tile", "amx-bf16")
TILES = np.zeros(64, np.uint8)
"""AMX's configuration: eight tiles of 16 rows of 64 bytes."""
TILES[0], TILES[16:32:2], TILES[48:56] = 1, 64, 16
# arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA): Linux lets a process use AMX's tiles once it has asked.
ASK_FOR_TILES = (158, 0x1023, 18)


@cache
def has_amx() -> bool:
    """Whether this process may use the processor's bf16 tiles."""
    return sys.platform == "linux" and COMPILED_WITH_AMX and ctypes.CDLL(None).syscall(*ASK_FOR_TILES) == 0


@intrinsic
def begin_tiles(typing: Any, amx: Any, configuration: Any) -> Any:
    """Make the tiles ready in this thread, where `amx` is true."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if COMPILED_WITH_AMX:
            with builder.if_then(args[0]):
                call(builder, "llvm.x86.ldtilecfg", ir.VoidType(), [data(context, builder, signature, args, 1)])
        return context.get_dummy_value()

    return types.void(amx, configuration), generate


@intrinsic
def end_tiles(typing: Any, amx: Any) -> Any:
    """Let go of the tiles, so that the thread is as quick as before to switch."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if COMPILED_WITH_AMX:
            with builder.if_then(args[0]):
                call(builder, "llvm.x86.tilerelease", ir.VoidType(), [])
        return context.get_dummy_value()

    return types.void(amx), generate


@intrinsic
def panel_product(
    typing: Any, amx: Any, a: Any, a_at: Any, b: Any, b_at: Any, c: Any, c_at: Any, words: Any, repeats: Any
) -> Any:
    """c[32, 32] = sum over r < repeats of A_r B_r, with A_r (32, words) and B_r (words, 32).

    a, b: float32 or uint32 (pairs of bf16); c: float32; words: a multiple of 16. Where they lie, in words:
    a_at (base, stride, half, chunk, step): where A_0 begins, from row to row, from row 0 to row 16, from sixteen words
    of a row to the next sixteen, from A_r to the next; b_at (base, stride, step): the same without halves and chunks;
    c_at (base, stride).
    """
    paired = a.dtype == types.uint32

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a_base, *a_strides = cgutils.unpack_tuple(builder, args[2], 5)
        b_base, *b_strides = cgutils.unpack_tuple(builder, args[4], 3)
        c_base, c_stride = cgutils.unpack_tuple(builder, args[6], 2)
        a, b, c = (data(context, builder, signature, args, *at) for at in ((1, a_base), (3, b_base), (5, c_base)))
        panels = (a, *a_strides, b, *b_strides, c, c_stride, args[7], args[8])
        if not (paired and COMPILED_WITH_AMX):
            _vector_product(builder, *panels, paired=paired)
            return context.get_dummy_value()
        with builder.if_else(args[0]) as (tiled, otherwise):
            with tiled:
                _tile_product(builder, *panels)
            with otherwise:
                _vector_product(builder, *panels, paired=True)
        return context.get_dummy_value()

    size = types.intp
    places = [types.UniTuple(size, count) for count in (5, 3, 2)]
    return types.void(types.boolean, a, places[0], b, places[1], c, places[2], size, size), generate


def _tile_product(
    builder: Any, a: Any, a_stride: Any, a_half: Any, a_chunk: Any, a_step: Any, b: Any, b_stride: Any, b_step: Any,
    c: Any, c_stride: Any, words: Any, repeats: Any,
) -> None:  # fmt: skip
    """Four accumulating tiles, two of A, two of B."""
    tile = [ir.Constant(BYTE, number) for number in range(8)]

    def at(pointer: Any, *offsets: Any) -> Any:
        for offset in offsets:
            pointer = builder.gep(pointer, [offset])
        return builder.bitcast(pointer, BYTE.as_pointer())

    def scaled(stride: Any, factor: int) -> Any:
        return builder.mul(stride, long(factor))

    void = ir.VoidType()
    a_bytes, b_bytes, c_bytes = (scaled(stride, 4) for stride in (a_stride, b_stride, c_stride))
    for number in range(4):
        call(builder, "llvm.x86.tilezero", void, [tile[number]])
    with cgutils.for_range(builder, repeats) as loop:
        a_r = builder.gep(a, [builder.mul(loop.index, a_step)])
        b_r = builder.gep(b, [builder.mul(loop.index, b_step)])
        with cgutils.for_range_slice(builder, long(0), words, long(LANES), LONG) as (k, _):
            a_k, b_k = builder.mul(builder.lshr(k, long(4)), a_chunk), builder.mul(k, b_stride)
            call(builder, "llvm.x86.tileloadd64", void, [tile[4], at(a_r, a_k), a_bytes])
            call(builder, "llvm.x86.tileloadd64", void, [tile[6], at(b_r, b_k), b_bytes])
            call(builder, "llvm.x86.tileloadd64", void, [tile[7], at(b_r, b_k, long(LANES)), b_bytes])
            call(builder, "llvm.x86.tileloadd64", void, [tile[5], at(a_r, a_k, a_half), a_bytes])
            for number, (left, right) in enumerate(((4, 6), (4, 7), (5, 6), (5, 7))):
                call(builder, "llvm.x86.tdpbf16ps", void, [tile[number], tile[left], tile[right]])
    for number, (down, right) in enumerate(((0, 0), (0, LANES), (LANES, 0), (LANES, LANES))):
        place = at(c, scaled(c_stride, down), long(right))
        call(builder, "llvm.x86.tilestored64", void, [tile[number], place, c_bytes])


def _vector_product(
    builder: Any, a: Any, a_stride: Any, a_half: Any, a_chunk: Any, a_step: Any, b: Any, b_stride: Any, b_step: Any,
    c: Any, c_stride: Any, words: Any, repeats: Any, *, paired: bool,
) -> None:  # fmt: skip
    """A few rows by one or two vectors of accumulators at a time, sixteen words along the sum after sixteen."""
    sums = [cgutils.alloca_once_value(builder, ZEROS) for _ in range(ROWS_AT_ONCE * VECTORS_AT_ONCE)]
    terms = cgutils.alloca_once(builder, FLOATS, ROWS_AT_ONCE * (2 if paired else 1))
    with (
        cgutils.for_range_slice(builder, long(0), long(PANEL), long(ROWS_AT_ONCE), LONG) as (row, _),
        cgutils.for_range_slice(builder, long(0), long(PANEL), long(VECTORS_AT_ONCE * LANES), LONG) as (column, _),
    ):
        for pointer in sums:
            builder.store(ZEROS, pointer)
        own = builder.mul(builder.lshr(row, long(4)), a_half)
        own = builder.add(own, builder.mul(builder.and_(row, long(LANES - 1)), a_stride))
        with cgutils.for_range(builder, repeats) as loop:
            a_r = builder.gep(a, [builder.add(builder.mul(loop.index, a_step), own)])
            b_r = builder.gep(b, [builder.add(builder.mul(loop.index, b_step), column)])
            with cgutils.for_range_slice(builder, long(0), words, long(LANES), LONG) as (k, _):
                a_k = builder.gep(a_r, [builder.mul(builder.lshr(k, long(4)), a_chunk)])
                _gather_terms(builder, a_k, a_stride, terms, paired)
                with cgutils.for_range(builder, long(LANES)) as inner:
                    b_k = builder.gep(b_r, [builder.mul(builder.add(k, inner.index), b_stride)])
                    _add_outer_product(builder, terms, inner.index, b_k, sums, paired)
        for i, pointer in enumerate(sums):
            line = builder.mul(builder.add(row, long(i // VECTORS_AT_ONCE)), c_stride)
            place = builder.add(builder.add(line, column), long(LANES * (i % VECTORS_AT_ONCE)))
            store(builder, builder.load(pointer), c, place)


def _gather_terms(builder: Any, a: Any, a_stride: Any, terms: Any, paired: bool) -> None:
    """terms = sixteen words of a few rows as float32, each ready to be spread over a vector."""
    for r in range(ROWS_AT_ONCE):
        words = load(builder, a, builder.mul(a_stride, long(r)), WORDS if paired else FLOATS)
        halves = expand(builder, words) if paired else (words,)
        for half, part in enumerate(halves):
            builder.store(part, builder.gep(terms, [long(len(halves) * r + half)]))


def _add_outer_product(builder: Any, terms: Any, k: Any, b: Any, sums: list[Any], paired: bool) -> None:
    """sums += word k of the rows in `terms` times the vectors at b."""
    lines = [load(builder, b, long(LANES * j), WORDS if paired else FLOATS) for j in range(VECTORS_AT_ONCE)]
    parts = [expand(builder, words) if paired else (words,) for words in lines]
    halves = len(parts[0])
    first = builder.bitcast(terms, ir.FloatType().as_pointer())
    for r in range(ROWS_AT_ONCE):
        for half in range(halves):
            at = builder.add(k, long(LANES * (halves * r + half)))
            factor = splat(builder, builder.load(builder.gep(first, [at])))
            for j in range(VECTORS_AT_ONCE):
                pointer = sums[VECTORS_AT_ONCE * r + j]
                builder.store(fma(builder, factor, parts[j][half], builder.load(pointer)), pointer)
