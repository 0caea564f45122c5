"""What was run, of one run or of several seeds: data, seeds, machine, configuration, and how to make it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from siftnet.config.fields import RunConfig
from siftnet.config.load import flatten, to_dict
from siftnet.report.command import command
from siftnet.store.run import Run
from siftnet.store.summary import DataSummary, RoundSummary
from siftnet.wording import NONE, named, seconds_cell, share

# Settings that say how much was measured or where, not what was run.
ROUTINE = ("threads", "device", "kernel", "train.precision", "data.root", "data.superclass_file")

Rows = Sequence[tuple[str, str]]
"""Name and value of each row of a table."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a page's numbers come from.

    scope: what they are about; circumstances: data set, seeds, machine and digests; changed: settings that differ from
    the defaults; settings: all of them; commands: lines of a shell that make it again.
    """

    scope: str
    circumstances: Rows
    changed: Rows
    settings: Rows
    commands: Sequence[str]


def provenance(runs: Sequence[Run]) -> Provenance:
    """Of one run, or of several that differ in their seed; what differs otherwise is told by seed."""
    several = len(runs) > 1
    whose = f"the masks of {len(runs)} runs of one configuration" if several else "one run’s masks"
    others = "other data or networks" if several else "other data, seeds or networks"
    changed, every = settings(runs)
    return Provenance(
        scope=f"These are measurements of {whose}. They say that connections survived where they did, and nothing "
        f"about {others}.",
        circumstances=circumstances(runs),
        changed=changed,
        settings=every,
        commands=command(runs[0].config, [run.config.seed for run in runs]),
    )


def circumstances(runs: Sequence[Run]) -> Rows:
    """Data, seeds, digests and machines as rows of a table; what differs is told by seed."""
    seeds = ", ".join(str(run.config.seed) for run in runs)
    summaries = [run.summaries() for run in runs]
    machines = [run.environment for run in runs]
    return [
        *data_rows(runs[0]),
        ("seeds", f"run {seeds}; data {runs[0].config.data.seed}"),
        *((f"digest of seed {r.config.seed}" if len(runs) > 1 else "digest of the run", r.digest) for r in runs),
        ("kernel", by_seed(runs, [kernels(found) if found else "none yet" for found in summaries])),
        ("seconds a round", seconds([summary for found in summaries for summary in found])),
        *(
            (name, by_seed(runs, [str(machine.get(name, NONE)) for machine in machines]))
            for name in dict.fromkeys(name for machine in machines for name in machine)
            if any(machine.get(name) is not None for machine in machines)
        ),
    ]


def settings(runs: Sequence[Run]) -> tuple[Rows, Rows]:
    """The configuration by field path: what differs from the defaults, and all of it."""
    default = _plain(RunConfig())
    every = [_plain(run.config) for run in runs]
    together = [(name, by_seed(runs, [one[name] for one in every])) for name in default]
    if len(runs) > 1:
        together = [(name, value) for name, value in together if name != "seed"]
    return [(name, value) for name, value in together if value != default[name] and name not in ROUTINE], together


def _plain(config: RunConfig) -> dict[str, str]:
    """Settings by field path, texts without quotes and all else as in JSON."""
    flat: dict[str, Any] = flatten(to_dict(config))
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in flat.items()}


def by_seed(runs: Sequence[Run], values: Sequence[str]) -> str:
    """What all runs have in common, or each value with its seeds: 'fused (seed 0, 2); sparse (seed 1)'."""
    seeds: dict[str, list[str]] = {}
    for run, value in zip(runs, values, strict=True):
        seeds.setdefault(value, []).append(str(run.config.seed))
    if len(seeds) == 1:
        return next(iter(seeds))
    return "; ".join(f"{value} (seed {', '.join(found)})" for value, found in seeds.items())


def data_rows(run: Run) -> list[tuple[str, str]]:
    """What a run was trained on, as rows of a table; more stands at the head of the page."""
    data = run.data
    counts = ", ".join(f"{n:,} {name}" for name, n in data.examples.items())
    permuted = {"none": "no", "fixed": "by one permutation", "each": "afresh for each example"}
    return [
        ("data set", named(data.name)),
        ("examples", counts),
        ("inputs", run.geometry.describe()),
        ("targets", _targets(data)),
        ("inputs permuted", permuted[run.permuted]),
        ("augmentation", "flips or shifts" if data.augmented else "none"),
        ("content hash of the data", data.hash),
    ]


def _targets(data: DataSummary) -> str:
    if data.classes is None:
        return "a number"
    names = [named(str(name)) for name in data.class_names]
    more = ", …" if len(names) > 12 else ""
    return f"{data.classes} classes" + (f": {', '.join(names[:12])}{more}" if names else "")


def kernels(summaries: Sequence[RoundSummary]) -> str:
    """The kernels of some rounds in the order in which they were used, with the densities that each computed."""
    densities: dict[str, list[float]] = {}
    for summary in summaries:
        densities.setdefault(summary.kernel or NONE, []).append(summary.density)
    if len(densities) == 1:
        return next(iter(densities))
    spans = {name: dict.fromkeys([share(max(found), 3), share(min(found), 3)]) for name, found in densities.items()}
    return "; ".join(f"{name} at density {' to '.join(span)}" for name, span in spans.items())


def seconds(summaries: Sequence[RoundSummary]) -> str:
    """The shortest and the longest of some rounds, in seconds of training."""
    found = [summary.seconds for summary in summaries]
    return f"{seconds_cell(min(found))} to {seconds_cell(max(found))}" if found else NONE
