"""What is asked of the network: other labels for the same inputs, and inputs robbed of their places.

N examples, I inputs, K classes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from siftnet import seeds
from siftnet.config.fields import DataConfig
from siftnet.geometry import Geometry
from siftnet.wording import named

IMAGENET_CLASSES = 1000
WORDNET_ID = re.compile(r"n\d{8}")
# Values permuted at a time, so that a copy of the inputs never exists as a whole.
CHUNK = 2**24


@dataclass(frozen=True, eq=False)
class Superclasses:
    """A table that sends each ImageNet class to a superclass."""

    path: Path
    by_index_K: np.ndarray
    """int64 (1000,): superclass of each class by its index from 0; empty where the table doesn't hold exactly 1000."""
    by_wordnet_id: dict[str, int]
    """Superclass of each WordNet id; empty for the old list of numbers."""
    count: int
    """Number of superclasses: the largest named, plus 1."""


def relabel(
    labels_N: np.ndarray, classes: int | None, config: DataConfig, class_names: tuple[str, ...] = ()
) -> tuple[np.ndarray, int | None, tuple[str, ...]]:
    """The labels that `config.labels` asks for: as given, superclasses, modulo, or random.

    labels_N: int64 (N,) from 0, or float64 numbers with classes None; class_names: one per class, or empty.
    Returns labels (N,), number of classes, class names. Random labels are uniform over the same classes, drawn by
    config.seed. Raises ValueError for numeric targets, a modulo above the number of classes, and superclasses that
    don't fit the data's classes.
    """
    if config.labels == "given":
        return labels_N, classes, class_names
    if classes is None:
        raise ValueError(f"data.labels = {config.labels} needs classes, and these data have numbers: use given")
    if config.labels == "superclasses":
        assert config.superclass_file is not None
        return _to_superclasses(labels_N, classes, read_superclasses(config.superclass_file), class_names)
    if config.labels == "modulo":
        if config.modulo > classes:
            raise ValueError(f"data.modulo = {config.modulo} must not exceed the {classes} classes of the data")
        names = tuple(f"class mod {config.modulo} = {k}" for k in range(config.modulo))
        return labels_N % config.modulo, config.modulo, names
    rng = seeds.generator(config.seed, "random labels")
    return rng.integers(classes, size=len(labels_N), dtype=np.int64), classes, class_names


