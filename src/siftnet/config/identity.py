"""What a run is: the digest of all that changes results, what stays out of it, and what differs between runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from siftnet.config.fields import POINTS, RunConfig
from siftnet.config.load import flatten, from_dict, to_dict

# Raised whenever the same configuration would give other numbers than before.
ALGORITHM = 1

# Paths and stop rules say where results lie and how far to go, not what they are.
NOT_IN_DIGEST = (
    "data.root",
    "data.superclass_file",
    "start.run",
    "prune.rounds",
    "prune.min_density",
    "prune.min_connected",
    "threads",
    "analysis",
)

# Settings that came after the first runs, at the value that means what was done before there was a choice: left out
# there, so that those runs keep their digests.
ADDED = {
    "data.group": "",
    "data.time": "",
    "data.missing_labels": "refuse",
    "data.duplicates": "keep",
    "data.products.geometry": "",
    "data.products.order": 2,
    "data.products.noise": 0.0,
    "data.products.hidden": True,
    "data.synthetic.periodic": True,
    "data.table.text": "refuse",
    "data.table.header": "auto",
    "data.table.separator": "auto",
    "data.table.decimal": "point",
    "data.table.order": "refuse",
    "data.table.drop": [],
    "data.table.split": "",
}


def identifying(config: RunConfig, *, leaving_out: Sequence[str] = ()) -> dict[str, Any]:
    """Every setting that changes results, by field path.

    leaving_out: further settings, or groups of them, that are not to count.
    """
    # Through plain values and back, so that a configuration written in Python with 1 for 1.0 is the one read from disk.
    flat = flatten(to_dict(from_dict(to_dict(config))))
    if flat["data.geometry"].startswith(POINTS):
        # Where the coordinates lie is a path; what they are is in the data's hash.
        flat["data.geometry"] = POINTS
    left_out = (*NOT_IN_DIGEST, *leaving_out, *(name for name, value in ADDED.items() if flat[name] == value))
    return {k: v for k, v in flat.items() if not any(k == name or k.startswith(name + ".") for name in left_out)}


def differing(mine: RunConfig, theirs: RunConfig) -> list[str]:
    """The settings that make two runs different ones, by field path."""
    here, there = identifying(mine), identifying(theirs)
    return [name for name in here | there if here.get(name) != there.get(name)]


def digest(config: RunConfig, data_hash: str, start_digest: str = "") -> str:
    """Hex digest of every value that changes results.

    data_hash: content hash of the data set; start_digest: digest of the run started from, if any. Paths and stop rules
    stay out, so that a longer run continues a shorter one.
    """
    named = {"algorithm": ALGORITHM, "data_hash": data_hash, "start_digest": start_digest}
    return hashlib.sha256(json.dumps(identifying(config) | named, sort_keys=True).encode()).hexdigest()
