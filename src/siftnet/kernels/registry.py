"""The kernels by name, and which of them may train a network."""

from __future__ import annotations

from siftnet.config.fields import TrainConfig
from siftnet.kernels.batched.kernel import Batched
from siftnet.kernels.blocks.kernel import Blocks
from siftnet.kernels.blocks.plain import PLAIN
from siftnet.kernels.dense import Dense
from siftnet.kernels.interface import KernelKind
from siftnet.network.layers import Network

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


def candidates(name: str, network: Network, training: TrainConfig, device: str) -> list[KernelKind]:
    """The kernel of this name; for auto, all that support the network on this device.

    Raises ValueError for an unknown name and for a kernel that does not support what is asked, with its reason.
    """
    if name == "auto":
        offered = [kind for name, kind in KERNELS.items() if name not in BY_NAME_ONLY]
        return [kind for kind in offered if kind.supports(network, training, device) is None]
    if name not in KERNELS:
        raise ValueError(f"there is no kernel {name!r}; take auto or one of {', '.join(KERNELS)}")
    reason = KERNELS[name].supports(network, training, device)
    if reason is not None:
        raise ValueError(f"kernel {name} cannot train this network: {reason}; take --kernel auto")
    return [KERNELS[name]]