def read_superclasses(path: Path) -> Superclasses:
    """Read a table of superclasses: 'WordNet-id index superclass name' a line, or a comma-separated list of 1000.

    Indices and superclasses count from 0. Raises ValueError naming file, line and remedy where it is neither.
    Source: Pellegrini & Biroli 2021 (arXiv 2104.13343), ImageNet_10cl.txt and classes.dat of their code.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}: get one with 'siftnet fetch superclasses'") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as text ({error}): give a table of superclasses") from None
    return _read_list(path, text) if re.fullmatch(r"[0-9\s,]*,[0-9\s,]*", text) else _read_table(path, text)


def permute(
    inputs_NI: np.ndarray, config: DataConfig, geometry: Geometry
) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Shuffle the inputs as `config.permute` asks: not at all, all examples alike, or each by itself.

    inputs_NI: (N, I), changed in place (an array that may not be written is copied first); geometry: of these inputs.
    Returns the inputs, the permutation int64 (I,) or None, and whether each example was scrambled by a permutation of
    its own. The new input i is the old input permutation[i], channels and sites alike; undone by indexing with argsort.
    """
    assert inputs_NI.shape[1] == geometry.size, (inputs_NI.shape, geometry)
    if config.permute == "none":
        return inputs_NI, None, False
    if not inputs_NI.flags.writeable:
        inputs_NI = inputs_NI.copy()
    rng = seeds.generator(config.seed, "permutation", config.permute)
    if config.permute == "each":
        rng.permuted(inputs_NI, axis=1, out=inputs_NI)
        return inputs_NI, None, True
    permutation_I = rng.permutation(geometry.size)
    step = max(1, CHUNK // geometry.size)
    for start in range(0, len(inputs_NI), step):
        inputs_NI[start : start + step] = inputs_NI[start : start + step, permutation_I]
    return inputs_NI, permutation_I, False


def _read_list(path: Path, text: str) -> Superclasses:
    numbers = [word for word in re.split(r"[\s,]+", text) if word]
    if len(numbers) != IMAGENET_CLASSES:
        raise ValueError(f"{path} lists {len(numbers)} superclasses instead of one for each of ImageNet's 1000 classes")
    _check_superclasses(numbers, path)
    by_index_K = np.array(numbers, np.int64)
    return Superclasses(path, by_index_K, {}, int(by_index_K.max()) + 1)


def _read_table(path: Path, text: str) -> Superclasses:
    rows: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = re.fullmatch(r"(n[0-9]{8})\s+([0-9]{1,9})\s+([0-9]{1,9})(\s.*)?", line.strip())
        if match is None and line.strip():
            raise ValueError(f"{path}, line {number}: expected 'WordNet-id index superclass name', got {line[:60]!r}")
        if match and match[1] in rows:
            raise ValueError(f"{path}, line {number}: {match[1]} is listed twice, remove one of the lines")
        if match:
            rows[match[1]] = (int(match[2]), int(match[3]))
    if not rows:
        raise ValueError(f"{path} is empty: get a table with 'siftnet fetch superclasses'")
    _check_superclasses([str(superclass) for _, superclass in rows.values()], path)
    indices, superclasses = np.array(list(rows.values()), np.int64).T
    by_index_K = np.empty(0, np.int64)
    if np.array_equal(np.sort(indices), np.arange(IMAGENET_CLASSES)):
        by_index_K = superclasses[np.argsort(indices)]
    return Superclasses(path, by_index_K, {name: row[1] for name, row in rows.items()}, int(superclasses.max()) + 1)


def _check_superclasses(numbers: list[str], path: Path) -> None:
    """Raise ValueError for a superclass above all that 1000 classes can be sorted into."""
    for number in [n for n in numbers if len(n) > 9 or int(n) >= IMAGENET_CLASSES][:1]:
        raise ValueError(
            f"{path} names the superclass {named(number)}, and ImageNet has {IMAGENET_CLASSES} classes to sort: "
            "number superclasses from 0"
        )


def _to_superclasses(
    labels_N: np.ndarray, classes: int, table: Superclasses, class_names: tuple[str, ...]
) -> tuple[np.ndarray, int, tuple[str, ...]]:
    has_ids = bool(class_names) and all(WORDNET_ID.fullmatch(name) for name in class_names)
    if has_ids and table.by_wordnet_id:
        absent = [name for name in class_names if name not in table.by_wordnet_id]
        if absent:
            shown = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
            raise ValueError(
                f"{table.path} has no superclass for {len(absent)} of the {classes} classes ({shown}): add their lines"
            )
        of_class_K = np.array([table.by_wordnet_id[name] for name in class_names], np.int64)
    else:
        of_class_K = _by_index(classes, table, class_names if has_ids else ())
    return of_class_K[labels_N], table.count, tuple(f"superclass {k}" for k in range(table.count))


def _by_index(classes: int, table: Superclasses, wordnet_ids: tuple[str, ...]) -> np.ndarray:
    """Superclass of each class where one side lacks WordNet ids, which is safe for the whole of ImageNet alone."""
    if classes != IMAGENET_CLASSES:
        side = f"{table.path} lacks WordNet ids" if wordnet_ids else "the classes' WordNet ids are unknown"
        raise ValueError(
            f"superclasses match by index only with ImageNet's 1000 classes, these data have {classes} and {side}: "
            f"{'use a table with WordNet ids' if wordnet_ids else 'put a wnids.txt beside the data'}"
        )
    # Folders of images come in alphabetical order, the lists in that of ImageNet's own numbering: not the same classes.
    if list(wordnet_ids) == sorted(wordnet_ids) and wordnet_ids:
        raise ValueError(
            f"{table.path} numbers the classes in ImageNet's order and these data in alphabetical order: "
            "use a table with WordNet ids ('siftnet fetch superclasses')"
        )
    if not len(table.by_index_K):
        raise ValueError(f"{table.path} does not number its classes 0 to 999, and the data's WordNet ids are unknown")
    return table.by_index_K
