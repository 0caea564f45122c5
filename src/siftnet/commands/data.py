"""The command that shows data before anything is trained on them.

What computes is imported where it is used, so that help and errors do not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from siftnet.commands.options import Shared, Strict
from siftnet.config.fields import DataConfig
from siftnet.config.load import preset_names
from siftnet.data.formats.likely import likely_formats
from siftnet.wording import named, shell_word


def refuse_file_of_data(command: str, subject: str) -> None:
    """Raise ValueError, with the words to type, where data are named in the place of a preset."""
    path = Path(subject)
    if not path.exists() or subject in preset_names():
        return
    likely = likely_formats(path)
    if not likely and path.is_dir() and not (path / "config.json").exists():
        likely = ["folder"]
    if not likely:
        return
    kind = likely[0]
    target = " --data.table.target COLUMN" if kind == "table" else ""
    raise ValueError(
        f"{named(subject)} is data, and first comes a preset or a TOML file: siftnet {command} images-small "
        f"--data.format {kind} --data.root {shell_word(subject)}{target}"
    )


@dataclass(frozen=True, kw_only=True)
class DataCommand(Shared):
    """Show data as a run would take them, and train nothing.

    Examples by split, inputs, classes with counts or the range of targets, how inputs are scaled, what was left out
    or changed and why, and three training examples. Settings are those of 'siftnet run', the data's alone:

    siftnet data images-small --data.format table --data.root wine.csv --data.table.target target"""

    preset: tyro.conf.Positional[str]
    """Name of a preset, or path of a TOML file; stands right after 'data'."""
    strict: Strict = False
    data: DataConfig = field(default_factory=DataConfig)

    def __call__(self) -> int:
        """Show them."""
        from siftnet.commands.show_data import data_to_dict, print_data
        from siftnet.commands.tables import print_json
        from siftnet.config.fields import RunConfig
        from siftnet.config.load import resolve_paths
        from siftnet.data.load import load_dataset
        from siftnet.runs.describe import describe_data, draw_examples, refuse_notes

        config = resolve_paths(RunConfig(data=self.data)).data
        dataset = load_dataset(config)
        if self.strict:
            refuse_notes(dataset)
        data, shown = describe_data(dataset, config), draw_examples(dataset, config.seed)
        if self.json:
            print_json(data_to_dict(data, shown))
        else:
            print_data(data, shown, dataset.permutation_I, seed=config.seed)
        return 0
