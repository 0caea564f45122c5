"""Files of what was measured: whole and belonging together, or said to be damaged with the command that makes them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from siftnet.store.analysis_files import SEAL, AnalysisFiles, DamagedError

ARRAYS = {"counts": np.arange(600).reshape(20, 30)}


@pytest.fixture
def files(tmp_path: Path) -> AnalysisFiles:
    found = AnalysisFiles(tmp_path / "my run", "round-00", "d1")
    found.write({"index": 5.25}, ARRAYS)
    return found


def test_both_come_back_and_the_seal_is_none_of_the_numbers(files: AnalysisFiles) -> None:
    assert files.numbers() == {"index": 5.25}
    np.testing.assert_array_equal(files.arrays()["counts"], ARRAYS["counts"])
    assert AnalysisFiles(files.run, "round-01", "d1").numbers() is None


def test_arrays_that_nothing_seals_are_read(files: AnalysisFiles) -> None:
    files.numbers_path.write_text(json.dumps({"index": 5.25}))
    np.testing.assert_array_equal(files.arrays()["counts"], ARRAYS["counts"])


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[1]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"a": 1'])
def test_numbers_that_were_cut_off_are_named_with_the_remedy(files: AnalysisFiles, data: bytes) -> None:
    files.numbers_path.write_bytes(data)
    with pytest.raises(
        DamagedError, match=r"round-00\.json was cut off or changed.*: siftnet analyze '.*/my run' makes"
    ):
        files.numbers()


@pytest.mark.parametrize("sealed", [True, False])
def test_arrays_that_were_cut_off_are_named_with_the_remedy(files: AnalysisFiles, sealed: bool) -> None:
    whole = files.arrays_path.read_bytes()
    if not sealed:
        files.numbers_path.write_text("{}")
    for data in (b"", whole[:1], whole[: len(whole) // 2], whole[:-1], b"PK\x03\x04" + bytes(100), whole[::-1]):
        files.arrays_path.write_bytes(data)
        with pytest.raises(DamagedError, match=r"round-00\.npz was cut off or changed since it was stored"):
            files.arrays()
    files.arrays_path.unlink()
    with pytest.raises(DamagedError, match=r"round-00\.npz"):
        files.arrays()


def test_arrays_of_another_measuring_are_not_those(files: AnalysisFiles) -> None:
    other = AnalysisFiles(files.run, "other", "d1")
    other.write({}, {"counts": ARRAYS["counts"] + 1})
    files.arrays_path.write_bytes(other.arrays_path.read_bytes())
    assert SEAL in files.numbers_path.read_text()
    with pytest.raises(DamagedError):
        files.arrays()


@pytest.mark.parametrize("change", [{"run": "d2"}, {"name": "round-01"}])
def test_measures_of_another_run_or_round_are_not_taken(files: AnalysisFiles, change: dict[str, str]) -> None:
    other = AnalysisFiles(files.run, change.get("name", files.name), change.get("run", files.digest))
    taken = other.run / "analysis" / f"{other.name}.json"
    files_json = files.numbers_path.read_bytes()
    taken.write_bytes(files_json)
    with pytest.raises(DamagedError, match=r"json was measured of something else: siftnet analyze .* makes it again"):
        other.numbers()
    stored = json.loads(files_json)
    del stored["run_digest"], stored["analysis"]
    taken.write_text(json.dumps(stored))
    assert other.numbers() == files.numbers(), "what siftnet 0.1 to 0.4 measured is read"


def test_a_pipe_in_the_place_of_arrays_is_none(files: AnalysisFiles) -> None:
    files.arrays_path.unlink()
    os.mkfifo(files.arrays_path)
    with pytest.raises(DamagedError, match=r"round-00\.npz was cut off or changed"):
        files.arrays()
