"""Clocks, turns and ceilings for bench_gpu.py: milliseconds an update of contenders that take turns on one device.

A contender is built and warmed up (kernels compiled, graphs captured), then takes turns with the others: some updates
that do not count, then timed slices. Where one fails, its reason is kept and the others go on.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from statistics import fmean

import numpy as np
import torch

from gpu_loops import Competitor, tf32_products
from siftnet.bench.contender import Contender

Tell = Callable[[str], None]
SLICES_A_TURN = 3
# Of a ceiling: calls that do not count, and calls of which the fastest does.
WARM_UP, REPEATS = 3, 10
# Longest reason that is kept of a failure.
REASON = 300


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long to look. slice_ms: least length of a timed slice; turns: of each contender; seconds: longest time that
    the turns of one contender may take together; ends: when nobody begins another turn, by time.perf_counter."""

    slice_ms: float
    turns: int
    seconds: float
    ends: float


@dataclass(frozen=True)
class Ceilings:
    """What the device reaches: products of random matrices in 1e12 operations a second, by precision, and copying in
    1e12 bytes a second, read and written."""

    tflops: dict[str, float]
    copy_tbytes: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Milliseconds an update (of all replicates together) over the slices: fastest, 20th, 50th, 80th percentile; None
    in all of them where `failure` says why.

    setup_seconds: building and first updates, captures included; memory_mb: most that they took; loss: mean of the last
    slice; evaluate_ms: one validation.
    """

    best_ms: float | None = None
    p20_ms: float | None = None
    p50_ms: float | None = None
    p80_ms: float | None = None
    updates: int = 0
    slices: int = 0
    setup_seconds: float | None = None
    memory_mb: float | None = None
    evaluate_ms: float | None = None
    loss: float | None = None
    failure: str | None = None


@dataclass
class Entry:
    """A competitor, its contender once it is built, and its slices so far as milliseconds an update."""

    competitor: Competitor
    contender: Contender | None = None
    updates: int = 0
    slices: list[float] = field(default_factory=list)
    spent: float = 0.0
    setup_seconds: float | None = None
    memory_mb: float | None = None
    evaluate_ms: float | None = None
    loss: float | None = None
    failure: str | None = None


def now(device: str) -> float:
    """Seconds, once the device has done all it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()


def race(competitors: Sequence[Competitor], device: str, pace: Pace, tell: Tell) -> list[Measured]:
    """Build everybody, then time them in turns, the order reversed every other time."""
    entries = [Entry(competitor) for competitor in competitors]
    rest = "the time for the whole benchmark was over"
    for entry, action in _actions(entries, device, pace, tell):
        _guard(entry, device, tell, action)
        if entry.failure is not None and not _answers(device):
            # What the others have so far stands.
            rest = f"the device answered no more after {entry.competitor.name}"
            tell(rest)
            break
    # Nobody is let go before: graphs may share a library's workspace, which goes with the first of them.
    measured = [_summary(entry, rest) for entry in entries]
    for entry, found in zip(entries, measured, strict=True):
        if found.p50_ms is not None:
            tell(f"{entry.competitor.name}: {found.p50_ms:.4g} ms an update, {found.slices} slices")
    return measured


def _actions(
    entries: Sequence[Entry], device: str, pace: Pace, tell: Tell
) -> Iterator[tuple[Entry, Callable[[], None]]]:
    """What is to be done, each when it is asked for: everybody's set-up, then turns of those who have time left."""
    for entry in entries:
        if time.perf_counter() < pace.ends:
            yield entry, partial(_set_up, entry, device, pace, tell)
    for turn in range(pace.turns):
        for entry in entries if turn % 2 == 0 else reversed(entries):
            ready = entry.contender is not None and entry.failure is None
            if ready and entry.spent < pace.seconds and time.perf_counter() < pace.ends:
                yield entry, partial(_turn, entry, device)


def _answers(device: str) -> bool:
    """Whether the device still works: some errors leave a GPU unusable for the rest of the process."""
    try:
        now(device)
    except RuntimeError:
        return False
    return True


def _guard(entry: Entry, device: str, tell: Tell, action: Callable[[], None]) -> None:
    """Do something of a contender; where it fails, note why."""
    try:
        with _own_stream(device):
            action()
    except Exception as error:
        entry.failure = reason(error)
        tell(f"{entry.competitor.name}: FAILED: {entry.failure}")
    if entry.failure is not None and device.startswith("cuda"):
        gc.collect()
        with suppress(RuntimeError):
            torch.cuda.empty_cache()


