"""The plan: which kernel trains at which density, because it was the fastest there on this machine.

Kernels are timed at a few of the densities that a run will visit (planning.py). Between those, log(time) is
interpolated in log(density): products over survivors and fixed costs are both straight lines there, nearly. Nothing
here needs more than NumPy, so that a stored plan is read at once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from math import exp, log
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """One kernel at one density: milliseconds an update, 20th and 50th percentile over slices of `updates` in all."""

    kernel: str
    density: float
    p20: float
    p50: float
    updates: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Kernel by density, with the timings that chose it."""

    why: str
    """Why these kernels, in a few words."""
    threads: int
    """Processor threads that it holds for."""
    given: str | None = None
    """The one kernel, where there was nothing to choose and nothing was timed."""
    timings: tuple[Timing, ...] = ()
    processor: str | None = None
    """The processor that was timed, by its name; None where nothing was, or where an older siftnet timed."""

    def __post_init__(self) -> None:
        assert (self.given is None) == bool(self.timings), "a plan is given or timed"

    @property
    def names(self) -> list[str]:
        """The kernels that were timed, or the one that was given."""
        return [self.given] if self.given else list(dict.fromkeys(t.kernel for t in self.timings))

    @property
    def densities(self) -> list[float]:
        """The densities at which anything was timed, highest first."""
        return sorted({t.density for t in self.timings}, reverse=True)

    def kernel(self, density: float) -> str:
        """The kernel with the least time at a density in [0, 1]; of equals, the one that is listed first."""
        if self.given:
            return self.given
        return min(self._near(density), key=lambda name: self.milliseconds(name, density))

    def milliseconds(self, kernel: str, density: float) -> float:
        """An update's time, interpolated between the densities at which this kernel was timed and held beyond them.

        Raises ValueError where it was never timed.
        """
        known = sorted((t.density, t.p20) for t in self.timings if t.kernel == kernel)
        if not known:
            raise ValueError(f"kernel {kernel} was not timed; the plan has {', '.join(self.names)}")
        at, times = zip(*known, strict=True)
        return exp(float(np.interp(log_density(density), [log_density(d) for d in at], np.log(times))))

    def _near(self, density: float) -> list[str]:
        """The kernels that were timed at the next timed density above or below: the others were hopeless there."""
        above = min((d for d in self.densities if d >= density), default=self.densities[0])
        below = max((d for d in self.densities if d <= density), default=self.densities[-1])
        near = {t.kernel for t in self.timings if t.density in (above, below)}
        return [name for name in self.names if name in near]

    def choices(self) -> list[tuple[float, str]]:
        """Which kernel takes over at which density, from the highest timed density down; (1.0, name) where given."""
        if self.given:
            return [(1.0, self.given)]
        highest = self.densities[0]
        found = [(highest, self.kernel(highest))]
        for above, below in pairwise(self.densities):
            # Which one is fastest changes only where two lines cross, so one look between crossings sees all of them,
            # also a kernel that is fastest at no timed density.
            edges = [above, *self._crossings(above, below), below]
            looks = [(upper, self.kernel(between(upper, lower))) for upper, lower in pairwise(edges)]
            for density, name in [*looks, (below, self.kernel(below))]:
                if name != found[-1][1]:
                    found.append((density, name))
        return found

    def _crossings(self, above: float, below: float) -> list[float]:
        """The densities strictly between two timed neighbours at which two kernels are equally fast, highest first."""
        found = set()
        for one, other in combinations(self._near(between(above, below)), 2):
            at_above, at_below = (log(self.milliseconds(one, d) / self.milliseconds(other, d)) for d in (above, below))
            if at_above * at_below < 0:
                found.add(between(above, below, at_above / (at_above - at_below)))
        return sorted(found, reverse=True)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `kernels` says in what order they take over, for people, and is not read back."""
        kernels = [{"from_density": density, "kernel": name} for density, name in self.choices()]
        timings = [asdict(timing) for timing in self.timings]
        return {
            "given": self.given, "why": self.why, "threads": self.threads, "processor": self.processor,
            "kernels": kernels, "milliseconds_an_update": timings,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Plan:
        """The inverse of `to_dict`. Raises ValueError for one that names no kernel."""
        timings = tuple(Timing(**timing) for timing in values["milliseconds_an_update"])
        if not values["given"] and not timings:
            raise ValueError("it names no kernel")
        return cls(
            given=values["given"],
            why=values["why"],
            threads=values["threads"],
            timings=timings,
            processor=values.get("processor"),
        )


def log_density(density: float) -> float:
    """log(density), of density 0 that of hardly anything."""
    return log(max(density, 1e-12))


def between(above: float, below: float, share: float = 0.5) -> float:
    """The density a share of the way down, by logarithms."""
    return exp(log_density(above) + share * (log_density(below) - log_density(above)))
