"""Shapes and types that annotations promise are checked at every call of these rooms; property tests invent alike."""

from hypothesis import settings
from jaxtyping import install_import_hook

# Before any test imports them. Functions that Numba compiles are marked as not checked: they are no Python then.
CHECKED = ["siftnet.analysis", "siftnet.network", "siftnet.pruning"]
install_import_hook(CHECKED, "beartype.beartype")

# The same cases in every run: what fails here fails there. `--hypothesis-profile=long` invents many more.
for name, examples in (("short", 30), ("long", 500)):
    settings.register_profile(name, max_examples=examples, derandomize=True, database=None, deadline=None)
settings.load_profile("short")
