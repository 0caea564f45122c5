"""Data in, as the network will see it."""

from siftnet.data.dataset import Dataset

__all__ = ["Dataset"]
