"""What identifies a run, of any settings; test_config.py goes through all fields one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siftnet.config.fields import RunConfig
from siftnet.config.identity import ADDED, NOT_IN_DIGEST, differing, digest, identifying
from siftnet.config.load import flatten, from_dict, to_dict

pytestmark = pytest.mark.property

SETTINGS = sorted(flatten(to_dict(RunConfig())))
LEFT_OUT = [name for name in SETTINGS if any(name == n or name.startswith(f"{n}.") for n in NOT_IN_DIGEST)]


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Values by field path as nested dictionaries."""
    found: dict[str, Any] = {}
    for path, value in flat.items():
        *groups, name = path.split(".")
        here = found
        for group in groups:
            here = here.setdefault(group, {})
        here[name] = value
    return found


def test_every_setting_is_either_left_out_or_identifies() -> None:
    assert sorted([*identifying(RunConfig()), *LEFT_OUT, *ADDED]) == SETTINGS


OTHERWISE = {
    "data.missing_labels": "drop",
    "data.duplicates": "drop",
    "data.products.geometry": "ring:1x40",
    "data.products.order": 3,
    "data.products.noise": 0.1,
    "data.products.hidden": False,
    "data.synthetic.periodic": False,
    "data.table.text": "one_hot",
    "data.table.header": "none",
    "data.table.separator": "semicolon",
    "data.table.decimal": "comma",
    "data.table.order": "number",
    "data.table.drop": ["other"],
}


@pytest.mark.parametrize("name", ADDED)
def test_a_setting_that_came_later_identifies_once_it_is_used(name: str) -> None:
    base = {"data.split": "time"} if name == "data.time" else {}
    value = OTHERWISE.get(name, "other")
    before, after = (from_dict(nested(values)) for values in (base, base | {name: value}))
    assert name not in identifying(before)
    assert identifying(after) == identifying(before) | {name: value}
    assert differing(before, after) == differing(after, before) == [name]
    assert digest(before, "data") != digest(after, "data")


def free(name: str, value: Any) -> st.SearchStrategy[Any]:
    """Any value of a setting whose check looks at nothing else."""
    if isinstance(value, bool):
        return st.booleans()
    return st.integers(2, 10**6) if isinstance(value, int) else st.floats(1e-6, 0.99)


FREE = {
    name: free(name, flatten(to_dict(RunConfig()))[name])
    for name in (
        *("seed", "threads", "data.validation", "data.share", "data.seed", "data.synthetic.clone"),
        *("network.norm", "network.norm_decay", "network.init_scale", "train.batch", "train.lr", "train.momentum"),
        *("train.weight_decay", "prune.rounds", "prune.fraction", "prune.min_density", "analysis.samples"),
    )
}


@given(st.fixed_dictionaries({}, optional=FREE), st.text(max_size=5), st.text(max_size=5))
def test_a_digest_survives_plain_values_and_knows_what_it_is_of(values: dict[str, Any], data: str, start: str) -> None:
    config = from_dict(nested(values))
    back = from_dict(to_dict(config))
    assert back == config
    assert digest(back, data, start) == digest(config, data, start)
    assert digest(config, data + "x", start) != digest(config, data, start) != digest(config, data, start + "x")
    changed = [name for name in values if flatten(to_dict(config))[name] != flatten(to_dict(RunConfig()))[name]]
    assert sorted(differing(RunConfig(), config)) == sorted(set(changed) - set(LEFT_OUT))
