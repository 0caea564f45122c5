"""The command line: parse, call, print."""

from __future__ import annotations

import io
import json
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Union

import tyro
from rich.console import Console

from siftnet import bench, display
from siftnet.config import AnalysisConfig, RefusedError, RunConfig
from siftnet.data.fetch import fetch
from siftnet.estimate import estimate
from siftnet.files import lock
from siftnet.launch import Setup, carry_out, set_up
from siftnet.report import build_report, mask_mosaic
from siftnet.settings import load, preset_names, to_dict
from siftnet.signals import Interrupted
from siftnet.store import Run
from siftnet.survey import survey
from siftnet.verify import verify
from siftnet.version import __version__

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
    dry_run: Switch = False
    """Print the resolved configuration with the memory, disk and time it expects, and stop."""
    config: Annotated[RunConfig, Flat] = field(default_factory=RunConfig)

    def __call__(self) -> int:
        """Run it."""
        if self.dry_run:
            return _print_estimate(self.config, self.json)
        out = self.out or Path("runs") / Path(self.preset).stem
        return _run_to_report(self.config, out, self.json)


@dataclass(frozen=True, kw_only=True)
class ResumeCommand(Shared):
    """Go on with a run that was stopped, or for longer: --prune.rounds 15."""

    directory: Place
    """Directory of the run; stands right after 'resume'."""
    config: Annotated[RunConfig, Flat] = field(default_factory=RunConfig)

    def __call__(self) -> int:
        """Resume it."""
        return _run_to_report(self.config, self.directory, self.json)


@dataclass(frozen=True, kw_only=True)
class ShowCommand(Shared):
    """Print a run's rounds as a table."""

    directory: Place
    """Directory of the run."""

    def __call__(self) -> int:
        """Print it."""
        _print_run(Run(self.directory), self.json)
        return 0


@dataclass(frozen=True, kw_only=True)
class AnalyzeCommand(Shared):
    """Measure the rounds of a run; what is measured already is not measured again."""

    directory: Place
    """Directory of the run."""
    analysis: AnalysisConfig = field(default_factory=AnalysisConfig)

    def __call__(self) -> int:
        """Measure them."""
        stored = Run(self.directory)
        with lock(self.directory):
            _survey(stored, self.analysis, set_up(stored.config) if self.analysis.ablation else None)
            # The page says how the numbers on it were measured, and goes on to measure alike.
            stored.update_config(replace(stored.config, analysis=self.analysis))
        _print_run(stored, self.json)
        return 0


@dataclass(frozen=True, kw_only=True)
class VerifyCommand(Shared):
    """Check that a stored run is what it says: zeros, nesting, counts, ranking, rewind, choice, digests."""

    directory: Place
    """Directory of the run."""
    data: Switch = False
    """Load the data set too, and test the best weights anew."""

    def __call__(self) -> int:
        """Check it; the exit status is 1 where anything does not hold."""
        checks = verify(Run(self.directory), with_data=self.data)
        failed = [check for check in checks if not check.passed]
        if self.json:
            rows = [{"check": c.name, "round": c.round, "passed": c.passed, "problem": c.problem} for c in checks]
            _print_json({"passed": not failed, "checks": rows})
        else:
            for check in failed:
                where = "" if check.round is None else f"round {check.round}: "
                print(f"FAILED {where}{check.name}: {check.problem}")
            print(f"{len(checks) - len(failed)} of {len(checks)} checks hold for {self.directory}")
        return 1 if failed else 0


@dataclass(frozen=True, kw_only=True)
class ReportCommand(Shared):
    """Make a run's page again, measuring first what is not measured yet."""

    directory: Place
    """Directory of the run."""
    picture: Path | None = None
    """Also write the masks' picture (PNG) to this file."""

    def __call__(self) -> int:
        """Make it."""
        stored = Run(self.directory)
        with lock(self.directory):
            _survey(stored, stored.config.analysis, None)
            page = stored.write_report(build_report(stored))
        if self.picture:
            self.picture.parent.mkdir(parents=True, exist_ok=True)
            mask_mosaic(stored).save(self.picture, format="PNG")
        made = {"report": str(page)} | ({"picture": str(self.picture)} if self.picture else {})
        _print_json(made) if self.json else print(*made.values(), sep="\n")
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
            _print_json({"path": str(fetched.path), "options": list(fetched.options)})
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
            _print_json(result.to_dict())
            return 0
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
        console.print(bench.step_table(result))
        if result.rounds:
            console.print(bench.schedule_table(result))
        console.print(bench.headline(result), soft_wrap=True)
        print(*written, sep="\n", end="\n" if written else "")
        return 0


