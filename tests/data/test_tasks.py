"""Label and input transforms: superclasses on hand-written and real tables, modulo, random labels, permutations."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from siftnet.config.fields import DataConfig
from siftnet.data import tasks
from siftnet.geometry import Grid, Unknown

LABELS = np.array([0, 1, 2, 3, 3, 0], np.int64)
IDS = ("n00000001", "n00000002", "n00000003", "n00000004")
TABLE = """n00000003 7 2 pot
n00000001 8 0 fox
n00000004 9 1 wolf
n00000002 5 1 car mirror
n00000009 1 3 absent from the data
"""


def superclasses(path: Path) -> DataConfig:
    return DataConfig(labels="superclasses", superclass_file=path)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.txt"
    path.write_text(TABLE)
    return path


def write_list(path: Path, numbers: list[int]) -> Path:
    path.write_text(",".join(map(str, numbers)) + "\n")
    return path


def test_given_labels_are_left_alone() -> None:
    labels, classes, names = tasks.relabel(LABELS, 4, DataConfig(), IDS)
    assert (labels is LABELS, classes, names) == (True, 4, IDS)
    numbers = np.array([0.5, 1.5], np.float32)
    assert tasks.relabel(numbers, None, DataConfig())[0] is numbers


def test_superclasses_match_by_wordnet_id_not_by_index(table: Path) -> None:
    labels, classes, names = tasks.relabel(LABELS, 4, superclasses(table), IDS)
    np.testing.assert_array_equal(labels, [0, 1, 2, 1, 1, 0])
    assert labels.dtype == np.int64
    assert classes == len(names) == 4


def test_classes_absent_from_the_table_are_named(table: Path) -> None:
    with pytest.raises(ValueError, match=r"no superclass for 2 of the 4 classes \(n00000007, n00000008\)"):
        tasks.relabel(LABELS, 4, superclasses(table), ("n00000001", "n00000007", "n00000003", "n00000008"))


@pytest.mark.parametrize("names", [(), ("cat", "dog", "pot", "car")])
def test_without_wordnet_ids_four_classes_cannot_be_matched(table: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"only with ImageNet's 1000 classes, these data have 4 .*wnids\.txt"):
        tasks.relabel(LABELS, 4, superclasses(table), names)


def test_list_of_1000_is_matched_by_index(tmp_path: Path) -> None:
    numbers = list(np.random.default_rng(0).integers(0, 10, 1000))
    path = write_list(tmp_path / "classes.dat", numbers)
    every = np.arange(1000)[::-1].copy()
    labels, classes, _ = tasks.relabel(every, 1000, superclasses(path))
    np.testing.assert_array_equal(labels, numbers[::-1])
    assert classes == 10
    with pytest.raises(ValueError, match="lacks WordNet ids: use a table with WordNet ids"):
        tasks.relabel(LABELS, 4, superclasses(path), IDS)
    own_order = ("n02119789", *(f"n{k:08d}" for k in range(999)))
    np.testing.assert_array_equal(tasks.relabel(every, 1000, superclasses(path), own_order)[0], numbers[::-1])
    with pytest.raises(ValueError, match="in alphabetical order"):
        tasks.relabel(every, 1000, superclasses(path), tuple(f"n{k:08d}" for k in range(1000)))


def test_table_of_1000_serves_unnamed_classes_by_its_index_column(tmp_path: Path) -> None:
    order, rng = np.random.default_rng(1).permutation(1000), np.random.default_rng(2)
    kinds = rng.integers(0, 10, 1000)
    path = tmp_path / "table.txt"
    path.write_text("".join(f"n{k:08d} {index} {kinds[index]} name\n" for k, index in enumerate(order)))
    np.testing.assert_array_equal(tasks.relabel(np.arange(1000), 1000, superclasses(path))[0], kinds)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(ValueError, match="does not number its classes 0 to 999"):
        tasks.relabel(np.arange(1000), 1000, superclasses(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"1,2,3\n", "lists 3 superclasses instead of"),
        (b"n00000001 0 1 fox\nfox 1 2\n", "line 2: expected 'WordNet-id index superclass name', got 'fox 1 2'"),
        (b"n00000001 0 -1 fox\n", "line 1: expected"),
        (b"n00000001 0 1 fox\nn00000001 1 1 fox\n", "line 2: n00000001 is listed twice"),
        (b"\xff\xfe\x00", "cannot be read as text"),
    ],
)
def test_bad_tables_are_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "table.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        tasks.read_superclasses(path)
    assert str(path) in str(error.value)


def test_missing_table_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="siftnet fetch superclasses"):
        tasks.read_superclasses(tmp_path / "none.txt")


@pytest.mark.data
def test_real_table_sends_the_real_classes_to_ten_superclasses() -> None:
    if "SIFTNET_DATA" not in os.environ:
        pytest.skip("SIFTNET_DATA does not name the folder with the real data")
    root = Path(os.environ["SIFTNET_DATA"])
    config = superclasses(root / "imagenet_10_superclasses.txt")
    names = tuple((root / "tiny-imagenet-32" / "wnids.txt").read_text().split())
    labels, classes, _ = tasks.relabel(np.arange(200), 200, config, names)
    assert classes == 10
    assert set(labels) == set(range(10))
    # Read off the table by hand: n02124075 is the Egyptian cat, n07749582 the lemon.
    lines = {line.split()[0]: line.split() for line in config.superclass_file.read_text().splitlines()}  # type: ignore[union-attr]
    assert labels[names.index("n02124075")] == int(lines["n02124075"][2]) == 1
    assert labels[names.index("n07749582")] == int(lines["n07749582"][2]) == 8
    by_index, _, _ = tasks.relabel(np.arange(1000), 1000, config)
    assert [int(k) for k in np.bincount(by_index)] == [118, 100, 95, 85, 104, 111, 99, 95, 96, 97]
    assert np.any(by_index[:200] != labels)


def test_modulo_and_its_limits() -> None:
    labels, classes, names = tasks.relabel(LABELS, 4, DataConfig(labels="modulo", modulo=3), IDS)
    np.testing.assert_array_equal(labels, [0, 1, 2, 0, 0, 0])
    assert classes == len(names) == 3
    with pytest.raises(ValueError, match=r"data\.modulo = 10 must not exceed the 4 classes"):
        tasks.relabel(LABELS, 4, DataConfig(labels="modulo"), IDS)


def test_random_labels_are_uniform_seeded_and_unrelated() -> None:
    given = np.arange(40_000) % 4
    labels, classes, names = tasks.relabel(given, 4, DataConfig(labels="random"), IDS)
    assert (classes, names, labels.dtype) == (4, IDS, np.dtype(np.int64))
    counts = np.histogram2d(given, labels, bins=4)[0]
    assert np.all(np.abs(counts - 2500) < 5 * np.sqrt(2500))
    np.testing.assert_array_equal(labels, tasks.relabel(given, 4, DataConfig(labels="random"), IDS)[0])
    other = tasks.relabel(given, 4, DataConfig(labels="random", seed=1), IDS)[0]
    assert np.mean(labels == other) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("labels", ["modulo", "random"])
def test_numeric_targets_have_no_classes(labels: str) -> None:
    with pytest.raises(ValueError, match=f"data.labels = {labels} needs classes"):
        tasks.relabel(np.zeros(3, np.float32), None, DataConfig(labels=labels))  # type: ignore[arg-type]


@pytest.fixture
def inputs() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 3 * 4 * 5), dtype=np.uint8)


GRID = Grid((4, 5), channels=3)


def test_no_permutation_returns_the_same_array(inputs: np.ndarray) -> None:
    same, permutation, scrambled = tasks.permute(inputs, DataConfig(), GRID)
    assert (same is inputs, permutation, scrambled) == (True, None, False)


def test_fixed_permutation_is_one_for_all_and_can_be_undone(
    inputs: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 7 * 60)
    before = inputs.copy()
    after, permutation, scrambled = tasks.permute(inputs, DataConfig(permute="fixed"), GRID)
    assert permutation is not None
    assert after is inputs
    assert not scrambled
    np.testing.assert_array_equal(np.sort(permutation), np.arange(60))
    np.testing.assert_array_equal(after, before[:, permutation])
    np.testing.assert_array_equal(after[:, np.argsort(permutation)], before)
    assert np.mean(permutation == np.arange(60)) < 0.2
    other = tasks.permute(before.copy(), DataConfig(permute="fixed", seed=1), Unknown(60))[1]
    assert np.any(other != permutation)


def test_permutation_of_each_example_keeps_values_and_no_places() -> None:
    inputs = np.tile(np.arange(60, dtype=np.uint8), (6000, 1))
    after, permutation, scrambled = tasks.permute(inputs, DataConfig(permute="each"), GRID)
    assert permutation is None
    assert scrambled
    np.testing.assert_array_equal(np.sort(after, axis=1), np.tile(np.arange(60), (6000, 1)))
    assert len(np.unique(after, axis=0)) == 6000
    # Every input lands at every place about 100 times.
    counts = np.array([np.bincount(after[:, place], minlength=60) for place in range(60)])
    assert np.abs(counts - 100).max() < 55


@pytest.mark.parametrize("how", ["fixed", "each"])
def test_read_only_inputs_are_copied(inputs: np.ndarray, how: str) -> None:
    before = inputs.copy()
    inputs.flags.writeable = False
    after = tasks.permute(inputs, DataConfig(permute=how), GRID)[0]  # type: ignore[arg-type]
    np.testing.assert_array_equal(inputs, before)
    assert np.any(after != before)
