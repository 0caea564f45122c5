"""The data formats by name, as `data.format` has them: who reads, or makes, the examples of each."""

from __future__ import annotations

from collections.abc import Callable

from siftnet.config.fields import DataConfig
from siftnet.data.formats import arrays, cifar, folder, idx, imagenet, synthetic, table
from siftnet.data.raw import Raw

READERS: dict[str, Callable[[DataConfig], Raw]] = {
    "imagenet": imagenet.read,
    "cifar10": cifar.read,
    "cifar100": cifar.read,
    "idx": idx.read,
    "npz": arrays.read,
    "table": table.read,
    "folder": folder.read,
    "nlgp": synthetic.make,
    "planted": synthetic.make,
    "field": synthetic.make,
}
