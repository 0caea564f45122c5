"""Who is timed on a GPU: plain PyTorch fed by a data loader or from the device, siftnet's kernels dense and batched.

- eager, loader: baselines.MaskedLoop whose batches come from worker processes as uint8 through pinned memory and are
  normalised on the device. A worker gathers a whole batch with one call; a last contender fetches item by item, as
  most training scripts do;
- eager, resident: the same loop with all images on the device;
- dense, batched: siftnet's kernels, which keep the images on the device too; compiled: batched under torch.compile.

Workers are forked when CUDA may be initialised already: they touch NumPy and CPU tensors alone.

B batch, I inputs, N examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler, Sampler, TensorDataset

from baselines import AutocastLoop, MaskedLoop
from siftnet.bench.contender import Contender
from siftnet.data.dataset import Dataset as Images
from siftnet.kernels.batched.kernel import StackedKernel
from siftnet.kernels.instance import Instance
from siftnet.kernels.interface import ReplicatingKind
from siftnet.kernels.registry import KERNELS
from siftnet.network.layers import initialise
from siftnet.network.state import State
from siftnet.pruning.evaluation import Evaluation

Precision = Literal["bf16", "fp32"]
Way = Literal["batched", "batched, compiled", "dense", "eager, resident", "eager, loader", "eager, by item"]
PRECISIONS: tuple[Precision, ...] = ("bf16", "fp32")
# Batches that each worker prepares ahead: twice PyTorch's default.
PREFETCH = 4
# Seconds after which a batch that does not come is an error and not a hang.
PATIENCE = 20
# Updates in one of the batched kernel's graphs; other numbers would capture another graph.
GRAPH = 25
# Seconds in which workers fill their queues again, before somebody else is timed.
CALM = 0.2


@dataclass(frozen=True, kw_only=True)
class Competitor:
    """Somebody to time. way: what is compared with what; precision: of its products, fp32, tf32 or bf16.

    quantum: updates come in multiples of it; settle: updates at the start of a turn that do not count; calm: seconds to
    wait after a turn, so that its worker processes disturb nobody.
    """

    name: str
    way: Way
    precision: str
    build: Callable[[], Contender]
    replicates: int = 1
    quantum: int = 1
    settle: int = 5
    calm: float = 0.0


class DrawnRows(Sampler[Any]):
    """Without end: row numbers of a batch, drawn with replacement, int64 (B,)."""

    def __init__(self, examples: int, batch: int, seed: int = 0) -> None:
        self.examples, self.batch, self.random = examples, batch, np.random.default_rng(seed)

    def __iter__(self) -> Iterator[np.ndarray]:
        while True:
            # An array and not a tensor, which would travel to the worker through a file of shared memory.
            yield self.random.integers(0, self.examples, self.batch)


class BatchAtOnce(Dataset[Any]):
    """uint8 inputs (B, I) and int64 labels (B,) of given rows."""

    def __init__(self, inputs_NI: Tensor, labels_N: Tensor) -> None:
        self.inputs_NI, self.labels_N = inputs_NI, labels_N

    def __getitem__(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        rows_B = torch.from_numpy(rows)
        return self.inputs_NI.index_select(0, rows_B), self.labels_N.index_select(0, rows_B)


class Feed:
    """Batches of training examples from worker processes, which start with the first batch that is taken."""

    def __init__(self, images: Images, batch: int, workers: int, *, pinned: bool, items: bool) -> None:
        rows = images.splits["train"]
        # Training rows come first in generated images: a view, which forked workers share.
        assert rows[0] == 0
        assert rows[-1] == len(rows) - 1
        self.inputs_NI = torch.from_numpy(images.inputs_NI)[: len(rows)]
        self.labels_N = torch.from_numpy(images.labels_N)[: len(rows)]
        self.batch, self.workers, self.pinned, self.items = batch, workers, pinned, items
        self.batches: Iterator[tuple[Tensor, Tensor]] | None = None

    @property
    def depth(self) -> int:
        """Batches that may lie ready after a pause, which would make the next ones look free."""
        return self.workers * PREFETCH + 1

    def take(self) -> tuple[Tensor, Tensor]:
        """The next batch on the processor: uint8 (B, I) and int64 (B,)."""
        if self.batches is None:
            self.batches = iter(self._loader())
        try:
            return next(self.batches)
        except Exception:
            # Whoever comes next gets new workers, and not what is left of these.
            self.close()
            raise

    def close(self) -> None:
        """End the workers and the thread that pins memory."""
        self.batches = None

    def _loader(self) -> DataLoader[Any]:
        settings: dict[str, Any] = {"num_workers": self.workers, "pin_memory": self.pinned}
        if self.workers:
            settings |= {"persistent_workers": True, "prefetch_factor": PREFETCH, "timeout": PATIENCE}
            settings |= {"multiprocessing_context": "fork"}
        if self.items:
            data = TensorDataset(self.inputs_NI, self.labels_N)
            endless = RandomSampler(data, replacement=True, num_samples=10**6 * self.batch)
            return DataLoader(data, batch_size=self.batch, sampler=endless, **settings)
        rows = DrawnRows(len(self.inputs_NI), self.batch)
        return DataLoader(BatchAtOnce(self.inputs_NI, self.labels_N), batch_size=None, sampler=rows, **settings)


class LoaderLoop(MaskedLoop):
    """weight * mask in every pruned layer, batches from a feed."""

    def __init__(self, instance: Instance, feed: Feed, *, autocast: bool) -> None:
        super().__init__(instance)
        self.feed, self.autocast = feed, autocast

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """A batch of random training examples, normalised on the device."""
        inputs_BI, labels_B = self.feed.take()
        device = self.batches.device
        x_BI = inputs_BI.to(device, non_blocking=True).float()
        return x_BI.sub_(self.batches.center_I).mul_(self.batches.scale_I), labels_B.to(device, non_blocking=True)


@contextmanager
def tf32_products() -> Iterator[None]:
    """Products of fp32 in TF32, until the block ends."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


