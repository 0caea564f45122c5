"""What the command line can be asked for: one class a command, its options the fields, calling it does it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from siftnet import bench, display
from siftnet.config import AnalysisConfig, RunConfig, require
from siftnet.data.fetch import fetch
from siftnet.estimate import estimate
from siftnet.launch import carry_out, set_up
from siftnet.outcome import Outcome, print_json, print_outcome, write_pages
from siftnet.replicates import carry_out_replicates, stored_replicates
from siftnet.report import mask_mosaic
from siftnet.settings import to_dict
from siftnet.store import replicates_in
from siftnet.verify import verify

Flat = tyro.conf.arg(name="")
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]
Place = tyro.conf.Positional[Path]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Options of every command."""

    json: Switch = False
    """Print one JSON document on standard output and nothing else there."""
    debug: Switch = False
    """Show the traceback of an error."""


@dataclass(frozen=True, kw_only=True)
class RunCommand(Shared):
    """Train, prune, rewind, repeat; then measure what survived and make the page."""

    preset: tyro.conf.Positional[str]
    """Name of a preset, or path of a TOML file; stands right after 'run'."""
    out: Path | None = None
    """Directory of the run; runs/PRESET unless given. A run that is there already is continued."""
    replicates: int = 1
    """Runs to make, with this seed and those after it, each in its folder seed-N of the directory, and a page over all;
    with 1 the directory is the run itself."""
    dry_run: Switch = False
    """Print the resolved configuration with the memory, disk and time it expects, and stop."""
    config: Annotated[RunConfig, Flat] = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        require(self.replicates >= 1, f"replicates must be 1 or more, got {self.replicates}")

    def __call__(self) -> int:
        """Run it."""
        if self.dry_run:
            return _print_estimate(self.config, self.replicates, self.json)
        out = self.out or Path("runs") / Path(self.preset).stem
        seeds = range(self.config.seed, self.config.seed + self.replicates) if self.replicates > 1 else None
        return _run_to_report(self.config, seeds, out, self.json)


@dataclass(frozen=True, kw_only=True)
class ResumeCommand(Shared):
    """Go on with a run that was stopped, or for longer: --prune.rounds 15; or with all replicates of a folder."""

    directory: Place
    """Directory of the run, or of replicates; stands right after 'resume'."""
    config: Annotated[RunConfig, Flat] = field(default_factory=RunConfig)

    def __call__(self) -> int:
        """Resume it."""
        seeds = None
        if replicates_in(self.directory):
            stored, seeds = stored_replicates(self.directory)
            if self.config.seed != stored.seed:
                raise ValueError(
                    f"{self.directory} goes on with seeds {', '.join(map(str, seeds))}, got --seed {self.config.seed}: "
                    "leave it out, or ask for more replicates with siftnet run"
                )
        return _run_to_report(self.config, seeds, self.directory, self.json)


@dataclass(frozen=True, kw_only=True)
class ShowCommand(Shared):
    """Print a run's rounds as a table, or what replicates say together."""

    directory: Place
    """Directory of the run, or of replicates."""

    def __call__(self) -> int:
        """Print it."""
        print_outcome(Outcome.at(self.directory), self.json)
        return 0


@dataclass(frozen=True, kw_only=True)
class AnalyzeCommand(Shared):
    """Measure the rounds of a run, or of replicates, where they are not measured alike already, and renew the page."""

    directory: Place
    """Directory of the run, or of replicates."""
    analysis: AnalysisConfig = field(default_factory=AnalysisConfig)

    def __call__(self) -> int:
        """Measure them."""
        outcome = Outcome.at(self.directory)
        setup = set_up(outcome.runs[0].config) if self.analysis.ablation else None
        page = write_pages(outcome, self.analysis, setup)
        print_outcome(outcome, self.json)
        if not self.json:
            print(page)
        return 0


@dataclass(frozen=True, kw_only=True)
class VerifyCommand(Shared):
    """Check that a stored run is what it says: zeros, nesting, counts, ranking, rewind, choice, digests."""

    directory: Place
    """Directory of the run, or of replicates, which are all checked."""
    data: Switch = False
    """Load the data set too, and test the best weights anew."""

    def __call__(self) -> int:
        """Check it; the exit status is 1 where anything does not hold."""
        runs = Outcome.at(self.directory).runs
        # Loaded once for all of them.
        dataset = set_up(runs[0].config).dataset if self.data and len(runs) > 1 else None
        checks = [(run, check) for run in runs for check in verify(run, with_data=self.data, dataset=dataset)]
        failed = [(run, check) for run, check in checks if not check.passed]
        if self.json:
            rows = [
                {"run": str(r.path), "check": c.name, "round": c.round, "passed": c.passed, "problem": c.problem}
                for r, c in checks
            ]
            print_json({"passed": not failed, "checks": rows})
        else:
            for run, check in failed:
                where = "" if len(runs) == 1 else f"{run.path.name}, "
                where += "" if check.round is None else f"round {check.round}: "
                print(f"FAILED {where}{check.name}: {check.problem}")
            print(f"{len(checks) - len(failed)} of {len(checks)} checks hold for {self.directory}")
        return 1 if failed else 0


