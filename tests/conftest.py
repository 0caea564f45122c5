"""Shapes and types that annotations promise are checked at every call of these rooms while tests run."""

from jaxtyping import install_import_hook

# Before any test imports them. Functions that Numba compiles are marked as not checked: they are no Python then.
CHECKED = ["siftnet.analysis", "siftnet.network", "siftnet.pruning"]
install_import_hook(CHECKED, "beartype.beartype")
