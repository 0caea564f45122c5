"""The command line: parse, call, print."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Annotated, Any, Union

import tyro

from siftnet.commands.options import Shared
from siftnet.commands.run import ResumeCommand, RunCommand
from siftnet.commands.stored import AnalyzeCommand, ReportCommand, ShowCommand, VerifyCommand
from siftnet.commands.tools import BenchCommand, FetchCommand
from siftnet.config.fields import RefusedError
from siftnet.config.load import load, preset_names
from siftnet.runs.interrupt import Interrupted
from siftnet.version import __version__

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
    except (ValueError, OSError, MemoryError, RuntimeError, KeyboardInterrupt) as error:
        if "--debug" in arguments or (isinstance(error, RuntimeError) and not _is_memory(error)):
            raise
        print(f"siftnet: {_sentence(error)}", file=sys.stderr)
        sys.exit(128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 2)


def _sentence(error: BaseException) -> str:
    """What went wrong and what to do."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; what was stored is kept, and the same command goes on from there"
    if _is_memory(error):
        device = "the GPU" if _is_of_gpu(error) else "this machine"
        return f"{device} is out of memory: take a smaller --train.batch, fewer --replicates, or another --device"
    return str(error)


def _is_memory(error: BaseException) -> bool:
    """Whether memory was short; on the processor PyTorch has no type of its own for that."""
    return isinstance(error, MemoryError) or _is_of_gpu(error) or "DefaultCPUAllocator" in str(error)


def _is_of_gpu(error: BaseException) -> bool:
    """Whether a GPU's memory was short, which only a process that has loaded PyTorch can say."""
    return "torch" in sys.modules and isinstance(error, sys.modules["torch"].OutOfMemoryError)


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
    from siftnet.store.folder import RunFolder

    # Of replicates the first one's: the others differ in their seed alone.
    stored = RunFolder.at(Path(subject)).runs[0].config
    if command == "resume":
        return ResumeCommand(directory=Path(subject), config=stored)
    return AnalyzeCommand(directory=Path(subject), analysis=stored.analysis)
