"""Who fails, turns with a time limit, and ceilings for bench_gpu.py; clock and slices are those of kernels/timing.py.

A contender is built and warmed up (kernels compiled, graphs captured), then takes turns with the others: some updates
that do not count, then timed slices. Where one fails, its reason is kept and the others go on.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from statistics import fmean

import torch

from gpu.loops import Competitor, tf32_products
from siftnet.bench.contender import Contender
from siftnet.kernels.timing import Clock, Stopwatch, device_clock, durations, order_of_turn, seconds_of
from siftnet.runs.machine import has_native_bf16

Tell = Callable[[str], None]
SLICES_A_TURN = 3
# Of a ceiling: calls that do not count, and calls of which the fastest does.
WARM_UP, REPEATS = 3, 10
# Longest reason that is kept of a failure.
REASON = 300


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long to look. slice_ms: least length of a timed slice; turns: of each contender; seconds: longest time that
    the turns of one contender may take together; ends: when nobody begins another turn, by the clock."""

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
    """A competitor, its contender and the stopwatch of that once it is built, and the seconds of its turns so far."""

    competitor: Competitor
    contender: Contender | None = None
    watch: Stopwatch | None = None
    spent: float = 0.0
    setup_seconds: float | None = None
    memory_mb: float | None = None
    evaluate_ms: float | None = None
    loss: float | None = None
    failure: str | None = None


def race(
    competitors: Sequence[Competitor], device: str, pace: Pace, tell: Tell, clock: Clock | None = None
) -> list[Measured]:
    """Build everybody, then time them in turns, the order reversed every other time. clock: the device's own unless
    given."""
    entries, clock = [Entry(competitor) for competitor in competitors], clock or device_clock(device)
    rest = "the time for the whole benchmark was over"
    for entry, action in _actions(entries, device, pace, tell, clock):
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
    entries: Sequence[Entry], device: str, pace: Pace, tell: Tell, clock: Clock
) -> Iterator[tuple[Entry, Callable[[], None]]]:
    """What is to be done, each when it is asked for: everybody's set-up, then turns of those who have time left."""
    for entry in entries:
        if clock() < pace.ends:
            yield entry, partial(_set_up, entry, device, pace, tell, clock)
    for turn in range(pace.turns):
        for entry in order_of_turn(entries, turn):
            ready = entry.watch is not None and entry.failure is None
            if ready and entry.spent < pace.seconds and clock() < pace.ends:
                yield entry, partial(_turn, entry, clock)


def _answers(device: str) -> bool:
    """Whether the device still works: some errors leave a GPU unusable for the rest of the process."""
    try:
        device_clock(device)()
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


def _set_up(entry: Entry, device: str, pace: Pace, tell: Tell, clock: Clock) -> None:
    """Build, make first updates, validate, and find how many updates a slice takes."""
    competitor, cuda = entry.competitor, device.startswith("cuda")
    before = torch.cuda.memory_allocated(device) if cuda else 0
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    with steady_memory(device):
        start = clock()
        contender = entry.contender = competitor.build()
        contender.advance(competitor.quantum)
        entry.setup_seconds = clock() - start
    entry.memory_mb = (torch.cuda.max_memory_allocated(device) - before) / 1e6 if cuda else None
    contender.evaluate("validation")
    validations = []
    for _ in range(SLICES_A_TURN):
        # A kernel may keep a validation until the next update.
        contender.advance(competitor.quantum)
        validations.append(seconds_of(lambda: contender.evaluate("validation"), clock))
    entry.evaluate_ms = 1000 * min(validations)
    watch = Stopwatch(contender.advance, clock, quantum=competitor.quantum)
    contender.advance(max(competitor.quantum, competitor.settle))
    step = watch.look(competitor.quantum * (1 if competitor.quantum > 1 else 3))
    watch.cut_slices(step, pace.slice_ms / 1000)
    entry.watch = watch
    time.sleep(competitor.calm)
    tell(f"{competitor.name}: set up in {entry.setup_seconds:.1f} s, about {1000 * step:.4g} ms an update")


def _turn(entry: Entry, clock: Clock) -> None:
    """Updates that do not count, then timed slices."""
    competitor, watch, begin = entry.competitor, entry.watch, clock()
    assert watch is not None
    losses = watch.turn(SLICES_A_TURN, settle=competitor.settle)
    if not all(map(isfinite, losses)):
        raise ArithmeticError("a loss is not a number")
    entry.loss = fmean(losses)
    time.sleep(competitor.calm)
    entry.spent += clock() - begin


def _summary(entry: Entry, rest: str) -> Measured:
    """What was found; a contender that failed has no times, whatever came before. rest: why others have none."""
    found = Measured(
        setup_seconds=entry.setup_seconds, memory_mb=entry.memory_mb, evaluate_ms=entry.evaluate_ms, loss=entry.loss
    )
    watch = entry.watch
    if entry.failure is not None or watch is None or not watch.slices:
        return replace(found, failure=entry.failure or f"not timed: {rest}")
    times = watch.step_ms()
    return replace(
        found,
        best_ms=times.best,
        p20_ms=times.p20,
        p50_ms=times.p50,
        p80_ms=times.p80,
        updates=watch.made,
        slices=len(watch.slices),
    )


def measure_ceilings(device: str, size: int, copied_bytes: int) -> Ceilings:
    """Rates of a product of random (size, size) matrices in bf16, TF32 and fp32, and of copying so many bytes."""
    rates: dict[str, float] = {}
    for precision, dtype in (("fp32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16)):
        if precision == "bf16" and not has_native_bf16(device):
            # Emulated products take minutes; what is possible in bf16 there is what fp32 does.
            rates[precision] = rates["fp32"]
            continue
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
    if not device.startswith("cuda"):
        return min(durations(call, REPEATS, clock=device_clock(device), warm_up=WARM_UP))
    found = []
    for _ in range(WARM_UP):
        call()
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
