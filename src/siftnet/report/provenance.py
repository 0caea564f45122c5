"""What was run: key numbers, configuration, data, machine, rounds."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from siftnet.config.fields import RunConfig
from siftnet.config.load import flatten, load, preset_names, to_dict
from siftnet.store.run import Run
from siftnet.store.summary import DataSummary, RoundSummary
from siftnet.studies.measured_run import MeasuredRound, MeasuredRun
from siftnet.wording import NONE, duration, interval, number, p_value, score, seconds_cell, share

if TYPE_CHECKING:
    from siftnet.analysis.locality import Locality

# Settings that say how much was measured or where, not what was run.
ROUTINE = ("threads", "device", "kernel", "train.precision", "data.root", "data.superclass_file")


def key_numbers(measured: MeasuredRun) -> list[dict[str, str]]:
    """The row of figures below the verdict: value, label and a remark each."""
    dense = next((r for r in measured.rounds if r.density == 1), None)
    top, metric = measured.top, measured.metric
    found = [key(share(top.density), "density", f"headline, round {top.number}")]
    if top.score("test_best") is not None:
        against = {
            which: f"dense {score(dense.score(which), metric)}" if dense else "" for which in ("best", "test_best")
        }
        found.append(key(score(top.score("best"), metric), "validation", against["best"]))
        found.append(key(score(top.score("test_best"), metric), "test, same weights", against["test_best"]))
    if measured.top.locality is not None:
        found.append(_index(measured.top.locality))
    told = "yes" if measured.run.data.augmented else "no"
    found.append(key(told, "told about geometry", "flips or shifts" if told == "yes" else "no augmentation"))
    total = sum(r.summary.seconds for r in measured.rounds)
    found.append(key(str(len(measured.rounds)), "rounds", f"{duration(total)} of training"))
    return found


def key(value: str, label: str, remark: str) -> dict[str, str]:
    """One figure of the row below the verdict."""
    return {"value": value, "label": label, "remark": remark}


def _index(locality: Locality) -> dict[str, str]:
    degree = locality.index_degree
    name, index = ("degree", degree) if degree is not None else ("uniform", locality.index_uniform)
    p = "not testable" if index.p is None else f"p = {p_value(index.p)}"
    return key(
        number(index.value),
        f"locality index_{name}",
        " ".join(filter(None, [interval(index.low, index.high, index.value), p])),
    )


def settings(config: RunConfig) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The resolved configuration by field path: what differs from the defaults, and all of it."""
    mine, default = flatten(to_dict(config)), flatten(to_dict(RunConfig()))
    changed = {name: value for name, value in mine.items() if value != default.get(name) and name not in ROUTINE}
    return setting_rows(changed), setting_rows(mine)


def setting_rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Settings by field path as rows of a table, texts without quotes and all else as in JSON."""
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in values.items()]


def circumstances(measured: MeasuredRun) -> list[tuple[str, str]]:
    """Data set, seeds, machine and digest as rows of a table."""
    run = measured.run
    rows = [
        *data_rows(run),
        ("seeds", f"run {run.config.seed}, data {run.config.data.seed}"),
        ("digest of the run", run.digest),
        ("kernel", kernels([r.summary for r in measured.rounds])),
        ("seconds a round", seconds([r.summary for r in measured.rounds])),
    ]
    return rows + [(name, str(value)) for name, value in run.environment.items() if value is not None]


def data_rows(run: Run) -> list[tuple[str, str]]:
    """What a run was trained on, as rows of a table."""
    data = run.data
    counts = ", ".join(f"{n:,} {name}" for name, n in data.examples.items())
    permuted = {"none": "no", "fixed": "by one permutation", "each": "afresh for each example"}
    rows = [
        ("data set", data.name),
        ("examples", counts),
        ("inputs", run.geometry.describe()),
        ("targets", _targets(data)),
        ("inputs permuted", permuted[run.permuted]),
        ("augmentation", "flips or shifts" if data.augmented else "none"),
        ("content hash of the data", data.hash),
    ]
    return rows + [("note on the data", note) for note in data.notes]


def _targets(data: DataSummary) -> str:
    if data.classes is None:
        return "a number"
    names = [str(name) for name in data.class_names]
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


ROUND_COLUMNS = [
    "round", "density", "effective", "weights", "validation best", "last", "test", "index uniform", "index degree",
    "95% interval", "p", "length", "kernel", "seconds", "",
]  # fmt: skip


def round_rows(measured: MeasuredRun) -> list[list[str]]:
    """All numbers of every round, in the order of ROUND_COLUMNS."""
    return [_round_row(r, measured.metric) for r in measured.rounds]


def _round_row(r: MeasuredRound, metric: str) -> list[str]:
    locality = r.locality
    uniform, degree = (locality.index_uniform, locality.index_degree) if locality else (None, None)
    remark = f"diverged at step {r.summary.diverged_at}" if r.diverged else r.summary.stop or ""
    return [
        str(r.number),
        share(r.density, 3),
        share(r.summary.density_effective, 3),
        f"{r.summary.survivors:,}",
        score(r.score("best"), metric, 2),
        score(r.score("last"), metric, 2),
        score(r.score("test_best"), metric, 2),
        number(uniform.value if uniform else None),
        number(degree.value if degree else None),
        interval(degree.low, degree.high, degree.value) if degree else "",
        p_value(degree.p if degree else None),
        number(locality.correlation_length if locality else None),
        r.summary.kernel or NONE,
        seconds_cell(r.summary.seconds),
        remark,
    ]


# Said in words of their own, or without a say in the result.
ELSEWHERE = ("seed", "threads")


def command(config: RunConfig, seeds: Sequence[int]) -> list[str]:
    """Lines of a shell that make runs of `config` with these seeds again, in DIR/seed-N.

    They start from the preset that needs the fewest options; device and precision are named as they were resolved.
    """
    mine = _flat(config)
    changes = {name: _changed(mine, _flat(load(name))) for name in preset_names()}
    preset = min(changes, key=lambda name: len(changes[name]))
    options = " ".join(option(name, value) for name, value in changes[preset].items())
    first, count = min(seeds), len(seeds)
    if sorted(seeds) == list(range(first, first + count)):
        seed = "" if first == 0 else f" --seed {first}"
        return [f"siftnet run {preset} --replicates {count}{seed} --out DIR {options}".rstrip()]
    return [f"siftnet run {preset} --seed {seed} --out DIR/seed-{seed} {options}".rstrip() for seed in seeds]


def option(name: str, value: Any) -> str:
    """One option of the command line: '--train.lr 0.1', '--data.flip', '--data.no-flip'."""
    if isinstance(value, bool):
        group, dot, field = name.rpartition(".")
        return f"--{group}{dot}{'' if value else 'no-'}{field}".replace("_", "-")
    return " ".join([f"--{name}".replace("_", "-"), *(shlex.quote(word) for word in _words(value))])


def _words(value: Any) -> list[str]:
    return [word for part in value for word in _words(part)] if isinstance(value, list) else [str(value)]


def _flat(config: RunConfig) -> dict[str, Any]:
    return {name: value for name, value in flatten(to_dict(config)).items() if name not in ELSEWHERE}


def _changed(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in mine.items() if value != theirs[name]}
