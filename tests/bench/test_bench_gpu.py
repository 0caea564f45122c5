"""The GPU benchmark on the processor: it runs from end to end, its figures follow from one another, failures show."""

from __future__ import annotations

import csv
import gc
import importlib
import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import numba
import pytest
import torch

WAYS = ["batched", "dense", "eager, resident", "eager, loader", "eager, by item"]
HERE = Path(__file__).parent.parent.parent / "benchmarks"
# Python 3.12 warns of any fork beside threads; workers touch nothing that a thread may hold.
pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The benchmark's modules, and the threads as they were afterwards."""
    monkeypatch.syspath_prepend(HERE)
    threads = torch.get_num_threads(), numba.get_num_threads()
    names = ("bench_gpu", "gpu.figure", "gpu.loops", "gpu.report", "gpu.schedule", "gpu.timing")
    yield SimpleNamespace(**{name.removeprefix("gpu."): importlib.import_module(name) for name in names})
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


@pytest.fixture
def tiny(benchmarks: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A scale that takes seconds, in place of the quick one."""
    module = benchmarks.bench_gpu
    scale = replace(
        module.QUICK,
        shapes=(module.Shape((12, 8), 10, side=2), module.Shape((8,), 6, side=2)),
        batch=8,
        examples=60,
        validation=20,
        replicates=(1, 8),
        slice_ms=1.0,
        turns=1,
        product=32,
        copied_bytes=2**16,
        lengths=(10, 120),
        every=10,
    )
    monkeypatch.setattr(module, "QUICK", scale)
    monkeypatch.setattr(benchmarks.loops, "CALM", 0.0)
    return scale


def measured(benchmarks: SimpleNamespace, folder: Path, *more: str) -> dict[str, Any]:
    """What a quick run on the processor writes, with one thread: networks this small only wait for a second one."""
    arguments = ["--device", "cpu", "--quick", "--threads", "1", "--results", str(folder), *more]
    benchmarks.bench_gpu.main(arguments)
    found: dict[str, Any] = json.loads((folder / "gpu.json").read_text())
    return found


def test_from_end_to_end(
    benchmarks: SimpleNamespace, tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # All by name, also where bf16 is emulated.
    found = measured(benchmarks, tmp_path, "--workers", "1", "--profile", "--contenders", *WAYS)
    rows, printed = found["rows"], capsys.readouterr().out
    assert [row["network"] for row in rows] == ["12-12-8-10"] * 13 + ["12-8-6"] * 13
    assert not any(row["measured"]["failure"] for row in rows)
    assert found["failures"] == []
    for row in rows:
        consistent(row, found["ceilings"])
    eight = {r["precision"]: r for r in rows if r["network"] == "12-8-6" and r["replicates"] == 8}["bf16"]
    assert f"8 replicates of 12-8-6: {eight['ratio_to_one']:.3g} times one" in found["goals"][1]
    lines = list(csv.DictReader((tmp_path / "gpu.csv").read_text().splitlines()))
    assert [line["contender"] for line in lines] == [row["contender"] for row in rows]
    assert float(lines[0]["p50_ms"]) == pytest.approx(rows[0]["measured"]["p50_ms"], rel=1e-3)
    for words in ("set up in", "times R=1", "the paper's schedule, batched:", "(goal: at least 10)"):
        assert words in printed
    assert "aten::mm" in (tmp_path / "gpu-profile.txt").read_text()
    figure = benchmarks.figure.figure(found)
    assert sum(trace["mode"] == "lines+markers+text" for trace in figure["data"]) == 22
    json.dumps(figure, allow_nan=False)


def consistent(row: dict[str, Any], ceilings: dict[str, Any]) -> None:
    """Floors from rates, operations from times, and everybody at a loss of a fresh network."""
    times, peak = row["measured"], ceilings["tflops"][row["precision"]]
    assert times["best_ms"] <= times["p20_ms"] <= times["p50_ms"] <= times["p80_ms"]
    assert row["floor_ms"] == max(row["products_ms"], row["traffic_ms"])
    assert row["tflops"] * times["p50_ms"] == pytest.approx(peak * row["products_ms"])
    assert row["share"] == pytest.approx(row["tflops"] / peak)
    assert (row["ratio_to_one"] is not None) == (row["way"] == "batched")
    assert 1 < times["loss"] < 5
    assert times["slices"] == 3
    assert times["setup_seconds"] > 0
    assert times["evaluate_ms"] > 0


def test_operations_and_bytes_by_hand(benchmarks: SimpleNamespace) -> None:
    module, timing = benchmarks.bench_gpu, benchmarks.timing
    options = module.Options(device="cpu", density=1.0, threads=1)
    session = module.Session(options, replace(module.Scale(), examples=20, validation=10))
    for shape, weights, flops in ((0, 6_266_880, 31.31e9), (1, 903_168, 3.846e9)):
        instance = session._dense(session.scale.shapes[shape])
        network = instance.problem.network
        work = module.work_of(network, instance.masks, 1000, 1)
        competitor = benchmarks.loops.competitors(instance, session_feeds(benchmarks, instance), [1])[0]
        ceilings = timing.Ceilings({"bf16": 790.0, "tf32": 1.0, "fp32": 1.0}, 4.3)
        pair = [(competitor, timing.Measured(p50_ms=0.114))]
        row = benchmarks.report.rows_of("n", network, work, pair, ceilings)[0]
        assert work.dense_flops == pytest.approx(flops, rel=1e-3)
        assert row.products_ms == pytest.approx(1e3 * work.dense_flops / 790e12)
        assert row.traffic_ms == pytest.approx(1e3 * (1000 * 3072 + 17 * weights) / 4.3e12)
        assert row.tflops == pytest.approx(1e-12 * work.dense_flops / 0.114e-3)


def session_feeds(benchmarks: SimpleNamespace, instance: Any) -> list[Any]:
    """Feeds that nobody takes from."""
    images = instance.problem.batches.dataset
    return [benchmarks.loops.Feed(images, 8, 0, pinned=False, items=items) for items in (False, True)]


@pytest.mark.parametrize("items", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_feed_gives_training_examples_of_all_rows(
    benchmarks: SimpleNamespace, tiny: Any, items: bool, workers: int
) -> None:
    session = benchmarks.bench_gpu.Session(benchmarks.bench_gpu.Options(device="cpu", threads=1), tiny)
    instance = session._dense(tiny.shapes[0])
    batches = instance.problem.batches
    images, train = batches.dataset, len(batches.rows["train"])
    feed = benchmarks.loops.Feed(images, 8, workers, pinned=False, items=items)
    seen = set()
    for _ in range(40):
        inputs_BI, labels_B = feed.take()
        assert inputs_BI.dtype == torch.uint8
        assert inputs_BI.shape == (8, 12)
        for row, label in zip(inputs_BI.numpy(), labels_B.tolist(), strict=True):
            at = [n for n in range(train) if (images.inputs_NI[n] == row).all() and images.labels_N[n] == label]
            assert at
            seen.add(at[0])
    feed.close()
    assert len(seen) > 0.9 * train
    loop = benchmarks.loops.LoaderLoop(instance, feed, autocast=False)
    x_BI, _ = loop.next_batch()
    assert x_BI.std() == pytest.approx(1, abs=0.3)
    feed.close()


def test_tf32_is_set_for_its_contender_alone(benchmarks: SimpleNamespace) -> None:
    seen = []

    class Spy:
        def advance(self, updates: int) -> list[float]:
            seen.append(torch.backends.cuda.matmul.allow_tf32)
            raise RuntimeError("broken")

    before = torch.backends.cuda.matmul.allow_tf32
    with pytest.raises(RuntimeError, match="broken"):
        benchmarks.loops.WithTf32(Spy()).advance(1)
    assert seen == [True]
    assert torch.backends.cuda.matmul.allow_tf32 == before is False


class Broken:
    """Fails after some calls."""

    def __init__(self, after: int, loss: float = 1.0) -> None:
        self.left, self.loss = after, loss

    def advance(self, updates: int) -> list[float]:
        self.left -= 1
        if self.left < 0:
            raise torch.OutOfMemoryError("out of\n memory")
        return [self.loss] * updates

    def evaluate(self, split: str) -> None:
        assert split == "validation"


def contest(benchmarks: SimpleNamespace, *builds: Any, ends: float = 1e12) -> tuple[list[Any], list[str]]:
    """What a race between contenders finds, and what it tells."""
    everybody = [
        benchmarks.loops.Competitor(name=f"number {n}", way="w", precision="fp32", build=build)
        for n, build in enumerate(builds)
    ]
    told: list[str] = []
    pace = benchmarks.timing.Pace(slice_ms=0.01, turns=3, seconds=1e9, ends=ends)
    return benchmarks.timing.race(everybody, "cpu", pace, told.append), told


def test_who_fails_is_reported_and_stops_nobody(benchmarks: SimpleNamespace) -> None:
    builds = [
        lambda: Broken(0),
        lambda: Broken(8),
        lambda: Broken(10**9),
        lambda: Broken(10**9, float("nan")),
        lambda: 1 / 0,
    ]
    found, told = contest(benchmarks, *builds)
    reasons = [each.failure for each in found]
    assert reasons[0] == reasons[1] == "OutOfMemoryError: out of memory"
    assert reasons[2] is None
    assert found[2].slices == 9
    assert reasons[3] == "ArithmeticError: a loss is not a number"
    assert reasons[4] == "ZeroDivisionError: division by zero"
    assert [each.p50_ms is None for each in found] == [True, True, False, True, True]
    assert sum("FAILED" in line for line in told) == 4
    assert gc.isenabled()
    assert not contest(benchmarks, builds[2], ends=0.0)[0][0].slices
    assert "time for the whole" in contest(benchmarks, builds[2], ends=0.0)[0][0].failure


def test_what_was_timed_before_a_device_is_lost_stands(
    benchmarks: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks.timing, "_answers", lambda device: False)
    builds = [lambda: Broken(10**9), lambda: Broken(12), lambda: Broken(10**9)]
    found, told = contest(benchmarks, *builds)
    # The first turn of all goes in order, the second one in reverse.
    assert [each.slices for each in found] == [3, 0, 6]
    assert found[1].failure == "OutOfMemoryError: out of memory"
    assert "the device answered no more after number 1" in told
    found, _ = contest(benchmarks, lambda: Broken(0), builds[0])
    assert found[1].failure == "not timed: the device answered no more after number 0"


def test_a_worker_that_breaks_is_replaced(benchmarks: SimpleNamespace, tiny: Any) -> None:
    session = benchmarks.bench_gpu.Session(benchmarks.bench_gpu.Options(device="cpu", threads=1), tiny)
    images = session._dense(tiny.shapes[0]).problem.batches.dataset
    feed = benchmarks.loops.Feed(images, 8, 1, pinned=False, items=False)
    labels_N, feed.labels_N = feed.labels_N, feed.labels_N[:0]
    with pytest.raises(IndexError, match="worker process 0"):
        feed.take()
    feed.labels_N = labels_N
    assert feed.take()[0].shape == (8, 12)
    feed.close()


def test_a_failure_is_a_row_of_the_file_and_a_line_of_the_terminal(
    benchmarks: SimpleNamespace,
    tiny: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(self: Any, *given: Any) -> None:
        raise RuntimeError("no graph [here]")

    monkeypatch.setattr(benchmarks.loops.Replicas, "__init__", refuse)
    monkeypatch.setattr(benchmarks.bench_gpu, "measure_ceilings", lambda *given: refuse(None))
    monkeypatch.setattr(benchmarks.schedule, "_train", lambda *given: refuse(None))
    found = measured(benchmarks, tmp_path, "--workers", "0", "--contenders", *WAYS[:3])
    failed = [row for row in found["rows"] if row["measured"]["failure"]]
    assert {row["way"] for row in failed} == {"batched"}
    assert len(failed) == 8
    assert all(row["tflops"] is row["ratio_to_one"] is None for row in failed)
    lines = list(csv.DictReader((tmp_path / "gpu.csv").read_text().splitlines()))
    assert sum(line["failure"] == "RuntimeError: no graph [here]" and line["p50_ms"] == "" for line in lines) == 8
    printed = capsys.readouterr().out
    assert "12-8-6, batched bf16, R = 8: RuntimeError: no graph [here]" in printed
    assert "the paper's schedule, batched: no figure" in printed
    assert "FAILED: schedule at density 0.01: RuntimeError: no graph [here]" in printed
    assert "FAILED: ceilings: RuntimeError: no graph [here]" in printed
    assert all(row["floor_ms"] == 0 for row in found["rows"])
    assert all(goal.startswith("NO FIGURE") for goal in found["goals"])
    json.dumps(benchmarks.figure.figure(found), allow_nan=False)


def test_nothing_is_collected_where_a_graph_may_be_captured(benchmarks: SimpleNamespace) -> None:
    for device, inside in (("cuda:0", False), ("cpu", True)):
        with benchmarks.timing.steady_memory(device):
            assert gc.isenabled() == inside
        assert gc.isenabled()


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """CUDA's functions with their own signatures and no GPU behind them; what was called."""
    called: list[str] = []

    def pretend(name: str, result: Any) -> None:
        fake = create_autospec(getattr(torch.cuda, name), return_value=result)

        def called_with(*given: Any, **named: Any) -> Any:
            called.append(name)
            return result

        fake.side_effect = called_with
        monkeypatch.setattr(torch.cuda, name, fake)

    for name in ("synchronize", "reset_peak_memory_stats", "empty_cache", "set_device"):
        pretend(name, None)
    results: dict[str, Any] = {"memory_allocated": 10**6, "max_memory_allocated": 3 * 10**6, "device_count": 1}
    results |= {"is_available": True, "is_bf16_supported": True, "get_device_name": "pretended"}
    for name, result in results.items():
        pretend(name, result)
    for name in ("current_stream", "stream", "device"):
        pretend(name, nullcontext())
    event = SimpleNamespace(record=lambda: None, synchronize=lambda: None, elapsed_time=lambda end: 2.0)
    pretend("Event", event)
    return called


def test_what_is_asked_of_cuda_is_what_it_offers(benchmarks: SimpleNamespace, pretended: list[str]) -> None:
    competitor = benchmarks.loops.Competitor(name="n", way="w", precision="fp32", build=lambda: Broken(10**9))
    pace = benchmarks.timing.Pace(slice_ms=0.01, turns=1, seconds=1e9, ends=1e12)
    found = benchmarks.timing.race([competitor, replace(competitor, build=lambda: Broken(0))], "cuda:0", pace, print)
    assert found[0].memory_mb == 2.0
    assert found[1].failure == "OutOfMemoryError: out of memory"
    # In milliseconds by the device's own events.
    assert benchmarks.timing._fastest("cuda:0", lambda: None) == 0.002
    session = benchmarks.bench_gpu.Session(benchmarks.bench_gpu.Options(), benchmarks.bench_gpu.QUICK)
    assert session.device == "cuda:0"
    assert session.result.machine["gpu"] == "pretended"
    assert set(pretended) == {
        "synchronize", "reset_peak_memory_stats", "empty_cache", "set_device", "memory_allocated", "stream", "device",
        "max_memory_allocated", "device_count", "is_available", "is_bf16_supported", "get_device_name", "Event",
        "current_stream",
    }  # fmt: skip


def test_a_schedule_adds_updates_and_rounds(benchmarks: SimpleNamespace) -> None:
    module = benchmarks.schedule
    dense = module.Slice(density=1.0, update_ms=0.2, round_seconds=3.0, export_ms=5.0)
    sparse = module.Slice(density=0.01, update_ms=0.1, round_seconds=2.0, export_ms=5.0)
    found = module.estimate_schedule("batched", [dense, sparse])
    seconds = 100_000 * (0.0002 + 20 * 0.0001) + 3 + 20 * 2
    assert found.minutes == pytest.approx(seconds / 60)
    assert found.update_us == pytest.approx(1e6 * seconds / 2_100_000)
    assert found.minutes_at_most == pytest.approx((seconds + 21 * 1000 * 0.005) / 60)
    eager = module.estimate_eager("eager", benchmarks.timing.Measured(p50_ms=1.0, evaluate_ms=50.0))
    assert eager.minutes == pytest.approx(2_100_000 * 0.0015 / 60)
    assert module.estimate_schedule("batched", [dense, module.Slice(density=0.01, failure="broken")]).minutes is None


def test_nobody_emulates_bf16_unless_named(benchmarks: SimpleNamespace) -> None:
    def competitor(name: str, way: str, precision: str) -> Any:
        return benchmarks.loops.Competitor(name=name, way=way, precision=precision, build=lambda: None)

    everybody = [
        competitor("low", "dense", "bf16"),
        competitor("full", "dense", "fp32"),
        competitor("b", "batched", "bf16"),
    ]
    choose = benchmarks.loops.choose
    assert choose(everybody, (), native_bf16=True) == (everybody, [])
    assert choose(everybody, (), native_bf16=False) == ([everybody[1]], ["low", "b"])
    assert choose(everybody, ("dense",), native_bf16=False) == (everybody[:2], [])


def test_what_is_not_there_ends_in_one_sentence(
    benchmarks: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, says in (
        (["--device", "cuda:99"], "bench_gpu: device 'cuda:99' is not there"),
        (["--density", "2", "--device", "cpu"], "density must be in (0, 1], got 2"),
        (["--contenders", "magic"], "magic"),
    ):
        with pytest.raises(SystemExit) as ended:
            benchmarks.bench_gpu.main(arguments)
        printed = capsys.readouterr()
        assert ended.value.code == 2
        assert says in printed.err
        assert "Traceback" not in printed.err


def test_goals_are_met_or_not(benchmarks: SimpleNamespace) -> None:
    module = benchmarks.report
    goal = module.Goal(what="w", unit="minutes", wanted=4.0, reached=3.99, most=True)
    assert goal.met is True
    assert replace(goal, reached=4.01).met is False
    assert replace(goal, reached=4.01, most=False).met is True
    assert str(replace(goal, reached=None)) == "NO FIGURE: w: - minutes (goal: at most 4)"
    assert str(replace(goal, reached=5.0)) == "NOT met: w: 5 minutes (goal: at most 4)"