@dataclass(frozen=True, kw_only=True)
class ReportCommand(Shared):
    """Make a run's page again, measuring first what is not measured yet; of replicates all pages."""

    directory: Place
    """Directory of the run, or of replicates."""
    picture: Path | None = None
    """Also write the masks' picture (PNG) of a run to this file."""

    def __call__(self) -> int:
        """Make it."""
        outcome = Outcome.at(self.directory)
        if self.picture and outcome.replicated:
            raise ValueError(f"--picture shows the masks of one run: name one, as in {outcome.runs[0].path}")
        page = write_pages(outcome, None, None)
        if self.picture:
            self.picture.parent.mkdir(parents=True, exist_ok=True)
            mask_mosaic(outcome.runs[0]).save(self.picture, format="PNG")
        made = {"report": str(page)} | ({"picture": str(self.picture)} if self.picture else {})
        print_json(made) if self.json else print(*made.values(), sep="\n")
        return 0


@dataclass(frozen=True, kw_only=True)
class FetchCommand(Shared):
    """Download a data set from its official address, checked against its checksum."""

    name: tyro.conf.Positional[str]
    """cifar10, cifar100, mnist, fashion-mnist, tiny-imagenet or superclasses."""
    root: Path = Path("data")
    """Folder to put it in."""

    def __call__(self) -> int:
        """Download it."""
        with display.progress_bar("") as bar:
            task = bar.add_task(self.name, total=None)

            def show(what: str, done: int, total: int) -> None:
                bar.update(task, description=what, completed=done, total=total or None)

            fetched = fetch(self.name, self.root, progress=show)
        if self.json:
            print_json({"path": str(fetched.path), "options": list(fetched.options)})
            return 0
        print(f"{'already there' if fetched.was_there else 'fetched'}; use it with: siftnet run images {fetched.words}")
        print(fetched.path)
        return 0


@dataclass(frozen=True, kw_only=True)
class BenchCommand(Shared):
    """Time every kernel at every density on generated images, in turns, beside the floor of this machine."""

    out: Path | None = None
    """Directory for kernels.csv, schedule.csv, kernels.json and the figure, kernels.html; nothing is written without
    it."""
    config: Annotated[bench.BenchConfig, Flat] = field(default_factory=bench.BenchConfig)

    def __call__(self) -> int:
        """Time them."""
        if self.out:
            # Before minutes of work, not after.
            bench.make_room(self.out)
        result = bench.bench(self.config, tell=lambda text: print(text, file=sys.stderr, flush=True))
        written = bench.write_results(result, self.out) if self.out else []
        if self.json:
            print_json(result.to_dict())
            return 0
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
        console.print(bench.step_table(result))
        if result.rounds:
            console.print(bench.schedule_table(result))
        console.print(bench.headline(result), soft_wrap=True)
        print(*written, sep="\n", end="\n" if written else "")
        return 0


def _run_to_report(config: RunConfig, seeds: Sequence[int] | None, out: Path, as_json: bool) -> int:
    setup = set_up(config)
    with display.progress_bar("updates") as bar:
        narrator = display.Narrator(bar)
        if seeds is None:
            runs = [carry_out(setup, out, narrator)]
        else:
            runs = carry_out_replicates(setup, seeds, out, narrator)
    outcome = Outcome(out, runs)
    page = write_pages(outcome, config.analysis, setup)
    print_outcome(outcome, as_json)
    if not as_json:
        print(page)
    return 1 if any(stored.summaries()[-1]["diverged_at"] is not None for stored in runs) else 0


def _print_estimate(config: RunConfig, replicates: int, as_json: bool) -> int:
    setup = set_up(config)
    expected = estimate(setup, replicates)
    resolved = to_dict(setup.config)
    if as_json:
        print_json({"config": resolved, "expected": expected})
    else:
        Console(highlight=False).print_json(data=resolved)
        print(display.estimate_text(expected))
    return 0
