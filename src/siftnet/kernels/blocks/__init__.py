"""The sparse training step on the processor: activations in blocks of 128 examples (layout.py), compiled by Numba."""