class WithTf32:
    """A contender whose fp32 products are computed in TF32; nobody else's are."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates and return the loss of each."""
        with tf32_products():
            return self.contender.advance(updates)

    def evaluate(self, split: str) -> Evaluation:
        """Loss and score on a split."""
        with tf32_products():
            return self.contender.evaluate(split)


class Replicas:
    """The batched kernel with several networks, each with a seed of its own, as one contender."""

    def __init__(self, instance: Instance, states: Sequence[State], precision: Precision) -> None:
        kind, problem = KERNELS["batched"], instance.problem
        assert isinstance(kind, ReplicatingKind)
        training = replace(problem.training, precision=precision)
        problems = [
            replace(problem, training=training, batches=problem.batches.for_seed(seed)) for seed in range(len(states))
        ]
        self.kernels = kind.compile_together(problems, states, [instance.masks] * len(states))

    def advance(self, updates: int) -> list[float]:
        """Make `updates` updates of every network and return all losses."""
        return [loss for kernel in self.kernels for loss in kernel.advance(updates)]

    def evaluate(self, split: str) -> Evaluation:
        """Loss and score of the first network; all are computed."""
        return self.kernels[0].evaluate(split)


class Compiled(Replicas):
    """The same with an update of all networks fused by torch.compile, which takes long at first."""

    def __init__(self, instance: Instance, states: Sequence[State], precision: Precision) -> None:
        super().__init__(instance, states, precision)
        first = self.kernels[0]
        assert isinstance(first, StackedKernel)
        stack: Any = first.stack
        stack.descend = torch.compile(stack.descend, fullgraph=True, dynamic=False)


def competitors(
    instance: Instance, feeds: Sequence[Feed], replicates: Sequence[int], *, compiled: bool = False
) -> list[Competitor]:
    """Everybody who trains this instance, in the order in which they are to be built.

    feeds: of whole batches, and item by item; compiled: also the kernel batched under torch.compile. Kernels come
    first: a graph cannot be captured while a thread that pins memory allocates some, and that thread starts with the
    first batch of a feed.
    """
    kernels = [*_batched(instance, replicates), *(_compiled(instance) if compiled else []), *_dense(instance)]
    return [*kernels, *_resident(instance), *_loaders(instance, feeds)]


def choose(
    everybody: Sequence[Competitor], ways: Sequence[Way], *, native_bf16: bool
) -> tuple[list[Competitor], list[str]]:
    """Those of these ways; without any named, all but those whose bf16 would be emulated, and the names of these."""
    if ways:
        return [own for own in everybody if own.way in ways], []
    chosen = [own for own in everybody if native_bf16 or own.precision != "bf16"]
    return chosen, [own.name for own in everybody if own not in chosen]


def _batched(instance: Instance, replicates: Sequence[int]) -> list[Competitor]:
    states = [initialise(instance.problem.network, seed) for seed in range(max(replicates))]
    return [
        Competitor(
            name=f"batched {precision}, R = {count}",
            way="batched",
            precision=precision,
            build=lambda p=precision, n=count: Replicas(instance, states[:n], p),  # type: ignore[misc]
            replicates=count,
            quantum=GRAPH,
            settle=GRAPH,
        )
        for precision in PRECISIONS
        for count in replicates
    ]


def _compiled(instance: Instance) -> list[Competitor]:
    return [
        Competitor(
            name="batched bf16, compiled, R = 1",
            way="batched, compiled",
            precision="bf16",
            build=lambda: Compiled(instance, [instance.state], "bf16"),
            quantum=GRAPH,
            settle=GRAPH,
        )
    ]


def _dense(instance: Instance) -> list[Competitor]:
    def build(precision: Precision) -> Contender:
        training = replace(instance.problem.training, precision=precision)
        return replace(instance, problem=replace(instance.problem, training=training)).compile(KERNELS["dense"])

    return [
        Competitor(name=f"dense {precision}", way="dense", precision=precision, build=lambda p=precision: build(p))  # type: ignore[misc]
        for precision in PRECISIONS
    ]


def _resident(instance: Instance) -> list[Competitor]:
    builds: dict[str, Callable[[], Contender]] = {
        "bf16": lambda: AutocastLoop(instance),
        "tf32": lambda: WithTf32(MaskedLoop(instance)),
        "fp32": lambda: MaskedLoop(instance),
    }
    return [
        Competitor(name=f"eager {precision}, resident", way="eager, resident", precision=precision, build=build)
        for precision, build in builds.items()
    ]


def _loaders(instance: Instance, feeds: Sequence[Feed]) -> list[Competitor]:
    whole, items = feeds

    def entry(name: str, way: Way, precision: str, feed: Feed, build: Callable[[], Contender]) -> Competitor:
        return Competitor(
            name=f"eager {precision}, {name}", way=way, precision=precision, build=build, settle=feed.depth, calm=CALM
        )

    return [
        entry("loader", "eager, loader", "bf16", whole, lambda: LoaderLoop(instance, whole, autocast=True)),
        entry("loader", "eager, loader", "tf32", whole, lambda: WithTf32(LoaderLoop(instance, whole, autocast=False))),
        entry("loader", "eager, loader", "fp32", whole, lambda: LoaderLoop(instance, whole, autocast=False)),
        entry("loader by item", "eager, by item", "bf16", items, lambda: LoaderLoop(instance, items, autocast=True)),
    ]
