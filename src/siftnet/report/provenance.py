"""What was run: key numbers, configuration, data, machine, rounds."""

from __future__ import annotations

import json
from typing import Any

from siftnet.config import RunConfig
from siftnet.report.record import RoundRecord, RunRecord
from siftnet.report.wording import duration, interval, number, score, share
from siftnet.settings import flatten, to_dict

# Settings that say how much was measured or where, not what was run.
ROUTINE = ("threads", "device", "kernel", "train.precision", "data.root", "data.superclass_file")


def key_numbers(record: RunRecord) -> list[dict[str, str]]:
    """The row of figures below the verdict: value, label and a remark each."""
    dense = next((r for r in record.rounds if r.density == 1), None)
    top, exact = record.top, record.is_accuracy
    found = [_key(share(top.density), "density", f"headline, round {top.number}")]
    if top.score("test_best") is not None:
        against = {
            which: f"dense {score(dense.score(which), exact)}" if dense else "" for which in ("best", "test_best")
        }
        found.append(_key(score(top.score("best"), exact), "validation", against["best"]))
        found.append(_key(score(top.score("test_best"), exact), "test, same weights", against["test_best"]))
    if record.top.locality is not None:
        found.append(_index(record.top.locality))
    told = "yes" if record.run.data["augmented"] else "no"
    found.append(_key(told, "told about geometry", "flips or shifts" if told == "yes" else "no augmentation"))
    seconds = sum(r.summary["seconds"] for r in record.rounds)
    found.append(_key(str(len(record.rounds)), "rounds", f"{duration(seconds)} of training"))
    return found


def _key(value: str, label: str, remark: str) -> dict[str, str]:
    return {"value": value, "label": label, "remark": remark}


def _index(locality: dict[str, Any]) -> dict[str, str]:
    degree = locality["index_degree"]
    name, index = ("degree", degree) if degree is not None else ("uniform", locality["index_uniform"])
    p = "not testable" if index["p"] is None else f"p = {index['p']:.2g}"
    return _key(number(index["value"]), f"locality index_{name}", " ".join(filter(None, [interval(index), p])))


def settings(config: RunConfig) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The resolved configuration by field path: what differs from the defaults, and all of it."""
    mine, default = flatten(to_dict(config)), flatten(to_dict(RunConfig()))
    changed = {name: value for name, value in mine.items() if value != default.get(name) and name not in ROUTINE}
    return _rows(changed), _rows(mine)


def _rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in values.items()]


def circumstances(record: RunRecord) -> list[tuple[str, str]]:
    """Data set, seeds, machine and digest as rows of a table."""
    run, data = record.run, record.run.data
    counts = ", ".join(f"{n:,} {name}" for name, n in data["examples"].items())
    rows = [
        ("data set", data["name"]),
        ("examples", counts),
        ("inputs", run.geometry.describe()),
        ("targets", _targets(data)),
        ("inputs permuted", {"none": "no", "fixed": "by one permutation", "each": "afresh for each example"}[
            run.permuted
        ]),
        ("augmentation", "flips or shifts" if data["augmented"] else "none"),
        ("seeds", f"run {run.config.seed}, data {run.config.data.seed}"),
        ("content hash of the data", data["hash"]),
        ("digest of the run", run.digest),
        ("kernel", _kernels(record)),
        ("seconds a round", _seconds(record)),
    ]  # fmt: skip
    rows += [("note on the data", note) for note in data["notes"]]
    return rows + [(name, str(value)) for name, value in run.environment.items() if value is not None]


def _targets(data: dict[str, Any]) -> str:
    if data["classes"] is None:
        return "a number"
    names = [str(name) for name in data["class_names"]]
    more = ", …" if len(names) > 12 else ""
    return f"{data['classes']} classes" + (f": {', '.join(names[:12])}{more}" if names else "")


def _kernels(record: RunRecord) -> str:
    """The kernels in the order in which they were used, with the densities that each computed."""
    densities: dict[str, list[float]] = {}
    for r in record.rounds:
        densities.setdefault(r.summary["kernel"], []).append(r.density)
    if len(densities) == 1:
        return next(iter(densities))
    spans = {name: dict.fromkeys([share(max(found), 3), share(min(found), 3)]) for name, found in densities.items()}
    return "; ".join(f"{name} at density {' to '.join(span)}" for name, span in spans.items())


def _seconds(record: RunRecord) -> str:
    seconds = [r.summary["seconds"] for r in record.rounds]
    return f"{min(seconds):.1f} to {max(seconds):.1f}"


ROUND_COLUMNS = [
    "round", "density", "effective", "weights", "validation best", "last", "test", "index uniform", "index degree",
    "95% interval", "p", "length", "kernel", "seconds", "",
]  # fmt: skip


def round_rows(record: RunRecord) -> list[list[str]]:
    """All numbers of every round, in the order of ROUND_COLUMNS."""
    return [_round_row(r, record.is_accuracy) for r in record.rounds]


def _round_row(r: RoundRecord, exact: bool) -> list[str]:
    locality = r.locality or {}
    uniform, degree = locality.get("index_uniform") or {}, locality.get("index_degree") or {}
    p = degree.get("p")
    remark = f"diverged at step {r.summary['diverged_at']}" if r.diverged else r.summary["stop"] or ""
    return [
        str(r.number),
        share(r.density, 3),
        share(r.summary["density_effective"], 3),
        f"{r.summary['survivors']:,}",
        _fine(r.score("best"), exact),
        _fine(r.score("last"), exact),
        _fine(r.score("test_best"), exact),
        number(uniform.get("value")),
        number(degree.get("value")),
        interval(degree) if degree else "",
        "–" if p is None else f"{p:.2g}",
        number(locality.get("correlation_length")),
        r.summary["kernel"],
        f"{r.summary['seconds']:.1f}",
        remark,
    ]


def _fine(value: float | None, exact: bool) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.2f}%" if exact else f"{value:.4f}"
