"""Each reader over its first mutated inputs; and that the harness finds what it is there to find."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz.campaign import summarise, told
from fuzz.judge import Outcome
from fuzz.mutations import Mutant, stream
from fuzz.planted import FAULTS
from fuzz.readers import READERS
from fuzz.supervisor import Supervisor
from fuzz.worker import Job, target

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is limited and measured as Linux has it"),
    # One server forks the workers of all these tests.
    pytest.mark.xdist_group("fuzz"),
]

SEED = 11
INPUTS = {"page": 1, "run": 40, "safetensors": 40, "images": 60}
USUAL = 100
"""Inputs of each other reader: a few seconds for all; `campaign.py` has the long form."""
PASSING = 0.3
"""Least share of inputs that have to pass the checks of their own container."""


@pytest.fixture(scope="session")
def supervisor() -> Iterator[Supervisor]:
    with pytest.MonkeyPatch.context() as patch:
        yield Supervisor(patch.setenv)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_reads_or_refuses_in_a_sentence(name: str, supervisor: Supervisor) -> None:
    job = Job(READERS[name], SEED, tuple(range(INPUTS.get(name, USUAL))))
    outcomes = list(supervisor.outcomes(job))
    assert [o.number for o in outcomes] == list(job.numbers)
    assert not told(outcomes, name, SEED)
    if len(outcomes) > 1:
        assert sum(o.passes for o in outcomes) >= PASSING * len(outcomes)
        assert {o.kind for o in outcomes} == {"read", "refused"}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_planted_is_found(name: str, supervisor: Supervisor) -> None:
    where = f"fuzz.planted:{name.upper().replace('-', '_')}"
    outcomes = list(supervisor.outcomes(Job(where, 0, (0, 1)), seconds=1.0 if name == "sleeps" else 10.0))
    assert [o.kind for o in outcomes] == [FAULTS[name][1]] * 2
    assert all(o.passes for o in outcomes) == (name not in ("sleeps", "dies"))
    assert not Path("/tmp/siftnet_canary").exists()
    if name == "uses-memory":
        assert all(300e6 < o.peak < 400e6 for o in outcomes)


def test_a_finding_is_kept_and_told_with_the_way_to_see_it_again(supervisor: Supervisor, tmp_path: Path) -> None:
    outcomes = list(supervisor.outcomes(Job("fuzz.planted:RAISES", 0, (4, 7), keep=tmp_path)))
    assert (tmp_path / "raises" / "4" / "input" / "data.bin").read_bytes()
    assert "KeyError" in (tmp_path / "raises" / "7" / "finding.txt").read_text()
    text = told(outcomes, "raises", 0)
    assert "2 traceback: KeyError" in text
    assert "--only raises --seed 0 --input 4" in text
    row = summarise("raises", 0, outcomes, {}, 1.0)
    assert (row.inputs, row.traceback, row.findings, row.read, row.passing) == (2, 2, 2, 0, 1.0)
    assert not told([Outcome(0, "read"), Outcome(1, "refused")], "raises", 0)


@pytest.mark.parametrize("name", [name for name in READERS if name != "page"])
def test_an_input_is_the_same_whatever_was_made_before(name: str) -> None:
    attacked = target(READERS[name])

    def made(number: int) -> Mutant:
        return attacked.make(stream(SEED, attacked.name, number))

    first = [made(number) for number in range(6)]
    assert [made(number) for number in reversed(range(6))] == first[::-1]
    assert first[0] != first[1]