COMMANDS: dict[str, type[Shared]] = {
    "run": RunCommand,
    "resume": ResumeCommand,
    "show": ShowCommand,
    "analyze": AnalyzeCommand,
    "verify": VerifyCommand,
    "report": ReportCommand,
    "fetch": FetchCommand,
    "bench": BenchCommand,
}
CLI_CONFIG = (tyro.conf.OmitSubcommandPrefixes,)
DESCRIPTION = (
    "siftnet finds the architecture hidden in data: it trains a fully connected network, prunes and rewinds it "
    "iteratively, and measures and shows the structure that survives. Presets: "
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 a check failed or a run diverged, 2 wrong input, 128 + signal if stopped."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments == ["--version"]:
        print(f"siftnet {__version__}")
        sys.exit(0)
    try:
        sys.exit(parse(arguments)())
    except Interrupted as stopped:
        print(f"siftnet: {stopped}", file=sys.stderr)
        sys.exit(128 + stopped.signal_number)
    except (ValueError, OSError, KeyboardInterrupt) as error:
        if "--debug" in arguments:
            raise
        text = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        print(f"siftnet: {text}", file=sys.stderr)
        sys.exit(128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 2)


def parse(arguments: list[str]) -> Any:
    """The command that the words ask for, its options' defaults taken from the preset or the run that they name."""
    defaults = _defaults(arguments)
    commands: list[Any] = []
    for name, kind in COMMANDS.items():
        given: dict[str, Any] = {"default": defaults} if type(defaults) is kind else {}
        commands.append(Annotated[kind, tyro.conf.subcommand(name, **given)])
    # Any, because the union is put together at run time.
    any_command: Any = Union[tuple(commands)]  # noqa: UP007
    description = DESCRIPTION + ", ".join(preset_names()) + "."
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(any_command, args=arguments, prog="siftnet", description=description, config=CLI_CONFIG)
    except SystemExit as stop:
        # The parser boxes what a setting's own check says and names its inner group; the sentence alone says it better.
        cause: BaseException | None = stop
        while cause is not None and not isinstance(cause, RefusedError):
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            raise cause from None
        sys.stderr.write(said.getvalue())
        raise


def _defaults(arguments: list[str]) -> Shared | None:
    """The command that the first two words name with all its settings, where it has settings to start from."""
    first = {"run": "preset or file", "resume": "run's directory", "analyze": "run's directory"}
    command = arguments[0] if arguments else ""
    if command not in first or {"-h", "--help"} & set(arguments[:2]):
        return None
    if len(arguments) < 2 or arguments[1].startswith("-"):
        # Settings that follow are read on top of it, so it has to be known first.
        raise ValueError(f"the {first[command]} comes right after 'siftnet {command}', before any option")
    subject = arguments[1]
    if command == "run":
        return RunCommand(preset=subject, config=load(subject))
    if command == "resume":
        return ResumeCommand(directory=Path(subject), config=Run(subject).config)
    return AnalyzeCommand(directory=Path(subject), analysis=Run(subject).config.analysis)


def _run_to_report(config: RunConfig, out: Path, as_json: bool) -> int:
    setup = set_up(config)
    with display.progress_bar("updates") as bar:
        stored = carry_out(setup, out, display.Narrator(bar))
    with lock(out):
        _survey(stored, config.analysis, setup)
        page = stored.write_report(build_report(stored))
    _print_run(stored, as_json)
    if not as_json:
        print(page)
    return 1 if stored.summaries()[-1]["diverged_at"] is not None else 0


def _survey(stored: Run, config: AnalysisConfig, setup: Setup | None) -> None:
    with display.progress_bar("rounds") as bar:
        task = bar.add_task("measuring", total=len(stored.rounds()))
        survey(stored, config, setup, lambda number: bar.advance(task))


def _print_run(stored: Run, as_json: bool) -> None:
    headline = stored.analysis("headline")
    rows = [summary | _indices(stored, summary["round"]) for summary in stored.summaries()]
    if as_json:
        found = None if headline is None else headline[0]
        _print_json({"run": str(stored.path), "digest": stored.digest, "headline": found, "rounds": rows})
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    console.print(display.rounds_table(rows, None if headline is None else headline[0]["round"]))
    if headline is not None:
        console.print(f"Round {headline[0]['round']}, {headline[0]['verdict']}", soft_wrap=True)


def _indices(stored: Run, number: int) -> dict[str, Any]:
    measured = stored.analysis(f"round-{number:02d}")
    layers = measured[0]["layers"] if measured else []
    locality = layers[0]["locality"] if layers else None
    return {name: locality[name] if locality else None for name in ("index_uniform", "index_degree")}


def _print_estimate(config: RunConfig, as_json: bool) -> int:
    setup = set_up(config)
    expected = estimate(setup)
    resolved = to_dict(setup.config)
    if as_json:
        _print_json({"config": resolved, "expected": expected})
    else:
        Console(highlight=False).print_json(data=resolved)
        print(display.estimate_text(expected))
    return 0


def _print_json(value: Any) -> None:
    print(json.dumps(value, allow_nan=False))
