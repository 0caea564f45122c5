"""How large the networks, the data and the looks of bench_gpu.py are, in full and on trial."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A network: hidden widths, classes, sites along each axis of its three-channel images."""

    hidden: tuple[int, ...]
    classes: int
    side: int = 32

    @property
    def name(self) -> str:
        """Units from the inputs on, e.g. 3072-256-256-200."""
        return "-".join(map(str, (3 * self.side**2, *self.hidden, self.classes)))

    @property
    def layers(self) -> str:
        """As network.layers has it."""
        return ":".join([*(f"f{width}" for width in self.hidden), "x"])


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large everything is. Examples lie beyond any cache; lengths: updates of the schedule's two trainings;
    compiled: whether torch.compile is tried, which takes a compiler and most of a minute."""

    shapes: tuple[Shape, Shape] = (Shape((1024, 1024, 1024), 1000), Shape((256, 256), 200))
    batch: int = 1000
    examples: int = 200_000
    validation: int = 10_000
    replicates: tuple[int, ...] = (1, 2, 4, 8, 16)
    compiled: bool = True
    slice_ms: float = 100.0
    turns: int = 5
    seconds: float = 10.0
    product: int = 8192
    copied_bytes: int = 2**32
    lengths: tuple[int, int] = (500, 3000)
    every: int = 100


QUICK = Scale(
    shapes=(Shape((64, 64, 64), 100, side=8), Shape((32, 32), 10, side=8)),
    batch=50,
    examples=2000,
    validation=200,
    replicates=(1, 2, 8),
    compiled=False,
    slice_ms=10.0,
    turns=2,
    seconds=1.0,
    product=512,
    copied_bytes=2**26,
    lengths=(50, 300),
    every=25,
)