def reason(error: Exception) -> str:
    """Kind and message of an error, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:REASON]


@contextmanager
def steady_memory(device: str) -> Iterator[None]:
    """No garbage collection inside: one that destroys a graph while another is captured breaks the capture. On the
    processor, where nothing is captured, this does nothing."""
    if not device.startswith("cuda"):
        yield
        return
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _own_stream(device: str) -> torch.cuda.StreamContext | nullcontext[None]:
    """The present stream, which is current again afterwards even where a capture that failed left its own."""
    return torch.cuda.stream(torch.cuda.current_stream(device)) if device.startswith("cuda") else nullcontext()


def _set_up(entry: Entry, device: str, pace: Pace, tell: Tell) -> None:
    """Build, make first updates, validate, and find how many updates a slice takes."""
    competitor, cuda = entry.competitor, device.startswith("cuda")
    before = torch.cuda.memory_allocated(device) if cuda else 0
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    with steady_memory(device):
        start = now(device)
        contender = entry.contender = competitor.build()
        contender.advance(competitor.quantum)
        entry.setup_seconds = now(device) - start
    entry.memory_mb = (torch.cuda.max_memory_allocated(device) - before) / 1e6 if cuda else None
    contender.evaluate("validation")
    validations = []
    for _ in range(SLICES_A_TURN):
        # A kernel may keep a validation until the next update.
        contender.advance(competitor.quantum)
        validations.append(_seconds(device, lambda: contender.evaluate("validation")))
    entry.evaluate_ms = 1000 * min(validations)
    contender.advance(max(competitor.quantum, competitor.settle))
    count = competitor.quantum * (1 if competitor.quantum > 1 else 3)
    step = _seconds(device, lambda: contender.advance(count)) / count
    slices = max(1, round(pace.slice_ms / 1000 / max(step, 1e-7) / competitor.quantum))
    entry.updates = competitor.quantum * slices
    time.sleep(competitor.calm)
    tell(f"{competitor.name}: set up in {entry.setup_seconds:.1f} s, about {1000 * step:.4g} ms an update")


def _turn(entry: Entry, device: str) -> None:
    """Updates that do not count, then timed slices."""
    competitor, contender, begin = entry.competitor, entry.contender, time.perf_counter()
    assert contender is not None
    contender.advance(competitor.settle)
    losses: list[float] = []
    for _ in range(SLICES_A_TURN):
        start = now(device)
        losses = contender.advance(entry.updates)
        entry.slices.append(1000 * (now(device) - start) / entry.updates)
    if not all(map(isfinite, losses)):
        raise ArithmeticError("a loss is not a number")
    entry.loss = fmean(losses)
    time.sleep(competitor.calm)
    entry.spent += time.perf_counter() - begin


def _seconds(device: str, call: Callable[[], object]) -> float:
    start = now(device)
    call()
    return now(device) - start


def _summary(entry: Entry, rest: str) -> Measured:
    """What was found; a contender that failed has no times, whatever came before. rest: why others have none."""
    found = Measured(
        setup_seconds=entry.setup_seconds, memory_mb=entry.memory_mb, evaluate_ms=entry.evaluate_ms, loss=entry.loss
    )
    if entry.failure is not None or not entry.slices:
        return replace(found, failure=entry.failure or f"not timed: {rest}")
    p20, p50, p80 = np.percentile(entry.slices, [20, 50, 80]).tolist()
    return replace(
        found,
        best_ms=min(entry.slices),
        p20_ms=p20,
        p50_ms=p50,
        p80_ms=p80,
        updates=entry.updates * len(entry.slices),
        slices=len(entry.slices),
    )


def measure_ceilings(device: str, size: int, copied_bytes: int) -> Ceilings:
    """Rates of a product of random (size, size) matrices in bf16, TF32 and fp32, and of copying so many bytes."""
    rates = {}
    for precision, dtype in (("bf16", torch.bfloat16), ("tf32", torch.float32), ("fp32", torch.float32)):
        left = torch.randn(size, size, device=device).to(dtype)
        right = torch.randn(size, size, device=device).to(dtype)
        out = torch.empty_like(left)
        with tf32_products() if precision == "tf32" else nullcontext():
            seconds = _fastest(device, lambda a=left, b=right, o=out: torch.mm(a, b, out=o))  # type: ignore[misc]
        rates[precision] = 2e-12 * size**3 / seconds
    # Fewer entries than 2^31, whatever the bytes.
    source = torch.randint(0, 2**31 - 1, (copied_bytes // 4,), dtype=torch.int32, device=device)
    target = torch.empty_like(source)
    return Ceilings(rates, 2e-12 * copied_bytes / _fastest(device, lambda: target.copy_(source)))


def _fastest(device: str, call: Callable[[], object]) -> float:
    """Seconds of the fastest call, by the device's own events on a GPU."""
    for _ in range(WARM_UP):
        call()
    if not device.startswith("cuda"):
        return min(_seconds(device, call) for _ in range(REPEATS))
    found = []
    with torch.cuda.device(device):
        for _ in range(REPEATS):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            call()
            end.record()
            end.synchronize()
            # In milliseconds.
            found.append(begin.elapsed_time(end) / 1000)
    return min(found)
