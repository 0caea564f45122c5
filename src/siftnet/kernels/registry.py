"""The kernels by name, which of them may train a problem, and what of this processor decides their last bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from siftnet.kernels.batched.kernel import Batched
from siftnet.kernels.blocks.kernel import Blocks
from siftnet.kernels.blocks.plain import PLAIN
from siftnet.kernels.blocks.tile_product import has_amx
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import KernelKind, Problem

# Of kernels that are equally fast, the first is taken.
KERNELS: dict[str, KernelKind] = {
    "dense": Dense(),
    "fused": Blocks("fused", sparse=False),
    "sparse": Blocks("sparse", sparse=True),
    "plain": Blocks("plain", sparse=True, tier=PLAIN),
    "batched": Batched(),
}
# plain: the readable tier of sparse, to check by. batched: never yet timed on the GPUs that it is for.
BY_NAME_ONLY = frozenset({"plain", "batched"})


def candidates(name: str, problem: Problem) -> list[KernelKind]:
    """The kernel of this name; for auto, all that support the problem.

    Raises ValueError for an unknown name and for a kernel that does not support what is asked, with its reason.
    """
    if name == "auto":
        offered = [kind for name, kind in KERNELS.items() if name not in BY_NAME_ONLY]
        return [kind for kind in offered if kind.supports(problem) is None]
    if name not in KERNELS:
        raise ValueError(f"there is no kernel {name!r}; take auto or one of {', '.join(KERNELS)}")
    reason = KERNELS[name].supports(problem)
    if reason is not None:
        raise ValueError(f"kernel {name} cannot train this network: {reason}; take --kernel auto")
    return [KERNELS[name]]


@dataclass(frozen=True)
class Feature:
    """Something that a processor has or lacks and that decides the last bits of some kernels."""

    words: str
    """What people call it."""
    is_there: Callable[[], bool]
    """Whether this process may use it."""


FEATURES = {"amx": Feature("AMX tiles", has_amx)}
"""By the names under which environment.json has them."""


def features_here() -> dict[str, bool]:
    """Which of `FEATURES` this machine has."""
    return {name: feature.is_there() for name, feature in FEATURES.items()}


def rounding_of(kernels: Iterable[str], problem: Problem) -> list[str]:
    """The features that decide the last bits of any of these kernels; names that are no kernel's here do not count."""
    kinds = [KERNELS[name] for name in kernels if name in KERNELS]
    return [feature for feature in FEATURES if any(feature in kind.rounding(problem) for kind in kinds)]
