"""The commands on stored runs: show, analyze, verify, report.

What computes is imported where it is used, so that help and errors do not wait for it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from siftnet.commands.options import Directory, Shared, Switch
from siftnet.commands.output import print_path
from siftnet.config.fields import AnalysisConfig
from siftnet.wording import printable

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True)
class ShowCommand(Shared):
    """Print a run's rounds as a table, or what replicates say together."""

    directory: Directory
    """Directory of the run, or of replicates."""

    def __call__(self) -> int:
        """Print it."""
        from siftnet.commands.tables import print_outcome
        from siftnet.store.folder import RunFolder

        print_outcome(RunFolder.at(self.directory), self.json)
        return 0


@dataclass(frozen=True, kw_only=True)
class AnalyzeCommand(Shared):
    """Measure the rounds of a run, or of replicates, where they are not measured alike already, and renew the page."""

    directory: Directory
    """Directory of the run, or of replicates."""
    analysis: AnalysisConfig = field(default_factory=AnalysisConfig)

    def __call__(self) -> int:
        """Measure them."""
        from siftnet.commands.narrator import measuring_bar
        from siftnet.commands.tables import print_outcome
        from siftnet.report.write import count_to_measure, write_pages
        from siftnet.runs.request import read_otherwise
        from siftnet.runs.setup import set_up
        from siftnet.store.folder import RunFolder

        folder = RunFolder.at(self.directory)
        setup = set_up(folder.runs[0].config) if self.analysis.ablation else None
        if setup and (why := read_otherwise(folder.runs[0], setup.dataset)):
            print(f"note: {why}: measured without node ablation, which alone needs them", file=sys.stderr)
            setup = None
        with measuring_bar(count_to_measure(folder, self.analysis)) as done:
            page = write_pages(folder, self.analysis, setup, done)
        print_outcome(folder, self.json)
        if not self.json:
            print_path(page)
        return 0


@dataclass(frozen=True, kw_only=True)
class VerifyCommand(Shared):
    """Check that a stored run is what it says: zeros, nesting, counts, ranking, rewind, choice, digests."""

    directory: Directory
    """Directory of the run, or of replicates, which are all checked."""
    data: Switch = False
    """Load the data set too, and test the best weights anew."""

    def __call__(self) -> int:
        """Check it; the exit status is 1 where anything does not hold."""
        from siftnet.commands.tables import print_json
        from siftnet.runs.setup import set_up
        from siftnet.runs.verify import verify
        from siftnet.store.folder import RunFolder

        runs = RunFolder.at(self.directory).runs
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
                print(printable(f"FAILED {where}{check.name}: {check.problem}"))
            print(printable(f"{len(checks) - len(failed)} of {len(checks)} checks hold for {self.directory}"))
        return 1 if failed else 0


@dataclass(frozen=True, kw_only=True)
class ReportCommand(Shared):
    """Make a run's page again, measuring first what is not measured yet; of replicates all pages."""

    directory: Directory
    """Directory of the run, or of replicates."""
    picture: Path | None = None
    """Also write the masks' picture (PNG) of a run to this file."""

    def __call__(self) -> int:
        """Make it."""
        from siftnet.commands.narrator import measuring_bar
        from siftnet.commands.tables import print_json
        from siftnet.report.pictures.mosaic import check_mosaic, mask_mosaic
        from siftnet.report.write import count_to_measure, write_pages
        from siftnet.store.folder import RunFolder

        folder = RunFolder.at(self.directory)
        if self.picture and folder.replicated:
            raise ValueError(f"--picture shows the masks of one run: name one, as in {folder.runs[0].path}")
        if self.picture:
            check_mosaic(folder.runs[0])
        with measuring_bar(count_to_measure(folder)) as done:
            page = write_pages(folder, None, None, done)
        if self.picture:
            _save(mask_mosaic(folder.runs[0]), self.picture)
        made = {"report": str(page)} | ({"picture": str(self.picture)} if self.picture else {})
        if self.json:
            print_json(made)
        else:
            for path in made.values():
                print_path(path)
        return 0


def _save(picture: Image, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, format="PNG")
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}): choose another --picture") from None
