"""siftnet: find the architecture hidden in data."""

from siftnet.version import __version__

__all__ = ["__version__"]
