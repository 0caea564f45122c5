"""Sixteen float32 at a time: the few operations that LLVM does not find by itself, written once as pieces of its code.

Everything here builds generic LLVM vectors of sixteen lanes, which every processor runs (one AVX-512 register, two of
AVX2, four of NEON); the Numba intrinsics of this folder are put together from these pieces. Where arithmetic matters a
vector is wrapped in `Lanes`, elsewhere it is LLVM's bare value.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import extending
from numba.core import cgutils, config

# Numba's own type makes the type checker ask for the two arguments that only the compiler passes.
intrinsic: Any = extending.intrinsic
LANES = 16
"""Numbers of a vector: a cache line of float32."""
FLOAT, BYTE, WORD, LONG = ir.FloatType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)
FLOATS, WORDS = ir.VectorType(FLOAT, LANES), ir.VectorType(WORD, LANES)
ZEROS = ir.Constant(FLOATS, [0.0] * LANES)
UPPER_HALVES = ir.Constant(WORDS, [0xFFFF0000] * LANES)
HALF_A_WORD = ir.Constant(WORDS, [16] * LANES)


def compiled_with(*features: str) -> bool:
    """Whether Numba compiles for a processor with these features: this one, or what NUMBA_CPU_FEATURES says instead."""
    known = config.CPU_FEATURES  # type: ignore[attr-defined]  # made from the environment
    if known is None:
        known = binding.get_host_cpu_features().flatten()
    return {f"+{feature}" for feature in features} <= set(known.split(","))


AVX512 = compiled_with("avx512f")
"""A vector is one register, of 32. Elsewhere it is two of 16 (AVX2) or four of 32 (NEON)."""


def long(value: int) -> ir.Constant:
    """A 64-bit constant."""
    return ir.Constant(LONG, value)


def data(context: Any, builder: Any, signature: Any, args: Any, index: int, offset: Any = None) -> Any:
    """Pointer to element `offset` of the array that is argument `index`."""
    pointer = context.make_array(signature.args[index])(context, builder, value=args[index]).data
    return pointer if offset is None else builder.gep(pointer, [offset])


def call(builder: Any, name: str, returns: Any, args: list[Any]) -> Any:
    """Call LLVM's own function of this name."""
    function_type = ir.FunctionType(returns, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), args)


def load(builder: Any, pointer: Any, offset: Any, kind: Any = FLOATS) -> Any:
    """Sixteen elements from `pointer[offset]` on."""
    value = builder.load(builder.bitcast(builder.gep(pointer, [offset]), kind.as_pointer()))
    value.align = 4
    return value


def store(builder: Any, value: Any, pointer: Any, offset: Any) -> None:
    """Sixteen elements to `pointer[offset]` on."""
    builder.store(value, builder.bitcast(builder.gep(pointer, [offset]), value.type.as_pointer())).align = 4


def splat(builder: Any, scalar: Any) -> Any:
    """The same scalar in every lane."""
    kind = ir.VectorType(scalar.type, LANES)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(WORD, 0))
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), ir.Constant(WORDS, [0] * LANES))


def fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    return call(builder, "llvm.fma.v16f32", FLOATS, [a, b, c])


def expand(builder: Any, words: Any) -> tuple[Any, Any]:
    """The two bf16 of each word as float32: lower halves, upper halves."""
    lower = builder.bitcast(builder.shl(words, HALF_A_WORD), FLOATS)
    return lower, builder.bitcast(builder.and_(words, UPPER_HALVES), FLOATS)


class Lanes:
    """A vector under construction, so that arithmetic reads as such."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    @classmethod
    def read(cls, builder: Any, pointer: Any, offset: Any) -> Lanes:
        """Sixteen float32 from `pointer[offset]` on."""
        return cls(builder, load(builder, pointer, offset))

    @classmethod
    def of(cls, builder: Any, scalar: Any) -> Lanes:
        """The same float32 in every lane."""
        return cls(builder, splat(builder, scalar))

    def write(self, pointer: Any, offset: Any) -> None:
        """To `pointer[offset]` on."""
        store(self.builder, self.value, pointer, offset)

    def __add__(self, other: Lanes) -> Lanes:
        return Lanes(self.builder, self.builder.fadd(self.value, other.value))

    def __sub__(self, other: Lanes) -> Lanes:
        return Lanes(self.builder, self.builder.fsub(self.value, other.value))

    def __mul__(self, other: Lanes) -> Lanes:
        return Lanes(self.builder, self.builder.fmul(self.value, other.value))

    def plus(self, factor: Lanes, other: Lanes) -> Lanes:
        """self + factor * other, rounded once."""
        return Lanes(self.builder, fma(self.builder, factor.value, other.value, self.value))

    def exceeds(self, other: Lanes) -> Any:
        """Lanes that are larger; NaN is not."""
        return self.builder.fcmp_ordered(">", self.value, other.value)

    def where(self, condition: Any, other: Lanes) -> Lanes:
        """These lanes where the condition holds, the other's elsewhere."""
        return Lanes(self.builder, self.builder.select(condition, self.value, other.value))

    def total(self) -> Any:
        """Sum over the lanes, in a fixed tree."""
        builder, value, half = self.builder, self.value, LANES // 2
        while half:
            turned = ir.Constant(WORDS, [(lane + half) % LANES for lane in range(LANES)])
            value = builder.fadd(value, builder.shuffle_vector(value, value, turned))
            half //= 2
        return builder.extract_element(value, ir.Constant(WORD, 0))


def zeros(builder: Any) -> Lanes:
    """Sixteen zeros."""
    return Lanes(builder, ZEROS)


def _combine(builder: Any, a: Any, b: Any, half: int) -> Any:
    """Add the two halves of each group of 2 * half lanes; the groups of a, then those of b."""
    starts = [source + group for source in (0, LANES) for group in range(0, LANES, 2 * half)]
    first = [start + lane for start in starts for lane in range(half)]
    masks = [ir.Constant(WORDS, lanes) for lanes in (first, [lane + half for lane in first])]
    return builder.fadd(*(builder.shuffle_vector(a, b, mask) for mask in masks))


def lane_sums(builder: Any, vectors: list[Any]) -> Any:
    """Vector of the sums over the lanes of up to sixteen vectors, in their order, added in a fixed tree."""
    vectors = vectors + [ZEROS] * (LANES - len(vectors))
    half = LANES // 2
    while len(vectors) > 1:
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [ZEROS if a is b is ZEROS else _combine(builder, a, b, half) for a, b in pairs]
        half //= 2
    return vectors[0]


def transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Sixteen vectors of words, transposed."""
    step = 1
    while step < LANES:
        lanes = range(LANES)
        low = [lane if not lane & step else LANES + lane - step for lane in lanes]
        high = [lane + step if not lane & step else LANES + lane for lane in lanes]
        masks = ir.Constant(WORDS, low), ir.Constant(WORDS, high)
        turned = list(rows)
        for i in range(LANES):
            if not i & step:
                turned[i], turned[i + step] = (builder.shuffle_vector(rows[i], rows[i + step], m) for m in masks)
        rows, step = turned, 2 * step
    return rows
