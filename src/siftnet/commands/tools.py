"""The commands beside runs: fetch, bench.

What computes is imported where it is used, so that help and errors do not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from siftnet.bench.config import BenchConfig
from siftnet.commands.options import Flat, Shared
from siftnet.commands.output import print_path, tell, terminal


@dataclass(frozen=True, kw_only=True)
class FetchCommand(Shared):
    """Download a data set from its official address, checked against its checksum."""

    name: tyro.conf.Positional[str]
    """cifar10, cifar100, mnist, fashion-mnist, tiny-imagenet or superclasses."""
    root: Path = Path("data")
    """Folder to put it in."""

    def __call__(self) -> int:
        """Download it."""
        from siftnet.commands.narrator import progress_bar
        from siftnet.commands.tables import print_json
        from siftnet.data.download.fetch import fetch

        with progress_bar("") as bar:
            task = bar.add_task(self.name, total=None)

            def show(what: str, done: int, total: int) -> None:
                bar.update(task, description=what, completed=done, total=total or None)

            fetched = fetch(self.name, self.root, progress=show)
        if self.json:
            print_json({"path": str(fetched.path), "options": list(fetched.options)})
            return 0
        print(f"{'already there' if fetched.was_there else 'fetched'}; use it with: siftnet run images {fetched.words}")
        print_path(fetched.path)
        return 0


@dataclass(frozen=True, kw_only=True)
class BenchCommand(Shared):
    """Time every kernel at every density on generated images, in turns, beside the floor of this machine."""

    out: Path | None = None
    """Directory for kernels.csv, schedule.csv, kernels.json and the figure, kernels.html; nothing is written without
    it."""
    config: Annotated[BenchConfig, Flat] = field(default_factory=BenchConfig)

    def __call__(self) -> int:
        """Time them."""
        from siftnet.bench.benchmark import run_benchmark
        from siftnet.bench.results import make_room, write_results
        from siftnet.bench.table import headline, schedule_table, step_table
        from siftnet.commands.tables import print_json

        if self.out:
            # Before minutes of work, not after.
            make_room(self.out)
        result = run_benchmark(self.config, tell=tell)
        written = write_results(result, self.out) if self.out else []
        if self.json:
            print_json(result.to_dict())
            return 0
        console = terminal()
        console.print(step_table(result))
        if result.rounds:
            console.print(schedule_table(result))
        console.print(headline(result), soft_wrap=True)
        for path in written:
            print_path(path)
        return 0
