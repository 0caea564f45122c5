"""What is loaded when: a start waits for nothing that it does not need. Which modules are there is checked, no time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import siftnet
from builders import config, dataset
from siftnet import Run

HEAVY = ("torch", "numba", "scipy.stats", "plotly", "pandas")
# Ends by telling what is loaded, whatever the exit status.
TELL = "import atexit, json, sys; atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules))));"
COMMAND = "from siftnet.__main__ import main; main()"


def loaded_by(program: str, *arguments: str) -> tuple[set[str], int]:
    """Names of the modules that a program has loaded in a process of its own when it ends, and its exit status."""
    words = [sys.executable, "-c", TELL + program, *arguments]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in ended.stderr, ended.stderr
    return set(json.loads(ended.stdout.splitlines()[-1])), ended.returncode


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return siftnet.run(config(), tmp_path_factory.mktemp("start") / "run", dataset=dataset())


def test_the_package_alone_loads_neither_numpy_nor_torch() -> None:
    modules, _ = loaded_by("import siftnet")
    assert not modules & {"numpy", *HEAVY}


def test_a_measure_of_a_mask_loads_no_torch_and_no_kernel() -> None:
    program = "import siftnet; siftnet.locality([[True, True, False, False]] * 3, siftnet.ring(4), samples=2)"
    modules, status = loaded_by(program)
    assert status == 0
    assert "torch" not in modules
    assert not [name for name in modules if name.startswith("siftnet.kernels")]
    # The check sees what is loaded.
    assert {"numba", "siftnet.analysis.locality"} <= modules


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["run", "--help"], 0),
        (["data", "--help"], 0),
        (["data", "nlgp", "--data.share", "2"], 2),
        (["run", "nlgp", "--trian.lr", "1"], 2),
        (["run", "nlgp", "--train.lr", "-1"], 2),
        (["show", "/no/such/run"], 2),
    ],
)
def test_answers_that_compute_nothing_load_nothing_that_computes(arguments: list[str], status: int) -> None:
    modules, found = loaded_by(COMMAND, *arguments)
    assert found == status
    assert not modules & set(HEAVY)


@pytest.mark.parametrize("further", [[], ["--json"]])
def test_show_of_a_run_loads_nothing_that_computes(stored: Run, further: list[str]) -> None:
    modules, status = loaded_by(COMMAND, "show", str(stored.path), *further)
    assert status == 0
    assert not modules & set(HEAVY)


def test_every_public_name_is_there_and_listed_once() -> None:
    assert len(set(siftnet.__all__)) == len(siftnet.__all__)
    assert set(siftnet.__all__) == set(dir(siftnet))
    for name in siftnet.__all__:
        assert getattr(siftnet, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = siftnet.nothing_like_it  # type: ignore[attr-defined]


def test_ctrl_c_while_modules_load_ends_in_one_line() -> None:
    # A finder that presses Ctrl-C as the command line is imported.
    program = (
        "import os, signal, sys\n"
        # As in a terminal: what runs in the background ignores Ctrl-C, and so would this.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Press:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == sys.argv[1]: sys.argv = ['siftnet', '--help']; os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Press())\n" + COMMAND
    )
    for during in ("siftnet.commands.options", "tyro"):
        words = [sys.executable, "-c", program, during]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 128 + signal.SIGINT
        assert ended.stderr == "siftnet: interrupted before it began\n"


def test_ctrl_c_while_a_command_loads_what_computes_ends_in_one_line(stored: Run) -> None:
    program = (
        "import os, signal, sys\n"
        # As in a terminal: what runs in the background ignores Ctrl-C, and so would this.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Press:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Press())\n" + COMMAND
    )
    words = [sys.executable, "-c", program, "verify", str(stored.path)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 128 + signal.SIGINT
    assert ended.stderr.startswith("siftnet: interrupted")
    assert len(ended.stderr.splitlines()) == 1


def test_the_module_runs_as_a_program() -> None:
    words = [sys.executable, "-m", "siftnet", "--version"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))
    assert (ended.stdout, ended.returncode) == (f"siftnet {siftnet.__version__}\n", 0)


def test_the_stub_is_shipped() -> None:
    assert (Path(siftnet.__file__).parent / "__init__.pyi").is_file()
