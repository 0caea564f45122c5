"""Data in, as the network will see it."""
