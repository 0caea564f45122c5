"""The command line: parse, call, print."""

from __future__ import annotations

import difflib
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Annotated, Any, Union

import tyro

from siftnet.commands.data import DataCommand, refuse_file_of_data
from siftnet.commands.options import Shared
from siftnet.commands.output import CUT_OFF, flush, hush, open_streams, tell
from siftnet.commands.run import ResumeCommand, RunCommand
from siftnet.commands.stored import AnalyzeCommand, ReportCommand, ShowCommand, VerifyCommand
from siftnet.commands.tools import BenchCommand, FetchCommand
from siftnet.config.fields import RefusedError
from siftnet.config.load import load, preset_names
from siftnet.runs.interrupt import Interrupted
from siftnet.version import __version__
from siftnet.wording import shell_word

COMMANDS: dict[str, type[Shared]] = {
    "data": DataCommand,
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
    "iteratively, and measures and shows the structure that survives. 'siftnet --version' prints its version. Presets: "
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 a check failed or a run diverged, 2 wrong input, 128 + signal if stopped.

    A reader of the output who leaves, as `head` does, ends it as the signal SIGPIPE would, without a word.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with open_streams():
        try:
            sys.exit(_status(arguments))
        except BrokenPipeError:
            hush()
            sys.exit(CUT_OFF)


def _status(arguments: list[str]) -> int:
    """Do what the words ask for, see that it is printed, and return the exit status."""
    try:
        status = _called(arguments)
        flush()
        return status
    except BrokenPipeError:
        raise
    except Interrupted as stopped:
        tell(f"siftnet: {stopped}")
        return 128 + stopped.signal_number
    except (ValueError, OSError, MemoryError, RuntimeError, KeyboardInterrupt) as error:
        if "--debug" in arguments or (isinstance(error, RuntimeError) and not _is_memory(error)):
            raise
        tell(f"siftnet: {_sentence(error)}")
        hush()
        return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 2


def _called(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        print(f"siftnet {__version__}")
        return 0
    try:
        command = parse(arguments)
    except SystemExit as stop:
        # Help was printed, or what is wrong with the words.
        return stop.code if isinstance(stop.code, int) else 0
    status: int = command()
    return status


def _sentence(error: BaseException) -> str:
    """What went wrong and what to do."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; what was stored is kept, and the same command goes on from there"
    if _is_memory(error):
        device = "the GPU" if _is_of_gpu(error) else "this machine"
        return f"{device} is out of memory: take a smaller --train.batch, fewer --replicates, or another --device"
    if isinstance(error, OSError) and error.strerror:
        if error.filename is None:
            return f"reading or writing failed ({error.strerror}): make room, or give the output another place"
        return f"{os.fsdecode(error.filename)} cannot be used ({error.strerror}): check path and permissions"
    return str(error)


def _is_memory(error: BaseException) -> bool:
    """Whether memory was short; on the processor PyTorch has no type of its own for that."""
    return isinstance(error, MemoryError) or _is_of_gpu(error) or "DefaultCPUAllocator" in str(error)


def _is_of_gpu(error: BaseException) -> bool:
    """Whether a GPU's memory was short, which only a process that has loaded PyTorch can say."""
    return "torch" in sys.modules and isinstance(error, sys.modules["torch"].OutOfMemoryError)


def parse(arguments: list[str]) -> Any:
    """The command that the words ask for, its options' defaults taken from the preset or the run that they name.

    Raises ValueError for a command that there is not.
    """
    name = arguments[0] if arguments else ""
    if name and not name.startswith("-") and name not in COMMANDS:
        raise ValueError(_no_command(arguments))
    said = io.StringIO()
    try:
        if name in COMMANDS:
            # That command alone, or what is said of a misspelt option names those of all others.
            kind, defaults = COMMANDS[name], _defaults(arguments)
            given: dict[str, Any] = {} if defaults is None else {"default": defaults}
            with redirect_stderr(said):
                return tyro.cli(kind, args=arguments[1:], prog=f"siftnet {name}", config=CLI_CONFIG, **given)
        # Of each what its help begins with.
        said_of = {name: str(kind.__doc__).partition("\n\n")[0] for name, kind in COMMANDS.items()}
        commands = [
            Annotated[kind, tyro.conf.subcommand(name, description=said_of[name])] for name, kind in COMMANDS.items()
        ]
        # Any, because the union is put together at run time.
        any_command: Any = Union[tuple(commands)]  # noqa: UP007
        description = DESCRIPTION + ", ".join(preset_names()) + "."
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


def _no_command(arguments: list[str]) -> str:
    """What is wrong with a first word that names no command, and which one was meant."""
    first, *rest = arguments
    meant = difflib.get_close_matches(first.lower(), COMMANDS, 1)
    if not meant and (first in preset_names() or first.endswith(".toml")):
        meant, rest = ["run"], arguments
    if not meant:
        return f"there is no command {first!r}: take one of {', '.join(COMMANDS)}"
    words = f", as in {' '.join(['siftnet', *meant, *map(shell_word, rest)])}" if rest else ""
    return f"there is no command {first!r}: did you mean {meant[0]}{words}?"


def _defaults(arguments: list[str]) -> Shared | None:
    """The command that the first two words name with all its settings, where it has settings to start from."""
    first = {
        "data": "preset or file",
        "run": "preset or file",
        "resume": "run's directory",
        "analyze": "run's directory",
    }
    command = arguments[0] if arguments else ""
    if command not in first or {"-h", "--help"} & set(arguments[:2]):
        return None
    if len(arguments) < 2 or arguments[1].startswith("-"):
        # Settings that follow are read on top of it, so it has to be known first.
        raise ValueError(f"the {first[command]} comes right after 'siftnet {command}', before any option")
    subject = arguments[1]
    if command in ("data", "run"):
        refuse_file_of_data(command, subject)
    if command == "data":
        return DataCommand(preset=subject, data=load(subject).data)
    if command == "run":
        return RunCommand(preset=subject, config=load(subject))
    from siftnet.store.folder import RunFolder

    # Of replicates the first one's: the others differ in their seed alone.
    stored = RunFolder.at(Path(subject)).runs[0].config
    if command == "resume":
        return ResumeCommand(directory=Path(subject), config=stored)
    return AnalyzeCommand(directory=Path(subject), analysis=stored.analysis)
