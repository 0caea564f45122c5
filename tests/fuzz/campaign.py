"""Feed mutated inputs to every reader, and report what came of them.

    python tests/fuzz/campaign.py --inputs 10000 --out fuzzing.csv
    python tests/fuzz/campaign.py --only npz --input 123 --keep found

Input k of a reader under a seed is always the same. Linux alone: memory is limited and measured as Linux has it.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path

# The modules of this folder are named like formats (toml, parquet), which must not hide what others call so.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from fuzz.branches import Branches, measure, share  # noqa: E402
from fuzz.guards import ALLOWANCE  # noqa: E402
from fuzz.judge import FINDINGS, Outcome  # noqa: E402
from fuzz.mutations import stream  # noqa: E402
from fuzz.readers import READERS  # noqa: E402
from fuzz.supervisor import SECONDS, Supervisor  # noqa: E402
from fuzz.worker import Job, keep, target  # noqa: E402
from siftnet.version import __version__  # noqa: E402


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one reader's inputs; a line of the report."""

    reader: str
    seed: int
    inputs: int
    passing: float
    """Share of the inputs that passed the checks of their own container."""
    read: int
    refused: int
    traceback: int
    hang: int
    crash: int
    code: int
    memory: int
    printed: int
    sentence: int
    names: int
    peak_mb: float
    """Most that was taken at once for one input, beside what the process held before."""
    branches: float | None
    """Share of the branches taken in the source files that the inputs entered."""
    seconds: float

    @property
    def findings(self) -> int:
        """How many inputs show something to be mended."""
        return sum(getattr(self, kind) for kind in FINDINGS)


def summarise(reader: str, seed: int, outcomes: list[Outcome], branches: Mapping[str, Branches], seconds: float) -> Row:
    """A reader's line."""
    counts = {kind: sum(o.kind == kind for o in outcomes) for kind in ("read", "refused", *FINDINGS)}
    return Row(
        reader=reader,
        seed=seed,
        inputs=len(outcomes),
        passing=round(sum(o.passes for o in outcomes) / max(1, len(outcomes)), 3),
        peak_mb=round(max((o.peak for o in outcomes), default=0) / 1e6, 1),
        branches=round(share(branches), 3) if branches else None,
        seconds=round(seconds, 1),
        **counts,
    )


def told(outcomes: Iterable[Outcome], reader: str, seed: int) -> str:
    """The findings, those of one cause together, each with how to see the first one again."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.is_finding:
            groups.setdefault((outcome.kind, outcome.signature), []).append(outcome)
    lines = []
    for (kind, signature), found in sorted(groups.items(), key=lambda group: -len(group[1])):
        again = f"--only {reader} --seed {seed} --input {found[0].number}"
        detail = found[0].detail.rstrip()[-600:]
        # A traceback has lines; all else may hold what a terminal would obey.
        shown = detail.replace("\n", "\n      ") if kind == "traceback" else ascii(detail)
        lines.append(f"{len(found):5} {kind}: {signature}   ({again})\n      {shown}")
    return "\n".join(lines)


def table(rows: list[Row]) -> str:
    """The report as text in columns."""
    names = [field.name for field in fields(Row)]
    cells = [names] + [["" if v is None else str(v) for v in asdict(row).values()] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def write(path: Path, rows: list[Row], by_file: Mapping[str, Branches]) -> None:
    """The report as CSV, with what it holds for in its first lines, and branch coverage by source file beside it."""
    packages = ("numpy", "pandas", "pyarrow", "pillow", "safetensors", "torch")
    with path.open("w", newline="") as file:
        versions = ", ".join(f"{name} {version(name)}" for name in packages)
        # Of an editable installation the metadata may be of another day than the sources.
        python = platform.python_version()
        file.write(f"# {time.strftime('%Y-%m-%d')}, siftnet {__version__}, Python {python}, {versions}\n")
        file.write(f"# limits: {SECONDS:g} seconds and {ALLOWANCE >> 20} MiB an input; {os.cpu_count()} cores\n")
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([field.name for field in fields(Row)])
        lines.writerows(asdict(row).values() for row in rows)
    if by_file:
        with path.with_name(f"{path.stem}-branches.csv").open("w", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(("file", "branches", "taken"))
            lines.writerows((name, found.all, found.taken) for name, found in by_file.items())


def main() -> int:
    """Run the campaign; the exit status is 1 where there was a finding."""
    options = parse()
    rows: list[Row] = []
    numbers = tuple(range(options.inputs)) if options.input is None else (options.input,)
    supervisor = Supervisor()
    with tempfile.TemporaryDirectory() as scratch:
        for reader in options.only or READERS:
            cover = Path(scratch) / reader if options.branches else None
            if cover:
                cover.mkdir()
            begun = time.monotonic()
            job = Job(READERS[reader], options.seed, numbers, options.keep, cover)
            outcomes = list(supervisor.outcomes(job, options.seconds))
            for lost in (o for o in outcomes if o.kind in ("hang", "crash") and options.keep):
                # The worker that should have kept it is gone.
                attacked = target(READERS[reader])
                mutant = attacked.make(stream(options.seed, reader, lost.number))
                keep(mutant, lost, options.keep / reader / str(lost.number))
            branches = measure(Path(scratch), reader) if cover else {}
            rows.append(summarise(reader, options.seed, outcomes, branches, time.monotonic() - begun))
            print(table(rows[-1:]), told(outcomes, reader, options.seed), sep="\n", flush=True)
            if options.input is not None:
                print(outcomes[0])
        by_file = measure(Path(scratch), "") if options.branches else {}
    print(table(rows))
    if options.out:
        write(options.out, rows, by_file)
    return int(any(row.findings for row in rows))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1000, help="inputs of each reader, numbered from 0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=READERS, help="readers; all of them unless given")
    parser.add_argument("--input", type=int, help="the number of a single input, to see it again")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that are findings")
    parser.add_argument("--out", type=Path, help="a CSV file for the report")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for each input")
    parser.add_argument("--branches", action="store_true", help="measure which branches of the readers are taken")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
