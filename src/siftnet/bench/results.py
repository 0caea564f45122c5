"""Measured numbers as files: a CSV row for each timing, one JSON document, one page with the figure."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

from siftnet.bench.benchmark import Result
from siftnet.bench.plot import page
from siftnet.bench.schedule import ratios, totals
from siftnet.store.atomic import to_json, write_file


def make_room(directory: Path) -> None:
    """Make the directory if need be. Raises ValueError where that, or writing into it, is not possible."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise ValueError(f"{directory} cannot be written ({error.strerror}): choose another --out") from None


def write_results(result: Result, directory: Path) -> list[Path]:
    """kernels.csv, schedule.csv (where there is a schedule), kernels.json and kernels.html in `directory`."""
    files = {
        "kernels.csv": to_csv(step_lines(result)),
        "schedule.csv": to_csv(schedule_lines(result)),
        "kernels.json": to_json(result.to_dict()),
        "kernels.html": page(result).encode(),
    }
    written = [directory / name for name, data in files.items() if data]
    for path in written:
        write_file(path, files[path.name])
    return written


def step_lines(result: Result) -> list[dict[str, Any]]:
    """One line for each contender and density."""
    return [
        {
            "contender": row.contender,
            "kernel": row.kernel,
            "shape": result.shape,
            "batch": result.config.train.batch,
            "density": row.density,
            "p20_ms": _short(row.timing.p20_ms),
            "p50_ms": _short(row.timing.p50_ms),
            "p80_ms": _short(row.timing.p80_ms),
            "steps": row.timing.steps,
            "evaluate_ms": _short(row.timing.evaluate_ms),
            "dense_floor_ms": _short(row.dense_floor_ms),
            "sparse_floor_ms": _short(row.sparse_floor_ms),
            "precision": row.precision,
        }
        | circumstances(result)
        for row in result.rows
    ]


def schedule_lines(result: Result) -> list[dict[str, Any]]:
    """One line for each contender and round, and one for each contender's sum, with the ratios of the sums."""
    faster = ratios(totals(result.rounds), result.baselines)
    none = {f"faster_than_{base}": "" for base in result.baselines}
    lines = [
        {
            "contender": row.contender,
            "kernel": row.kernel,
            "shape": result.shape,
            "batch": result.config.train.batch,
            "round": row.round,
            "density": _short(row.density),
            "step_ms": _short(row.step_ms),
            "evaluate_ms": _short(row.evaluate_ms),
            "update_ms": _short(row.update_ms),
        }
        | none
        | circumstances(result)
        for row in result.rounds
    ]
    for name, total in totals(result.rounds).items():
        blank = dict.fromkeys(lines[0], "")
        sums = {"contender": name, "shape": result.shape, "round": "all", "update_ms": _short(total)}
        compared = {f"faster_than_{base}": _short(faster[name][base]) for base in result.baselines}
        lines.append(blank | sums | {"batch": result.config.train.batch} | compared | circumstances(result))
    return lines


def circumstances(result: Result) -> dict[str, Any]:
    """Where the figures hold: machine, versions, measured rates."""
    machine = result.machine
    return {
        "device": machine["device"],
        "processor": machine["gpu"] or machine["processor"],
        "threads": machine["threads"],
        "threading_layer": machine["threading layer of numba"],
        "torch": machine["torch"],
        "numba": machine["numba"],
        "siftnet": machine["siftnet"],
        "peak_gflops": round(result.peak.product_gflops, 1),
        "peak_fp32_gflops": round(result.peak.fp32_gflops, 1),
        "copy_gbytes": round(result.peak.copy_gbytes, 2),
    }


def to_csv(lines: list[dict[str, Any]]) -> bytes:
    """Lines of the same columns as the bytes of a CSV file; nothing where there are none."""
    if not lines:
        return b""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, lines[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def _short(value: float) -> float:
    """Four significant digits, which is more than the noise leaves."""
    return float(f"{value:.4g}")
