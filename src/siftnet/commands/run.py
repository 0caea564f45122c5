"""The commands that make runs: run, resume.

What computes is imported where it is used, so that help and errors do not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from siftnet.commands.options import Directory, Flat, Shared, Strict, Switch
from siftnet.commands.output import print_path, tell, terminal
from siftnet.config.fields import RunConfig, require

if TYPE_CHECKING:
    from siftnet.runs.setup import Setup


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
    strict: Strict = False
    config: Annotated[RunConfig, Flat] = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        require(self.replicates >= 1, f"replicates must be 1 or more, got {self.replicates}")

    def __call__(self) -> int:
        """Run it."""
        if self.dry_run:
            return _print_estimate(self)
        from siftnet.runs.request import named_folder

        out = self.out or named_folder(self.preset)
        seeds = range(self.config.seed, self.config.seed + self.replicates) if self.replicates > 1 else None
        return _run_to_report(self, seeds, out)


@dataclass(frozen=True, kw_only=True)
class ResumeCommand(Shared):
    """Go on with a run that was stopped, or for longer: --prune.rounds 15; or with all replicates of a folder."""

    directory: Directory
    """Directory of the run, or of replicates; stands right after 'resume'."""
    strict: Strict = False
    config: Annotated[RunConfig, Flat] = field(default_factory=RunConfig)

    def __call__(self) -> int:
        """Resume it."""
        from siftnet.runs.replicates import stored_replicates
        from siftnet.store.folder import replicates_in

        seeds = None
        if replicates_in(self.directory):
            stored, seeds = stored_replicates(self.directory)
            if self.config.seed != stored.seed:
                raise ValueError(
                    f"{self.directory} goes on with seeds {', '.join(map(str, seeds))}, got --seed {self.config.seed}: "
                    "leave it out, or ask for more replicates with siftnet run"
                )
        return _run_to_report(self, seeds, self.directory)


def _set_up(asked: RunCommand | ResumeCommand) -> Setup:
    """Data, network and trainer; with --strict, ValueError for data about which anything is noted."""
    from siftnet.runs.describe import refuse_notes
    from siftnet.runs.setup import set_up

    setup = set_up(asked.config)
    if asked.strict:
        refuse_notes(setup.dataset)
    return setup


def _run_to_report(asked: RunCommand | ResumeCommand, seeds: Sequence[int] | None, out: Path) -> int:
    from siftnet.commands.narrator import Narrator, measuring_bar, progress_bar
    from siftnet.commands.tables import print_outcome
    from siftnet.report.write import count_to_measure, write_pages
    from siftnet.runs.replicates import carry_out_replicates
    from siftnet.runs.single import carry_out
    from siftnet.store.folder import RunFolder

    setup = _set_up(asked)
    with progress_bar("updates") as bar:
        narrator = Narrator(bar)
        if seeds is None:
            runs = [carry_out(setup, out, narrator)]
        else:
            runs = carry_out_replicates(setup, seeds, out, narrator)
    folder = RunFolder(out, runs)
    with measuring_bar(count_to_measure(folder, asked.config.analysis)) as done:
        page = write_pages(folder, asked.config.analysis, setup, done)
    print_outcome(folder, asked.json)
    if not asked.json:
        print_path(page)
    return 1 if any(stored.summaries()[-1].diverged for stored in runs) else 0


def _print_estimate(asked: RunCommand) -> int:
    from siftnet.commands.narrator import data_lines
    from siftnet.commands.tables import cost_text, print_json
    from siftnet.config.load import to_dict
    from siftnet.runs.describe import describe_data
    from siftnet.runs.estimate import estimate_cost

    setup = _set_up(asked)
    for line in data_lines(describe_data(setup.dataset, setup.config.data)):
        tell(line)
    expected = estimate_cost(setup, asked.replicates)
    resolved = to_dict(setup.config)
    if asked.json:
        print_json({"config": resolved, "expected": expected.to_dict()})
    else:
        terminal(width=None).print_json(data=resolved)
        print(cost_text(expected))
    return 0
