"""How training a masked network is computed: one interface, several ways."""

from __future__ import annotations

from siftnet.config import TrainConfig
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import Evaluation, Kernel, KernelKind
from siftnet.network import Network

KERNELS: dict[str, KernelKind] = {"dense": Dense()}


def choose_kernel(name: str, network: Network, training: TrainConfig) -> KernelKind:
    """The kernel of this name; auto takes the first that supports the network.

    Raises ValueError for an unknown name and for a kernel that does not support what is asked, with its reason.
    """
    if name == "auto":
        return next(kind for kind in KERNELS.values() if kind.supports(network, training) is None)
    if name not in KERNELS:
        raise ValueError(f"there is no kernel {name!r}; take auto or one of {', '.join(KERNELS)}")
    reason = KERNELS[name].supports(network, training)
    if reason is not None:
        raise ValueError(f"kernel {name} cannot train this network: {reason}; take --kernel auto")
    return KERNELS[name]


__all__ = ["KERNELS", "Evaluation", "Kernel", "KernelKind", "choose_kernel"]
