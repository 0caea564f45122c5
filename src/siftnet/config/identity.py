"""What a run is: the digest of every value that changes results, and what stays out of it."""

from __future__ import annotations

import hashlib
import json

from siftnet.config.fields import RunConfig
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


def digest(config: RunConfig, data_hash: str, start_digest: str = "") -> str:
    """Hex digest of every value that changes results.

    data_hash: content hash of the data set; start_digest: digest of the run started from, if any. Paths and stop rules
    stay out, so that a longer run continues a shorter one.
    """
    # Through plain values and back, so that a configuration written in Python with 1 for 1.0 is the one read from disk.
    flat = flatten(to_dict(from_dict(to_dict(config))))
    kept = {k: v for k, v in flat.items() if not any(k == name or k.startswith(name + ".") for name in NOT_IN_DIGEST)}
    kept |= {"algorithm": ALGORITHM, "data_hash": data_hash, "start_digest": start_digest}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
