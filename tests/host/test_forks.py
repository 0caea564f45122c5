"""A child made by a fork computes, or is refused in a sentence; it never waits for threads that are not there."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

REFUSED = (
    "this process was forked from one that had computed already, and lacks its threads, so that it would wait for them "
    'for ever: make it with multiprocessing.get_context("spawn") instead'
)
SCRIPT = f"""
import os, sys, time, warnings
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
# Newer Pythons say what this is a test of.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
"""


def ended(program: str, folder: Path, *options: str) -> list[str]:
    """The lines that a program prints in a process of its own, which has to end."""
    words = [sys.executable, *options, "-c", SCRIPT + program]
    made = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False, cwd=folder)
    assert made.returncode == 0, made.stderr
    return made.stdout.splitlines()


FORKING = """
import siftnet, torch
import siftnet.host.forks as forks
from builders import config, dataset

forks.PATIENCE_SECONDS = 2.0

def in_a_child(work):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try: print("done", work())
        except ValueError as error: print("refused", error)
        finally: sys.stdout.flush(); os._exit(0)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0]: return
        time.sleep(0.01)
    os.kill(child, 9); os.waitpid(child, 0); print("hangs")

def run(name, **changes):
    return lambda: siftnet.run(config(**changes), name, dataset=dataset()).rounds()

def measure():
    ticket = siftnet.Run("first").ticket()
    siftnet.locality(ticket.mask_JI(ticket.first_layer), siftnet.Run("first").geometry, samples=2)
    siftnet.measure_rounds("first", siftnet.AnalysisConfig(samples=5, samples_other=3, bootstrap=100, ablation=False))
    return siftnet.Run("first").report().name, all(check.passed for check in siftnet.verify("first"))
"""


def test_children_compute_where_nothing_was_lost_and_are_refused_where_threads_were(tmp_path: Path) -> None:
    program = (
        FORKING
        + """
in_a_child(run("early"))
torch.set_num_threads(2)
# Shared out among threads, so that there are some.
torch.ones(1 << 22).add_(1)
in_a_child(run("callers", threads=min(2, os.cpu_count())))
in_a_child(run("alone"))
run("first")()
in_a_child(run("late"))
in_a_child(lambda: siftnet.run_replicates(config(), "replicates", 2, dataset=dataset()))
in_a_child(lambda: siftnet.resume("first", dataset=dataset()))
in_a_child(measure)
"""
    )
    early, callers, alone, *late, measured = ended(program, tmp_path)
    assert early == alone == "done [0, 1, 2, 3]"
    # With a processor alone nobody shares anything.
    assert callers == (f"refused {REFUSED}" if (os.cpu_count() or 1) > 1 else "done [0, 1, 2, 3]")
    assert late == [f"refused {REFUSED}"] * 3
    assert measured == "done ('report.html', True)"


def test_numba_of_the_callers_own_is_noticed(tmp_path: Path) -> None:
    program = (
        FORKING
        + """
import numba
numba.set_num_threads(1)
if numba.threading_layer() == "omp": in_a_child(run("late"))
else: print("refused {REFUSED}")
""".replace("{REFUSED}", REFUSED.replace('"', '\\"'))
    )
    assert ended(program, tmp_path) == [f"refused {REFUSED}"]


def test_a_pool_raises_where_it_would_hang_and_spawn_as_it_says_does_not(tmp_path: Path) -> None:
    module = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import torch  # before siftnet, as scripts do
import multiprocessing, warnings
from concurrent.futures import ProcessPoolExecutor
import siftnet
from builders import config, dataset

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

def job(seed):
    return siftnet.run(config(seed=seed, prune__rounds=0), f"s{{seed}}", dataset=dataset()).rounds()

if __name__ == "__main__":
    print(job(0))
    for way in ("fork", "spawn"):
        with ProcessPoolExecutor(1, multiprocessing.get_context(way)) as pool:
            try: print(way, pool.submit(job, 1).result(timeout=120))
            except ValueError as error: print(way, error)
"""
    (tmp_path / "job.py").write_text(module)
    words = [sys.executable, "job.py"]
    made = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path)
    assert made.stdout.splitlines() == ["[0]", f"fork {REFUSED}", "spawn [0]"], made.stderr


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there are no forks")
def test_a_pool_whose_children_load_siftnet_first_does_not_hang_either(tmp_path: Path) -> None:
    program = """
import multiprocessing, torch

def job(threads):
    import siftnet, siftnet.host.forks as forks
    from builders import config, dataset
    forks.PATIENCE_SECONDS = 2.0
    try: return siftnet.run(config(threads=threads), f"t{threads}", dataset=dataset()).rounds()
    except ValueError as error: return str(error)

torch.set_num_threads(2)
torch.ones(1 << 22).add_(1)
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(*pool.map_async(job, [1, min(2, os.cpu_count())]).get(timeout=100), sep="\\n")
"""
    alone, several = ended(program, tmp_path)
    assert alone == "[0, 1, 2, 3]"
    assert several == (REFUSED if (os.cpu_count() or 1) > 1 else alone)
