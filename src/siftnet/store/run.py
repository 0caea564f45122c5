"""Runs on disk: the only file that knows a run's paths.

    DIR/config.json environment.json   what was asked, with its digest; where it was computed
        data.json data.npz             what the data are; orders and variance of the inputs, three examples
        plan.json                      which kernel trains at which density, with the timings that chose it
        rewind/state.safetensors       the rewind point
        rounds/00/                     masks, weights, best, (scored, begin_masks), history.json, round.json
        checkpoint/progress.safetensors  the round under way
        analysis/ report.html          what was measured, and the page

Everything is written under a temporary name, flushed to the disk and renamed, by one writer that holds a lock, which
the system lifts when its owner dies. Local POSIX file systems. No pickle is written or read.

Tensors are read by what imports PyTorch when it is called, so that numbers are there without waiting for it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from siftnet.config.fields import RunConfig
from siftnet.config.load import absolute_path, from_dict, to_dict
from siftnet.foreign import is_whole, shown
from siftnet.geometry import Geometry
from siftnet.pruning.evaluation import Record
from siftnet.store.analysis_files import AnalysisFiles
from siftnet.store.atomic import read_json, rename_durably, to_json, to_npz, write_file
from siftnet.store.input_arrays import read_inputs
from siftnet.store.round_numbers import read_history, read_summary, unchanged
from siftnet.store.run_json import read_run_json
from siftnet.store.shown import ShownExamples, read_shown
from siftnet.store.summary import DataSummary, RoundSummary
from siftnet.store.typed import MISFITS, typed
from siftnet.wording import named, share, shell_word

if TYPE_CHECKING:
    from siftnet.kernels.plan import Plan
    from siftnet.network.masks import Masks
    from siftnet.network.state import State
    from siftnet.pruning.ticket import Ticket
    from siftnet.pruning.training import Progress
    from siftnet.store.round_files import RoundFiles

# 2: plans; checkpoints hold survivors. 3: whether masks may change in training. 4: more of data. 5: labels' geometry.
SCHEMA = 5
PAGE = "report.html"


@dataclass(frozen=True)
class RunHeader:
    """What is known of a run before it trains."""

    config: RunConfig
    digest: str
    environment: dict[str, Any]
    data: DataSummary
    inputs: dict[str, np.ndarray]
    """As `Run.inputs` and `Run.shown` give them back, for data.npz."""
    plan: Plan


class Run:
    """A run's directory, opened."""

    def __init__(self, path: Path | str) -> None:
        """Open an existing run. Raises ValueError where there is none or a newer siftnet wrote it."""
        self.path = absolute_path(path)
        stored = read_run_json(self.path, "config.json")
        kinds = {"schema": int, "config": dict, "digest": str}
        if not all(type(stored.get(name)) is kind for name, kind in kinds.items()):
            raise ValueError(f"{self.path / 'config.json'} is not a run's configuration: restore it from a copy")
        if stored["schema"] > SCHEMA:
            raise ValueError(
                f"{self.path} was written in format {stored['schema']}, newer than {SCHEMA}: update siftnet"
            )
        self.config: RunConfig = from_dict(stored["config"])
        self.digest: str = stored["digest"]
        described = read_run_json(self.path, "data.json")
        try:
            self.data = DataSummary.from_dict(described)
        except MISFITS as error:
            raise ValueError(
                f"{self.path / 'data.json'} does not describe a data set ({named(repr(error), 200)}): "
                "restore it from a copy"
            ) from None

    def __repr__(self) -> str:
        numbers = self.rounds()
        if not numbers:
            return f"Run({str(self.path)!r}, {named(self.data.name)}, no finished round)"
        density = share(self.summary(numbers[-1]).density)
        return f"Run({str(self.path)!r}, {named(self.data.name)}, rounds 0 to {numbers[-1]}, down to {density} density)"

    @classmethod
    def create(cls, path: Path, header: RunHeader) -> Run:
        """Make the directory and write what is known before training. The caller holds the lock."""
        write_file(path / "environment.json", to_json(header.environment))
        write_file(path / "plan.json", _plan_json(header.plan))
        write_file(path / "data.json", to_json(header.data.to_dict()))
        write_file(path / "data.npz", to_npz(header.inputs))
        # Last, because a directory with a config.json is a run.
        write_file(path / "config.json", _config_json(header.digest, header.config))
        return cls(path)

    @staticmethod
    def exists(path: Path | str) -> bool:
        """Whether there is a run at this path."""
        return (absolute_path(path) / "config.json").is_file()

    def update_config(self, config: RunConfig) -> None:
        """Store a configuration with other stop rules; the digest stays."""
        write_file(self.path / "config.json", _config_json(self.digest, config))
        self.config = config

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, processor, threads and precision of the machine that made the run, by name, to be shown."""
        return dict(read_run_json(self.path, "environment.json"))

    def feature(self, name: str) -> bool | None:
        """Whether the machine had something that decides last bits, as amx; None where an older siftnet did not say."""
        return self.environment.get(name)

    @property
    def plan(self) -> Plan:
        """Which kernel trains at which density; in a run from before there were plans, the one of its configuration."""
        from siftnet.kernels.plan import Plan

        path = self.path / "plan.json"
        if not path.exists() and self.config.kernel != "auto":
            return Plan(given=self.config.kernel, why="stored before there were plans", threads=self.config.threads)
        stored = read_json(path)
        try:
            return typed(Plan.from_dict(stored))
        except MISFITS as error:
            raise ValueError(f"{path} is not a plan ({named(repr(error), 200)}): restore it from a copy") from None

    def update_plan(self, plan: Plan) -> None:
        """Store a plan that reaches further down."""
        write_file(self.path / "plan.json", _plan_json(plan))

    @property
    def geometry(self) -> Geometry:
        """Where the network's inputs live."""
        return self.data.geometry

    @property
    def permuted(self) -> Literal["none", "fixed", "each"]:
        """How the inputs were shuffled: not, by one permutation, or each example by its own."""
        return "each" if self.data.scrambled else "fixed" if self.data.permuted else "none"

    @property
    def started(self) -> str | None:
        """Whose masks the run began with, e.g. 'round 8 of small', None for a dense network."""
        start = self.config.start
        return None if start.run is None else f"round {start.round} of {start.run.absolute().name}"

    def inputs(self) -> dict[str, np.ndarray]:
        """variance_I float32 (I,) of the training inputs; where there are such orders, permutation_I and label_order_I,
        int64 (I,), as a Dataset has them."""
        return read_inputs(self.path / "data.npz", self.geometry.size)

    def shown(self) -> ShownExamples | None:
        """Three examples that it was trained on; None in a run of siftnet 0.4 or before, which kept none."""
        return read_shown(self.path / "data.npz", self.geometry.size)

    # Rounds

    def rounds(self) -> list[int]:
        """Numbers of the finished rounds."""
        folders = (p.name for p in (self.path / "rounds").glob("[0-9]*") if p.name.isdecimal() and p.is_dir())
        return sorted(int(name) for name in folders if name == f"{int(name):02d}")

    def round_path(self, number: int) -> Path:
        """Directory of a finished round. Raises ValueError where there is none."""
        if not is_whole(number):
            raise ValueError(f"a round is named by its number, one of {_span(self.rounds())}, got {shown(number)}")
        path = self.path / "rounds" / f"{number:02d}"
        if not path.is_dir():
            raise ValueError(f"{self.path} has no round {number}; its rounds are {_span(self.rounds())}")
        return path

    def write_round(self, summary: RoundSummary, files: RoundFiles) -> None:
        """Store a finished round, all of it or nothing."""
        final = self.path / "rounds" / f"{summary.round:02d}"
        draft = final.with_name(f".{final.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        for name, data in files.pack(summary).items():
            write_file(draft / name, data)
        rename_durably(draft, final)
        self.clear_checkpoint()

    def summary(self, number: int) -> RoundSummary:
        """The numbers of a finished round; a run that went on no longer says why it once stopped there."""
        stored = read_summary(self.round_path(number) / "round.json")
        return stored if number == self.rounds()[-1] else replace(stored, stop=None)

    def summaries(self) -> list[RoundSummary]:
        """The numbers of all finished rounds."""
        return [self.summary(number) for number in self.rounds()]

    def history(self, number: int) -> list[Record]:
        """The validations of a finished round."""
        return read_history(self.round_path(number) / "history.json")

    def masks(self, number: int, which: Literal["masks", "begin_masks", "best_masks"] = "masks") -> Masks:
        """What was kept in a round: at its end, at its beginning, or when validation chose the best weights.

        All the same unless its training may change masks.
        """
        from siftnet.store.tensors import unpack_masks

        path = self.round_path(number) / f"{which}.safetensors"
        path = path if path.exists() else path.with_name("masks.safetensors")
        return unpack_masks(unchanged(path, self.summary(number)))

    def weights(self, number: int, which: str = "weights") -> State:
        """Parameters and statistics of a round: 'weights' after the last update, 'best' as validation chose, 'scored'
        as the next masks were ranked by (the same as 'weights' unless an earlier step was asked for)."""
        from siftnet.store.tensors import unpack_state

        if not isinstance(which, str) or which not in ("weights", "best", "scored"):
            raise ValueError(f"weights of a round are weights, best or scored, got {shown(which)}")
        path = self.round_path(number) / f"{which}.safetensors"
        if which == "scored" and not path.exists():
            path = self.round_path(number) / "weights.safetensors"
        if which == "best" and not path.exists() and self.summary(number).diverged:
            raise ValueError(f"round {number} of {self.path} diverged before its first validation: lower train.lr")
        masks = self.masks(number, "best_masks" if which == "best" else "masks")
        return unpack_state(unchanged(path, self.summary(number)), masks)

    # The rewind point and the round under way

    def write_rewind(self, state: State) -> None:
        """Store the rewind point."""
        from siftnet.store.tensors import pack_dense

        write_file(self._rewind_path, pack_dense(state.weights_only()))

    def rewind(self) -> State | None:
        """The rewind point, once it is known."""
        from siftnet.store.tensors import unpack_dense

        return unpack_dense(self._rewind_path) if self._rewind_path.exists() else None

    def write_checkpoint(self, number: int, masks: Masks, progress: Progress) -> None:
        """Store the round under way, in one file: of what is pruned by `masks`, the survivors alone."""
        from siftnet.store.checkpoint import pack_checkpoint

        write_file(self._checkpoint_path, pack_checkpoint(number, masks, progress))

    def checkpoint(self, number: int, masks: Masks) -> Progress | None:
        """The round under way, if it is this one; masks: those that it is trained under.

        Raises ValueError for one that another format of siftnet wrote.
        """
        from siftnet.store.checkpoint import unpack_checkpoint

        return unpack_checkpoint(self._checkpoint_path, number, masks) if self._checkpoint_path.exists() else None

    @property
    def _rewind_path(self) -> Path:
        return self.path / "rewind" / "state.safetensors"

    @property
    def _checkpoint_path(self) -> Path:
        return self.path / "checkpoint" / "progress.safetensors"

    def clear_checkpoint(self) -> None:
        """Forget the round under way."""
        shutil.rmtree(self._checkpoint_path.parent, ignore_errors=True)

    def ticket(self, number: int = -1) -> Ticket:
        """Masks, rewind and trained weights of a round, with their geometry; -1 is the last round."""
        from siftnet.pruning.ticket import Provenance, Ticket
        from siftnet.store.tensors import rewind_of

        rounds = self.rounds()
        if not rounds:
            raise ValueError(f"{self.path} has no finished round yet: siftnet resume {shell_word(str(self.path))}")
        if not is_whole(number):
            raise ValueError(
                f"a round is named by its number, one of {_span(rounds)} or -1 for the last, got {shown(number)}"
            )
        number = rounds[-1] if number == -1 else number
        masks = self.masks(number)
        return Ticket(
            masks=masks,
            rewind=rewind_of(masks, self.rewind(), self._rewind_path),
            trained=self.weights(number),
            best=self.weights(number, "best") if self.summary(number).best else None,
            geometry=self.geometry,
            permutation_I=self.inputs().get("permutation_I"),
            provenance=Provenance(str(self.path), number, self.digest, self.data.name),
        )

    # What is measured and shown

    def write_analysis(self, name: str, numbers: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Store the numbers (JSON) and arrays (npz) of one analysis, e.g. of a round."""
        self.analysis_files(name).write(numbers, arrays)

    def analysis_numbers(self, name: str) -> dict[str, Any] | None:
        """The numbers of one analysis without its arrays, or None where it was not made."""
        return self.analysis_files(name).numbers()

    def analysis_arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of one analysis that was made."""
        return self.analysis_files(name).arrays()

    def analysis_files(self, name: str) -> AnalysisFiles:
        """The files of one analysis, made or not."""
        return AnalysisFiles(self.path, name, self.digest)

    @property
    def report_path(self) -> Path:
        """Where its page lies, once there is one."""
        return self.path / PAGE

    def write_report(self, html: str) -> Path:
        """Store the page and return its path."""
        write_file(self.report_path, html.encode("utf-8", "backslashreplace"))
        return self.report_path

    def report(self) -> Path:
        """Measure what is not measured yet, write the run's page, and return its path.

        Raises ValueError where no round is finished.
        """
        # Pages stand above the store and are imported when they are asked for, the one exception to the direction.
        from siftnet.report.write import write_run_page

        return write_run_page(self)


def _config_json(digest: str, config: RunConfig) -> bytes:
    return to_json({"schema": SCHEMA, "digest": digest, "config": to_dict(config)})


def _plan_json(plan: Plan) -> bytes:
    return to_json({"schema": SCHEMA} | plan.to_dict())


def _span(rounds: list[int]) -> str:
    return f"{rounds[0]} to {rounds[-1]}" if rounds else "none yet"
